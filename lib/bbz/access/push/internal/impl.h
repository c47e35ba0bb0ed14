// Decoder::Impl: the parts of a Decoder. Internal to bbz.
#pragma once

#include <set>

#include "bbz/access/plan/plan.h"
#include "bbz/access/push/internal/handout.h"

namespace bbz::push {

struct Decoder::Impl {
  Impl(const Options& options, Receiver& receiver);

  Status check_range(Interval range) const;
  Status check_memory(Interval range) const;
  Status take(std::uint64_t offset, Bytes bytes);
  Status absorb(Interval fresh);
  Status check_unit(std::size_t unit);
  bool was_adopted(Interval range) const;
  Status check_head(std::size_t unit);
  Status check_payload(std::size_t unit);
  Status judge(std::size_t unit, std::uint64_t computed, Bytes payload);
  Status roll(std::size_t unit);

  const std::vector<Interval>& wanted_pieces();

  Options options;
  Receiver& receiver;
  bool declared;  // the total was, by the caller
  internal::Input input;
  internal::Outline outline;
  internal::Handout handout;
  Status failure;
  bool told = false;              // structure() was called
  RangeSet trusted;               // of a state that was restored
  RangeSet adopted;               // and not come again since
  std::vector<std::byte> buffer;  // the record that is read

  // A payload that is hashed as it comes.
  struct Rolling {
    std::size_t unit = 0;
    std::uint64_t position = 0;
    Xxh3Stream hash;
  };
  std::optional<Rolling> rolling;
  std::set<std::size_t> rolls;  // the units whose turn it is, or will be

  // The payloads that hold what is wanted, as far as it is known which.
  std::optional<std::vector<Interval>> pieces;
  std::vector<std::uint32_t> unresolved;  // groups
  std::optional<plan::Planner> planner;
};

}  // namespace bbz::push
