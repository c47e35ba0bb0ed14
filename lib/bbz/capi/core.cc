#include "bbz/capi/core.h"

#include <cerrno>
#include <system_error>

#include "bbz/base/dtype.h"
#include "bbz/base/threads.h"
#include "bbz/capi/internal/boundary.h"
#include "bbz/codec/codec.h"
#include "bbz/format/container/constants.h"

namespace bbz::capi {
namespace {

constexpr bool is_pinned(Code code, int number) {
  return static_cast<int>(code) == number;
}
static_assert(BBZ_ALL_CORES == kAllCores);
static_assert(is_pinned(Code::kOk, BBZ_OK));
static_assert(is_pinned(Code::kInvalidArgument, BBZ_ERROR_INVALID_ARGUMENT));
static_assert(is_pinned(Code::kIo, BBZ_ERROR_IO));
static_assert(is_pinned(Code::kNotAnArchive, BBZ_ERROR_NOT_AN_ARCHIVE));
static_assert(is_pinned(Code::kTruncated, BBZ_ERROR_TRUNCATED));
static_assert(is_pinned(Code::kChecksum, BBZ_ERROR_CHECKSUM));
static_assert(is_pinned(Code::kMalformed, BBZ_ERROR_MALFORMED));
static_assert(is_pinned(Code::kUnsupported, BBZ_ERROR_UNSUPPORTED));
static_assert(is_pinned(Code::kLimit, BBZ_ERROR_LIMIT));
static_assert(is_pinned(Code::kNotFound, BBZ_ERROR_NOT_FOUND));
static_assert(is_pinned(Code::kExists, BBZ_ERROR_EXISTS));
static_assert(is_pinned(Code::kUnsafePath, BBZ_ERROR_UNSAFE_PATH));
static_assert(is_pinned(Code::kDigestMismatch, BBZ_ERROR_DIGEST_MISMATCH));
static_assert(is_pinned(Code::kCancelled, BBZ_ERROR_CANCELLED));
static_assert(is_pinned(Code::kInternal, BBZ_ERROR_INTERNAL));
static_assert(is_pinned(Code::kOutOfMemory, BBZ_ERROR_OUT_OF_MEMORY));
static_assert(is_pinned(Code::kBase, BBZ_ERROR_BASE));

}  // namespace

bbz_code set_outcome(bbz_error* error, Code code, const char* message) noexcept {
  if (error != nullptr) {
    error->code = static_cast<int>(code);
    error->place.reset();
    error->message.clear();
    try {
      error->message = message;
    } catch (...) {  // bbz_error_message then returns the code's name
    }
  }
  return static_cast<int>(code);
}

bbz_code set_outcome(bbz_error* error, Status&& status) noexcept {
  const int code = static_cast<int>(status.code());
  if (error != nullptr) {
    error->code = code;
    error->place.reset();
    error->message.clear();
    if (!status.ok()) {
      Error failure = std::move(status).error();
      error->message = std::move(failure.message);
      error->place = std::move(failure.place);
    }
  }
  return code;
}

Status check_number(const char* what, std::uint64_t number, std::uint64_t count) {
  if (number < count) return {};
  return make_error(Code::kInvalidArgument, "{} {}: expected a number below {}", what, number,
                    count);
}

Result<MutableBytes> buffer_of(void* buffer, std::size_t size) {
  if (buffer == nullptr && size != 0) {
    return make_error(Code::kInvalidArgument, "buffer is null, expected {} bytes", size);
  }
  return MutableBytes(static_cast<std::byte*>(buffer), size);
}

Error callback_error(std::string_view name, std::string_view what, std::int64_t result) {
  const bool is_errno = result < 0 && result >= -4096;
  const int number = is_errno ? static_cast<int>(-result) : EIO;
  return make_error(number == ECANCELED ? Code::kCancelled : Code::kIo, "{}: {}: {}", name, what,
                    is_errno ? std::generic_category().message(number)
                             : fmt::format("the callback returned {}", result));
}

Result<Limits> limits_of(const bbz_limits* given) {
  BBZ_ASSIGN(const bbz_limits known, read_struct(given, "bbz_limits"));
  Limits limits;
  const auto set = [](std::uint64_t& limit, std::uint64_t value) {
    if (value != 0) limit = value;
  };
  set(limits.index_bytes, known.index_bytes);
  set(limits.chunk_bytes, known.chunk_bytes);
  set(limits.metadata_bytes, known.metadata_bytes);
  set(limits.group_bytes, known.group_bytes);
  set(limits.name_bytes, known.name_bytes);
  set(limits.rank, known.rank);
  set(limits.files, known.files);
  set(limits.tensors, known.tensors);
  set(limits.chunks, known.chunks);
  set(limits.unpacked_bytes, known.unpacked_bytes);
  return limits;
}

}  // namespace bbz::capi

