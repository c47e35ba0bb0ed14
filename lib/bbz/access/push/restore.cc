// Saves and restores the progress of a Decoder.
#include "bbz/access/push/internal/impl.h"
#include "bbz/base/format.h"

namespace bbz::push {

Result<State> Decoder::state(std::string identity) const {
  const Impl& d = *impl_;
  if (!d.input.has_store() || identity.size() > 0xFFFF) {
    return make_error(
        Code::kInvalidArgument,
        "state: the decoder has no store, or the identity has {} bytes (the limit is 65535)",
        identity.size());
  }
  // Payloads that are verified but wait for something else are left to the next decoder.
  RangeSet done = d.input.verified();
  for (std::size_t i = 0; i < d.record_map.unit_count(); ++i) {
    const internal::Unit& unit = d.record_map.unit(i);
    if (unit.is(internal::Unit::kPayloadOk) && !unit.is(internal::Unit::kHanded)) {
      done.remove(unit.payload());
    }
  }
  State state;
  state.identity = std::move(identity);
  state.total = d.record_map.total();
  state.verified = done.ranges();
  state.there = d.input.there().ranges();
  return state;
}

Status Decoder::restore(const State& state) {
  Impl& d = *impl_;
  BBZ_TRY(d.failure);
  if (!d.input.has_store() || d.input.there().count() != 0) {
    return make_error(Code::kInvalidArgument, "restore: {}",
                      d.input.has_store() ? "bytes were fed before" : "the decoder has no store");
  }
  if (state.total) {
    BBZ_TRY(d.record_map.set_total(*state.total));
    d.declared = true;
  }
  const auto total = d.record_map.total();
  for (const Interval& range : state.there) {
    if (range.empty() || (total && range.end > *total)) {
      return make_error(Code::kInvalidArgument, "restore: no bytes {} to {} in an archive of {}",
                        range.begin, range.end, total.value_or(0));
    }
    BBZ_TRY(d.input.adopt(range));
  }
  for (const Interval& range : state.verified) d.trusted.add(range);
  return d.failure = d.absorb({0, d.input.there().end()});
}

}  // namespace bbz::push
