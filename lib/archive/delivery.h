// Delivery: what Reader and StreamReader share - chunks decoded on several threads, a visitor
// called in order. Internal to bbz.
#pragma once

#include <functional>
#include <memory>

#include "bbz/archive/visitor.h"
#include "bbz/chunk/chunk.h"
#include "bbz/parallel/ordered_map.h"

namespace bbz::internal {

// One call of the visitor that is on its way.
struct Step {
  enum class Kind { kMetadata, kBeginFile, kBeginTensor, kChunk, kEndTensor, kEndFile };

  Kind kind{};
  std::shared_ptr<const catalog::File> file;
  std::shared_ptr<const catalog::Tensor> tensor;
  catalog::Chunk chunk;
  catalog::Metadata metadata;
  std::vector<std::byte> payload;  // of the chunk or the metadata
  std::vector<std::byte> plain;
  bool decode = true;
  Status outcome;  // of reading and decoding the chunk
};

// How deep the queue of steps is: enough to keep every thread at work while the oldest is waited
// for.
inline std::size_t delivery_depth(const parallel::ThreadPool& pool) {
  return 2 * pool.size() + 1;
}

inline Status decode_step(Step& step) {
  if (step.kind != Step::Kind::kChunk || !step.decode || !step.outcome.ok()) return {};
  step.plain.resize(step.chunk.decoded_bytes);
  step.outcome = chunk::decode(step.tensor->meta, step.chunk, step.payload, step.plain);
  return {};
}

inline Status deliver_step(const Step& step, Visitor& visitor) {
  switch (step.kind) {
    case Step::Kind::kMetadata:
      return visitor.metadata(
          step.metadata, {reinterpret_cast<const char*>(step.payload.data()), step.payload.size()});
    case Step::Kind::kBeginFile:
      return visitor.begin_file(*step.file);
    case Step::Kind::kBeginTensor:
      return visitor.begin_tensor(*step.tensor);
    case Step::Kind::kEndTensor:
      return visitor.end_tensor(*step.tensor);
    case Step::Kind::kEndFile:
      return visitor.end_file(*step.file);
    case Step::Kind::kChunk:
      break;
  }
  if (!step.outcome.ok()) return visitor.damaged(*step.tensor, step.chunk, step.outcome.error());
  if (!step.decode) return {};
  const std::uint64_t offset = step.chunk.meta.first_element * step.tensor->meta.element_bits / 8;
  return visitor.data(*step.tensor, offset, step.plain);
}

}  // namespace bbz::internal