const char* bbz_version_string(void) noexcept {
  return BBZ_VERSION;
}

uint32_t bbz_abi_version(void) noexcept {
  return BBZ_ABI_MAJOR << 16 | BBZ_ABI_MINOR;
}

uint32_t bbz_format_version(void) noexcept {
  return std::uint32_t{bbz::container::kMajor} << 16 | bbz::container::kMinor;
}

const char* bbz_code_name(bbz_code code) noexcept {
  // Names are literals, so they end with a zero byte.
  return bbz::code_name(static_cast<bbz::Code>(code)).data();
}

bbz_error* bbz_error_new(void) noexcept {
  return new (std::nothrow) bbz_error;
}

void bbz_error_free(bbz_error* error) noexcept {
  delete error;
}

bbz_code bbz_error_code(const bbz_error* error) noexcept {
  return error == nullptr ? BBZ_OK : error->code;
}

const char* bbz_error_message(const bbz_error* error) noexcept {
  if (error == nullptr || error->code == BBZ_OK) return "";
  return error->message.empty() ? bbz_code_name(error->code) : error->message.c_str();
}

bbz_code bbz_error_where(const bbz_error* error, bbz_error_place* place) noexcept {
  return bbz::capi::guarded(nullptr, [&]() -> bbz::Status {
    BBZ_REQUIRE(error);
    BBZ_REQUIRE(place);
    bbz_error_place found{};
    found.tensor_number = found.chunk = BBZ_NONE;
    found.offset = BBZ_UNKNOWN;
    if (error->place) {
      found.tensor = error->place->tensor.c_str();
      found.tensor_length = error->place->tensor.size();
      found.tensor_number = error->place->number;
      found.chunk = error->place->chunk.value_or(BBZ_NONE);
      found.offset = error->place->offset.value_or(BBZ_UNKNOWN);
    }
    return bbz::capi::write_struct(found, place, "bbz_error_place");
  });
}

const char* bbz_dtype_name(uint32_t dtype) noexcept {
  if (dtype > 0xFF) return nullptr;
  const auto* info = bbz::find_dtype(static_cast<bbz::DType>(dtype));
  return info == nullptr ? nullptr : info->name.data();  // a literal, so it ends with a zero byte
}

uint32_t bbz_dtype_find(const char* name, size_t length) noexcept {
  if (name == nullptr) return 0;
  const auto* info = bbz::find_dtype(std::string_view(name, length));
  return info == nullptr ? 0 : static_cast<std::uint32_t>(info->dtype);
}

uint32_t bbz_dtype_bits(uint32_t dtype) noexcept {
  if (dtype > 0xFF) return 0;
  const auto* info = bbz::find_dtype(static_cast<bbz::DType>(dtype));
  return info == nullptr ? 0 : static_cast<std::uint32_t>(info->bits);
}

const char* bbz_codec_name(uint32_t codec) noexcept {
  if (codec > 0xFFFF) return nullptr;
  const auto id = static_cast<bbz::codec::CodecId>(codec);
  if (id == bbz::codec::CodecId::kCarried) return "carried";
  if (id == bbz::codec::CodecId::kSame) return "same";
  const auto* info = bbz::codec::find_codec(id);
  return info == nullptr ? nullptr : info->name.data();  // a literal, as above
}
