// The content of requests: no line that others chose, and no secret to others.
#include <cstdlib>

#include "bbz/http/remote_file.h"
#include "http/fixture.h"
#include "support/temp_dir.h"

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
    const auto fields = server.requests()[1].fields;
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
    EXPECT_THAT(fetched.error().message, HasSubstr(server.url() + ": expected an entity tag"));
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

// Two servers, of which the first redirects as its paths say, and a ~/.netrc that knows both.
class HttpSecret : public testing::Test {
 protected:
  void SetUp() override {
    io::write_text(home_ / ".netrc",
                   "machine 127.0.0.1 login u password hush\n"
                   "machine localhost login v password hush\n");
    const char* const before = std::getenv("HOME");
    before_ = before == nullptr ? "" : before;
    ::setenv("HOME", home_.path().c_str(), 1);
    server_.replace(content_of(kAskedSize), "\"one\"");
  }
  void TearDown() override { ::setenv("HOME", before_.c_str(), 1); }

  bool redirect(const ServerRequest& request, ServerConnection& connection) {
    const std::string to = request.target == "/here"   ? "/model.bbz"
                           : request.target == "/away" ? other_.url()
                           : request.target == "/named"
                               ? "http://localhost:" + std::to_string(other_.port()) + "/model.bbz"
                           : request.target == "/there" ? other_.url("/back")
                           : request.target == "/back"  ? server_.url()
                                                        : "";
    if (to.empty()) return false;
    connection.send(server_.head("302 Found", "Location: " + to + "\r\nContent-Length: 0\r\n"));
    return true;
  }

  // Opens the path and reads once more, over the link that is kept.
  void read_over(const std::string& path, const std::string& user, const Options& options) {
    std::string url = server_.url(path);
    url.insert(7, user);
    const auto source = open(url, options).value();
    EXPECT_EQ(read(*source, 20'000, 20'000).value(), content_of(kAskedSize).substr(20'000, 20'000));
  }

  // Whether each request to a server, in order, came with credentials: "ynn".
  static std::string trusted(const Server& server, std::size_t from) {
    std::string told;
    for (const ServerRequest& request : server.requests()) {
      if (request.number < from) continue;
      told += request.fields.contains("authorization") ? 'y' : 'n';
    }
    return told;
  }

  io::TempDir home_;
  std::string before_;
  Server other_{content_of(kAskedSize),
                [this](const ServerRequest& request, ServerConnection& connection) {
                  return redirect(request, connection);
                }};
  Server server_{"", [this](const ServerRequest& request, ServerConnection& connection) {
                   return redirect(request, connection);
                 }};
};

TEST_F(HttpSecret, IsForTheOriginOfTheUrlAlone) {
  Options header = quick();
  header.headers = {"Authorization: hush"};
  Options neither = quick();
  neither.netrc = header.netrc = false;
  const struct {
    std::string name;
    std::string user;
    Options options;
  } ways[] = {{"netrc", "", quick()},
              {"netrc's password of a user", "u@", quick()},
              {"header", "", header},
              {"URL", "u:hush@", neither}};
  const struct {
    std::string path;
    std::string here;   // what each request to the URL's server must come with
    std::string there;  // and to the other one
  } cases[] = {{"/model.bbz", "yy", ""},
               {"/here", "yyy", ""},
               {"/away", "y", "nn"},
               {"/named", "y", "nn"},
               {"/there", "ynn", "n"}};  // it leads back, and nothing is sent there then
  for (const auto& way : ways) {
    for (const auto& one : cases) {
      const std::size_t here = server_.request_count();
      const std::size_t there = other_.request_count();
      read_over(one.path, way.user, way.options);
      EXPECT_EQ(trusted(server_, here), one.here) << way.name << " " << one.path;
      EXPECT_EQ(trusted(other_, there), one.there) << way.name << " " << one.path;
    }
  }
  const std::size_t before = server_.request_count();
  read_over("/model.bbz", "", neither);
  EXPECT_EQ(trusted(server_, before), "nn");
}

}  // namespace
}  // namespace bbz::http
