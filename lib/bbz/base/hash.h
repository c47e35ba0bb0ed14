// The checksums and digests of the format: XXH3 of 64 and 128 bits, and SHA-256.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "bbz/base/checked.h"

namespace bbz {

// Returns the 64-bit XXH3 with seed 0 of a range.
std::uint64_t xxh3_64(Bytes bytes);

// Returns the lower 32 bits of the 64-bit XXH3 of a range, with this seed.
std::uint32_t check32(Bytes bytes, std::uint64_t seed = 0);

// Computes the 64-bit XXH3 with seed 0 of several ranges, as if they were one. Not thread-safe.
class Xxh3Stream {
 public:
  Xxh3Stream();
  ~Xxh3Stream();
  // Takes the computation of another stream, which must not be used afterwards.
  Xxh3Stream(Xxh3Stream&&) noexcept;
  // Replaces the computation by that of another stream, which must not be used afterwards.
  Xxh3Stream& operator=(Xxh3Stream&&) noexcept;

  // Appends a range, which need not outlive the call.
  void update(Bytes bytes);
  // Returns the hash of all ranges so far. More may follow.
  std::uint64_t digest64() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Computes the 64-bit XXH3 with seed 0 of a range of memory while something else writes or reads
// that range front to back. Each part is hashed while it is still in the cache.
class Xxh3Follower {
 public:
  // The state of the computation, which advances in blocks of 1024 bytes. The block with the last
  // byte of the range is never among them.
  struct Progress {
    std::array<std::uint64_t, 8> accumulators;  // state of XXH3 after those blocks
    std::size_t blocks;                         // number of blocks from the front of the range
  };

  // Refers to the range, which must outlive the object. Its bytes may be written later.
  explicit Xxh3Follower(Bytes range);

  // Hashes as many blocks of the first `ready` bytes as possible. Those bytes must not change any
  // more. Precondition: `ready` is at least that of the call before and at most the range's size.
  void advance(std::size_t ready);
  // Returns the hash of the whole range. Precondition: all of its bytes are written.
  std::uint64_t finish() const;
  // Returns the state, for a loop that hashes blocks itself while it fills them.
  Progress& progress() { return progress_; }

 private:
  Bytes range_;
  Progress progress_;
};

// The algorithm of a digest. The format stores these numbers.
enum class DigestKind : std::uint8_t {
  kXxh3_128 = 1,  // detects damage; 16 bytes
  kSha256 = 2,    // also resists forgery; 32 bytes
};

// A digest and its algorithm.
struct Digest {
  DigestKind kind = DigestKind::kXxh3_128;  // the algorithm
  std::array<std::byte, 32> bytes{};        // those from size() on are zero

  // Returns the number of bytes that the algorithm gives.
  std::size_t size() const { return kind == DigestKind::kSha256 ? 32 : 16; }
  // Returns the first size() bytes. They belong to this object.
  Bytes view() const { return Bytes(bytes).first(size()); }
  // Returns "xxh3-128:..." or "sha256:...", in lower-case hexadecimal.
  std::string to_string() const;
  // Compares kinds and bytes.
  friend bool operator==(const Digest&, const Digest&) = default;
};

// Computes the digest of several ranges, as if they were one. Not thread-safe.
class Hasher {
 public:
  // Throws std::bad_alloc if memory runs out or a policy of OpenSSL disables SHA-256.
  explicit Hasher(DigestKind kind);
  ~Hasher();
  // Takes the computation of another Hasher, which must not be used afterwards.
  Hasher(Hasher&&) noexcept;
  // Replaces the computation by that of another Hasher, which must not be used afterwards.
  Hasher& operator=(Hasher&&) noexcept;

  // Appends a range, which need not outlive the call.
  void update(Bytes bytes);
  // Returns the digest of all ranges. The Hasher must not be used afterwards.
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Returns the digest of one range.
Digest digest_of(DigestKind kind, Bytes bytes);

// Returns the bytes in lower-case hexadecimal, two digits each.
std::string to_hex(Bytes bytes);

}  // namespace bbz
