// What goes into requests: no line that others chose, and no secret to others.
#include "bbz/http/remote_file.h"
#include "http/fixture.h"

namespace bbz::http {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;
using testing::Not;

constexpr std::size_t kAskedSize = 50'000;
constexpr char kAskedDate[] = "Wed, 21 Oct 2015 07:28:00 GMT";

TEST(HttpRequest, SendsBackNoVersionThatIsNone) {
  for (const std::string field : {"ETag: \"a\rX-Injected: yes\"", "ETag: a", "ETag: \"a\"\r\n b\"",
                                  "Last-Modified: Wed\rX-Injected: yes", "Last-Modified: \"a\""}) {
    Server server("", [&](const ServerRequest& request, ServerConnection& connection) {
      const auto [begin, end] = request.range.value();
      connection.send("HTTP/1.1 206 Partial Content\r\n" + field + "\r\nContent-Range: bytes " +
                      std::to_string(begin) + "-" + std::to_string(end - 1) + "/" +
                      std::to_string(kAskedSize) + "\r\nContent-Length: " +
                      std::to_string(end - begin) + "\r\n\r\n" + std::string(end - begin, 'x'));
      return true;
    });
    server.replace(std::string(kAskedSize, 'x'), "");
    const auto source = open(server.url(), quick()).value();
    EXPECT_EQ(read(*source, 20'000, 20'000).value(), std::string(20'000, 'x'));
    ASSERT_EQ(server.request_count(), 2u);
    const auto& fields = server.requests()[1].fields;
    const bool cut = field.find("\r\n") != std::string::npos;  // the first line is whole
    EXPECT_EQ(fields.contains("if-range"), cut) << field;
    EXPECT_FALSE(fields.contains("x-injected")) << field;
  }
}

TEST(HttpRequest, TakesNoLineEndFromAVersionThatWasKept) {
  Server server(content_of(kAskedSize));
  std::vector<std::byte> bytes(100);
  for (const std::string& value :
       {"\"a\"\r\nX-Injected: yes"s, "\"a\rX: y\""s, "\"a\0\""s, "a"s, "\"a\" "s}) {
    const auto file = RemoteFile::resume(server.url(), quick(), {value, "", kAskedSize}).value();
    const Status fetched = file->fetch_into(0, bytes);
    ASSERT_FALSE(fetched.ok());
    EXPECT_EQ(fetched.code(), Code::kInvalidArgument);
    EXPECT_THAT(fetched.error().message, HasSubstr(server.url() + ": expected the entity tag"));
  }
  for (const std::string& value : {"Wed\nX-Injected: yes"s, "Wed\rX: y"s, "W"s}) {
    const auto file = RemoteFile::resume(server.url(), quick(), {"", value, kAskedSize}).value();
    EXPECT_EQ(file->fetch_into(0, bytes).code(), Code::kInvalidArgument);
  }
  EXPECT_EQ(server.request_count(), 0u);
  const auto file =
      RemoteFile::resume(server.url(), quick(), {"\"one\"", kAskedDate, kAskedSize}).value();
  EXPECT_TRUE(file->fetch_into(0, bytes).ok());
  EXPECT_EQ(server.requests().at(0).fields.at("if-range"), "\"one\"");
}

TEST(HttpRequest, TakesNoLineEndFromItsUser) {
  Server server(content_of(kAskedSize));
  for (const std::string& end : {"\r\n"s, "\r"s, "\n"s, "\0"s, "\x1b"s, "\x7F"s}) {
    Options options = quick();
    options.headers = {"A: b", "X-Key: hush" + end + "X-Injected: yes"};
    const auto field = open(server.url(), options);
    EXPECT_EQ(field.code(), Code::kInvalidArgument);
    EXPECT_THAT(field.error().message, Not(HasSubstr("hush")));
    const auto url = open(server.url("/model.bbz?hush" + end + "X: y"), quick());
    EXPECT_EQ(url.code(), Code::kInvalidArgument);
    EXPECT_THAT(url.error().message, Not(HasSubstr("hush")));
    options = quick();
    options.proxy = "http://u:hush" + end + "@127.0.0.1:1";
    const auto proxy = open(server.url(), options);
    EXPECT_EQ(proxy.code(), Code::kInvalidArgument);
    EXPECT_THAT(proxy.error().message, Not(HasSubstr("hush")));
  }
  for (const std::string end : {"%0d%0a", "%00", "%0A", "%1b", "%7F"}) {
    std::string url = server.url();
    url.insert(7, "u" + end + "X:hush@");
    EXPECT_EQ(open(url, quick()).code(), Code::kInvalidArgument) << end;
  }
  EXPECT_EQ(server.request_count(), 0u);
}

}  // namespace
}  // namespace bbz::http
