// Proxies: what goes through them, and what they are not told.
#include <cstdlib>

#include "http/fixture.h"

namespace bbz::http {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::size_t kProxiedSize = 50'000;
constexpr char kBasic[] = "Basic dTpodXNo";  // u:hush

Options through(const Server& proxy, const std::string& user = "") {
  Options options = quick();
  options.proxy = "http://" + user + "127.0.0.1:" + std::to_string(proxy.port());
  return options;
}

Result<std::string> read_all(const std::string& url, const Options& options) {
  BBZ_ASSIGN(const auto source, open(url, options));
  return read(*source, 0, kProxiedSize);
}

TEST(HttpProxy, IsAskedForTheWholeUrl) {
  Server proxy(content_of(kProxiedSize));
  const std::string url = "http://host.example/model.bbz";
  EXPECT_EQ(read_all(url, through(proxy, "u:hush@")).value(), content_of(kProxiedSize));
  for (const ServerRequest& request : proxy.requests()) {
    EXPECT_EQ(request.target, url);
    EXPECT_EQ(request.fields.at("proxy-authorization"), kBasic);
  }
}

TEST(HttpProxy, IsTheOneThatWasNamedWhateverTheEnvironmentSays) {
  Server proxy(content_of(kProxiedSize));
  ::setenv("no_proxy", "*", 1);
  EXPECT_EQ(read_all("http://host.example/model.bbz", through(proxy)).value(),
            content_of(kProxiedSize));
  ::unsetenv("no_proxy");
  EXPECT_GE(proxy.request_count(), 1u);
}

TEST(HttpProxy, IsNotSpokenOfWithItsPassword) {
  Server proxy("", [&](const ServerRequest&, ServerConnection& connection) {
    connection.send(proxy.head("407 Who", "Content-Length: 0\r\n"));
    return true;
  });
  const auto refused = read_all("http://host.example/m", through(proxy, "v:hush@"));
  EXPECT_EQ(refused.code(), Code::kIo);
  EXPECT_THAT(message_of(refused), HasSubstr("the proxy asks for credentials (status 407)"));
  EXPECT_EQ(proxy.request_count(), 1u);
  for (const std::string url : {"http://u:hush@127.0.0.1:1", "http://u:hush@127.0.0.1:x",
                                "nonsense://u:hush@127.0.0.1:1", "http://u:hu sh@127.0.0.1:1"}) {
    Options options = quick();
    options.retries = 0;
    options.proxy = url;
    const auto failed = read_all("http://host.example/m", options);
    EXPECT_EQ(failed.code(), Code::kIo) << url;
    EXPECT_THAT(message_of(failed), Not(HasSubstr("hu"))) << url;
  }
}

TEST(HttpProxy, IsAskedForATunnelAndToldNothingElse) {
  Server proxy("", [&](const ServerRequest&, ServerConnection& connection) {
    connection.send(proxy.head("407 Who", "Content-Length: 0\r\n"));
    return true;
  });
  Options options = through(proxy);
  options.headers = {"Authorization: hush"};
  const auto refused = read_all("https://v:hush@host.example/m", options);
  EXPECT_EQ(refused.code(), Code::kIo);
  EXPECT_THAT(message_of(refused), HasSubstr("the proxy refuses the connection (status 407)"));
  const std::vector<ServerRequest> requests = proxy.requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].method, "CONNECT");
  EXPECT_EQ(requests[0].target, "host.example:443");
  EXPECT_FALSE(requests[0].fields.contains("authorization"));
}

// Returns the requests that `to` gets from a client whose URL names a user and is redirected to it.
std::vector<ServerRequest> sent_to(const Server& to, const std::string& place, int port) {
  EXPECT_EQ(
      message_of(read_all("http://u:hush@127.0.0.1:" + std::to_string(port) + place, quick())),
      "no error");
  return to.requests();
}

TEST(HttpRedirect, TakesTheUserOfTheUrlAlongWithinAServerAlone) {
  Server other(content_of(kProxiedSize));
  Server server("", [&](const ServerRequest& request, ServerConnection& connection) {
    const std::string to = request.target == "/away"       ? other.url()
                           : request.target == "/relative" ? "/model.bbz"
                           : request.target == "/absolute" ? server.url()
                                                           : "";
    if (to.empty()) return false;
    connection.send(server.head("302 Found", "Location: " + to + "\r\nContent-Length: 0\r\n"));
    return true;
  });
  server.replace(content_of(kProxiedSize), "\"one\"");
  for (const ServerRequest& request : sent_to(other, "/away", server.port())) {
    EXPECT_FALSE(request.fields.contains("authorization"));
  }
  EXPECT_EQ(other.request_count(), 2u);
  for (const std::string place : {"/relative", "/absolute"}) {
    for (const ServerRequest& request : sent_to(server, place, server.port())) {
      ASSERT_TRUE(request.fields.contains("authorization")) << request.target;
      EXPECT_EQ(request.fields.at("authorization"), kBasic);
    }
  }
}

}  // namespace
}  // namespace bbz::http
