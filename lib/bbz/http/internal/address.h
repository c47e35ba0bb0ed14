// Addresses that only those see who are in the same network or on the same machine. Internal to bbz.
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>

namespace bbz::http {

// Returns what kind of address this is if the internet does not lead there: "loopback", "private",
// "link-local", "unspecified", "multicast" or "reserved"; otherwise "". An IPv4 address within an
// IPv6 address (mapped, compatible, NAT64, 6to4) is judged by itself, and one of neither family is
// reserved. Precondition: `address` is as long as its family says.
std::string_view kind_of_local(const sockaddr& address);

// Returns what kind_of_local() says of the address that a host of a URL is, in any notation that
// systems know (127.0.0.1, 0x7f.1, [::1]), "loopback" for localhost, and "reserved" for text that
// is neither a name nor an address, since it may become one. "" for other names.
std::string_view kind_of_local(std::string_view host);

// Returns the address as text, without a port.
std::string shown_address(const sockaddr& address);

}  // namespace bbz::http
