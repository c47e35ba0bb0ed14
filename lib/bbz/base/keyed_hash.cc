#include "bbz/base/keyed_hash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <new>

namespace bbz {
namespace {

// OpenSSL fails where this is asked only if it cannot allocate, or if a policy disables GMAC.
void require(bool succeeded) {
  if (!succeeded) throw std::bad_alloc();
}

}  // namespace

struct KeyedHash::State {
  struct Free {
    void operator()(EVP_MAC_CTX* mac) const { EVP_MAC_CTX_free(mac); }
  };
  using Context = std::unique_ptr<EVP_MAC_CTX, Free>;

  Context context;  // that has the key, and no bytes yet
};

KeyedHash::KeyedHash() : state_(std::make_unique<State>()) {
  // The same nonce for all ranges is fine, because no value is shown.
  std::array<unsigned char, 16> key{};
  std::array<unsigned char, 12> nonce{};
  std::string cipher = "AES-128-GCM";
  require(RAND_bytes(key.data(), static_cast<int>(key.size())) == 1);
  EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "GMAC", nullptr);
  require(mac != nullptr);
  state_->context.reset(EVP_MAC_CTX_new(mac));
  EVP_MAC_free(mac);  // the context keeps it
  require(state_->context != nullptr);
  const std::array<OSSL_PARAM, 3> parameters = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_IV, nonce.data(), nonce.size()),
      OSSL_PARAM_construct_end()};
  require(EVP_MAC_init(state_->context.get(), key.data(), key.size(), parameters.data()) == 1);
}

KeyedHash::~KeyedHash() = default;

KeyedHash::Value KeyedHash::of(Bytes bytes) const {
  const State::Context context(EVP_MAC_CTX_dup(state_->context.get()));
  require(context != nullptr);
  Value value{};
  std::size_t length = 0;
  require(EVP_MAC_update(context.get(), reinterpret_cast<const unsigned char*>(bytes.data()),
                         bytes.size()) == 1);
  require(EVP_MAC_final(context.get(), reinterpret_cast<unsigned char*>(value.data()), &length,
                        value.size()) == 1);
  return value;
}

}  // namespace bbz
