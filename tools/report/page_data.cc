#include "report/page_data.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

#include "report/sums.h"

namespace bbz::tools {
namespace {

constexpr std::size_t kMostCharacters = 200;

// Returns text of at most 200 characters: the begin and the end of a longer one.
std::string shortened(const std::string& text) {
  const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  if (text.size() <= kMostCharacters ||
      std::ranges::count_if(text, begins) <= static_cast<std::ptrdiff_t>(kMostCharacters)) {
    return text;
  }
  constexpr std::size_t kHead = 99;
  constexpr std::size_t kTail = 100;
  std::size_t head = 0;
  for (std::size_t n = 0; head < text.size(); ++head) {
    if (begins(text[head]) && n++ == kHead) break;
  }
  std::size_t tail = text.size();
  for (std::size_t n = 0; n < kTail; n += begins(text[tail]) ? 1 : 0) --tail;
  return text.substr(0, head) + "…" + text.substr(tail);
}

// How a list is cut.
struct Cut {
  std::uint64_t budget = 0;                                // bytes
  std::function<void(Json& row)> shorten;                  // may be empty
  std::function<double(const Json& row)> weight;           // of a row: the largest stay
  std::function<void(const Json& row, Json& rest)> add{};  // adds a row that is left out
};

std::vector<std::uint64_t> row_sizes(const Json& list) {
  std::vector<std::uint64_t> sizes;
  for (const Json& row : list) sizes.push_back(script_text(row).size() + 1);
  return sizes;
}

std::uint64_t sum_of(const std::vector<std::uint64_t>& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), std::uint64_t{0});
}

// Returns the number of rows that were left out, and adds them to `rest`.
std::size_t cut(Json& list, const Cut& how, Json& rest) {
  std::vector<std::uint64_t> sizes = row_sizes(list);
  if (sum_of(sizes) <= how.budget) return 0;
  if (how.shorten) {
    for (Json& row : list) how.shorten(row);
    sizes = row_sizes(list);
    if (sum_of(sizes) <= how.budget) return 0;
  }
  std::vector<std::size_t> order(list.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::vector<double> weights;
  for (const Json& row : list) weights.push_back(how.weight(row));
  std::ranges::stable_sort(order, std::greater{}, [&](std::size_t i) { return weights[i]; });
  std::uint64_t left = how.budget;
  std::size_t kept = 0;
  while (kept < order.size() && sizes[order[kept]] <= left) left -= sizes[order[kept++]];
  order.resize(kept);
  std::ranges::sort(order);
  Json rows = Json::array();
  std::size_t next = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (next < order.size() && order[next] == i) {
      rows.push_back(std::move(list[i]));
      ++next;
    } else if (how.add) {
      how.add(list[i], rest);
    }
  }
  const std::size_t out = list.size() - rows.size();
  list = std::move(rows);
  return out;
}

void shorten_field(Json& row, const char* field) {
  if (row[field].is_string()) row[field] = shortened(row[field].get<std::string>());
}

double number_or_zero(const Json& number) {
  return number.is_number() ? number.get<double>() : 0;
}

// Cuts a list of objects, and adds what is left out to an object beside it, with the sums of some fields and
// the largest number of another.
void cut_objects(Json& parent, const std::string& list, std::uint64_t budget, const char* name,
                 const char* weight, const std::vector<const char*>& sums,
                 const char* largest = nullptr) {
  // The report itself may have left out some.
  Json rest = parent.value(list + "_rest", Json::object());
  Cut how;
  how.budget = budget;
  if (name != nullptr) {
    how.shorten = [name](Json& row) { shorten_field(row, name); };
  }
  how.weight = [weight](const Json& row) { return number_or_zero(row[weight]); };
  how.add = [&sums, largest](const Json& row, Json& sum) {
    for (const char* const field : sums) add_number(sum, field, row[field]);
    if (largest != nullptr) keep_largest(sum, largest, row[largest]);
  };
  const std::size_t out = cut(parent[list], how, rest);
  if (out == 0) return;
  rest["count"] = rest.value("count", std::uint64_t{0}) + out;
  parent[list + "_rest"] = std::move(rest);
}

