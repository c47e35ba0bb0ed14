// KeyedHash: tells whether two ranges of bytes are equal when one of them is gone.
#pragma once

#include <array>
#include <memory>

#include "bbz/base/checked.h"
#include "bbz/base/error.h"

namespace bbz {

// Computes GMAC (NIST SP 800-38D) with a random key that nobody knows. Two ranges of up to 64 MiB that
// differ have the same value with a probability below 2^-100, even if somebody chose them, as long as
// no value is shown to anybody. It is several times as fast as SHA-256. Values of two objects cannot be
// compared.
class KeyedHash {
 public:
  // The hash of a range.
  using Value = std::array<std::byte, 16>;

  // Makes a key. Throws std::bad_alloc if memory or randomness runs out, or a policy of OpenSSL disables
  // GMAC.
  KeyedHash();
  ~KeyedHash();
  KeyedHash(const KeyedHash&) = delete;
  KeyedHash& operator=(const KeyedHash&) = delete;

  // Returns the hash of a range. Thread-safe. Throws std::bad_alloc if memory runs out.
  Value of(Bytes bytes) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bbz
