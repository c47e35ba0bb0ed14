// Options: how a file behind a URL is read.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bbz::http {

// What was asked for and what came, counted while it happens.
struct Traffic {
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> bytes{0};  // of bodies
};

struct Options {
  // "Name: value", sent to the origin of the URL (scheme, host and port) and, once a redirect has
  // led to another, to nobody. Not shown in any message.
  std::vector<std::string> headers;
  // Looks up the user and password for the host of the URL in ~/.netrc. They are sent where headers
  // are.
  bool netrc = true;

  // A file (PEM) of the authorities that vouch for an https server, in place of the system's.
  std::string ca_file;
  // The URL of the proxy, which may hold a user and a password; empty: none. Not set: what
  // http_proxy, https_proxy, all_proxy and no_proxy say, as curl(1) reads them.
  std::optional<std::string> proxy;

  unsigned connections = 4;                              // for what is fetched ahead; 0: nothing is
  std::uint64_t ahead_bytes = std::uint64_t{64} << 20;   // in memory, fetched ahead of the reading
  std::uint64_t request_bytes = std::uint64_t{8} << 20;  // the most that one request asks ahead
  // Announced ranges with no more than this between them are fetched together.
  std::uint64_t merge_gap = std::uint64_t{64} << 10;
  // The first request takes this many bytes from the front: an index there comes with it.
  std::uint64_t front_bytes = std::uint64_t{256} << 10;

  // How often a request is made again, in a row, after a connection that was refused, reset, silent
  // or too slow, and after the statuses 408, 429 and 5xx. A row ends with a request that bytes came
  // from, no slower than lowest_speed.
  unsigned retries = 6;
  std::chrono::milliseconds first_delay{200};  // before the first of them; doubled each time
  std::chrono::milliseconds longest_delay{30'000};
  // What a server may ask to wait (Retry-After). A longer wait is an error that names both.
  std::chrono::milliseconds longest_wait{300'000};
  std::chrono::milliseconds connect_timeout{30'000};
  // How long the head of a response may take from its request on, and how long a body may bring no
  // byte while one is waited for. Over that long a body must also bring lowest_speed on average.
  // Time in which nobody waits, because whoever takes the bytes is slow, does not count.
  std::chrono::milliseconds stall_timeout{60'000};
  std::uint64_t lowest_speed = 100;  // bytes a second, over each connection; 0: any

  // How many redirects are followed in a row. One from https to http is an error, and so is one to
  // another scheme.
  unsigned redirects = 10;
  // Follows redirects to another origin also to addresses that are not public: unspecified,
  // loopback, private (RFC 1918, RFC 4193, RFC 6598), link-local, multicast and reserved ones. If
  // not, such a redirect is an error. Decisive is the address that is about to be connected to. A
  // proxy connects by itself: there only hosts that are written as such an address, or are called
  // localhost, are refused.
  bool private_redirects = true;

  std::shared_ptr<Traffic> traffic;  // counted here where it is set
};

}  // namespace bbz::http
