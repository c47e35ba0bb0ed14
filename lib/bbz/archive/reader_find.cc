// The methods of Reader that find tensors and files by name.
#include "bbz/archive/internal/reader_state.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz {
namespace {

// Returns the only tensor that has this name and whose file has a number that `in_file` accepts.
Result<std::uint32_t> find_only(const catalog::Catalog& catalog, std::string_view name,
                                const std::function<bool(std::uint32_t)>& in_file) {
  std::optional<std::uint32_t> only;
  for (const std::uint32_t number : catalog.find_tensors(name)) {
    const catalog::Tensor& tensor = catalog.tensors[number];
    if (tensor.is_operand() || !in_file(tensor.meta.file)) continue;
    if (only) return catalog::ambiguous_tensor(name);
    only = number;
  }
  if (!only) return make_error(Code::kNotFound, "no tensor is called {}", quoted(name));
  return *only;
}

}  // namespace

Result<std::uint32_t> Reader::find_tensor(std::string_view name,
                                          std::optional<std::uint32_t> file) const {
  if (file) BBZ_TRY(state_->check_file(*file));
  return find_only(catalog(), name, [&](std::uint32_t number) { return !file || number == *file; });
}

Result<std::uint32_t> Reader::find_tensor_in(
    std::string_view name, const std::function<bool(const catalog::File&)>& selects) const {
  return find_only(catalog(), name,
                   [&](std::uint32_t number) { return selects(catalog().files[number]); });
}

Result<std::uint32_t> Reader::find_file(std::string_view path) const {
  const catalog::File* const found = catalog().find_file(path);
  if (found == nullptr) return make_error(Code::kNotFound, "no file is called {}", quoted(path));
  return static_cast<std::uint32_t>(found - catalog().files.data());
}

}  // namespace bbz
