// Input: the bytes that were fed, where they are kept, and what is known of them.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "bbz/access/push/decoder.h"
#include "bbz/access/push/range_set.h"
#include "bbz/access/push/store.h"
#include "bbz/base/checked.h"
#include "bbz/base/error.h"
#include "bbz/base/hash.h"

namespace bbz::push::internal {

// Keeps bytes in memory, in blocks that are freed when the last of their bytes is released.
class Blocks final : public Store {
 public:
  Status write(std::uint64_t offset, Bytes bytes) override;
  Status read(std::uint64_t offset, MutableBytes out) override;
  // Releases bytes. Precondition: each byte of `range` was written and not released since.
  void release(Interval range);
  // Returns the bytes of memory that the blocks take.
  std::uint64_t memory() const { return blocks_.size() * kBlock; }

 private:
  static constexpr std::uint64_t kBlock = 64 * 1024;
  struct Block {
    std::vector<std::byte> bytes;
    std::uint64_t live = 0;
  };
  std::unordered_map<std::uint64_t, Block> blocks_;  // by offset / kBlock
};

// Keeps the bytes that were fed, and records which are verified, released or damaged.
class Input {
 public:
  // Takes the store and the limits from the options.
  explicit Input(const Options& options);

  // Returns whether bytes are kept in a store of the caller's.
  bool has_store() const { return store_ != &blocks_; }
  // Returns whether `more` bytes may be kept beyond the record that is being read.
  bool has_room(std::uint64_t more) const {
    return has_store() || blocks_.memory() + more <= memory_ + lent_;
  }

  // Excepts bytes from the limit on memory, as long as they are needed; take_back() ends that.
  void lend(std::uint64_t bytes) { lent_ += bytes; }
  // Ends the exception of bytes from the limit on memory.
  void take_back(std::uint64_t bytes) { lent_ -= bytes; }

  // Takes bytes, none of which is there yet. Errors: those of the store; kLimit if there would be
  // too many ranges.
  Status take(std::uint64_t offset, Bytes bytes);
  // Takes bytes that the store has. Errors: kLimit.
  Status adopt(Interval range);
  // Ends the use of the bytes that were passed to take(): they need not stay valid.
  void forget_latest() { latest_ = {}; }

  // Returns whether all bytes of a range are there.
  bool has(Interval range) const { return there_.covers(range); }
  // Returns the bytes that are there.
  const RangeSet& there() const { return there_; }
  // Returns the bytes that are verified.
  const RangeSet& verified() const { return verified_; }

  // Returns bytes that are there and were not released: in `buffer`, or where they were passed
  // from. Valid until take(), forget_latest() or a change of `buffer`.
  Result<Bytes> read(Interval range, std::vector<std::byte>& buffer);
  // Returns the XXH3-64 of bytes that are there, in bounded memory, and adds them to `digest`, if
  // there is one.
  Result<std::uint64_t> hash(Interval range, std::optional<Hasher>& digest);

  // Records that bytes are correct. Precondition of this and the next two: the bytes are there.
  void verify(Interval range);
  // Records that bytes are no longer needed in memory.
  void release(Interval range);
  // Records that bytes are wrong, and must come again. Errors: `error` itself if the range is
  // empty, because no bytes could mend it.
  Status damage(Interval range, Error error);
  // Forgets bytes that are not verified, to make room.
  void drop(Interval range);

  // Returns the damages, by offset.
  std::vector<Damage> damages() const;
  // Returns the number of damages.
  std::size_t damage_count() const { return damages_.size(); }
  // Returns the damage with the lowest offset that was found at least `times` times, or nullptr.
  const Damage* first_damage(std::uint32_t times = 1) const;

 private:
  Status check_ranges(Interval range) const;

  Blocks blocks_;
  Store* store_;
  std::uint64_t memory_;
  std::uint64_t lent_ = 0;
  std::size_t most_ranges_;
  RangeSet there_;     // fed or adopted, and not damaged
  RangeSet verified_;  // the verified part of `there_`
  RangeSet released_;  // without a store: fed, but no longer in memory
  std::uint64_t latest_offset_ = 0;
  Bytes latest_;                             // passed to the last take()
  std::map<std::uint64_t, Damage> damages_;  // by begin
};

}  // namespace bbz::push::internal
