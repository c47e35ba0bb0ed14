// Encodes in a state which version of which file is being downloaded (format-spec/state.md).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bbz/http/fields.h"

namespace bbz::download {

// The version of a file behind a URL. The state keeps the size in a field of its own.
struct Origin {
  std::string etag;           // an entity tag; empty if none is known
  std::string last_modified;  // an HTTP date; empty if none is known
  std::string url;            // as http::shown_url returns it, without what may be secret
};

// Returns the origin of a file behind a URL. Values from the server that are not well-formed count
// as unknown.
Origin origin_of(const std::string& url, const http::Identity& identity);

// Encodes an origin as the identity of a state.
std::string encode_origin(const Origin& origin);
// Decodes the identity of a state. Returns nullopt if `bbz get` does not write such an identity, or
// if it contains no URL.
std::optional<Origin> decode_origin(std::string_view identity);

}  // namespace bbz::download
