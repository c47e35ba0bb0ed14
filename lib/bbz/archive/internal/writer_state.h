// The state of a Writer.
#pragma once

#include <optional>

#include "bbz/archive/internal/block_types.h"
#include "bbz/archive/internal/record_queue.h"
#include "bbz/archive/writer.h"

namespace bbz {

struct Writer::State {
  State(const WriteOptions& options, io::Sink* sink, std::optional<std::uint64_t> front_index_bytes)
      : queue(options, sink, front_index_bytes) {}

  const WriteOptions& options() const { return queue.options(); }

  internal::RecordQueue queue;
  internal::BlockTypes block_types;
  Status failure;

  std::uint32_t files = 0;
  std::uint32_t tensors = 0;
  std::uint32_t groups = 0;
  std::uint32_t bases = 0;
  bool file_open = false;
  bool finished = false;
  std::uint32_t file_tensors = 0;
  std::uint64_t file_end = 0;   // end of the last tensor in the open file
  std::uint64_t file_size = 0;  // largest end of a tensor in the open file
  // Bytes of the open file since the last tensor whose record states its place.
  std::uint64_t unplaced = 0;
  bool ordered = true;              // its tensors with bytes are in the order of the file
  std::uint64_t last_offset = 0;    // of the last one of these
  std::optional<Hasher> file_hash;  // set as long as the open file may get a digest

  std::shared_ptr<const catalog::TensorMeta> tensor;  // the open tensor, or null
  std::shared_ptr<const SupportBytes> support;        // on which it leans, or null
  bool placed = true;                                 // its record states its place
  bool moved = false;                                 // it does not follow the tensor before it
  std::uint64_t tensor_bytes = 0;                     // stored bytes that no complete chunk has
  internal::RecordQueue::Item* filling = nullptr;     // the incomplete chunk, or null
  std::size_t filled = 0;                             // bytes of the incomplete chunk
  std::uint32_t chunk_number = 0;
};

template <class Body>
std::invoke_result_t<Body> Writer::guarded(const Body& body) {
  BBZ_TRY(state_->failure);
  auto result = body();
  if (!result.ok()) state_->failure = result.error();
  return result;
}

}  // namespace bbz
