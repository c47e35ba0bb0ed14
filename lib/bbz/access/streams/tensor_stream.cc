#include "bbz/access/streams/tensor_stream.h"

#include <algorithm>
#include <cstring>

#include "bbz/access/view/block.h"

namespace bbz::streams {

struct TensorSource::State {
  const Reader* reader = nullptr;
  std::uint32_t tensor = 0;
  std::uint64_t size = 0;
  std::uint64_t position = 0;
  std::uint64_t begin = 0;  // offset of `plain` in the tensor
  std::unique_ptr<std::byte[]> memory;
  MutableBytes plain;  // points into `memory`
  std::optional<Error> error;

  // Decodes the block that holds the position. Its memory is not touched before the reader has
  // found the tensor to be within the limits.
  Status decode() {
    if (tensor >= reader->catalog().tensors.size()) return reader->read_bytes(tensor, 0, {});
    const catalog::Tensor& entry = reader->catalog().tensors[tensor];
    BBZ_ASSIGN(const view::Block block, view::block_at(reader->catalog(), entry, position));
    begin = block.begin;
    if (block.size() != plain.size()) {
      plain = {};
      memory = std::make_unique_for_overwrite<std::byte[]>(block.size());
    }
    plain = MutableBytes(memory.get(), block.size());
    return reader->read_bytes(tensor, begin, plain);
  }
};

TensorSource::TensorSource(const Reader& reader, std::uint32_t tensor)
    : state_(std::make_shared<State>()) {
  state_->reader = &reader;
  state_->tensor = tensor;
  if (tensor >= reader.catalog().tensors.size()) {
    state_->size = 1;  // makes the first read reach the reader, which reports the error
    return;
  }
  state_->size = reader.catalog().tensors[tensor].byte_size;
}

std::streamsize TensorSource::read(char* out, std::streamsize size) {
  State& s = *state_;
  if (size <= 0 || s.position >= s.size) return size == 0 ? 0 : -1;
  if (s.position < s.begin || s.position - s.begin >= s.plain.size()) {
    s.error.reset();
    const Status read = s.decode();
    if (!read.ok()) {
      s.plain = {};
      s.error = read.error();
      throw std::ios_base::failure(s.error->message);
    }
  }
  const std::uint64_t from = s.position - s.begin;
  const std::uint64_t part =
      std::min<std::uint64_t>(static_cast<std::uint64_t>(size), s.plain.size() - from);
  std::memcpy(out, s.plain.data() + from, part);
  s.position += part;
  return static_cast<std::streamsize>(part);
}

std::streampos TensorSource::seek(boost::iostreams::stream_offset offset,
                                  std::ios_base::seekdir way) {
  State& s = *state_;
  std::uint64_t base = 0;
  if (way == std::ios_base::cur) base = s.position;
  if (way == std::ios_base::end) base = s.size;
  // Unsigned arithmetic wraps: an offset before the start becomes one far past the end.
  const std::uint64_t target = base + static_cast<std::uint64_t>(offset);
  if (target > s.size) throw std::ios_base::failure("cannot seek outside of the tensor");
  s.position = target;
  return boost::iostreams::offset_to_position(static_cast<boost::iostreams::stream_offset>(target));
}

const std::optional<Error>& TensorSource::error() const {
  return state_->error;
}

struct TensorSink::State {
  Writer* writer = nullptr;
  std::optional<Error> error;
};

TensorSink::TensorSink(Writer& writer) : state_(std::make_shared<State>()) {
  state_->writer = &writer;
}

std::streamsize TensorSink::write(const char* bytes, std::streamsize size) {
  const Bytes range = std::as_bytes(std::span(bytes, static_cast<std::size_t>(size)));
  const Status written = state_->writer->write(range);
  if (!written.ok()) {
    state_->error = written.error();
    throw std::ios_base::failure(state_->error->message);
  }
  return size;
}

const std::optional<Error>& TensorSink::error() const {
  return state_->error;
}

}  // namespace bbz::streams
