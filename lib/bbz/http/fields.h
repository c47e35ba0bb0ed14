// The fields of an HTTP response that describe its body (RFC 9110).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bbz/base/error.h"
#include "bbz/io/source.h"

namespace bbz::http {

// The value of Content-Range. "bytes 0-99/1000" is a body with the first 100 bytes of a file of
// 1000 bytes. "bytes */1000", for a range that cannot be served, has no `range`, and "bytes 0-99/*"
// has no `total`.
struct ContentRange {
  std::optional<io::ByteRange> range;
  std::optional<std::uint64_t> total;
};

// Parses the value of Content-Range. Returns nullopt if it is not of this form, if the last byte is
// before the first or not below the total, or if it has neither a range nor a total.
std::optional<ContentRange> parse_content_range(std::string_view value);

// Parses a decimal number of 1 to 19 digits. Returns nullopt for any other text.
std::optional<std::uint64_t> parse_number(std::string_view value);

// Identifies a version of a file.
struct Identity {
  std::string etag;           // empty if the server gave none
  std::string last_modified;  // empty if the server gave none
  std::uint64_t size = 0;     // in bytes

  // Returns the value for If-Range: the ETag if it is strong, else the date, else an empty string.
  std::string if_range() const;
};

// Returns the first difference, such as `ETag "new", expected "old"`, or nullopt if there is
// none. Ignores an ETag or a date that either identity lacks.
std::optional<std::string> difference(const Identity& expected, const Identity& found);

// The status and the fields of a response that bbz uses. Text is empty if the field is missing.
struct ResponseHead {
  int status = 0;
  std::optional<std::uint64_t> content_length;
  std::string content_range;
  std::string content_type;
  std::string content_encoding;
  std::string etag;           // empty if is_etag() is false for the value
  std::string last_modified;  // empty if is_http_date() is false for the value
  std::string location;       // add_line() does not set it
  std::string retry_after;    // seconds or a date

  // Parses one line of a response, with or without its line end. A status line resets everything.
  // Skips a line that continues the one before.
  void add_line(std::string_view line);
};

// Returns whether the same request may succeed later after this status of a failure.
bool is_transient_status(int status);

// Returns the delay that Retry-After asks for, or nullopt if it is missing or a date.
std::optional<std::chrono::seconds> retry_after(const ResponseHead& head);

}  // namespace bbz::http
