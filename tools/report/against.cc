#include "report/against.h"

#include <filesystem>

#include "bbz/base/format.h"
#include "bbz/http/url.h"
#include "common/history.h"
#include "common/model_input.h"
#include "common/output.h"
#include "report/tensor_changes.h"

namespace bbz::tools {
namespace {

// The newest rows among which one of the archive is looked for.
constexpr std::size_t kMostSearched = 10'000;

std::optional<double> number_of(const Json& row, const char* key) {
  const auto found = row.find(key);
  if (found == row.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

std::optional<std::uint64_t> count_of(const Json& row, const char* key) {
  const auto found = row.find(key);
  if (found == row.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<std::uint64_t>();
}

Sizes sizes_of_row(const Json& row) {
  Sizes sizes;
  sizes.original = count_of(row, "original_bytes");
  sizes.stored = count_of(row, "archive_bytes");
  const auto root = row.find("root_digest");
  if (root != row.end() && root->is_string()) sizes.root = root->get<std::string>();
  const auto quality = row.find("quality");
  if (quality != row.end() && quality->is_object()) sizes.nll = number_of(*quality, "nll");
  return sizes;
}

Result<Old> open_history(const std::string& path, const std::string& archive) {
  BBZ_ASSIGN(const std::vector<Json> rows, read_history(path, kMostSearched));
  if (rows.empty()) return make_error(Code::kNotFound, "{}: the history has no row yet", path);
  const Json* newest = &rows.back();
  for (const Json& row : rows) {
    if (row["archive"] == archive) newest = &row;
  }
  Old old;
  old.kind = "history";
  old.sizes = sizes_of_row(*newest);
  return old;
}

Old old_archive(ArchiveInput input) {
  Old old;
  old.kind = "archive";
  const Reader& reader = *input.reader();
  const ops::Info info = ops::info(reader.catalog(), reader.archive_bytes());
  old.sizes.original = info.file_bytes;
  old.sizes.stored = info.archive_bytes;
  old.sizes.overhead = info.overhead_bytes;
  old.sizes.root = reader.root().to_string();
  old.archive.emplace(std::move(input));
  return old;
}

Old old_model(model::Model model) {
  Old old;
  old.kind = "model";
  old.sizes.original = model.file_bytes;
  old.sizes.stored = model.stored_bytes;
  old.model.emplace(std::move(model));
  return old;
}

Result<Old> open_any(const AgainstArguments& arguments, const std::string& archive) {
  const std::string& path = arguments.old;
  const Acceptance acceptance{std::nullopt, arguments.limits};
  if (path.ends_with(".jsonl") && !http::is_url(path)) return open_history(path, archive);
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored)) {
    auto input = ArchiveInput::open(path, arguments.threads, arguments.network, acceptance,
                                    folder_of("-"), arguments.base, true);
    if (input.ok()) return old_archive(std::move(input).value());
    if (input.code() != Code::kNotAnArchive) return input.error();
  }
  BBZ_ASSIGN(model::Model model,
             open_model(path, arguments.network, arguments.threads, acceptance, arguments.base));
  return old_model(std::move(model));
}

template <class T>
Json value_or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json side_json(const Sizes& sizes) {
  return {{"original_bytes", value_or_null(sizes.original)},
          {"stored_bytes", value_or_null(sizes.stored)},
          {"ratio", value_or_null(sizes.ratio())},
          {"root_digest", value_or_null(sizes.root)}};
}

Sizes sizes_of(const ReportedArchive& archive) {
  Sizes sizes;
  sizes.original = archive.info.file_bytes;
  sizes.stored = archive.info.archive_bytes;
  sizes.root = archive.reader().root().to_string();
  return sizes;
}

template <class T>
void set_old(Figures& figures, const char* name, const std::optional<T>& old,
             const std::string& kind) {
  Figure& figure = figures[name];
  if (old) {
    figure.old = static_cast<double>(*old);
  } else if (figure.why.empty()) {
    figure.why = "the " + kind + " of --against does not have it";
  }
}

}  // namespace

std::optional<double> Sizes::ratio() const {
  if (!original || !stored || *original == 0) return std::nullopt;
  return static_cast<double>(*stored) / static_cast<double>(*original);
}

Result<Old> open_old(const AgainstArguments& arguments, const std::string& archive) {
  BBZ_ASSIGN(Old old, open_any(arguments, archive));
  old.name = named(arguments.old);
  return old;
}

Result<model::Model> model_of(const Old& old, const AgainstArguments& arguments) {
  if (old.model) return *old.model;
  return open_model(arguments.old, arguments.network, arguments.threads,
                    {std::nullopt, arguments.limits}, arguments.base);
}

Result<model::Model> model_in(const ReportedArchive& archive, const AgainstArguments& arguments) {
  if (archive.path == "-") {
    return model::open(archive.input.source(), archive.name, arguments.threads, arguments.limits,
                       archive.input.base());
  }
  return open_model(archive.path, arguments.network, arguments.threads,
                    {std::nullopt, arguments.limits}, arguments.base);
}

Result<Json> against_json(ReportedArchive& archive, const Old& old) {
  Figures& figures = archive.figures;
  set_old(figures, "ratio", old.sizes.ratio(), old.kind);
  set_old(figures, "size", old.sizes.stored, old.kind);
  set_old(figures, "original", old.sizes.original, old.kind);
  set_old(figures, "overhead", old.sizes.overhead, old.kind);
  Json data = {{"name", json_text(old.name)}, {"kind", old.kind},
               {"old", side_json(old.sizes)}, {"new", side_json(sizes_of(archive))},
               {"summary", nullptr},          {"tensors", Json::array()},
               {"quality", nullptr}};
  if (old.kind == "history") {
    for (const char* const name : {"changed", "removed"}) {
      figures[name].why = "a history does not have the tensors";
    }
    return data;
  }
  const ComparedArchive now{archive.reader(), archive.path};
  BBZ_ASSIGN(const TensorChanges changes,
             old.archive ? compare_tensors({*old.archive->reader(), old.name}, now)
                         : compare_tensors(*old.model, now));
  data["summary"] = changes.summary();
  data["tensors"] = changes.rows();
  Figure& changed = figures["changed"];
  if (changes.unknown == 0) {
    changed.value = static_cast<double>(changes.changed);
  } else {
    changed.why = fmt::format("{} tensors cannot be compared: {}", changes.unknown, changes.why);
  }
  figures["removed"].value = static_cast<double>(changes.removed);
  return data;
}

}  // namespace bbz::tools
