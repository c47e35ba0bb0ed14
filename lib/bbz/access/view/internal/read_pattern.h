// ReadPattern: decides how far ahead of a reader to decode.
#pragma once

#include <cstdint>

namespace bbz::view {

// Watches the reads of one open file for sequential runs. It looks ahead as far as the run has
// read, so that no more is decoded in vain than was read: a few small reads at places that are only
// near one another cause none. It stops at the end of the tensor in which the run began: if one
// tensor is read, only that one is decoded. A run that has gone well beyond that end counts as a
// scan of the whole file.
//
// Reads come a little out of order, because several are answered at a time. They also go a little
// past what a program asked for, because the system reads ahead itself (Linux: 128 KiB, here up to
// 512).
class ReadPattern {
 public:
  static constexpr std::uint64_t kSlack = std::uint64_t{1} << 20;  // allowed disorder of reads
  // Bytes that a run must have read before anything is decoded ahead.
  static constexpr std::uint64_t kPatience = std::uint64_t{256} << 10;
  // Bytes past the end of the tensor after which a run is a scan.
  static constexpr std::uint64_t kBeyond = std::uint64_t{1} << 20;

  // Notes a read of bytes [begin, end) of a file of `size` bytes. `tensor_end` is the end of the
  // tensor in which the read begins. Returns the offset up to which to decode, at most `window`
  // bytes past the end of the run; `end` or less means nothing.
  std::uint64_t note(std::uint64_t begin, std::uint64_t end, std::uint64_t tensor_end,
                     std::uint64_t size, std::uint64_t window);

  // Returns whether the last noted read began a new run.
  bool begun() const { return begun_; }

 private:
  std::uint64_t begin_ = 0;  // the run is [begin_, end_)
  std::uint64_t end_ = 0;
  std::uint64_t read_ = 0;        // bytes of the run's reads
  std::uint64_t tensor_end_ = 0;  // end of the tensor in which the run began
  bool begun_ = false;            // with the last read
};

}  // namespace bbz::view
