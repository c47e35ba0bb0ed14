// What codecs share that code symbols with the kernels of split float: the parts of a payload that
// a DecodeJob reads, and memory.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "bbz/base/error.h"
#include "bbz/base/wire.h"
#include "bbz/codec/split/kernel.h"

namespace bbz::codec::split {

// Memory that a thread keeps from chunk to chunk. It is not initialised, so that unused pages are not
// touched.
class ScratchBuffer {
 public:
  // Returns at least so many bytes, whose content is unspecified. Throws std::bad_alloc if memory runs
  // out.
  std::uint8_t* reserve(std::size_t size) {
    if (size_ < size) {
      bytes_ = std::make_unique_for_overwrite<std::uint8_t[]>(size);
      size_ = size;
    }
    return bytes_.get();
  }

 private:
  std::unique_ptr<std::uint8_t[]> bytes_;
  std::size_t size_ = 0;
};

// Returns the number of lanes for so many symbols, as a power of two. The state of each lane takes two
// bytes, so few symbols have few lanes.
inline std::uint8_t choose_lanes_log2(std::uint64_t symbols) {
  return symbols >= (1U << 18)   ? 8
         : symbols >= (1U << 17) ? 7
         : symbols >= (1U << 13) ? 6
         : symbols >= (1U << 11) ? 4
                                 : 3;
}

// Returns the address of bytes for a kernel.
inline const std::uint8_t* bytes_at(Bytes bytes) {
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

// Reads the streams of these sizes, and then as many escapes, into the cursors of a job. The reader is
// not ok() afterwards if they are not there.
void get_symbols(WireReader& in, std::span<const std::uint32_t> stream_sizes,
                 std::uint32_t escape_count, DecodeJob& job);
// Reads the states of the lanes from two bytes each. The name of the codec begins the message of an
// error. Errors: kMalformed.
Status get_states(Bytes bytes, int lanes, std::string_view codec, DecodeJob& job);
// Returns whether a job that is done has consumed all of its streams and escapes, and whether the lanes
// are in the states in which encoding began.
bool is_finished(const DecodeJob& job, int streams, int lanes);

}  // namespace bbz::codec::split
