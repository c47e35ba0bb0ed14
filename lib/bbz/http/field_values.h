// Checks the values of ETag and Last-Modified, which identify a version of a file, before they are
// sent back to a server.
#pragma once

#include <cstddef>
#include <string_view>

namespace bbz::http {

// The largest length of a value, in bytes, that these functions accept.
inline constexpr std::size_t kLongestValue = 1024;

// Returns whether a value is an entity tag of RFC 9110, section 8.8.3: `"abc"` or `W/"abc"`,
// without quotes, blanks and control characters between the quotes.
bool is_etag(std::string_view value);

// Returns whether a value may be an HTTP date in any of the forms that servers use (RFC 9110,
// section 5.6.7): three letters and more printable ASCII. Does not check that the date exists.
// Never returns true for an entity tag.
bool is_http_date(std::string_view value);

}  // namespace bbz::http
