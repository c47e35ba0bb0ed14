#include "bbz/compare_report.h"

#include <fmt/format.h>

#include <cmath>

#include "bbz/base/names.h"
#include "common/json.h"
#include "common/say.h"
#include "common/table.h"

namespace bbz::tools {
namespace {

void print_pairs(const ComparisonReport& report) {
  if (!report.no_pairs.empty()) {
    put("pairs: none: {}\n\n", printable(report.no_pairs));
    return;
  }
  put("pairs: {} of {} have the same product up to rounding, largest difference {:.3e}\n\n",
      report.same_pairs(), report.pairs.size(), report.largest_product());
  Table pairs({"pair", "ranks", "factors", "product", "rounding", "verdict"});
  for (const auto& pair : report.pairs) {
    if (pair.identical) continue;
    const auto rank = [](std::uint64_t r) { return r == 0 ? std::string("-") : std::to_string(r); };
    const bool compared = pair.note.empty();
    const auto figure = [compared](double x) { return compared ? fmt::format("{:.3e}", x) : ""; };
    pairs.add({bbz::quoted(pair.name), rank(pair.first_rank) + ", " + rank(pair.second_rank),
               std::isfinite(pair.plain) ? figure(pair.plain) : "-", figure(pair.product),
               figure(pair.rounding),
               compared ? std::string(pair.verdict()) : printable(pair.note)});
  }
  pairs.print();
}

}  // namespace

void print_comparison(const ComparisonReport& report, bool verbose) {
  Table tensors({"tensor", "largest", "rms", "rms of the first", "note"});
  for (const auto& row : report.tensors) {
    if (row.state.empty() && row.difference.identical) continue;
    tensors.add({bbz::quoted(row.name), fmt::format("{:.3e}", row.difference.largest),
                 fmt::format("{:.3e}", row.difference.root_mean_square),
                 fmt::format("{:.3e}", row.difference.norm), row.state});
  }
  put("tensors: {} of {} identical, largest difference {:.3e}\n\n", report.identical(),
      report.tensors.size(), report.largest_difference());
  if (verbose) tensors.print();
  if (!report.no_orbits.empty()) {
    put("orbits: none: {}\n\n", printable(report.no_orbits));
  } else {
    Table orbits({"junction", "before rotation", "after rotation", "largest entry"});
    for (const auto& orbit : report.orbits) {
      orbits.add({printable(report.junctions[orbit.junction]), fmt::format("{:.3e}", orbit.plain),
                  fmt::format("{:.3e}", orbit.rotated), fmt::format("{:.3e}", orbit.largest)});
    }
    orbits.print();
  }
  print_pairs(report);
  if (!report.scores) return;
  put("negative log-likelihood: {:.6f} and {:.6f} nats per token ({:+.2e}) over {} tokens\n",
      report.scores->first.nll, report.scores->second.nll,
      report.scores->second.nll - report.scores->first.nll, report.scores->first.tokens);
  put("largest logit difference: {:.3e}\nmean KL divergence: {:.3e} nats per token\n",
      report.scores->largest_logit_difference, report.scores->mean_kl);
}

void print_comparison_json(const ComparisonReport& report) {
  Json json;
  json["schema"] = 1;
  json["largest_difference"] = report.largest_difference();
  json["tensors"] = Json::array();
  for (const auto& row : report.tensors) {
    json["tensors"].push_back({{"name", row.name},
                               {"identical", row.state.empty() && row.difference.identical},
                               {"largest", row.difference.largest},
                               {"rms", row.difference.root_mean_square},
                               {"note", row.state}});
  }
  json["no_orbits"] = report.no_orbits;
  json["orbits"] = Json::array();
  for (const auto& orbit : report.orbits) {
    json["orbits"].push_back({{"junction", report.junctions[orbit.junction]},
                              {"plain", orbit.plain},
                              {"rotated", orbit.rotated},
                              {"largest", orbit.largest}});
  }
  json["no_pairs"] = report.no_pairs;
  json["pairs"] = Json::array();
  for (const auto& pair : report.pairs) {
    json["pairs"].push_back({{"name", pair.name},
                             {"verdict", pair.verdict()},
                             {"first_rank", pair.first_rank},
                             {"second_rank", pair.second_rank},
                             {"plain", pair.plain},
                             {"product", pair.product},
                             {"largest", pair.largest},
                             {"rounding", pair.rounding},
                             {"of_rounding", pair.of_rounding},
                             {"note", pair.note}});
  }
  if (report.scores) {
    json["nll_first"] = report.scores->first.nll;
    json["nll_second"] = report.scores->second.nll;
    json["tokens"] = report.scores->first.tokens;
    json["largest_logit_difference"] = report.scores->largest_logit_difference;
    json["mean_kl"] = report.scores->mean_kl;
  }
  write_json(json);
}

}  // namespace bbz::tools
