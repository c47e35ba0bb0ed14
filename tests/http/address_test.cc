#include "bbz/http/internal/address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

namespace bbz::http {
namespace {

// Returns the kind of an address, as it is judged before a connection.
std::string kind_of(const std::string& text) {
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  if (::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    const auto& address = reinterpret_cast<const sockaddr&>(v6);
    EXPECT_EQ(shown_address(address), text);
    return std::string(kind_of_local(address));
  }
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  EXPECT_EQ(::inet_pton(AF_INET, text.c_str(), &v4.sin_addr), 1) << text;
  const auto& address = reinterpret_cast<const sockaddr&>(v4);
  EXPECT_EQ(shown_address(address), text);
  return std::string(kind_of_local(address));
}

TEST(Address, IsLocalUpToTheEdgesOfItsBlock) {
  const struct {
    std::string kind;
    std::vector<std::string> within;
    std::vector<std::string> neighbours;
  } cases[] = {
      {"unspecified", {"0.0.0.0", "0.255.255.255", "::"}, {"1.0.0.0"}},
      {"private", {"10.0.0.0", "10.255.255.255"}, {"9.255.255.255", "11.0.0.0"}},
      {"private", {"100.64.0.0", "100.127.255.255"}, {"100.63.255.255", "100.128.0.0"}},
      {"loopback", {"127.0.0.0", "127.255.255.255", "::1"}, {"126.255.255.255", "128.0.0.0"}},
      {"link-local", {"169.254.0.0", "169.254.255.255"}, {"169.253.255.255", "169.255.0.0"}},
      {"private", {"172.16.0.0", "172.31.255.255"}, {"172.15.255.255", "172.32.0.0"}},
      {"private", {"192.168.0.0", "192.168.255.255"}, {"192.167.255.255", "192.169.0.0"}},
      {"reserved", {"192.0.0.0", "192.0.0.255"}, {"191.255.255.255", "192.0.1.0"}},
      {"reserved", {"198.18.0.0", "198.19.255.255"}, {"198.17.255.255", "198.20.0.0"}},
      {"multicast", {"224.0.0.0", "239.255.255.255"}, {"223.255.255.255"}},
      {"reserved", {"240.0.0.0", "255.255.255.255"}, {}},
      {"private", {"fc00::", "fdff:ffff::1"}, {"fbff::1", "fe00::1"}},
      {"link-local", {"fe80::", "febf:ffff::1"}, {"fe7f::1"}},
      {"private", {"fec0::1", "feff::1"}, {}},
      {"multicast", {"ff00::", "ff02::1"}, {}},
      {"private", {"64:ff9b:1::1"}, {"64:ff9b:2::1"}},
      {"reserved", {"100::1"}, {"100:0:0:1::"}},
      // Addresses that carry another.
      {"loopback", {"::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::127.0.0.1"}, {}},
      {"private", {"::ffff:10.1.2.3", "64:ff9b::a01:203", "2002:a01:203::1"}, {}},
      {"", {"::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"}, {}},
      {"", {"8.8.8.8", "2001:4860:4860::8888", "2606:4700::1111"}, {}},
  };
  for (const auto& one : cases) {
    for (const std::string& address : one.within) EXPECT_EQ(kind_of(address), one.kind) << address;
    for (const std::string& address : one.neighbours) EXPECT_EQ(kind_of(address), "") << address;
  }
  sockaddr other{};
  other.sa_family = AF_UNIX;
  EXPECT_EQ(kind_of_local(other), "reserved");
  EXPECT_EQ(shown_address(other), "an address of an unknown family");
}

TEST(Address, IsReadFromAHostAsItIsWritten) {
  for (const char* const host :
       {"127.0.0.1", "127.1", "0x7f.1", "0x7f000001", "017700000001", "2130706433", "127.0.0.1.",
        "[::1]", "[::ffff:127.0.0.1]", "localhost", "LocalHost", "localhost.", "a.localhost"}) {
    EXPECT_EQ(kind_of_local(std::string_view(host)), "loopback") << host;
  }
  EXPECT_EQ(kind_of_local(std::string_view("0")), "unspecified");
  EXPECT_EQ(kind_of_local(std::string_view("[fe80::1]")), "link-local");
  // Host names that a client may take for an address.
  for (const char* const host : {"%31%32%37.0.0.1", "\xEF\xBC\x91\xEF\xBC\x92\xEF\xBC\x97.0.0.1",
                                 "", "a b", "[fe80::1%25eth0]", "[127.0.0.1]"}) {
    EXPECT_EQ(kind_of_local(std::string_view(host)), "reserved") << host;
  }
  for (const char* const host : {"host.example", "8.8.8.8", "[2001:4860:4860::8888]",
                                 "localhost.example", "notlocalhost", "10.0.0.example"}) {
    EXPECT_EQ(kind_of_local(std::string_view(host)), "") << host;
  }
}

}  // namespace
}  // namespace bbz::http
