// Little-endian fields in byte buffers: WireWriter appends them, WireReader takes them back.
//
// A structure's encode and decode functions stand side by side and name the same fields in the same
// order. A WireReader never reads past its end: a read that would do so returns zero (or an empty
// range) and makes ok() false for good, so a decoder checks once, at the end, with finished().
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

// Reads an unsigned integer of sizeof(T) bytes at p. Precondition: that many bytes are there.
template <class T>
T load_le(const void* p) {
  static_assert(std::is_unsigned_v<T>);
  T value;
  std::memcpy(&value, p, sizeof(T));
  return value;
}

template <class T>
void store_le(void* p, T value) {
  static_assert(std::is_unsigned_v<T>);
  std::memcpy(p, &value, sizeof(T));
}

class WireWriter {
 public:
  explicit WireWriter(std::vector<std::byte>& out) : out_(out) {}

  template <class T>
  void put(T value) {
    static_assert(std::is_unsigned_v<T>);
    const std::size_t at = out_.size();
    out_.resize(at + sizeof(T));
    store_le(out_.data() + at, value);
  }
  // LEB128: seven bits a byte, lowest first, the top bit set on all bytes but the last.
  void put_varint(std::uint64_t value) {
    while (value >= 0x80) {
      out_.push_back(static_cast<std::byte>(value | 0x80));
      value >>= 7;
    }
    out_.push_back(static_cast<std::byte>(value));
  }
  void put_bytes(Bytes bytes) {
    const std::size_t begin = out_.size();
    out_.resize(begin + bytes.size());
    if (!bytes.empty()) std::memcpy(out_.data() + begin, bytes.data(), bytes.size());
  }
  void put_bytes(std::string_view text) { put_bytes(std::as_bytes(std::span(text))); }

 private:
  std::vector<std::byte>& out_;
};

class WireReader {
 public:
  explicit WireReader(Bytes in) : rest_(in) {}

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
  // Takes what put_varint writes and nothing else: a value that does not fit T, or in more bytes
  // than it needs, is a failed read.
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
  // The next `size` bytes, still in the caller's buffer.
  Bytes get_bytes(std::uint64_t size) {
    if (rest_.size() < size) {
      fail();
      return {};
    }
    const Bytes bytes = rest_.first(size);
    rest_ = rest_.subspan(size);
    return bytes;
  }
  std::string get_string(std::uint64_t size) { return std::string(as_text(get_bytes(size))); }

  std::size_t remaining() const { return rest_.size(); }
  bool ok() const { return ok_; }
  // Every read succeeded and nothing is left over.
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
