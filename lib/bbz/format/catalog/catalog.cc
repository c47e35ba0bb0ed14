#include "bbz/format/catalog/catalog.h"

#include <algorithm>

namespace bbz::catalog {

const File* Catalog::find_file(std::string_view path) const {
  const auto found = std::ranges::find(files, path, &File::path);
  return found == files.end() ? nullptr : &*found;
}

std::vector<std::uint32_t> Catalog::find_tensors(std::string_view name) const {
  std::vector<std::uint32_t> found;
  for (const Tensor& tensor : tensors) {
    if (tensor.meta.kind == TensorKind::kTensor && tensor.meta.name == name) {
      found.push_back(tensor.meta.number);
    }
  }
  return found;
}

}  // namespace bbz::catalog
