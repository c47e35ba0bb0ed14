// Reader::place_tensors(), which decodes and writes each chunk on the same thread.
#include <deque>

#include "bbz/archive/delivery.h"
#include "bbz/archive/internal/reader_state.h"
#include "bbz/base/format.h"
#include "bbz/base/large_buffer.h"
#include "bbz/parallel/object_pool.h"

namespace bbz {
namespace {

using symmetry::GroupState;

// A chunk, or a whole derived tensor or view, that is to be placed.
struct Piece {
  const catalog::Tensor* tensor = nullptr;
  const catalog::Chunk* chunk = nullptr;  // null if the tensor is derived or a view
  std::uint64_t offset = 0;               // offset of the tensor in the output
  std::shared_ptr<GroupState> group;
  std::uint64_t bytes = 0;  // number of bytes that were placed
};

// The memory for decoding one chunk, which is reused.
struct Buffers {
  std::vector<std::byte> payload;
  std::vector<std::byte> plain;
  std::vector<std::byte> slice;  // slice of a chunk of an expanded form
};

// A tensor that will be derived, and the number of chunks before it.
struct Derived {
  Placement placement;
  std::uint64_t chunks_before = 0;
};

// The number of chunks by which deriving a tensor starts early. One thread derives a tensor, in the
// time of some dozens of chunks, while the others place chunks and wait for the system to write
// them. If it started late, the other threads would have nothing to do at the end.
constexpr std::uint64_t kAhead = 128;

// Only one derived tensor or view larger than this is in memory at a time.
constexpr std::uint64_t kLarge = std::uint64_t{64} << 20;

}  // namespace

// Distributes the chunks of all tensors to the pool's threads, from the calling thread.
class Reader::Placer {
 public:
  Placer(State& state, std::span<const Placement> placements, io::Sink& sink,
         const std::function<void(std::uint64_t)>& placed)
      : state_(state), placements_(placements), sink_(sink), placed_(placed) {
    std::uint64_t chunks = 0;
    for (const Placement& placement : placements) {
      const catalog::Tensor& tensor = state_.catalog.tensors[placement.tensor];
      if (is_derived(tensor)) {
        to_derive_.push_back({placement, chunks});
      } else {
        chunks += tensor.chunk_count;
      }
    }
  }

  Status run() {
    return parallel::ordered_map<Piece>(
        state_.pool, parallel::queue_depth(state_.pool) + 2 * kAhead,
        [this](Piece& piece) { return next(piece); }, [this](Piece& piece) { return place(piece); },
        [this](Piece& piece) {
          count(piece.bytes);
          return Status();
        });
  }

 private:
  static bool is_derived(const catalog::Tensor& tensor) {
    return symmetry::is_derived(tensor.meta);
  }

  Result<bool> next(Piece& piece) {
    if (!to_derive_.empty() && to_derive_.front().chunks_before <= chunks_ + kAhead) {
      const Placement placement = to_derive_.front().placement;
      to_derive_.pop_front();
      piece.tensor = &state_.catalog.tensors[placement.tensor];
      piece.chunk = nullptr;
      piece.offset = placement.offset;
      piece.group.reset();
      BBZ_TRY(symmetry::check_form(state_.catalog, *piece.tensor));
      return true;
    }
    for (; !placements_.empty(); placements_ = placements_.subspan(1), chunk_ = 0) {
      const Placement& placement = placements_.front();
      const catalog::Tensor& tensor = state_.catalog.tensors[placement.tensor];
      if (is_derived(tensor)) continue;
      if (chunk_ == 0) BBZ_TRY(begin(tensor));
      if (tensor.meta.is_view()) {
        piece.tensor = &tensor;
        piece.chunk = nullptr;
        piece.offset = placement.offset;
        piece.group.reset();
        placements_ = placements_.subspan(1);
        return true;
      }
      if (chunk_ == tensor.chunk_count) continue;
      piece.tensor = &tensor;
      piece.chunk = &state_.catalog.chunks[tensor.first_chunk + chunk_];
      piece.offset = placement.offset;
      if (!group_ && symmetry::needs_group(tensor.meta, *piece.chunk)) {
        BBZ_TRY(chunk::check_known(tensor.meta, *piece.chunk));
        BBZ_ASSIGN(group_, state_.find_group(tensor.meta.group));
      }
      piece.group = group_;
      ++chunk_;
      ++chunks_;
      return true;
    }
    return false;
  }

