#include "bbz/capi/internal/push_adapters.h"

#include "bbz/capi/internal/describe.h"

namespace bbz::capi {
namespace {

// Calls a callback, which may be null, and returns its result.
template <class Callback, class... Arguments>
Status call(const char* name, Callback callback, void* user, Arguments... arguments) {
  if (callback == nullptr) return {};
  const int result = callback(user, arguments...);
  if (result == 0) return {};
  return callback_error(name, "stopped the decoding", result);
}

template <class Callback, class... Arguments>
Status use_store(const char* what, Callback callback, void* user, Arguments... arguments) {
  const int result = callback(user, arguments...);
  if (result == 0) return {};
  return callback_error("the store", what, result);
}

}  // namespace

Status CallbackReceiver::structure(const catalog::Catalog&) {
  return call("structure", callbacks_.structure, callbacks_.user);
}

Status CallbackReceiver::metadata(const catalog::Metadata& metadata, std::string_view value) {
  const bbz_metadata_info info = describe(metadata);
  return call("metadata", callbacks_.metadata, callbacks_.user, &info, value.data(), value.size());
}

Status CallbackReceiver::begin_tensor(const catalog::Tensor& tensor) {
  const bbz_tensor_info info = describe(tensor);
  return call("begin_tensor", callbacks_.begin_tensor, callbacks_.user, tensor.meta.number, &info);
}

Status CallbackReceiver::data(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes) {
  return call("data", callbacks_.data, callbacks_.user, tensor.meta.number, offset, bytes.data(),
              bytes.size());
}

Status CallbackReceiver::recall(const catalog::Tensor& tensor, std::uint64_t offset,
                                MutableBytes bytes) {
  if (callbacks_.recall == nullptr) return push::Receiver::recall(tensor, offset, bytes);
  const int result =
      callbacks_.recall(callbacks_.user, tensor.meta.number, offset, bytes.data(), bytes.size());
  return result == 0 ? Status() : callback_error("recall", "has no bytes", result);
}

Status CallbackReceiver::end_tensor(const catalog::Tensor& tensor) {
  return call("end_tensor", callbacks_.end_tensor, callbacks_.user, tensor.meta.number);
}

Status CallbackReceiver::end_file(const catalog::File& file) {
  const bbz_file_info info = describe(file);
  const auto number = static_cast<std::uint32_t>(&file - decoder_->catalog()->files.data());
  return call("end_file", callbacks_.end_file, callbacks_.user, number, &info);
}

Status CallbackReceiver::failed(const catalog::Tensor& tensor, const catalog::Chunk* chunk,
                                const Error& error) {
  if (callbacks_.failed == nullptr) return error;
  return call("failed", callbacks_.failed, callbacks_.user, tensor.meta.number,
              chunk == nullptr ? BBZ_NONE : chunk->meta.number, static_cast<bbz_code>(error.code),
              error.message.c_str());
}

Status CallbackStore::write(std::uint64_t offset, Bytes bytes) {
  return use_store("cannot write", callbacks_.write, callbacks_.user, offset, bytes.data(),
                   bytes.size());
}

Status CallbackStore::read(std::uint64_t offset, MutableBytes out) {
  return use_store("cannot read", callbacks_.read, callbacks_.user, offset, out.data(), out.size());
}

Status CallbackStore::sync() {
  if (callbacks_.sync == nullptr) return {};
  return use_store("cannot sync", callbacks_.sync, callbacks_.user);
}

}  // namespace bbz::capi
