// Redirects to addresses that are not public: followed, unless they are to be refused.
#include <cstdlib>

#include "http/fixture.h"

namespace bbz::http {
namespace {

using testing::HasSubstr;

constexpr std::size_t kLedSize = 50'000;

// A server whose every path but /model.bbz redirects to what `to` says.
class HttpLed : public testing::Test {
 protected:
  HttpLed() {
    server_.replace(content_of(kLedSize), "\"one\"");
    options_.private_redirects = false;
  }

  Result<std::string> read_over(const std::string& to) {
    to_ = to;
    BBZ_ASSIGN(const auto source, open(server_.url("/start"), options_));
    return read(*source, 0, kLedSize);
  }
  std::string at(const std::string& host) const {
    return "http://" + host + ":" + std::to_string(other_.port()) + "/model.bbz";
  }

  Options options_ = quick();
  std::string to_;
  Server other_{content_of(kLedSize)};
  Server server_{"", [this](const ServerRequest& request, ServerConnection& connection) {
                   if (request.target == "/model.bbz") return false;
                   connection.send(
                       server_.head("302 Found", "Location: " + to_ + "\r\nContent-Length: 0\r\n"));
                   return true;
                 }};
};

TEST_F(HttpLed, ToNoAddressThatIsNotPublic) {
  for (const std::string host :
       {"127.0.0.1", "127.1", "0x7f.1", "0x7f000001", "2130706433", "0177.0.0.1", "0", "localhost",
        "%31%32%37.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::]"}) {
    const auto text = read_over(at(host));
    EXPECT_EQ(text.code(), Code::kIo) << host;
    EXPECT_THAT(message_of(text), HasSubstr("expected a redirect to a public address, found "))
        << host;
  }
  EXPECT_THAT(message_of(read_over(at("0x7f.1"))), HasSubstr("found 127.0.0.1 (loopback)"));
  EXPECT_THAT(message_of(read_over(at("localhost"))), HasSubstr("(loopback)"));
  EXPECT_THAT(message_of(read_over("http://169.254.169.254/latest")), HasSubstr("(link-local)"));
  EXPECT_THAT(message_of(read_over("https://10.0.0.1/")), HasSubstr("10.0.0.1 (private)"));
  EXPECT_EQ(other_.connection_count(), 0u);
  for (const ServerRequest& request : server_.requests()) EXPECT_EQ(request.target, "/start");
}

TEST_F(HttpLed, WithinTheOriginOfTheUrl) {
  EXPECT_EQ(read_over("/model.bbz").value(), content_of(kLedSize));
  EXPECT_EQ(read_over(server_.url()).value(), content_of(kLedSize));
}

TEST_F(HttpLed, AnywhereUnlessThatIsRefused) {
  options_.private_redirects = true;
  for (const std::string host : {"127.0.0.1", "0x7f.1", "localhost"}) {
    EXPECT_EQ(read_over(at(host)).value(), content_of(kLedSize)) << host;
  }
}

TEST_F(HttpLed, ThroughAProxyByTheHostAsItIsWritten) {
  Server proxy("", [&](const ServerRequest& request, ServerConnection& connection) {
    if (request.target != "http://first.example/start") return false;
    connection.send(proxy.head("302 Found", "Location: " + to_ + "\r\nContent-Length: 0\r\n"));
    return true;
  });
  proxy.replace(content_of(kLedSize), "\"one\"");
  options_.proxy = "http://127.0.0.1:" + std::to_string(proxy.port());
  const auto read_through = [&](const std::string& to) -> Result<std::string> {
    to_ = to;
    BBZ_ASSIGN(const auto source, open("http://first.example/start", options_));
    return read(*source, 0, kLedSize);
  };
  EXPECT_EQ(read_through("http://second.example/m").value(), content_of(kLedSize));
  for (const std::string host : {"127.0.0.1", "0x7f.1", "localhost", "[::1]", "169.254.169.254"}) {
    EXPECT_THAT(message_of(read_through("http://" + host + "/m")),
                HasSubstr("expected a redirect to a public address"))
        << host;
  }
  // A proxy of the environment, past which nothing is asked for.
  options_.proxy.reset();
  ::setenv("http_proxy", ("http://127.0.0.1:" + std::to_string(proxy.port())).c_str(), 1);
  ::setenv("no_proxy", "second.example", 1);
  EXPECT_EQ(read_through("http://second.example/m").value(), content_of(kLedSize));
  ::unsetenv("no_proxy");
  ::unsetenv("http_proxy");
  for (const ServerRequest& request : proxy.requests()) {
    EXPECT_THAT(request.target,
                testing::AnyOf("http://first.example/start", "http://second.example/m"));
  }
}

}  // namespace
}  // namespace bbz::http
