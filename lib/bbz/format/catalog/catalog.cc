#include "bbz/format/catalog/catalog.h"

#include <algorithm>

#include "bbz/base/checked.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/format/catalog/pivots.h"

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

Shape shape_in_values(const Tensor& tensor) {
  Shape shape = tensor.meta.shape;
  // Does not overflow, because the number of values was checked.
  if (tensor.block != nullptr) shape.back() *= tensor.block->values;
  return shape;
}

std::optional<Shape> stored_shape(const TensorMeta& tensor) {
  Shape shape = tensor.shape;
  if (tensor.pivots != nullptr) {
    const unsigned axis = tensor.pivots->axis();
    if (axis >= shape.size() || shape[axis] < tensor.pivots->count()) return std::nullopt;
    shape[axis] -= tensor.pivots->count();
  }
  const auto elements = bbz::element_count(shape);
  if (!elements.ok() || *elements != tensor.stored_elements) return std::nullopt;
  return shape;
}

Error ambiguous_tensor(std::string_view name) {
  return make_error(Code::kInvalidArgument, Remedy::kChooseFile,
                    "several files have a tensor {}: choose one of them", quoted(name));
}

std::optional<std::uint64_t> end_in_base(const TensorMeta& view, std::uint64_t size) {
  const std::uint64_t width = view.element_bits / 8;
  if (size == 0) return view.view->offset;
  std::optional<std::uint64_t> last = 0;  // of the last element
  for (std::size_t axis = 0; axis < view.shape.size() && last; ++axis) {
    const auto step = checked_mul(view.shape[axis] - 1, view.view->strides[axis]);
    last = step ? checked_add(*last, *step) : std::nullopt;
  }
  const auto count = last ? checked_add(*last, std::uint64_t{1}) : std::nullopt;
  const auto bytes = count ? checked_mul(*count, width) : std::nullopt;
  return bytes ? checked_add(*bytes, view.view->offset) : std::nullopt;
}

Result<io::ByteRange> row_bytes(const Tensor& tensor, std::uint64_t first, std::uint64_t last) {
  const TensorMeta& meta = tensor.meta;
  const std::uint64_t count = meta.shape.empty() ? 1 : meta.shape.front();
  if (first > last || last > count) {
    return make_error(Code::kInvalidArgument, "tensor {} {}: no rows {} to {}, it has {}",
                      meta.number, quoted(meta.name), first, last, count);
  }
  if (count == 0) return io::ByteRange{};
  // The product does not overflow, because the size in bits of every tensor fits in 64 bits.
  const std::uint64_t row_bits = tensor.byte_size * 8 / count;
  const std::uint64_t begin = first * row_bits / 8;
  const std::uint64_t end = first == last ? begin : divide_up(last * row_bits, 8);
  return io::ByteRange{begin, end - begin};
}

bool needs_base(codec::CodecId codec) {
  const codec::Codec* const known = codec::find_codec(codec);
  return known != nullptr && known->needs_base;
}

bool leans(const TensorMeta& tensor, const ChunkMeta& chunk) {
  return tensor.leans() && needs_base(chunk.codec);
}

Payload payload_of(const container::RecordView& record) {
  const container::RecordHead& head = record.head;
  const auto before = static_cast<std::uint32_t>(head.payload_offset() - head.offset);
  return {head.payload_offset(), head.payload_length, before, head.pad_length, head.payload_check};
}

Chunk chunk_of(const TensorMeta& tensor, ChunkMeta meta) {
  Chunk chunk;
  chunk.first_element = meta.number * tensor.chunk_elements;
  chunk.element_count =
      std::min(tensor.chunk_elements, tensor.stored_elements - chunk.first_element);
  chunk.decoded_bytes = chunk.element_count * tensor.element_bits / 8;
  chunk.meta = std::move(meta);
  return chunk;
}

Status check_file(const File& file) {
  return container::check_extensions(file.extensions, fmt::format("file {}", quoted(file.path)));
}

}  // namespace bbz::catalog
