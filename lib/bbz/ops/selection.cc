#include "bbz/ops/selection.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/glob.h"
#include "bbz/base/names.h"

namespace bbz::ops {

bool Selection::selects_file(std::string_view path) const {
  return files.empty() || matches_any_glob(files, std::string(path));
}

bool Selection::selects(const catalog::File& file, const catalog::Tensor& tensor) const {
  const catalog::TensorMeta& meta = tensor.meta;
  if (meta.kind != catalog::TensorKind::kTensor || tensor.is_operand()) return false;
  const auto holds_layer = [&](const Layers& range) {
    return meta.layer != catalog::kNone && range.first <= meta.layer && meta.layer <= range.last;
  };
  return selects_file(file.path) && (layers.empty() || std::ranges::any_of(layers, holds_layer)) &&
         (tensors.empty() || matches_any_glob(tensors, meta.name)) &&
         !matches_any_glob(excluded, meta.name);
}

std::string Selection::to_string() const {
  std::string text;
  const auto add = [&](std::string_view what, std::string_view value) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", what, value);
  };
  for (const Layers& range : layers) {
    if (range.first == range.last) {
      add("layer", std::to_string(range.first));
    } else {
      add("layers", fmt::format("{}-{}", range.first, range.last));
    }
  }
  for (const std::string& pattern : tensors) add("tensor", bbz::quoted(pattern));
  for (const std::string& pattern : excluded) add("without", bbz::quoted(pattern));
  for (const std::string& pattern : files) add("file", bbz::quoted(pattern));
  return text.empty() ? "everything" : text;
}

Result<std::vector<std::uint32_t>> select(const catalog::Catalog& catalog,
                                          const Selection& selection) {
  std::vector<std::uint32_t> numbers;
  for (const catalog::File& file : catalog.files) {
    for (const std::uint32_t number : file.tensors) {
      if (selection.selects(file, catalog.tensors[number])) numbers.push_back(number);
    }
  }
  if (numbers.empty()) {
    return make_error(Code::kNotFound, "no tensor matches ({})", selection.to_string());
  }
  return numbers;
}

}  // namespace bbz::ops
