#include "bbz/base/hash.h"

#include <openssl/evp.h>

#include <algorithm>
#include <new>
#include <string_view>

#include "bbz/base/cpu.h"
#include "bbz/base/internal/xxh3_kernel.h"

namespace bbz {
namespace xxh3 {
namespace {

// Compiled for the baseline of the machine: SSE2 or NEON.
constexpr Kernel kPlainKernel = {"plain", hash64, update, blocks};

std::vector<const Kernel*> find_kernels() {
  std::vector<const Kernel*> found;
#if defined(__x86_64__)
  if (cpu::features().avx512f) found.push_back(&kAvx512Kernel);
  if (cpu::features().avx2) found.push_back(&kAvx2Kernel);
#endif
  found.push_back(&kPlainKernel);
  return found;
}

const Kernel& best() {
  static const Kernel& kernel = *kernels().front();
  return kernel;
}

}  // namespace

const std::vector<const Kernel*>& kernels() {
  static const std::vector<const Kernel*> found = find_kernels();
  return found;
}

Accumulators first_accumulators() {
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  Accumulators accumulators;
  std::copy(std::begin(state.acc), std::end(state.acc), accumulators.begin());
  return accumulators;
}

const std::uint8_t* secret() {
  return XXH3_kSecret;
}

std::uint64_t finish(const Accumulators& accumulators, const void* range, std::size_t size,
                     std::size_t blocks) {
  const auto* in = static_cast<const std::uint8_t*>(range);
  if (blocks == 0) return best().hash64(in, size);
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  std::copy(accumulators.begin(), accumulators.end(), state.acc);
  in += blocks * kBlock;
  state.totalLen = blocks * kBlock;
  // The last stripe of a hash may include bytes of the block before.
  std::copy(in - XXH_STRIPE_LEN, in, std::end(state.buffer) - XXH_STRIPE_LEN);
  best().update(&state, in, size - blocks * kBlock);
  return XXH3_64bits_digest(&state);
}

}  // namespace xxh3

std::uint64_t xxh3_64(Bytes bytes) {
  return xxh3::best().hash64(bytes.data(), bytes.size());
}

std::uint32_t check32(Bytes bytes, std::uint64_t seed) {
  const std::uint64_t hash =
      seed == 0 ? xxh3_64(bytes) : XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
  return static_cast<std::uint32_t>(hash);
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
  xxh3::best().update(&state_->xxh, bytes.data(), bytes.size());
}

std::uint64_t Xxh3Stream::digest64() const {
  return XXH3_64bits_digest(&state_->xxh);
}

Xxh3Follower::Xxh3Follower(Bytes range) : range_(range), progress_{xxh3::first_accumulators(), 0} {}

void Xxh3Follower::advance(std::size_t ready) {
  if (range_.empty()) return;
  const std::size_t at = progress_.blocks * xxh3::kBlock;
  const std::size_t blocks = (std::min(ready, range_.size() - 1) - at) / xxh3::kBlock;
  xxh3::best().blocks(progress_.accumulators, range_.data() + at, blocks);
  progress_.blocks += blocks;
}

std::uint64_t Xxh3Follower::finish() const {
  return xxh3::finish(progress_.accumulators, range_.data(), range_.size(), progress_.blocks);
}

struct Hasher::State {
  explicit State(DigestKind k) : kind(k) {
    if (kind == DigestKind::kXxh3_128) {
      XXH3_128bits_reset(&xxh);
      return;
    }
    // OpenSSL fails here only if it cannot allocate, or if a policy disables SHA-256.
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
    xxh3::best().update(&state_->xxh, bytes.data(), bytes.size());
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