  Status begin(const catalog::Tensor& tensor) {
    group_.reset();
    return symmetry::check_form(state_.catalog, tensor);
  }

  // Derives a tensor and places it. Called on the pool's threads.
  Status derive(Piece& piece) {
    BBZ_ASSIGN(const auto group, state_.find_group(piece.tensor->meta.group));
    // A few bytes may derive a tensor of a gigabyte, so only one large tensor is in memory at a
    // time.
    std::unique_lock turn(large_, std::defer_lock);
    if (piece.tensor->byte_size > kLarge) turn.lock();
    const auto bytes = derived_.borrow();
    bytes->resize(piece.tensor->byte_size);
    piece.bytes = bytes->size();
    return group->derive(
        state_.catalog, *piece.tensor, state_.pool, *bytes,
        [&](std::uint64_t offset, Bytes part) { return sink_.place(piece.offset + offset, part); });
  }

  // Gathers a view and places it. Called on the pool's threads.
  Status place_view(Piece& piece) {
    const catalog::Tensor& view = *piece.tensor;
    std::unique_lock turn(large_, std::defer_lock);
    if (view.byte_size > kLarge) turn.lock();
    piece.bytes = view.byte_size;
    return symmetry::read_view(
        view.meta, state_.catalog.tensors[view.meta.base()], state_.reader_of_base(view),
        [&](std::uint64_t offset, Bytes part) { return sink_.place(piece.offset + offset, part); });
  }

  // Decodes and places a chunk, or a whole tensor. Called on the pool's threads.
  Status place(Piece& piece) {
    if (piece.chunk == nullptr) {
      return piece.tensor->meta.is_view() ? place_view(piece) : derive(piece);
    }
    const catalog::TensorMeta& tensor = piece.tensor->meta;
    const catalog::Chunk& chunk = *piece.chunk;
    const auto buffers = spares_.borrow();
    buffers->payload.resize(chunk.payload.length);
    BBZ_TRY(io::read_exactly(*state_.source, chunk.payload.offset, buffers->payload));
    buffers->plain.resize(chunk.decoded_bytes);
    BBZ_TRY(state_.decode(*piece.tensor, chunk, buffers->payload,
                          {piece.group.get(), &state_.catalog}, buffers->plain));
    piece.bytes = symmetry::chunk_range(tensor, chunk).size;
    return symmetry::place_chunk(
        tensor, chunk, buffers->plain, buffers->slice,
        [&](std::uint64_t offset, Bytes part) { return sink_.place(piece.offset + offset, part); });
  }

  void count(std::uint64_t bytes) {
    done_ += bytes;
    if (placed_) placed_(done_);
  }

  State& state_;
  std::span<const Placement> placements_;  // remaining placements, the current one first
  std::uint64_t chunk_ = 0;                // next chunk of the current tensor
  std::uint64_t chunks_ = 0;               // number of chunks that were distributed
  std::deque<Derived> to_derive_;          // remaining tensors to derive
  std::shared_ptr<GroupState> group_;      // group of the current tensor, or null
  io::Sink& sink_;
  const std::function<void(std::uint64_t)>& placed_;
  std::uint64_t done_ = 0;
  parallel::ObjectPool<Buffers> spares_;
  parallel::ObjectPool<LargeBuffer> derived_;
  std::mutex large_;
};

Status Reader::place_tensors(std::span<const Placement> placements, io::Sink& sink,
                             const std::function<void(std::uint64_t)>& placed) const {
  std::vector<std::uint32_t> tensors;
  for (const Placement& placement : placements) {
    BBZ_TRY(state_->check_tensor(placement.tensor));
    tensors.push_back(placement.tensor);
  }
  const auto hint = state_->prefetch(tensors);
  return Placer(*state_, placements, sink, placed).run();
}

}  // namespace bbz
