// Values of fields that tell one version of a file from another: what may be sent back to a server.
// Internal to bbz.
#pragma once

#include <cstddef>
#include <string_view>

namespace bbz::http {

// The longest value that either of these accepts.
inline constexpr std::size_t kLongestValue = 1024;

// Reports whether a value is an entity tag as RFC 9110 (section 8.8.3) writes it: `"abc"` or
// `W/"abc"`, without quotes, blanks and control characters between the quotes.
bool is_etag(std::string_view value);

// Reports whether a value can be a date of HTTP (section 5.6.7), of which servers know several
// forms: the name of a day and what follows, in printable ASCII. Whether there is such a day is not
// looked at. No entity tag passes.
bool is_http_date(std::string_view value);

}  // namespace bbz::http
