// Decoder::Impl: the parts of a Decoder.
#pragma once

#include <set>

#include "bbz/access/plan/plan.h"
#include "bbz/access/push/internal/assembler.h"

namespace bbz::push {

// The parts of a Decoder, and the steps between them. The steps are described at their definitions,
// in decoder.cc and needs.cc.
struct Decoder::Impl {
  Impl(const Options& options, Receiver& receiver);

  Status check_range(Interval range);
  Status check_memory(Interval range) const;
  Status take(std::uint64_t offset, Bytes bytes);
  Status absorb(Interval fresh);
  Status check_unit(std::size_t unit);
  bool was_adopted(Interval range) const;
  Status check_head(std::size_t unit);
  Status check_payload(std::size_t unit);
  std::optional<Hasher> digest_for(const internal::Unit& unit) const;
  Status judge(std::size_t unit, std::uint64_t computed, std::optional<Hasher>& digest,
               Bytes payload);
  Status roll(std::size_t unit);

  const std::vector<Interval>& wanted_pieces();

  Options options;
  Receiver& receiver;
  bool declared;     // the caller has said the total
  RangeSet trusted;  // verified by a restored state
  internal::Input input;
  internal::RecordMap record_map;
  internal::Assembler assembler;
  Status failure;
  bool told = false;              // structure() was called
  RangeSet adopted;               // adopted, and not fed since
  std::vector<std::byte> buffer;  // the record that is being read

  // A payload that is hashed as it arrives.
  struct Rolling {
    std::size_t unit = 0;
    std::uint64_t position = 0;
    Xxh3Stream hash;
    std::optional<Hasher> digest;
  };
  std::optional<Rolling> rolling;
  std::set<std::size_t> rolls;  // units that are hashed so, now or later

  // The payloads that hold what is wanted, as far as they are known.
  std::optional<std::vector<Interval>> pieces;
  std::vector<std::uint32_t> unresolved;  // groups
  std::optional<plan::Planner> planner;
};

}  // namespace bbz::push
