// Little-endian fields in byte buffers: WireWriter appends them, and WireReader reads them.
//
// The encode and decode functions of a structure are side by side and name the same fields in the
// same order. A WireReader never reads past its end: such a read returns zero or an empty range,
// and ok() is false from then on. So a decoder needs only one check, finished() at its end.
#pragma once

#include <bit>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "bbz/base/checked.h"

namespace bbz {

static_assert(std::endian::native == std::endian::little,
              "bbz runs on little-endian machines only; the format is little-endian");

// Returns the unsigned integer of sizeof(T) bytes at p. Precondition: p points to that many bytes.
template <class T>
T load_le(const void* p) {
  static_assert(std::is_unsigned_v<T>);
  T value;
  std::memcpy(&value, p, sizeof(T));
  return value;
}

// Writes an unsigned integer to the sizeof(T) bytes at p. Precondition: p points to that many
// bytes.
template <class T>
void store_le(void* p, T value) {
  static_assert(std::is_unsigned_v<T>);
  std::memcpy(p, &value, sizeof(T));
}

// Returns the bytes that WireWriter::put_varint() makes of a value.
constexpr std::size_t varint_size(std::uint64_t value) {
  return value == 0 ? 1 : (static_cast<std::size_t>(std::bit_width(value)) + 6) / 7;
}

// Appends fields to a buffer that the caller owns and that must outlive the writer.
class WireWriter {
 public:
  explicit WireWriter(std::vector<std::byte>& out) : out_(out) {}

  // Appends an unsigned integer of sizeof(T) bytes.
  template <class T>
  void put(T value) {
    static_assert(std::is_unsigned_v<T>);
    const std::size_t at = out_.size();
    out_.resize(at + sizeof(T));
    store_le(out_.data() + at, value);
  }
  // Appends an integer as LEB128: seven bits a byte, lowest first, with the top bit set in all
  // bytes but the last.
  void put_varint(std::uint64_t value) {
    while (value >= 0x80) {
      out_.push_back(static_cast<std::byte>(value | 0x80));
      value >>= 7;
    }
    out_.push_back(static_cast<std::byte>(value));
  }
  // Appends the bytes, without their number.
  void put_bytes(Bytes bytes) {
    const std::size_t begin = out_.size();
    out_.resize(begin + bytes.size());
    if (!bytes.empty()) std::memcpy(out_.data() + begin, bytes.data(), bytes.size());
  }
  void put_bytes(std::string_view text) { put_bytes(std::as_bytes(std::span(text))); }

 private:
  std::vector<std::byte>& out_;
};

// Reads fields from a buffer that the caller owns and that must outlive the reader.
class WireReader {
 public:
  explicit WireReader(Bytes in) : rest_(in) {}

  // Reads an unsigned integer of sizeof(T) bytes.
  template <class T>
  T get() {
    static_assert(std::is_unsigned_v<T>);
    if (rest_.size() < sizeof(T)) {
      fail();
      return 0;
    }
    const T value = load_le<T>(rest_.data());
    rest_ = rest_.subspan(sizeof(T));
    return value;
  }
  // Reads an integer that put_varint() wrote. The read fails if the value does not fit T or takes
  // more bytes than it needs.
  template <class T>
  T get_varint() {
    static_assert(std::is_unsigned_v<T>);
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = get<std::uint8_t>();
      const std::uint64_t bits = byte & 0x7Fu;
      if (bits << shift >> shift != bits || (byte == 0 && shift != 0)) break;
      value |= bits << shift;
      if (byte < 0x80) {
        if (value > std::numeric_limits<T>::max()) break;
        return static_cast<T>(value);
      }
    }
    fail();
    return 0;
  }
  // Returns the next `size` bytes, which stay in the caller's buffer.
  Bytes get_bytes(std::uint64_t size) {
    if (rest_.size() < size) {
      fail();
      return {};
    }
    const Bytes bytes = rest_.first(size);
    rest_ = rest_.subspan(size);
    return bytes;
  }
  // Returns a copy of the next `size` bytes as text. Does not check that they are UTF-8.
  std::string get_string(std::uint64_t size) { return std::string(as_text(get_bytes(size))); }

  // Returns the number of bytes that were not read, or 0 after a failed read.
  std::size_t remaining() const { return rest_.size(); }
  // Returns whether every read so far succeeded.
  bool ok() const { return ok_; }
  // Returns whether every read succeeded and nothing is left over.
  bool finished() const { return ok_ && rest_.empty(); }

 private:
  void fail() {
    ok_ = false;
    rest_ = {};
  }

  Bytes rest_;
  bool ok_ = true;
};

}  // namespace bbz
