// Success or failure as a value: Code, Error, Result<T>.
//
// Nothing in bbz throws across a public interface, prints or aborts, with two exceptions: the C++
// runtime's out-of-memory exception is let through, and a Result that is asked for what it does not
// hold ends the program. A function that can fail returns Result<T>.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace bbz {

// What went wrong, by kind. The numbers are pinned: they stand in the specification's vectors, in
// the C interface and in --json output, and are never reused.
enum class Code : int {
  kOk = 0,
  kInvalidArgument =
      1,              // the caller asked for something that cannot be: a wrong size, a bad option
  kIo = 2,            // the operating system, the network or a Source or Sink failed
  kNotAnArchive = 3,  // the magic number is not there
  kTruncated = 4,     // the bytes end before the structure does
  kChecksum = 5,      // a stored checksum differs from the one computed
  kMalformed = 6,     // the structure breaks a rule of the specification
  kUnsupported = 7,   // a version, feature, codec or form that this build does not know
  kLimit = 8,         // a declared or actual size is over a limit
  kNotFound = 9,      // no such tensor, file or layer
  kExists = 10,       // an output is already there
  kUnsafePath = 11,   // a name would leave the output directory or pass through a link
  kDigestMismatch = 12,  // the content is whole but is not the content that was expected
  kCancelled = 13,       // the caller asked to stop
  kInternal = 14,        // a defect of bbz itself
  kOutOfMemory = 15,     // where std::bad_alloc cannot go: the C interface
};

// The code's name in lower case with dashes, for messages and --json: "not-an-archive".
std::string_view code_name(Code code);

// What a caller can do about a failure, if that takes more than its code says. Front ends name their
// own options for it; messages name none.
enum class Remedy : int {
  kNone = 0,
  kPackAsBytes,       // take the file as plain bytes
  kChooseFile,        // select one of the files that are named
  kChooseOrSeparate,  // the same, or write a file for each
  kRepair,            // replace the output that exists, or repair it
  kReplace,           // replace it
  kRestart,           // begin the download anew
  kSalvage,           // save what is whole of the damaged archive
  kRemount,           // unmount what a process that has ended left mounted, then mount again
};

// A failure: its kind, and one sentence that names what, where, expected and found.
struct Error {
  Code code = Code::kInternal;
  std::string message;
  Remedy remedy = Remedy::kNone;
};

// Makes an Error of a message, in which names may stand that others have chosen: what acts on a
// terminal is escaped, as by printable() of names.h.
Error error_with_message(Code code, const std::string& message);

namespace internal {

// Prints the error to standard error and aborts: somebody took the value of a Result without one.
[[noreturn, gnu::cold]] void end_without_value(const Error& error);
// Aborts likewise: somebody took the error of a Result that holds none.
[[noreturn, gnu::cold]] void end_without_error();

}  // namespace internal

// Either a T or an Error. Test with ok() (or as a condition) before value() or error(). Asking for
// the one that is not there is a defect of the caller: it prints the error's message, or that there
// is no error, to standard error and aborts. A Result that was moved from still says which it was.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return held(state_); }
  const T& value() const& { return held(state_); }
  T&& value() && { return std::move(held(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& { return failure(state_); }
  Error&& error() && { return std::move(failure(state_)); }
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

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const& {
    if (!error_) [[unlikely]]
      internal::end_without_error();
    return *error_;
  }
  Error&& error() && {
    if (!error_) [[unlikely]]
      internal::end_without_error();
    return std::move(*error_);
  }
  Code code() const { return ok() ? Code::kOk : error_->code; }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace bbz

#define BBZ_CONCAT_INNER(a, b) a##b
#define BBZ_CONCAT(a, b) BBZ_CONCAT_INNER(a, b)

// Evaluates an expression of type Result<...>; returns its error from the enclosing function.
#define BBZ_TRY(expression)                                             \
  do {                                                                  \
    auto bbz_try_result = (expression);                                 \
    if (!bbz_try_result.ok()) return std::move(bbz_try_result).error(); \
  } while (false)

// BBZ_ASSIGN(auto x, f()): declares or assigns x from f()'s value, or returns f()'s error.
#define BBZ_ASSIGN(target, expression) \
  BBZ_ASSIGN_INNER(BBZ_CONCAT(bbz_result_, __LINE__), target, expression)
#define BBZ_ASSIGN_INNER(result, target, expression)  \
  auto result = (expression);                         \
  if (!result.ok()) return std::move(result).error(); \
  target = std::move(result).value()
