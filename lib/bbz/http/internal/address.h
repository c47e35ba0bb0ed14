// Recognises addresses that are not public.
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>

namespace bbz::http {

// Returns the kind of an address that is not public: "loopback", "private", "link-local",
// "unspecified", "multicast" or "reserved". Returns "" for a public address. For an IPv4 address
// within an IPv6 address (mapped, compatible, NAT64, 6to4), returns the kind of the IPv4 address.
// Returns "reserved" for any family but IPv4 and IPv6. Precondition: `address` is as long as its
// family says.
std::string_view kind_of_local(const sockaddr& address);

// Returns the kind of the host of a URL: that of an address in any notation that systems accept
// (127.0.0.1, 0x7f.1, [::1]), "loopback" for localhost and names below it, "reserved" for text that
// is neither a name nor an address, because a resolver may take it for one, and "" for other names.
std::string_view kind_of_local(std::string_view host);

// Returns the address as text, without a port.
std::string shown_address(const sockaddr& address);

}  // namespace bbz::http
