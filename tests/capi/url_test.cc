// A source behind a URL, from C.
#include <cstdlib>

#include "capi/support.h"
#include "http/nginx.h"
#include "http/server.h"
#include "support/temp_dir.h"

namespace bbz::capi {
namespace {

using testing::HasSubstr;
using testing::Not;

class CUrl : public CInterface {
 protected:
  // Null if opening ends with `expected` instead.
  Owned<bbz_source> source_of(const std::string& url, const bbz_url_options* options = nullptr,
                              bbz_code expected = BBZ_OK) {
    bbz_source* source = nullptr;
    EXPECT_EQ(bbz_source_open_url(url.c_str(), options, &source, error_.get()), expected)
        << message();
    EXPECT_EQ(source != nullptr, expected == BBZ_OK);
    return Owned<bbz_source>(source);
  }

  std::string content() const {
    return std::string(reinterpret_cast<const char*>(archive_.data()), archive_.size());
  }
};

TEST_F(CUrl, RefusesWhatCannotBe) {
  bbz_source* source = nullptr;
  EXPECT_EQ(bbz_source_open_url(nullptr, nullptr, &source, error_.get()),
            BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(bbz_source_open_url("http://127.0.0.1:1/m", nullptr, nullptr, error_.get()),
            BBZ_ERROR_INVALID_ARGUMENT);
  auto options = sized<bbz_url_options>();
  options.header_count = 1;
  source_of("http://127.0.0.1:1/m", &options, BBZ_ERROR_INVALID_ARGUMENT);
  options = sized<bbz_url_options>();
  options.reserved = 1;
  source_of("http://127.0.0.1:1/m", &options, BBZ_ERROR_UNSUPPORTED);
  options.struct_size = 8;
  source_of("http://127.0.0.1:1/m", &options, BBZ_ERROR_INVALID_ARGUMENT);
  options.struct_size = 63;  // the first version of the struct had 64 bytes
  source_of("http://127.0.0.1:1/m", &options, BBZ_ERROR_INVALID_ARGUMENT);
}

#ifndef BBZ_HTTP
TEST_F(CUrl, IsUnsupportedWithoutLibcurl) {
  source_of("http://127.0.0.1:1/m", nullptr, BBZ_ERROR_UNSUPPORTED);
  EXPECT_THAT(message(), HasSubstr("libcurl"));
}
#else
TEST_F(CUrl, IsReadLikeAFile) {
  http::Server server(content());
  const auto source = source_of(server.url());
  bbz_reader* opened = nullptr;
  ASSERT_EQ(bbz_reader_open(source.get(), nullptr, &opened, error_.get()), BBZ_OK) << message();
  const Owned<bbz_reader> reader(opened);
  std::vector<std::byte> bytes(expected("layers.0.w").size());
  EXPECT_EQ(bbz_reader_read_tensor(reader.get(), find(*reader, "layers.0.w"), bytes.data(),
                                   bytes.size(), error_.get()),
            BBZ_OK)
      << message();
  EXPECT_EQ(bytes, expected("layers.0.w"));
}

TEST_F(CUrl, SendsWhatItIsTold) {
  http::Server proxy(content());
  auto options = sized<bbz_url_options>();
  const char* const headers[] = {"Authorization: hush", "X-Other: 1"};
  options.headers = headers;
  options.header_count = 2;
  const std::string proxy_url = "http://127.0.0.1:" + std::to_string(proxy.port());
  options.proxy = proxy_url.c_str();
  source_of("http://host.example/m", &options);
  ASSERT_GE(proxy.requests().size(), 1u);
  EXPECT_EQ(proxy.requests()[0].fields.at("authorization"), "hush");
  EXPECT_EQ(proxy.requests()[0].fields.at("x-other"), "1");
  EXPECT_EQ(proxy.requests()[0].target, "http://host.example/m");
  const char* const wrong[] = {"hush\r\nX: y"};
  options.headers = wrong;
  options.header_count = 1;
  source_of("http://host.example/m", &options, BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_THAT(message(), Not(HasSubstr("hush")));
}

TEST_F(CUrl, LooksAtTheEnvironmentWhereItIsTold) {
  http::Server proxy(content());
  http::Server server(content());
  const io::TempDir home;
  io::write_text(home / ".netrc", "machine 127.0.0.1 login u password hush\n");
  const auto with = [](const char* name, const std::string& value, auto&& act) {
    const char* const before = std::getenv(name);
    const std::string kept = before == nullptr ? "" : before;
    ::setenv(name, value.c_str(), 1);
    act();
    before == nullptr ? ::unsetenv(name) : ::setenv(name, kept.c_str(), 1);
  };
  auto asked = sized<bbz_url_options>();
  asked.use_environment = 1;
  with("HOME", home.path(), [&] {
    source_of(server.url());
    EXPECT_FALSE(server.requests().back().fields.contains("authorization"));
    with("no_proxy", "127.0.0.1", [&] { source_of(server.url(), &asked); });
    EXPECT_TRUE(server.requests().back().fields.contains("authorization"));
  });
  with("http_proxy", "http://127.0.0.1:" + std::to_string(proxy.port()), [&] {
    source_of(server.url());
    EXPECT_EQ(proxy.request_count(), 0u);
    source_of("http://host.example/m", &asked);
    EXPECT_EQ(proxy.request_count(), 1u);
  });
}

TEST_F(CUrl, IsNotLedToAddressesThatAreNotPublicWhereThatIsRefused) {
  http::Server other(content());
  http::Server server("", [&](const http::ServerRequest&, http::ServerConnection& connection) {
    connection.send(
        server.head("302 Found", "Location: " + other.url() + "\r\nContent-Length: 0\r\n"));
    return true;
  });
  auto options = sized<bbz_url_options>();
  source_of(server.url(), &options);
  EXPECT_EQ(other.connection_count(), 1u);
  options.refuse_private_redirects = 1;
  options.struct_size = 64;  // of a caller who does not know the field
  source_of(server.url(), &options);
  EXPECT_EQ(other.connection_count(), 2u);
  options.struct_size = sizeof options;
  source_of(server.url(), &options, BBZ_ERROR_IO);
  EXPECT_THAT(message(), HasSubstr("expected a redirect to a public address, found 127.0.0.1"));
  EXPECT_EQ(other.connection_count(), 2u);
}

TEST_F(CUrl, SaysWhatFailed) {
  http::Server server(content(),
                      [&](const http::ServerRequest& request, http::ServerConnection& connection) {
                        if (request.target != "/none") return connection.reset(), true;
                        connection.send("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
                        return true;
                      });
  auto options = sized<bbz_url_options>();
  options.retries = -1;
  source_of(server.url("/none"), &options, BBZ_ERROR_NOT_FOUND);
  source_of(server.url("/model"), &options, BBZ_ERROR_IO);
  EXPECT_THAT(message(), HasSubstr("given up after 1 requests"));
  source_of("ftp://127.0.0.1/m", &options, BBZ_ERROR_INVALID_ARGUMENT);
}

// Returns the output of `list`, a program in C99, for an archive.
std::string listed(const std::string& arguments) {
  std::string text;
  FILE* const pipe = ::popen(("'" BBZ_LIST "' " + arguments + " 2>&1").c_str(), "r");
  for (int c = 0; (c = std::fgetc(pipe)) != EOF;) text.push_back(static_cast<char>(c));
  EXPECT_EQ(::pclose(pipe), 0) << text;
  return text;
}

TEST_F(CUrl, IsReadByAProgramInC) {
  if (!http::Nginx::is_there()) GTEST_SKIP() << "nginx is not installed";
  const io::TempDir dir;
  io::write_text(dir / "model.bbz", content());
  http::Nginx nginx(dir.path());
  for (const std::string tensor : {"", " layers.0.w"}) {
    EXPECT_EQ(listed(nginx.url("model.bbz") + tensor), listed(dir / "model.bbz" + tensor));
  }
  EXPECT_GE(nginx.take_log().size(), 2u);
}

TEST_F(CUrl, TrustsTheAuthoritiesThatItIsTold) {
  if (!http::Nginx::is_there()) GTEST_SKIP() << "nginx is not installed";
  const io::TempDir dir;
  io::write_text(dir / "model.bbz", content());
  const std::string authority = dir / "ca";
  http::Nginx::make_certificate(authority, "127.0.0.1");
  const http::Nginx nginx(dir.path(), authority);
  auto options = sized<bbz_url_options>();
  source_of(nginx.secure_url("model.bbz"), &options, BBZ_ERROR_IO);
  EXPECT_THAT(message(), HasSubstr("certificate is not trusted"));
  options.ca_file = authority.c_str();
  source_of(nginx.secure_url("model.bbz"), &options);
}
#endif

}  // namespace
}  // namespace bbz::capi
