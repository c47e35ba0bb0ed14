// The part of Assembler that handles views. A view is gathered as soon as it is known and the payloads
// of its base that it needs are verified, whatever comes first: from the store, or from the receiver,
// who has the base.
#include <algorithm>

#include "bbz/access/push/internal/assembler.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/symmetry/view.h"

namespace bbz::push::internal {

// Handles that a view has become known which is wanted and can be decoded.
Status Assembler::add_view(std::uint32_t number) {
  return gather_or_wait({number, 0});
}

// Gathers a view if no chunk of the base is missing. If some are, waits for the first, because lists
// of all would take memory for each view and each chunk. Those before `waiting.chunk` are there.
Status Assembler::gather_or_wait(const WaitingView& waiting) {
  const catalog::Tensor& view = catalog().tensors[waiting.view];
  const catalog::Tensor& base = catalog().tensors[view.meta.base()];
  const auto missing =
      symmetry::find_chunk_of_view(view.meta, base, waiting.chunk, [&](std::uint64_t chunk) {
        return !record_map_.unit(unit_with_payload(base, chunk)).is(Unit::kPayloadOk);
      });
  if (!missing) return gather(waiting.view);
  views_[unit_with_payload(base, *missing)].push_back({waiting.view, *missing});
  return {};
}

// Returns the unit that has the payload of a chunk.
std::size_t Assembler::unit_with_payload(const catalog::Tensor& tensor,
                                         std::uint64_t number) const {
  const catalog::Chunk& chunk = catalog().chunks[tensor.first_chunk + number];
  if (!chunk.same_as) return progress_[tensor.meta.number].unit + number;
  const catalog::ChunkMeta& other = catalog().chunks[*chunk.same_as].meta;
  return progress_[other.tensor].unit + other.number;
}

// Continues with the views that wait for a payload, which is verified now.
Status Assembler::look_at_views(std::size_t unit) {
  const auto found = views_.find(unit);
  if (found == views_.end()) return {};
  const std::vector<WaitingView> views = std::move(found->second);
  views_.erase(found);
  for (const WaitingView& waiting : views) {
    if (wants(waiting.view)) BBZ_TRY(gather_or_wait(waiting));
  }
  return {};
}

// Passes a view to the receiver.
Status Assembler::gather(std::uint32_t number) {
  const catalog::Tensor& view = catalog().tensors[number];
  const catalog::Tensor& base = catalog().tensors[view.meta.base()];
  Status delivered;
  std::optional<std::uint64_t> decoded;  // the number of the chunk that is in plain_
  const Status read = symmetry::read_view(
      view.meta, base,
      [&](std::uint64_t offset, MutableBytes out) {
        return input_.has_store() ? read_base(base, offset, out, decoded)
                                  : recall_base(base, offset, out);
      },
      [&](std::uint64_t offset, Bytes part) {
        delivered = deliver(number, offset, part);
        return delivered;
      });
  BBZ_TRY(delivered);
  if (!read.ok()) return fail(number, nullptr, read.error());
  return end_tensor(number, false);
}

// Decodes bytes of the base of a view from the store.
Status Assembler::read_base(const catalog::Tensor& base, std::uint64_t offset, MutableBytes out,
                            std::optional<std::uint64_t>& decoded) {
  return symmetry::read_base(base, offset, out, [&](std::uint64_t number) -> Result<Bytes> {
    if (decoded == number) return Bytes(plain_);
    decoded.reset();
    const catalog::Chunk& chunk = catalog().chunks[base.first_chunk + number];
    const Unit& unit = record_map_.unit(unit_with_payload(base, number));
    BBZ_ASSIGN(const Bytes payload, input_.read(unit.payload(), payload_));
    BBZ_TRY(decode(chunk, payload, nullptr, chunk::Check::kDecoded));
    decoded = number;
    return Bytes(plain_);
  });
}

// Asks the receiver for bytes of the base of a view.
Status Assembler::recall_base(const catalog::Tensor& base, std::uint64_t offset, MutableBytes out) {
  const std::uint64_t chunk_bytes = base.meta.chunk_elements * base.meta.element_bits / 8;
  for (std::uint64_t i = offset / chunk_bytes; i * chunk_bytes < offset + out.size(); ++i) {
    if (record_map_.unit(progress_[base.meta.number].unit + i).is(Unit::kPassed)) continue;
    return make_error(Code::kUnsupported,
                      "a view of tensor {} {}, which was not passed on and is not kept: a decoder "
                      "with a store would have it",
                      base.meta.number, quoted(base.meta.name));
  }
  return receiver_.recall(base, offset, out);
}

}  // namespace bbz::push::internal
