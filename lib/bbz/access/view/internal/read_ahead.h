// ReadAhead: how far before a reader it is worth decoding. Internal to the room.
#pragma once

#include <cstdint>

namespace bbz::view {

// Watches the reads of one open file for runs that go forward. How far it looks ahead is what the
// run has read, so that never more is decoded in vain than was read: a few small reads at places
// that only lie near one another look nowhere. It stops at the end of the tensor in which the run
// began: if one tensor is read, only that one is decoded. Only a run that has gone well beyond that
// end is taken for a scan of the whole file.
//
// Reads come a little out of order, since several are answered at a time, and go a little past what
// a program asked for, since the system reads ahead itself (Linux: 128 KiB, here up to 512).
class ReadAhead {
 public:
  static constexpr std::uint64_t kSlack = std::uint64_t{1} << 20;       // out of order
  static constexpr std::uint64_t kPatience = std::uint64_t{256} << 10;  // before looking ahead
  static constexpr std::uint64_t kBeyond = std::uint64_t{1} << 20;      // a tensor: a scan

  // Notes a read of bytes [begin, end) of a file of `size` bytes, and returns the offset up to
  // which to decode, at most `window` bytes past the run's end; `end` or less: nothing.
  // `tensor_end` tells where the tensor ends that the read begins in.
  std::uint64_t note(std::uint64_t begin, std::uint64_t end, std::uint64_t tensor_end,
                     std::uint64_t size, std::uint64_t window);

  // Whether the last read that was noted went on from no other.
  bool begun() const { return begun_; }

 private:
  std::uint64_t begin_ = 0;  // the run is [begin_, end_)
  std::uint64_t end_ = 0;
  std::uint64_t read_ = 0;        // bytes of the run's reads
  std::uint64_t tensor_end_ = 0;  // of the tensor in which it began
  bool begun_ = false;            // with the last read
};

}  // namespace bbz::view
