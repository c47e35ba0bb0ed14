// Adapts the caller's callbacks to the interfaces of the push decoder.
#pragma once

#include <cstddef>

#include "bbz/access/push/decoder.h"
#include "bbz/capi/internal/boundary.h"
#include "bbz/capi/push.h"

namespace bbz::capi {

// It has grown by `recall`.
template <>
inline constexpr std::size_t kFirstSize<bbz_receiver> = offsetof(bbz_receiver, failed) +
                                                        sizeof(bbz_receiver::failed);

// Calls a bbz_receiver. A failure of a callback becomes an Error, as in bbz_callbacks.
class CallbackReceiver final : public push::Receiver {
 public:
  // Copies the callbacks; null ones are not called.
  explicit CallbackReceiver(const bbz_receiver& callbacks) : callbacks_(callbacks) {}
  // Sets the decoder whose catalog has the files of end_file(). Call it before anything is fed.
  void set_decoder(const push::Decoder& decoder) { decoder_ = &decoder; }

  Status structure(const catalog::Catalog& catalog) override;
  Status metadata(const catalog::Metadata& metadata, std::string_view value) override;
  Status begin_tensor(const catalog::Tensor& tensor) override;
  Status data(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes) override;
  Status recall(const catalog::Tensor& tensor, std::uint64_t offset, MutableBytes bytes) override;
  Status end_tensor(const catalog::Tensor& tensor) override;
  Status end_file(const catalog::File& file) override;
  Status failed(const catalog::Tensor& tensor, const catalog::Chunk* chunk,
                const Error& error) override;

 private:
  bbz_receiver callbacks_;
  const push::Decoder* decoder_ = nullptr;
};

// Keeps bytes through a bbz_store whose `write` and `read` are not null.
class CallbackStore final : public push::Store {
 public:
  // Copies the callbacks.
  explicit CallbackStore(const bbz_store& callbacks) : callbacks_(callbacks) {}

  Status write(std::uint64_t offset, Bytes bytes) override;
  Status read(std::uint64_t offset, MutableBytes out) override;
  Status sync() override;

 private:
  bbz_store callbacks_;
};

}  // namespace bbz::capi
