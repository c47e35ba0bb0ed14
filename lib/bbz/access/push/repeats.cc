// The part of Assembler that handles chunks which repeat others. Such a chunk is handed out as soon as
// it is known and the payload of the other is verified, whatever comes first. Its own payload, which is
// empty, is checked like any other, but that does not matter to its bytes.
#include <algorithm>

#include "bbz/access/push/internal/assembler.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/format/chunk/chunk.h"

namespace bbz::push::internal {

// Handles that a unit has become known, if it is a chunk that repeats another.
Status Assembler::add_repeat(std::size_t number) {
  const auto chunk = record_map_.chunk_of(record_map_.unit(number));
  if (!chunk || !catalog().chunks[*chunk].same_as) return {};
  if (!wants(catalog().chunks[*chunk].meta.tensor)) return {};
  const catalog::ChunkMeta& other = catalog().chunks[*catalog().chunks[*chunk].same_as].meta;
  const std::size_t repeated = progress_[other.tensor].unit + other.number;
  if (record_map_.unit(repeated).is(Unit::kPayloadOk)) return hand_out_repeat(number, repeated);
  repeats_[repeated].push_back(number);
  return {};
}

// Returns whether a chunk that is wanted waits for the payload of a unit.
bool Assembler::is_repeated(std::size_t unit) const {
  const auto found = repeats_.find(unit);
  if (found == repeats_.end()) return false;
  return std::ranges::any_of(found->second, [&](std::size_t number) {
    return wants(catalog().chunks[*record_map_.chunk_of(record_map_.unit(number))].meta.tensor);
  });
}

// Hands out the chunks that wait for a payload, which is verified now.
Status Assembler::take_repeats(std::size_t repeated, Bytes payload) {
  const auto found = repeats_.find(repeated);
  if (found == repeats_.end()) return {};
  const std::vector<std::size_t> units = std::move(found->second);
  repeats_.erase(found);
  for (const std::size_t number : units) {
    const auto chunk = record_map_.chunk_of(record_map_.unit(number));
    if (wants(catalog().chunks[*chunk].meta.tensor)) BBZ_TRY(hand_out(number, payload));
  }
  return {};
}

// Does the same if a restored state says that the payload is verified.
Status Assembler::trust_repeats(std::size_t repeated) {
  const auto found = repeats_.find(repeated);
  if (found == repeats_.end()) return {};
  const std::vector<std::size_t> units = std::move(found->second);
  repeats_.erase(found);
  for (const std::size_t number : units) BBZ_TRY(hand_out_repeat(number, repeated));
  return {};
}

// Hands out a chunk that repeats another, whose payload was verified before.
Status Assembler::hand_out_repeat(std::size_t number, std::size_t repeated) {
  Unit& unit = record_map_.unit(number);
  const Unit& other = record_map_.unit(repeated);
  const std::uint32_t tensor = catalog().chunks[*record_map_.chunk_of(unit)].meta.tensor;
  if (!wants(tensor)) return {};
  if (!input_.has_store()) return recall(number, repeated);
  if (other.is(Unit::kTrusted) && record_map_.was_known(unit, trusted_)) {
    unit.set(Unit::kHanded);
    return count_as_handed(tensor);
  }
  BBZ_ASSIGN(const Bytes payload, input_.read(other.payload(), payload_));
  return hand_out(number, payload);
}

// Asks the receiver for the bytes of a chunk that repeats another, whose payload is gone.
Status Assembler::recall(std::size_t number, std::size_t repeated) {
  Unit& unit = record_map_.unit(number);
  const Unit& other = record_map_.unit(repeated);
  const catalog::Chunk& chunk = catalog().chunks[*record_map_.chunk_of(unit)];
  const catalog::TensorMeta& meta = catalog().tensors[chunk.meta.tensor].meta;
  const catalog::Chunk& source = catalog().chunks[*record_map_.chunk_of(other)];
  const catalog::Tensor& from = catalog().tensors[source.meta.tensor];
  unit.set(Unit::kHanded);
  Status got = chunk::check_known(meta, chunk);
  if (got.ok() && !other.is(Unit::kPassed)) {
    got = make_error(Code::kUnsupported,
                     "tensor {} {}, chunk {}: it repeats chunk {} of tensor {} {}, which was not "
                     "passed on and is not kept: a decoder with a store would have it",
                     meta.number, quoted(meta.name), chunk.meta.number, source.meta.number,
                     from.meta.number, quoted(from.meta.name));
  }
  if (got.ok()) {
    plain_.resize(chunk.decoded_bytes);
    got = receiver_.recall(from, symmetry::chunk_range(from.meta, source).offset, plain_);
  }
  if (got.ok()) got = chunk::check_decoded(meta, chunk, plain_);
  if (!got.ok()) return fail(chunk.meta.tensor, &chunk, got.error());
  return pass_on(number);
}

}  // namespace bbz::push::internal
