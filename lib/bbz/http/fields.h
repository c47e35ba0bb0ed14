// The fields of an HTTP response that decide about its body: RFC 9110. Internal to bbz.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bbz/base/error.h"
#include "bbz/io/source.h"

namespace bbz::http {

// "bytes 0-99/1000": the bytes that a body holds, of a file of `total` bytes; "bytes */1000", of
// which no bytes could be given, has no range; "bytes 0-99/*" no total.
struct ContentRange {
  std::optional<io::ByteRange> range;
  std::optional<std::uint64_t> total;
};

// Nothing where it breaks a rule: a last byte before the first, or past the total.
std::optional<ContentRange> parse_content_range(std::string_view value);

// A decimal number of up to 19 digits, and nothing else.
std::optional<std::uint64_t> parse_number(std::string_view value);

// What tells one version of a file from another.
struct Identity {
  std::string etag;           // empty where there is none
  std::string last_modified;  // the same
  std::uint64_t size = 0;

  // What If-Range takes: a strong ETag, or else a date; empty where there is neither.
  std::string if_range() const;
};

// How `found` differs from `expected`, in words: `ETag "a", was "b"`; nothing where they agree. A
// field that either does not have says nothing.
std::optional<std::string> difference(const Identity& expected, const Identity& found);

struct ResponseHead {
  int status = 0;
  std::optional<std::uint64_t> content_length;
  std::string content_range;
  std::string content_type;
  std::string content_encoding;
  std::string etag;           // empty if what the server calls so is none
  std::string last_modified;  // likewise
  std::string location;
  std::string retry_after;  // seconds or a date

  // Takes one line of a response, with or without its line end. A status line begins anew. A line
  // that continues the one before is skipped.
  void add_line(std::string_view line);
};

// Whether the status of a failure says that the same request may succeed later.
bool is_transient_status(int status);

// The seconds that Retry-After asks to wait, where it is a number of them; a date gives nothing.
std::optional<std::chrono::seconds> retry_after(const ResponseHead& head);

}  // namespace bbz::http
