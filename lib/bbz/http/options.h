// Options of reading a file behind a URL.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bbz::http {

// Counters of requests and bytes. Any thread may read them while a source is in use.
struct Traffic {
  std::atomic<std::uint64_t> requests{0};  // requests, including retries and redirects
  std::atomic<std::uint64_t> bytes{0};     // received bytes of response bodies
};

// Options of http::open().
struct Options {
  // Headers of the form "Name: value". They are sent only to the origin (scheme, host and port) of
  // the URL, and not after a redirect to another origin. No message shows them.
  std::vector<std::string> headers;
  // Take the user and password for the host of the URL from ~/.netrc. They are sent to the same
  // servers as `headers`.
  bool netrc = true;

  // A PEM file of certificate authorities that replaces the system's. Empty: those of the system.
  std::string ca_file;
  // The URL of the proxy, which may contain a user and a password. Empty: no proxy. Not set: the
  // environment variables http_proxy, https_proxy, all_proxy and no_proxy apply, as for curl(1).
  std::optional<std::string> proxy;

  unsigned connections = 4;                              // for prefetching; 0 turns it off
  std::uint64_t ahead_bytes = std::uint64_t{64} << 20;   // largest memory for prefetched bytes
  std::uint64_t request_bytes = std::uint64_t{8} << 20;  // largest size of a prefetch request
  // Prefetched ranges are joined into one request if the gap between them is at most this large.
  std::uint64_t merge_gap = std::uint64_t{64} << 10;
  // The size of the first request, from the front of the file. It includes an index there.
  std::uint64_t front_bytes = std::uint64_t{256} << 10;

  // The largest number of consecutive retries. A request is retried after a connection that was
  // refused, reset, silent or too slow, and after the statuses 408, 425, 429, and 500 and above.
  // The count starts again after a request that brought bytes no slower than lowest_speed.
  unsigned retries = 6;
  std::chrono::milliseconds first_delay{200};  // before the first retry; then doubled each time
  std::chrono::milliseconds longest_delay{30'000};  // largest delay that doubling leads to
  std::chrono::milliseconds longest_wait{300'000};  // largest Retry-After; a longer one is an error
  std::chrono::milliseconds connect_timeout{30'000};  // largest time to connect
  // The largest time from a request to the end of the response's head, and the largest time without
  // a byte of the body. Over this time, a body must also reach lowest_speed on average. Time in
  // which the caller takes no bytes does not count.
  std::chrono::milliseconds stall_timeout{60'000};
  std::uint64_t lowest_speed = 100;  // bytes a second on each connection; 0 means any speed

  // The largest number of consecutive redirects. A redirect from https to http, or to a scheme that
  // is neither, is an error.
  unsigned redirects = 10;
  // Follow redirects to another origin even if its address is not public, that is, if it is
  // unspecified, loopback, private (RFC 1918, RFC 4193, RFC 6598), link-local, multicast or
  // reserved. Otherwise such a redirect is an error. The check uses the address of the connection.
  // Behind a proxy, which connects by itself, it refuses only hosts that are written as such an
  // address, or are localhost.
  bool private_redirects = true;

  std::shared_ptr<Traffic> traffic;  // counts requests and bytes, if it is set
};

}  // namespace bbz::http
