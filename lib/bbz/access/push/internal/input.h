// Input: the bytes that were fed, where they are kept, and what is known of them. Internal to bbz.
#pragma once

#include <unordered_map>
#include <vector>

#include "bbz/access/push/decoder.h"
#include "bbz/access/push/range_set.h"
#include "bbz/access/push/store.h"
#include "bbz/base/checked.h"
#include "bbz/base/error.h"

namespace bbz::internal {

using push::Interval;

// Bytes in memory, in blocks that go when the last of their bytes is released.
class Blocks final : public push::Store {
 public:
  Status write(std::uint64_t offset, Bytes bytes) override;
  Status read(std::uint64_t offset, MutableBytes out) override;
  // Precondition: each byte of `range` was written and not released since.
  void release(Interval range);
  std::uint64_t memory() const { return blocks_.size() * kBlock; }

 private:
  static constexpr std::uint64_t kBlock = 64 * 1024;
  struct Block {
    std::vector<std::byte> bytes;
    std::uint64_t live = 0;
  };
  std::unordered_map<std::uint64_t, Block> blocks_;  // by offset / kBlock
};

class Input {
 public:
  explicit Input(const push::Options& options);

  bool has_store() const { return store_ != &blocks_; }
  // Whether bytes may be kept beyond the record that is being read.
  bool has_room(std::uint64_t more) const {
    return has_store() || blocks_.memory() + more <= memory_ + lent_;
  }

  // Bytes that stay in memory for as long as they are needed do not count against what may.
  void lend(std::uint64_t bytes) { lent_ += bytes; }
  void take_back(std::uint64_t bytes) { lent_ -= bytes; }

  // Takes bytes of which none is there yet. Errors: those of the store; kLimit for too many ranges.
  Status take(std::uint64_t offset, Bytes bytes);
  // The same of bytes that the store has.
  Status adopt(Interval range);
  // After take(): its bytes need not be valid any more.
  void forget_latest() { latest_ = {}; }

  bool has(Interval range) const { return there_.covers(range); }
  const push::RangeSet& there() const { return there_; }
  const push::RangeSet& verified() const { return verified_; }

  // The bytes of a range that is there and was not released, in `buffer` or where they were taken
  // from; valid until take(), forget_latest() or a change of `buffer`.
  Result<Bytes> read(Interval range, std::vector<std::byte>& buffer);
  // XXH3-64 of them, in bounded memory.
  Result<std::uint64_t> hash(Interval range);

  // Each says of a range that is there what came out of it: it is as it should be; it is not needed
  // in memory any more; it is damaged, and must come again.
  void verify(Interval range);
  void release(Interval range);
  void damage(Interval range, Error error);
  // Forgets bytes that are not verified, for want of room.
  void drop(Interval range);

  std::vector<push::Damage> damages() const;
  const push::Damage* first_damage() const;

 private:
  Status check_ranges(Interval range) const;

  Blocks blocks_;
  push::Store* store_;
  std::uint64_t memory_;
  std::uint64_t lent_ = 0;
  std::size_t most_ranges_;
  push::RangeSet there_;     // fed and not damaged
  push::RangeSet verified_;  // of these, what is verified
  push::RangeSet released_;  // without a store: what is there, but not in memory any more
  std::uint64_t latest_offset_ = 0;
  Bytes latest_;                                   // of the last take()
  std::map<std::uint64_t, push::Damage> damages_;  // by begin
};

}  // namespace bbz::internal
