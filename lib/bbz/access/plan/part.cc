#include "bbz/access/plan/part.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz::plan {
namespace {

Error no_such(std::string_view what, std::uint64_t number, std::uint64_t count) {
  return make_error(Code::kInvalidArgument, "{} {}: expected a number below {}", what, number,
                    count);
}

Part whole(const catalog::Tensor& tensor) {
  return {tensor.meta.number, 0, tensor.byte_size};
}

}  // namespace

Result<std::vector<Part>> whole_tensors(const catalog::Catalog& catalog,
                                        std::span<const std::uint32_t> tensors) {
  std::vector<Part> parts;
  for (const std::uint32_t number : tensors) {
    if (number >= catalog.tensors.size()) return no_such("tensor", number, catalog.tensors.size());
    parts.push_back(whole(catalog.tensors[number]));
  }
  return parts;
}

Result<Part> rows(const catalog::Catalog& catalog, std::uint32_t tensor, std::uint64_t first,
                  std::uint64_t last) {
  if (tensor >= catalog.tensors.size()) return no_such("tensor", tensor, catalog.tensors.size());
  BBZ_ASSIGN(const io::ByteRange bytes, catalog::row_bytes(catalog.tensors[tensor], first, last));
  return Part{tensor, bytes.offset, bytes.size};
}

Result<std::vector<Part>> layer(const catalog::Catalog& catalog, std::uint32_t layer) {
  std::vector<Part> parts;
  for (const catalog::Tensor& tensor : catalog.tensors) {
    if (tensor.meta.layer == layer && tensor.meta.is_named() && layer != catalog::kNone) {
      parts.push_back(whole(tensor));
    }
  }
  if (parts.empty())
    return make_error(Code::kNotFound, "layer {}: no such layer in the archive", layer);
  return parts;
}

Result<std::vector<Part>> whole_file(const catalog::Catalog& catalog, std::uint32_t file) {
  if (file >= catalog.files.size()) return no_such("file", file, catalog.files.size());
  return whole_tensors(catalog, catalog.files[file].tensors);
}

Result<std::vector<Part>> file_bytes(const catalog::Catalog& catalog, std::uint32_t file,
                                     std::uint64_t offset, std::uint64_t size) {
  if (file >= catalog.files.size()) return no_such("file", file, catalog.files.size());
  const catalog::File& entry = catalog.files[file];
  if (offset > entry.size || size > entry.size - offset) {
    return make_error(Code::kInvalidArgument, "file {}: no {} bytes at {}, its size is {}",
                      quoted(entry.path), size, offset, entry.size);
  }
  const std::uint64_t end = offset + size;
  const auto end_of = [&](std::uint32_t number) {
    return catalog.tensors[number].meta.offset + catalog.tensors[number].byte_size;
  };
  std::vector<Part> parts;
  auto at = std::ranges::upper_bound(entry.tensors, offset, {}, end_of);
  for (; at != entry.tensors.end(); ++at) {
    const catalog::Tensor& tensor = catalog.tensors[*at];
    const std::uint64_t begin = tensor.meta.offset;
    if (begin >= end) break;
    const std::uint64_t from = std::max(begin, offset);
    const std::uint64_t to = std::min(begin + tensor.byte_size, end);
    if (from < to) parts.push_back({*at, from - begin, to - from});
  }
  return parts;
}

std::vector<Part> everything(const catalog::Catalog& catalog) {
  std::vector<Part> parts;
  for (const catalog::Tensor& tensor : catalog.tensors) parts.push_back(whole(tensor));
  return parts;
}

}  // namespace bbz::plan
