// What a state says of the file that it is of: format-spec/state.md. Internal to bbz.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bbz/http/fields.h"

namespace bbz::download {

// Which version of which file a download is of. The size stands elsewhere in the state.
struct Origin {
  std::string etag;           // an entity tag; empty if none is known
  std::string last_modified;  // a date of HTTP; the same
  std::string url;            // as http::shown_url gives it: without what may be a secret
};

// Returns the origin of a file behind a URL. What the server says and is not well-formed counts as
// not known.
Origin origin_of(const std::string& url, const http::Identity& identity);

// The identity of a state that `bbz get` writes, and back. Nothing if it is not one of those, or if
// it says nothing of the URL.
std::string encode_origin(const Origin& origin);
std::optional<Origin> decode_origin(std::string_view identity);

}  // namespace bbz::download