// The columns of "tensors".
enum Column : std::size_t { kName = 0, kBytes = 7, kStored = 8 };

void cut_tensors(Json& tensors, std::uint64_t budget) {
  Cut how;
  how.budget = budget;
  how.shorten = [](Json& row) { row[kName] = shortened(row[kName].get<std::string>()); };
  how.weight = [](const Json& row) { return row[kStored].get<double>(); };
  how.add = [](const Json& row, Json& rest) {
    add_number(rest, "tensors", 1U);
    add_number(rest, "bytes", row[kBytes]);
    add_number(rest, "stored_bytes", row[kStored]);
  };
  (void)cut(tensors["rows"], how, tensors["rest"]);
}

void cut_archive(Json& archive, const PageBudget& budget, std::uint64_t archives,
                 std::uint64_t tensors) {
  cut_tensors(archive["tensors"], tensors / archives);
  const std::vector<const char*> sizes = {"bytes", "stored_bytes"};
  cut_objects(archive, "files", budget.files * 3 / 4 / archives, "path", "stored_bytes", sizes);
  cut_objects(archive, "bases", budget.files / 4 / archives, "hint", "stored_bytes", sizes);
  const std::vector<const char*> tally = {"tensors", "elements", "chunks", "bytes", "stored_bytes"};
  cut_objects(archive, "layers", budget.layers / 2 / archives, nullptr, "stored_bytes", tally);
  cut_objects(archive, "dtypes", budget.layers / 8 / archives, "name", "stored_bytes", tally);
  cut_objects(archive, "codecs", budget.layers / 8 / archives, "name", "stored_bytes", tally);
  cut_objects(archive, "bits", budget.layers / 4 / archives, "dtype", "elements", {"elements"});
  if (!archive["symmetry"].is_null()) {
    shorten_field(archive["symmetry"], "family");
    cut_objects(archive["symmetry"], "groups", budget.groups / archives, "name", "saved_bytes",
                {"saved_bytes"}, "error");
  }
}

// Returns the change of a tensor's stored bytes.
double change_of(const Json& row) {
  return std::abs(number_or_zero(row["new_stored"]) - number_or_zero(row["old_stored"]));
}

void cut_against(Json& against, std::uint64_t budget) {
  Cut how;
  how.budget = budget;
  how.shorten = [](Json& row) { shorten_field(row, "name"); };
  how.weight = change_of;
  how.add = [](const Json& row, Json& rest) {
    add_number(rest, "old_stored", row["old_stored"]);
    add_number(rest, "new_stored", row["new_stored"]);
  };
  Json rest = Json::object();
  const std::size_t out = cut(against["tensors"], how, rest);
  if (out == 0) return;
  rest["count"] = out;
  against["tensors_rest"] = std::move(rest);
}

void cut_history(Json& history, std::uint64_t budget) {
  Json& rows = history["rows"];
  const std::vector<std::uint64_t> sizes = row_sizes(rows);
  std::size_t first = rows.size();
  while (first > 0 && sizes[first - 1] <= budget) budget -= sizes[--first];
  rows.erase(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(first));
}

}  // namespace

void bound_for_page(Json& report, const PageBudget& budget) {
  const std::uint64_t archives = std::max<std::uint64_t>(1, report["archives"].size());
  const bool against = !report["against"].is_null();
  const std::uint64_t tensors = against ? budget.tensors / 3 * 2 : budget.tensors;
  for (Json& archive : report["archives"]) cut_archive(archive, budget, archives, tensors);
  if (against) cut_against(report["against"], budget.tensors / 3);
  if (!report["history"].is_null()) cut_history(report["history"], budget.history);
}

std::string script_text(const Json& report) {
  const std::string text = report.dump(-1, ' ', true, Json::error_handler_t::replace);
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    if (c == '<') {
      escaped += "\\u003c";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

}  // namespace bbz::tools
