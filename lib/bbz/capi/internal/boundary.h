// The boundary between C and C++: turns results into codes, stops exceptions, and copies structs by
// their size.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <stdexcept>
#include <string>

#include "bbz/archive/base.h"
#include "bbz/archive/reader.h"
#include "bbz/base/format.h"
#include "bbz/capi/core.h"
#include "bbz/io/source.h"

// The outcome of a call.
struct bbz_error {
  bbz_code code = BBZ_OK;
  std::string message;
  std::shared_ptr<const bbz::ErrorPlace> place;
};

// The handle of a source.
struct bbz_source {
  std::shared_ptr<bbz::io::Source> source;
};

// The handle of a reader.
struct bbz_reader {
  std::shared_ptr<const bbz::Reader> reader;
};

// The handle of a base.
struct bbz_base {
  std::shared_ptr<bbz::Base> base;
};

namespace bbz::capi {

// Stores an outcome in `error`, if it is not null, and returns its code. The text is copied, or
// left out if there is no memory for it.
bbz_code set_outcome(bbz_error* error, Code code, const char* message) noexcept;
// Stores an outcome and moves its text.
bbz_code set_outcome(bbz_error* error, Status&& status) noexcept;

// Runs the body of a C function, and returns its Status, or the exception that leaves it, as a
// code.
template <class Body>
bbz_code guarded(bbz_error* error, Body&& body) noexcept {
  try {
    return set_outcome(error, body());
  } catch (const std::bad_alloc&) {
    return set_outcome(error, Code::kOutOfMemory, "out of memory");
  } catch (const std::length_error&) {  // from a container that would be longer than it can be
    return set_outcome(error, Code::kOutOfMemory, "out of memory");
  } catch (const std::exception& exception) {
    return set_outcome(error, Code::kInternal, exception.what());
  } catch (...) {
    return set_outcome(error, Code::kInternal, "an exception of unknown type");
  }
}

// The size that a struct had when it came into the interface, which is the least that a caller may
// state. Specialise it for a struct that has grown, with the end of its first version's last field.
template <class Struct>
inline constexpr std::size_t kFirstSize = sizeof(Struct);

// Returns the caller's options, or the defaults for null. Errors: kInvalidArgument, kUnsupported.
template <class Struct>
Result<Struct> read_struct(const Struct* given, const char* name) {
  Struct known{};
  if (given == nullptr) return known;
  if (given->struct_size < kFirstSize<Struct>) {
    return make_error(Code::kInvalidArgument, "{}: struct_size {}, expected at least {}", name,
                      given->struct_size, kFirstSize<Struct>);
  }
  if (given->struct_size > sizeof(Struct)) {
    const auto bytes = std::as_bytes(std::span(given, 1)).data();
    const Bytes unknown(bytes + sizeof(Struct), given->struct_size - sizeof(Struct));
    if (std::ranges::any_of(unknown, [](std::byte b) { return b != std::byte{0}; })) {
      return make_error(Code::kUnsupported, "{}: a field after byte {} belongs to a later version",
                        name, sizeof(Struct));
    }
  }
  std::memcpy(&known, given, std::min(given->struct_size, sizeof(Struct)));
  return known;
}

// Copies as much of a struct as the caller has room for. Errors: kInvalidArgument.
template <class Struct>
Status write_struct(const Struct& value, Struct* out, const char* name) {
  const std::size_t size = out->struct_size;
  if (size < kFirstSize<Struct>) {
    return make_error(Code::kInvalidArgument, "{}: struct_size {}, expected at least {}", name,
                      size, kFirstSize<Struct>);
  }
  std::memcpy(out, &value, std::min(size, sizeof(Struct)));
  out->struct_size = size;
  if (size > sizeof(Struct)) {
    std::memset(reinterpret_cast<std::byte*>(out) + sizeof(Struct), 0, size - sizeof(Struct));
  }
  return {};
}

// Checks that a list has an entry of this number. Errors: kInvalidArgument.
Status check_number(const char* what, std::uint64_t number, std::uint64_t count);

// Returns the caller's buffer. Errors: kInvalidArgument for null with a size.
Result<MutableBytes> buffer_of(void* buffer, std::size_t size);

// Makes the error for a callback that returned a failure: "NAME: WHAT: the system's text".
Error callback_error(std::string_view name, std::string_view what, std::int64_t result);

// Returns what the caller's handle stands for, or null for null.
inline std::shared_ptr<Base> base_of(const bbz_base* given) {
  return given == nullptr ? nullptr : given->base;
}

// Returns the caller's limits, or the defaults for null. Errors: kInvalidArgument, kUnsupported.
Result<Limits> limits_of(const bbz_limits* given);

// Copies at most Size - 1 bytes of a text, and appends a zero byte.
template <std::size_t Size>
void copy_text(std::string_view text, char (&out)[Size]) {
  const std::size_t length = std::min(text.size(), Size - 1);
  std::ranges::copy(text.substr(0, length), out);
  out[length] = '\0';
}

}  // namespace bbz::capi

// Refuses a null argument, in the body of a C function.
#define BBZ_REQUIRE(pointer)                                                            \
  do {                                                                                  \
    if ((pointer) == nullptr) {                                                         \
      return bbz::error_with_message(bbz::Code::kInvalidArgument, #pointer " is null"); \
    }                                                                                   \
  } while (false)
