// The methods of Writer that take the bytes of a tensor.
#include <algorithm>
#include <utility>

#include "bbz/archive/internal/writer_state.h"
#include "bbz/base/names.h"

namespace bbz {

Status Writer::write(Bytes bytes) {
  return guarded([&]() -> Status {
    Bytes rest = bytes;
    while (!rest.empty()) {
      BBZ_ASSIGN(const MutableBytes room, reserve());
      if (room.empty()) {
        return make_error(Code::kInvalidArgument, "write: {} bytes after the end of the tensor",
                          rest.size());
      }
      const std::size_t part = std::min(room.size(), rest.size());
      std::ranges::copy(rest.first(part), room.begin());
      BBZ_TRY(commit(part));
      rest = rest.subspan(part);
    }
    return {};
  });
}

Result<MutableBytes> Writer::reserve() {
  return guarded([&]() -> Result<MutableBytes> {
    State& s = *state_;
    if (!s.tensor) return make_error(Code::kInvalidArgument, "write: no tensor is open");
    if (s.tensor_bytes == 0) return MutableBytes();
    if (s.filling == nullptr) {
      const std::uint64_t size = s.tensor->chunk_elements * s.tensor->element_bits / 8;
      BBZ_ASSIGN(s.filling,
                 s.queue.next_chunk({s.tensor, s.support, s.placed, s.moved, s.chunk_number++},
                                    std::min(size, s.tensor_bytes)));
    }
    return MutableBytes(s.filling->plain).subspan(s.filled);
  });
}

Status Writer::commit(std::size_t size) {
  return guarded([&]() -> Status {
    State& s = *state_;
    const std::size_t reserved = s.filling == nullptr ? 0 : s.filling->plain.size() - s.filled;
    if (s.filling == nullptr || size > reserved) {
      return make_error(Code::kInvalidArgument, "commit: {} bytes, {} were reserved", size,
                        reserved);
    }
    if (s.file_hash && !s.queue.measures()) {
      s.file_hash->update(Bytes(s.filling->plain).subspan(s.filled, size));
    }
    s.filled += size;
    if (s.filled < s.filling->plain.size()) return {};
    s.tensor_bytes -= s.filled;
    s.filling = nullptr;
    s.filled = 0;
    s.queue.submit_chunk();
    return {};
  });
}

Result<std::uint64_t> Writer::write_from(const std::shared_ptr<io::Source>& source,
                                         std::uint64_t offset) {
  return guarded([&]() -> Result<std::uint64_t> {
    State& s = *state_;
    BBZ_ASSIGN(const MutableBytes room, reserve());
    if (room.empty()) return std::uint64_t{0};
    if (!s.queue.measures()) {
      // The digest of a file is computed on this thread, which therefore needs the bytes now.
      if (s.filled == 0 && source->seekable() && !s.file_hash) {
        s.filling->chunk->unread = {source, offset};
      } else {
        BBZ_TRY(io::read_exactly(*source, offset, room));
      }
    }
    BBZ_TRY(commit(room.size()));
    return room.size();
  });
}

Status Writer::write_coded(Bytes plain, codec::CodecId codec, Bytes payload) {
  return guarded([&]() -> Status {
    State& s = *state_;
    BBZ_ASSIGN(const MutableBytes room, reserve());
    if (room.empty()) {
      return make_error(Code::kInvalidArgument, "write_coded: {} bytes after the end of the tensor",
                        plain.size());
    }
    if (s.filled != 0) {
      return make_error(Code::kInvalidArgument,
                        "write_coded: {} bytes of the chunk are already written", s.filled);
    }
    if (plain.size() != room.size()) {
      return make_error(Code::kInvalidArgument, "write_coded: {} bytes, expected a chunk of {}",
                        plain.size(), room.size());
    }
    if (payload.size() > plain.size()) {
      return make_error(Code::kInvalidArgument,
                        "write_coded: a payload of {} bytes for a chunk of {}", payload.size(),
                        plain.size());
    }
    std::ranges::copy(plain, room.begin());
    s.filling->chunk->coded_by = codec;
    s.filling->payload.assign(payload.begin(), payload.end());
    return commit(plain.size());
  });
}

Status Writer::end_tensor() {
  return guarded([&]() -> Status {
    State& s = *state_;
    if (!s.tensor) return make_error(Code::kInvalidArgument, "end_tensor: no tensor is open");
    if (s.tensor_bytes != 0) {
      return make_error(Code::kInvalidArgument, "end_tensor: tensor {}: {} bytes are missing",
                        quoted(s.tensor->name), s.tensor_bytes - s.filled);
    }
    s.tensor.reset();
    return {};
  });
}

}  // namespace bbz
