#include "bbz/files/internal/gguf.h"

#include "bbz/files/gguf/header.h"

namespace bbz::files {

Format::Match probe_gguf(std::string_view, Bytes first) {
  return gguf::looks_like_header(first) ? Format::Match::kMaybe : Format::Match::kNo;
}

Result<Layout> layout_gguf(Front& front, const Options&) {
  const auto first = [&](std::uint64_t size) { return front.first(size); };
  BBZ_ASSIGN(gguf::Header header, gguf::read(first, front.size()));
  Layout layout;
  std::uint64_t end = 0;
  for (gguf::Tensor& tensor : header.tensors) {
    if (tensor.begin > end) layout.extents.push_back(bytes_extent(end, tensor.begin - end));
    Extent extent;
    extent.kind = Extent::Kind::kTensor;
    extent.name = std::move(tensor.name);
    extent.dtype = tensor.dtype;
    extent.block = tensor.block;
    extent.shape = std::move(tensor.shape);
    extent.offset = tensor.begin;
    extent.length = tensor.size;
    end = tensor.begin + tensor.size;
    layout.extents.push_back(std::move(extent));
  }
  const auto size = front.size();
  if (!size) layout.extents.push_back(bytes_extent(end, std::nullopt));
  if (size && *size > end) layout.extents.push_back(bytes_extent(end, *size - end));
  return layout;
}

}  // namespace bbz::files
