// URLs as users give them, and as messages may show them; and headers as users give them.
#pragma once

#include <string>
#include <string_view>

namespace bbz::http {

// Whether a name that a user gives is the URL of an archive: it begins with http:// or https://.
bool is_url(std::string_view name);

// The URL without what may be a secret: "https://user:password@host/path?token=1#x" becomes
// "https://host/path?...". Where the authority does not end like a host or a port, a password may
// reach beyond it, and only "https://..." is returned. Other text is returned as it is.
std::string shown_url(std::string_view url);

// Whether both begin with the same scheme, host and port, so that what is meant for the one may be
// sent to the other. Precondition: is_url(a) and is_url(b).
bool same_origin(std::string_view a, std::string_view b);

// Returns the host without a port: "host", "127.0.0.1", "[::1]", in lower case. Precondition:
// is_url(url).
std::string host_of(std::string_view url);

// `to` with the user and password of `from`, where that is of the same origin and `to` has none.
// Precondition: is_url(from) and is_url(to).
std::string with_user_of(std::string_view from, std::string_view to);

// The last component of the path, as a name for a file: "model.bbz" of
// "https://host/a/model.bbz?download=1"; empty where the path ends with '/' or there is none.
std::string file_name_of(std::string_view url);

// Reports whether a URL holds a control character of ASCII, a line end among them: as it is, or in
// its user or password as %NN.
bool has_control(std::string_view url);

// Whether `line` can be sent as a field: "Name: value", without a line end or another control
// character that would make more of it.
bool is_field(std::string_view line);

}  // namespace bbz::http
