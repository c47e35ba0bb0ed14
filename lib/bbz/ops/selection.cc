#include "bbz/ops/selection.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/glob.h"
#include "bbz/base/names.h"

namespace bbz::ops {

namespace {

// Appends `WHAT VALUE` to a list.
void add(std::string& list, std::string_view what, std::string_view value) {
  list += fmt::format("{}{} {}", list.empty() ? "" : ", ", what, value);
}

std::string or_everything(std::string list) {
  if (list.empty()) list = "everything";
  return list;
}

void add_files(std::string& list, const FileSelection& files) {
  for (const std::string& pattern : files.patterns) add(list, "file", bbz::quoted(pattern));
}

}  // namespace

bool FileSelection::selects(std::string_view path) const {
  return patterns.empty() || matches_any_glob(patterns, std::string(path));
}

std::string FileSelection::to_string() const {
  std::string text;
  add_files(text, *this);
  return or_everything(std::move(text));
}

bool Selection::selects(std::string_view path, const catalog::Tensor& tensor) const {
  const catalog::TensorMeta& meta = tensor.meta;
  if (!meta.is_named()) return false;
  const auto holds_layer = [&](const Layers& range) {
    return meta.layer != catalog::kNone && range.first <= meta.layer && meta.layer <= range.last;
  };
  return files.selects(path) && (layers.empty() || std::ranges::any_of(layers, holds_layer)) &&
         (tensors.empty() || matches_any_glob(tensors, meta.name)) &&
         !matches_any_glob(excluded, meta.name);
}

std::string Selection::to_string() const {
  std::string text;
  for (const Layers& range : layers) {
    if (range.first == range.last) {
      add(text, "layer", std::to_string(range.first));
    } else {
      add(text, "layers", fmt::format("{}-{}", range.first, range.last));
    }
  }
  for (const std::string& pattern : tensors) add(text, "tensor", bbz::quoted(pattern));
  for (const std::string& pattern : excluded) add(text, "without", bbz::quoted(pattern));
  add_files(text, files);
  return or_everything(std::move(text));
}

Result<std::vector<std::uint32_t>> select(const catalog::Catalog& catalog,
                                          const Selection& selection) {
  std::vector<std::uint32_t> numbers;
  for (const catalog::File& file : catalog.files) {
    for (const auto* const list : {&file.tensors, &file.views}) {
      for (const std::uint32_t number : *list) {
        if (selection.selects(file.path, catalog.tensors[number])) numbers.push_back(number);
      }
    }
  }
  if (numbers.empty()) {
    return make_error(Code::kNotFound, "no tensor matches ({})", selection.to_string());
  }
  return numbers;
}

std::uint64_t selected_bytes(const catalog::Catalog& catalog, const Selection& selection) {
  std::uint64_t total = 0;
  for (const catalog::File& file : catalog.files) {
    if (!selection.of_tensors() && selection.files.selects(file.path)) total += file.size;
    if (!selection.of_tensors()) continue;
    for (const auto* const list : {&file.tensors, &file.views}) {
      for (const std::uint32_t number : *list) {
        const catalog::Tensor& tensor = catalog.tensors[number];
        if (selection.selects(file.path, tensor)) total += tensor.byte_size;
      }
    }
  }
  return total;
}

}  // namespace bbz::ops
