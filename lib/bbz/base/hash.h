// The checksums and digests of the format: XXH3 of 64 and 128 bits, and SHA-256.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "bbz/base/checked.h"

namespace bbz {

// XXH3 with 64 bits and seed 0, over one range.
std::uint64_t xxh3_64(Bytes bytes);

// XXH3-64 over several ranges one after the other.
class Xxh3Stream {
 public:
  Xxh3Stream();
  ~Xxh3Stream();
  Xxh3Stream(Xxh3Stream&&) noexcept;
  Xxh3Stream& operator=(Xxh3Stream&&) noexcept;

  void update(Bytes bytes);
  std::uint64_t digest64() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// XXH3-64 of a range of memory that is written or read from its front on: each part is hashed soon
// after, while it is in the cache.
class Xxh3Follower {
 public:
  // How far it is: XXH3's accumulators, and how many blocks of 1024 bytes are in them, of which
  // none has the range's last byte.
  struct Progress {
    std::array<std::uint64_t, 8> accumulators;
    std::size_t blocks;
  };

  // Refers to the range, which may still be empty of what is to be hashed.
  explicit Xxh3Follower(Bytes range);

  // The first `ready` bytes, at least as many as before and at most the range's, will not change
  // any more.
  void advance(std::size_t ready);
  // None will. Returns the hash of all.
  std::uint64_t finish() const;
  // For a loop that takes in blocks itself, next to what fills them.
  Progress& progress() { return progress_; }

 private:
  Bytes range_;
  Progress progress_;
};

// The algorithm of an archive's root digest. The numbers stand in the format.
enum class DigestKind : std::uint8_t {
  kXxh3_128 = 1,  // finds damage; 16 bytes
  kSha256 = 2,    // also resists forgery; 32 bytes
};

// A digest and what made it; unused bytes at the end are zero.
struct Digest {
  DigestKind kind = DigestKind::kXxh3_128;
  std::array<std::byte, 32> bytes{};

  std::size_t size() const { return kind == DigestKind::kSha256 ? 32 : 16; }
  Bytes view() const { return Bytes(bytes).first(size()); }
  // "xxh3-128:..." or "sha256:...", in lower-case hexadecimal.
  std::string to_string() const;
  friend bool operator==(const Digest&, const Digest&) = default;
};

// Computes a Digest over ranges given one after the other.
class Hasher {
 public:
  explicit Hasher(DigestKind kind);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void update(Bytes bytes);
  // Ends the computation; the Hasher must not be used again.
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Digest digest_of(DigestKind kind, Bytes bytes);

// Lower-case hexadecimal of a byte range.
std::string to_hex(Bytes bytes);

}  // namespace bbz
