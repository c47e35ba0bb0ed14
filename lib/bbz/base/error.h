// Success or failure as a value: Code, Error, Result<T>.
//
// A function that can fail returns Result<T>. The public interface does not throw, print or abort,
// with two exceptions:
// - std::bad_alloc passes through;
// - taking the value of a Result that holds an error, or the error of one that holds none, prints a
//   message and aborts.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace bbz {

// The kind of a failure. The numbers are fixed and never reused: the specification's vectors, the C
// interface and --json output contain them.
enum class Code : int {
  kOk = 0,               // success
  kInvalidArgument = 1,  // the caller asked for something impossible, such as a wrong size
  kIo = 2,               // the operating system, the network, or a Source or Sink failed
  kNotAnArchive = 3,     // the magic number is missing
  kTruncated = 4,        // the bytes end before the structure does
  kChecksum = 5,         // a stored checksum differs from the one computed
  kMalformed = 6,        // the structure breaks a rule of the specification
  kUnsupported = 7,      // this build does not know a version, feature, codec or form
  kLimit = 8,            // a declared or actual size exceeds a limit
  kNotFound = 9,         // there is no such tensor, file or layer
  kExists = 10,          // the output exists already
  kUnsafePath = 11,      // a name would leave the output directory or pass through a link
  kDigestMismatch = 12,  // the content is intact but is not the expected one
  kCancelled = 13,       // the caller asked to stop
  kInternal = 14,        // a defect of bbz itself
  kOutOfMemory = 15,     // memory ran out; only the C interface reports it as a code
  kBase = 16,            // the base of an archive is another one, is damaged, or lacks a tensor
};

// Returns the name of a code in lower case with dashes, such as "not-an-archive", for messages and
// --json. Returns "unknown" for a number that is not a Code.
std::string_view code_name(Code code);

// The remedy for a failure, if its code alone does not suggest one. Messages of the library name no
// option of a front end, so a front end adds its own option for a remedy.
enum class Remedy : int {
  kNone = 0,          // the code suggests a remedy, or there is none
  kPackAsBytes,       // take the file as plain bytes
  kChooseFile,        // select one of the named files
  kChooseOrSeparate,  // select one of the named files, or write each to its own file
  kRepair,            // replace the existing output, or repair it
  kReplace,           // replace the existing output
  kRestart,           // start the download again
  kSalvage,           // salvage the intact parts of the damaged archive
  kRemount,           // unmount what a process that has ended left mounted, then mount again
};

// Where in an archive something failed.
struct ErrorPlace {
  std::string tensor;                     // its name; empty for bytes that are no tensor
  std::uint32_t number = 0;               // number of the tensor
  std::optional<std::uint32_t> chunk{};   // number of the chunk in the tensor, if it is one chunk
  std::optional<std::uint64_t> offset{};  // of the chunk's payload in the archive
};

// A failure.
struct Error {
  Code code = Code::kInternal;    // the kind of the failure
  std::string message;            // one sentence that names what, where, expected and found; UTF-8
  Remedy remedy = Remedy::kNone;  // what the caller can do about it
  // The place that the message names, if it is in a tensor of an archive; else null.
  std::shared_ptr<const ErrorPlace> place{};
};

// Makes an Error without a remedy. Escapes the message as printable() of names.h does, because it
// may contain untrusted names.
Error error_with_message(Code code, const std::string& message);

namespace internal {

// Prints the error to standard error and aborts. Result calls it if value() finds an error.
[[noreturn, gnu::cold]] void end_without_value(const Error& error);
// Prints that there is no error to standard error and aborts. Result calls it if error() finds
// none.
[[noreturn, gnu::cold]] void end_without_error();

}  // namespace internal

// Holds either a T or an Error. Call ok() before value() or error(): taking the one that is missing
// is a defect of the caller, prints a message to standard error and aborts. A Result that was moved
// from still reports the same ok().
template <class T>
class [[nodiscard]] Result {
 public:
  // Holds a value.
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit
  // Holds an error.
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit

  // Returns whether a value is held.
  bool ok() const { return state_.index() == 0; }
  // Returns ok().
  explicit operator bool() const { return ok(); }

  // Returns the value. Aborts if an error is held.
  T& value() & { return held(state_); }
  // Returns the value. Aborts if an error is held.
  const T& value() const& { return held(state_); }
  // Returns the value, to move from. Aborts if an error is held.
  T&& value() && { return std::move(held(state_)); }
  // Returns value().
  T& operator*() & { return value(); }
  // Returns value().
  const T& operator*() const& { return value(); }
  // Returns value(), to move from.
  T&& operator*() && { return std::move(*this).value(); }
  // Returns the address of value().
  T* operator->() { return &value(); }
  // Returns the address of value().
  const T* operator->() const { return &value(); }

  // Returns the error. Aborts if a value is held.
  const Error& error() const& { return failure(state_); }
  // Returns the error, to move from. Aborts if a value is held.
  Error&& error() && { return std::move(failure(state_)); }
  // Returns the code of the error, or kOk if a value is held.
  Code code() const { return ok() ? Code::kOk : error().code; }

 private:
  template <class State>
  static auto& held(State& state) {
    auto* const value = std::get_if<0>(&state);
    if (value == nullptr) [[unlikely]]
      internal::end_without_value(failure(state));
    return *value;
  }
  template <class State>
  static auto& failure(State& state) {
    auto* const error = std::get_if<1>(&state);
    if (error == nullptr) [[unlikely]]
      internal::end_without_error();
    return *error;
  }

  std::variant<T, Error> state_;
};

// Holds success or an Error. A default-constructed one is a success.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  // Holds an error.
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit

  // Returns whether this is a success.
  bool ok() const { return !error_.has_value(); }
  // Returns ok().
  explicit operator bool() const { return ok(); }
  // Returns the error. Aborts if this is a success.
  const Error& error() const& {
    if (!error_) [[unlikely]]
      internal::end_without_error();
    return *error_;
  }
  // Returns the error, to move from. Aborts if this is a success.
  Error&& error() && {
    if (!error_) [[unlikely]]
      internal::end_without_error();
    return std::move(*error_);
  }
  // Returns the code of the error, or kOk for a success.
  Code code() const { return ok() ? Code::kOk : error_->code; }

 private:
  std::optional<Error> error_;
};

// The result of a function that returns nothing but success or failure.
using Status = Result<void>;

}  // namespace bbz

// Joins two tokens, for BBZ_CONCAT.
#define BBZ_CONCAT_INNER(a, b) a##b
// Joins two tokens after the expansion of macros, for BBZ_ASSIGN.
#define BBZ_CONCAT(a, b) BBZ_CONCAT_INNER(a, b)

// Evaluates an expression of type Result<...>. If it is an error, returns the error from the
// enclosing function.
#define BBZ_TRY(expression)                                             \
  do {                                                                  \
    auto bbz_try_result = (expression);                                 \
    if (!bbz_try_result.ok()) return std::move(bbz_try_result).error(); \
  } while (false)

// BBZ_ASSIGN(auto x, f()) declares or assigns x from the value of f(). If f() gives an error, it
// returns the error from the enclosing function. It expands to several statements, so the body of
// an `if` needs braces around it, and a line can have only one.
#define BBZ_ASSIGN(target, expression) \
  BBZ_ASSIGN_INNER(BBZ_CONCAT(bbz_result_, __LINE__), target, expression)
// Expands BBZ_ASSIGN with a name for the result.
#define BBZ_ASSIGN_INNER(result, target, expression)  \
  auto result = (expression);                         \
  if (!result.ok()) return std::move(result).error(); \
  target = std::move(result).value()
