#include "bbz/base/hash.h"

#include <openssl/evp.h>

#include <algorithm>
#include <new>
#include <string_view>

// Inlined, so that the code takes the vector width that the compiler is told to use and nothing
// that links with bbz has to link with xxHash.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace bbz {

std::uint64_t xxh3_64(Bytes bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

struct Xxh3Stream::State {
  XXH3_state_t xxh;
};

Xxh3Stream::Xxh3Stream() : state_(std::make_unique<State>()) {
  XXH3_64bits_reset(&state_->xxh);
}
Xxh3Stream::~Xxh3Stream() = default;
Xxh3Stream::Xxh3Stream(Xxh3Stream&&) noexcept = default;
Xxh3Stream& Xxh3Stream::operator=(Xxh3Stream&&) noexcept = default;

void Xxh3Stream::update(Bytes bytes) {
  XXH3_64bits_update(&state_->xxh, bytes.data(), bytes.size());
}

std::uint64_t Xxh3Stream::digest64() const {
  return XXH3_64bits_digest(&state_->xxh);
}

struct Hasher::State {
  explicit State(DigestKind k) : kind(k) {
    if (kind == DigestKind::kXxh3_128) {
      XXH3_128bits_reset(&xxh);
      return;
    }
    // OpenSSL fails here only where it cannot allocate, or where SHA-256 is disabled by policy.
    sha = EVP_MD_CTX_new();
    if (sha == nullptr || EVP_DigestInit_ex(sha, EVP_sha256(), nullptr) != 1) {
      EVP_MD_CTX_free(sha);
      throw std::bad_alloc();
    }
  }
  ~State() { EVP_MD_CTX_free(sha); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  DigestKind kind;
  XXH3_state_t xxh{};
  EVP_MD_CTX* sha = nullptr;
};

Hasher::Hasher(DigestKind kind) : state_(std::make_unique<State>(kind)) {}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::update(Bytes bytes) {
  if (state_->kind == DigestKind::kXxh3_128) {
    XXH3_128bits_update(&state_->xxh, bytes.data(), bytes.size());
  } else {
    EVP_DigestUpdate(state_->sha, bytes.data(), bytes.size());
  }
}

Digest Hasher::finish() {
  Digest digest;
  digest.kind = state_->kind;
  auto* out = reinterpret_cast<unsigned char*>(digest.bytes.data());
  if (digest.kind == DigestKind::kXxh3_128) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state_->xxh));
    std::copy(std::begin(canonical.digest), std::end(canonical.digest), out);
  } else {
    EVP_DigestFinal_ex(state_->sha, out, nullptr);
  }
  return digest;
}

Digest digest_of(DigestKind kind, Bytes bytes) {
  Hasher hasher(kind);
  hasher.update(bytes);
  return hasher.finish();
}

std::string to_hex(Bytes bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (const std::byte b : bytes) {
    hex += kDigits[std::to_integer<unsigned>(b >> 4)];
    hex += kDigits[std::to_integer<unsigned>(b & std::byte{15})];
  }
  return hex;
}

std::string Digest::to_string() const {
  return (kind == DigestKind::kSha256 ? "sha256:" : "xxh3-128:") + to_hex(view());
}

}  // namespace bbz
