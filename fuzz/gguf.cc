// Any bytes are refused or give tensors that lie in the file one after the other, and the same ones however little of the
// file is seen at once.
#include <cstdint>
#include <cstdlib>

#include "bbz/files/gguf/header.h"

namespace {

using namespace bbz;

void require(bool condition) {
  if (!condition) std::abort();
}

bool same(const gguf::Tensor& a, const gguf::Tensor& b) {
  return a.name == b.name && a.dtype == b.dtype && same_blocks(a.block, b.block) &&
         a.shape == b.shape && a.begin == b.begin && a.size == b.size;
}

void check_tensors(const gguf::Header& header, std::uint64_t file_size) {
  std::uint64_t position = header.size;
  for (const gguf::Tensor& tensor : header.tensors) {
    require(tensor.begin >= position && tensor.begin <= file_size &&
            tensor.size <= file_size - tensor.begin);
    position = tensor.begin + tensor.size;
    const auto elements = element_count(tensor.shape);
    require(elements.ok() && (tensor.dtype == DType::kBlock) == (tensor.block != nullptr));
    const std::uint64_t bytes = tensor.block ? tensor.block->bytes() : element_bytes(tensor.dtype);
    require(*elements * bytes == tensor.size);
    if (tensor.block) {
      require(check_block_type(*tensor.block).ok() &&
              shape_in_values(tensor.shape, tensor.block->values).ok());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes file = std::as_bytes(std::span(data, size));
  const auto whole = gguf::parse(file, size);
  const auto first = [&](std::uint64_t wanted) -> Result<Bytes> {
    return file.first(std::min<std::uint64_t>(wanted, size));
  };
  const auto growing = gguf::read(first, size);
  require(whole.ok() == growing.ok());
  if (!whole.ok()) return 0;
  require(whole->size == growing->size && whole->size <= size);
  require(std::ranges::equal(whole->tensors, growing->tensors, same));
  check_tensors(*whole, size);
  return 0;
}
