#include "bbz/http/internal/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>

namespace bbz::http {
namespace {

using Octets = std::span<const std::uint8_t>;

// A block of addresses, whose first `bits` bits are those of `first`.
struct Block {
  std::array<std::uint8_t, 16> first;
  unsigned bits;
  std::string_view kind;
};

// Sources: the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), RFC 1122, RFC
// 1918, RFC 3927, RFC 4193, RFC 4291, RFC 6598.
constexpr Block kV4[] = {
    {{0}, 8, "unspecified"},       {{10}, 8, "private"},           {{100, 64}, 10, "private"},
    {{127}, 8, "loopback"},        {{169, 254}, 16, "link-local"}, {{172, 16}, 12, "private"},
    {{192, 0, 0}, 24, "reserved"}, {{192, 168}, 16, "private"},    {{198, 18}, 15, "reserved"},
    {{224}, 4, "multicast"},       {{240}, 4, "reserved"},
};
constexpr Block kV6[] = {
    {{0}, 128, "unspecified"},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, "loopback"},
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, "private"},  // local NAT64
    {{0x01, 0x00}, 64, "reserved"},
    {{0xfc}, 7, "private"},
    {{0xfe, 0x80}, 10, "link-local"},
    {{0xfe, 0xc0}, 10, "private"},
    {{0xff}, 8, "multicast"},
};

// A block of IPv6 addresses that contain an IPv4 address, at the octet `at`.
struct Carrier {
  std::array<std::uint8_t, 12> first;
  unsigned bits;
  std::size_t at;
};
constexpr Carrier kCarriers[] = {
    {{0}, 96, 12},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, 12},
    {{0x00, 0x64, 0xff, 0x9b}, 96, 12},
    {{0x20, 0x02}, 16, 2},
};

bool begins_with(Octets octets, Octets first, unsigned bits) {
  if (!std::ranges::equal(octets.first(bits / 8), first.first(bits / 8))) return false;
  if (bits % 8 == 0) return true;
  const unsigned mask = 0xFF00u >> (bits % 8);
  return ((octets[bits / 8] ^ first[bits / 8]) & mask & 0xFF) == 0;
}

std::string_view kind_in(std::span<const Block> blocks, Octets octets) {
  for (const Block& block : blocks) {
    if (begins_with(octets, block.first, block.bits)) return block.kind;
  }
  return {};
}

std::string_view kind_of_v4(Octets octets) {
  return kind_in(kV4, octets);
}

std::string_view kind_of_v6(Octets octets) {
  if (const std::string_view kind = kind_in(kV6, octets); !kind.empty()) return kind;
  for (const Carrier& carrier : kCarriers) {
    if (!begins_with(octets, carrier.first, carrier.bits)) continue;
    return kind_of_v4(octets.subspan(carrier.at, 4));
  }
  return {};
}

// A copy of the octets of an address, because a sockaddr may not be aligned.
struct Address {
  int family = AF_UNSPEC;
  std::array<std::uint8_t, 16> octets{};
};

Address octets_of(const sockaddr& address) {
  Address out;
  out.family = address.sa_family;
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(&address);
  if (out.family == AF_INET)
    std::copy_n(bytes + offsetof(sockaddr_in, sin_addr), 4, out.octets.begin());
  if (out.family == AF_INET6) {
    std::copy_n(bytes + offsetof(sockaddr_in6, sin6_addr), 16, out.octets.begin());
  }
  return out;
}

std::string_view kind_of(const Address& address) {
  if (address.family == AF_INET) return kind_of_v4(Octets(address.octets).first(4));
  if (address.family == AF_INET6) return kind_of_v6(address.octets);
  return "reserved";
}

// Returns whether the text can only be a name, with the characters that names may have.
bool is_plain(std::string_view host) {
  return !host.empty() && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  });
}

}  // namespace

std::string_view kind_of_local(const sockaddr& address) {
  return kind_of(octets_of(address));
}

std::string_view kind_of_local(std::string_view host) {
  Address address;
  if (host.starts_with('[') && host.ends_with(']')) {
    const std::string inner(host.substr(1, host.size() - 2));
    if (::inet_pton(AF_INET6, inner.c_str(), address.octets.data()) != 1) return "reserved";
    address.family = AF_INET6;
    return kind_of(address);
  }
  if (!is_plain(host)) return "reserved";
  std::string name(host.substr(0, host.size() - (host.ends_with('.') ? 1 : 0)));
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  in_addr v4{};
  if (::inet_aton(name.c_str(), &v4) != 0) {
    address.family = AF_INET;
    std::memcpy(address.octets.data(), &v4, sizeof v4);
    return kind_of(address);
  }
  return name == "localhost" || name.ends_with(".localhost") ? "loopback" : "";
}

std::string shown_address(const sockaddr& address) {
  const Address found = octets_of(address);
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (::inet_ntop(found.family, found.octets.data(), text.data(), text.size()) == nullptr) {
    return "an address of an unknown family";
  }
  return text.data();
}

}  // namespace bbz::http
