#include "bbz/access/salvage/internal/repeats.h"

#include <array>

#include "bbz/format/catalog/repeats.h"
#include "bbz/format/chunk/chunk.h"

namespace bbz::salvage {
namespace {

using catalog::Chunk;

// A chunk whose payload others may share, with its tensor.
struct Shared {
  const FoundTensor* tensor;
  const Chunk* chunk;
};

// Returns whether a chunk has the payload check that its head says, if that is known.
bool is_intact(io::Source& source, const Shared& shared, std::vector<std::byte>& payload) {
  const Chunk& chunk = *shared.chunk;
  payload.resize(chunk.payload.length);
  return io::read_exactly(source, chunk.payload.offset, payload).ok() &&
         chunk::check_payload(shared.tensor->meta, chunk, payload).ok();
}

// Returns the best of the chunks that have the same bytes.
const Shared& best_of(io::Source& source, const std::vector<Shared>& candidates,
                      std::vector<std::byte>& payload) {
  const Shared* intact = nullptr;
  for (const Shared& shared : candidates) {
    if (candidates.size() == 1 || !is_intact(source, shared, payload)) continue;
    const bool known = !shared.chunk->meta.extensions.unknown &&
                       !shared.tensor->meta.extensions.unknown && shared.chunk->payload.check;
    if (known) return shared;
    if (intact == nullptr) intact = &shared;
  }
  return intact != nullptr ? *intact : candidates.front();
}

bool is_same(const Chunk& chunk) {
  return chunk.meta.codec == codec::CodecId::kSame && chunk.payload.length == 0;
}

class Sharer {
 public:
  Sharer(io::Source& source, Survey& survey) : source_(source), survey_(survey) {}

  void run() {
    find_repeats();
    if (groups_.empty()) return;
    find_payloads();
    for (auto& [key, group] : groups_) {
      if (!group.payloads.empty()) share(group);
    }
  }

 private:
  // The decoded digest is zero without one.
  using Key = std::pair<catalog::RepeatKey, std::array<std::byte, 32>>;
  // Chunks that decode to the same bytes.
  struct Group {
    std::vector<Chunk*> repeats;
    std::vector<Shared> payloads;
  };

  static Key key_of(const FoundTensor& tensor, const Chunk& chunk) {
    return {catalog::repeat_key(tensor.meta, chunk),
            chunk.meta.decoded_digest.value_or(Digest()).bytes};
  }

  void find_repeats() {
    for (auto& [number, tensor] : survey_.tensors) {
      if (!catalog::may_repeat(tensor.meta)) continue;
      for (auto& [place, chunk] : tensor.chunks) {
        if (is_same(chunk)) groups_[key_of(tensor, chunk)].repeats.push_back(&chunk);
      }
    }
  }

  void find_payloads() {
    for (const auto& [number, tensor] : survey_.tensors) {
      if (!catalog::may_repeat(tensor.meta)) continue;
      for (const auto& [place, chunk] : tensor.chunks) {
        if (chunk.meta.codec == codec::CodecId::kSame) continue;
        const auto group = groups_.find(key_of(tensor, chunk));
        if (group != groups_.end()) group->second.payloads.push_back({&tensor, &chunk});
      }
    }
  }

  void share(const Group& group) {
    const Shared& shared = best_of(source_, group.payloads, payload_);
    for (Chunk* const chunk : group.repeats) {
      chunk->same_as = shared.chunk->meta.number;
      catalog::share_payload(*chunk, shared.tensor->meta, *shared.chunk);
    }
  }

  io::Source& source_;
  Survey& survey_;
  std::map<Key, Group> groups_;
  std::vector<std::byte> payload_;  // of one chunk
};

}  // namespace

void share_payloads(io::Source& source, Survey& survey) {
  Sharer(source, survey).run();
}

}  // namespace bbz::salvage
