// Checks and splits URLs and headers that users give, and shows URLs without secrets.
#pragma once

#include <string>
#include <string_view>

namespace bbz::http {

// Returns whether `name` begins with http:// or https://, in any case of letters.
bool is_url(std::string_view name);

// Returns the URL without possible secrets: "https://user:password@host/path?token=1#x" becomes
// "https://host/path?...". Returns only "https://..." if the authority does not end like a host or
// a port, because then a password may extend past it. Returns text that is not a URL unchanged.
std::string shown_url(std::string_view url);

// Returns whether both URLs have the same scheme, host and port, so that secrets for one may be
// sent to the other. Precondition: is_url(a) and is_url(b).
bool same_origin(std::string_view a, std::string_view b);

// Returns the host in lower case, without a port: "host", "127.0.0.1" or "[::1]".
// Precondition: is_url(url).
std::string host_of(std::string_view url);

// Returns `to` with the user and password of `from`. Returns `to` unchanged if it has another
// origin or a user of its own. Precondition: is_url(from) and is_url(to).
std::string with_user_of(std::string_view from, std::string_view to);

// Returns the last component of the path, as a name for a file: "model.bbz" for
// "https://host/a/model.bbz?download=1". Returns an empty string if the path is empty or ends with
// '/', or if `url` is not a URL.
std::string file_name_of(std::string_view url);

// Returns whether a URL has an ASCII control character, such as a line end, anywhere in it, or as
// %NN in its user or password.
bool has_control(std::string_view url);

// Returns whether `line` can be sent as a header: it has the form "Name: value", and no control
// character except tabs, so it cannot end the line.
bool is_field(std::string_view line);

}  // namespace bbz::http
