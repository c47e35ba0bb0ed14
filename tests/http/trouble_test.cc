// Servers and networks that misbehave: what is mended, and what is said of the rest.
#include <fmt/format.h>

#include "http/fixture.h"

namespace bbz::http {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::size_t kSize = 200'000;

// Opens a server's file and reads it from 5000 on.
Result<std::string> read_rest(const Server& server, const Options& options = quick()) {
  BBZ_ASSIGN(const auto source, open(server.url(), options));
  return read(*source, 5'000, kSize);
}

std::string rest() {
  return content_of(kSize).substr(5'000);
}

// Answers the first `count` requests after the opening one with `answer`.
Server::Hook at_first(std::size_t count,
                      std::function<void(const ServerRequest&, ServerConnection&)> answer) {
  return [=](const ServerRequest& request, ServerConnection& connection) {
    if (request.number == 0 || request.number > count) return false;
    answer(request, connection);
    return true;
  };
}

TEST(HttpTrouble, GoesOnWhereAConnectionBroke) {
  for (const bool reset : {true, false}) {
    Server server("", at_first(4, [&](const ServerRequest& request, ServerConnection& connection) {
                    server.serve(request, connection, 40'000);
                    reset ? connection.reset() : connection.close();
                  }));
    server.replace(content_of(kSize), "\"one\"");
    EXPECT_EQ(message_of(read_rest(server)), "no error");
    EXPECT_EQ(read_rest(server).value(), rest());
    // A reset may take along what was sent before it; otherwise nothing comes twice.
    if (reset) continue;
    EXPECT_EQ(server.requests()[2].range->first, 45'000u);
  }
}

TEST(HttpTrouble, GivesUpWhenNothingComesAnyMore) {
  Server server(content_of(kSize),
                at_first(1'000, [](const ServerRequest&, ServerConnection& connection) {
                  connection.reset();
                }));
  Options options = quick();
  options.retries = 3;
  const auto text = read_rest(server, options);
  EXPECT_EQ(text.code(), Code::kIo);
  EXPECT_THAT(message_of(text), HasSubstr("given up after 4 requests"));
  EXPECT_THAT(message_of(text), HasSubstr(server.url()));
}

TEST(HttpTrouble, TriesAgainWhenTheServerIsBusy) {
  for (const std::string status : {"500 Oh", "503 Busy", "429 Too Many", "408 Slow"}) {
    Server server("", at_first(3, [&](const ServerRequest&, ServerConnection& connection) {
                    connection.send(server.head(status, "Content-Length: 3\r\n") + "no!");
                  }));
    server.replace(content_of(kSize), "\"one\"");
    EXPECT_EQ(read_rest(server).value(), rest()) << status;
  }
}

// Answers so many requests with "try again in N seconds", and the rest well.
Server::Hook asking_to_wait(const Server* server, std::size_t count, const std::string& seconds) {
  return at_first(count, [server, seconds](const ServerRequest&, ServerConnection& connection) {
    connection.send(
        server->head("429 Too Many", "Retry-After: " + seconds + "\r\n" + "Content-Length: 0\r\n"));
  });
}

TEST(HttpTrouble, WaitsAsLongAsTheServerAsks) {
  Server server(content_of(kSize), asking_to_wait(&server, 1, "1"));
  Options options = quick();
  options.longest_wait = std::chrono::seconds(1);
  const auto source = open(server.url(), options).value();
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(read(*source, 50'000, kSize).value(), content_of(kSize).substr(50'000));
  EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::seconds(1));
  EXPECT_EQ(server.request_count(), 3u);
}

TEST(HttpTrouble, KnowsDatesToWaitFor) {
  Server server(content_of(kSize), asking_to_wait(&server, 1, "Fri, 31 Dec 2199 23:59:59 GMT"));
  EXPECT_THAT(message_of(read_rest(server)), HasSubstr("seconds (the limit is 300)"));
}

TEST(HttpTrouble, SaysWhatItWasAskedToWaitAndWhatItWaits) {
  for (const std::string seconds : {"3600", "2"}) {
    Server server(content_of(kSize), asking_to_wait(&server, 1, seconds));
    Options options = quick();
    options.longest_wait = std::chrono::milliseconds(1'500);
    EXPECT_THAT(
        message_of(read_rest(server, options)),
        HasSubstr("status 429 and asks to wait " + seconds + " seconds (the limit is 1.5)"));
    EXPECT_EQ(server.request_count(), 2u);
  }
}

TEST(HttpTrouble, SaysWhatTheServerRefuses) {
  const struct {
    std::string status;
    Code code;
    std::string words;
  } cases[] = {{"404 No", Code::kNotFound, "not found"},
               {"410 Gone", Code::kNotFound, "not found"},
               {"401 Who", Code::kIo, "credentials"},
               {"403 No", Code::kIo, "refuses access"},
               {"418 Teapot", Code::kIo, "418"}};
  for (const auto& one : cases) {
    Server server("", [&](const ServerRequest&, ServerConnection& connection) {
      connection.send(server.head(one.status, "Content-Length: 0\r\n"));
      return true;
    });
    const auto text = read_rest(server);
    EXPECT_EQ(text.code(), one.code) << one.status;
    EXPECT_THAT(message_of(text), HasSubstr(one.words));
    EXPECT_EQ(server.requests().size(), 1u);
  }
}

TEST(HttpTrouble, StopsWhenTheFileChanges) {
  for (const bool same_size : {true, false}) {
    Server server(content_of(kSize));
    const auto source = open(server.url(), quick()).value();
    server.replace(content_of(same_size ? kSize : kSize - 1, 2), "\"two\"");
    const auto text = read(*source, 5'000, 50'000);
    EXPECT_EQ(text.code(), Code::kIo);
    EXPECT_THAT(message_of(text), HasSubstr("has changed on the server"));
    EXPECT_EQ(server.requests().size(), 2u);
    EXPECT_EQ(server.requests()[1].fields.at("if-range"), "\"one\"");
  }
}

TEST(HttpTrouble, StopsWhenTheFileChangesBetweenTwoPartsOfABody) {
  Server server("", at_first(1, [&](const ServerRequest& request, ServerConnection& connection) {
                  server.serve(request, connection, 40'000);
                  server.replace(content_of(kSize, 2), "\"two\"");
                  connection.close();
                }));
  server.replace(content_of(kSize), "\"one\"");
  EXPECT_THAT(message_of(read_rest(server)), HasSubstr("has changed on the server: ETag"));
}

// Answers with a head of this Content-Range, whose body has `size` bytes.
Result<std::string> read_with_range(const std::string& range, std::size_t size,
                                    const std::string& more = "") {
  Server server(
      content_of(kSize), at_first(100, [&](const ServerRequest&, ServerConnection& connection) {
        connection.send(server.head("206 Partial Content",
                                    "Content-Range: " + range + "\r\n" + more +
                                        "Content-Length: " + std::to_string(size) + "\r\n"));
        connection.send(std::string(size, 'x'));
      }));
  return read_rest(server);
}

TEST(HttpTrouble, RefusesRangesThatWereNotAskedFor) {
  for (const char* range :
       {"bytes 0-194999/200000", "bytes 5001-199999/200000", "bytes 4999-199999/200000",
        "bytes 5000-199999/200001", "bytes 5000-5009/200000", "bytes 5000/200000", "nonsense"}) {
    const auto text = read_with_range(range, 195'000);
    EXPECT_EQ(text.code(), Code::kIo) << range;
    EXPECT_THAT(message_of(text), Not(HasSubstr("given up"))) << range;
  }
  EXPECT_THAT(message_of(read_with_range("bytes 5000-199999/200000", 195'000,
                                         "Content-Encoding: gzip\r\n")),
              HasSubstr("gzip"));
}

TEST(HttpTrouble, RefusesMoreThanItAskedFor) {
  Server server("", at_first(1, [&](const ServerRequest& request, ServerConnection& connection) {
                  ServerRequest more = request;
                  ++more.range->second;
                  server.serve(more, connection);
                }));
  server.replace(content_of(kSize), "\"one\"");
  const auto source = open(server.url(), quick()).value();
  const auto text = read(*source, 5'000, 50'000);
  EXPECT_EQ(text.code(), Code::kIo);
  EXPECT_THAT(message_of(text),
              HasSubstr("expected bytes 5000-54999, the server sends 5000-55000"));
}

TEST(HttpTrouble, RefusesABodyThatIsTooLong) {
  Server server(content_of(kSize),
                at_first(1, [&](const ServerRequest&, ServerConnection& connection) {
                  connection.send(server.head("206 Partial Content",
                                              "Content-Range: bytes 5000-5099/200000\r\n"
                                              "Transfer-Encoding: chunked\r\n"));
                  connection.send("100\r\n" + std::string(0x100, 'x') + "\r\n0\r\n\r\n");
                }));
  EXPECT_THAT(message_of(read_rest(server)), HasSubstr("longer than its Content-Range"));
}

TEST(HttpTrouble, TakesLessThanAskedForAndAsksForTheRest) {
  Server server("", [&](const ServerRequest& request, ServerConnection& connection) {
    ServerRequest less = request;
    less.range->second = std::min(less.range->second, less.range->first + 30'000);
    server.serve(less, connection);
    return true;
  });
  server.replace(content_of(kSize), "\"one\"");
  EXPECT_EQ(read_rest(server).value(), rest());
}

TEST(HttpTrouble, StopsWhenRangesAreNotServedAnyMore) {
  Server server("", at_first(1, [&](const ServerRequest& request, ServerConnection& connection) {
                  ServerRequest plain = request;
                  plain.range.reset();
                  server.serve(plain, connection, 1'000);
                  connection.close();
                }));
  server.replace(content_of(kSize), "\"one\"");
  EXPECT_THAT(message_of(read_rest(server)), HasSubstr("no longer supports ranges"));
}

TEST(HttpTrouble, FindsAWholeFileThatIsCut) {
  Server server("", [&](const ServerRequest& request, ServerConnection& connection) {
    ServerRequest plain = request;
    plain.range.reset();
    server.serve(plain, connection, 100'000);
    connection.close();
    return true;
  });
  server.replace(content_of(kSize), "\"one\"");
  const auto source = open(server.url(), quick()).value();
  EXPECT_EQ(read(*source, 0, 100'000).value(), content_of(kSize).substr(0, 100'000));
  EXPECT_THAT(message_of(read(*source, 100'000, 100'000)),
              HasSubstr("after 100000 bytes of 200000"));
}

TEST(HttpTrouble, IsNotImpressedByAHugeSize) {
  static constexpr std::uint64_t kHuge = 9'000'000'000'000'000'000;
  Server server(content_of(kSize), [](const ServerRequest& request, ServerConnection& connection) {
    const auto [begin, end] = request.range.value();
    connection.send(fmt::format(
        "HTTP/1.1 206 Partial Content\r\nETag: \"one\"\r\nContent-Range: bytes {}-{}/{}\r\n"
        "Content-Length: {}\r\n\r\n",
        begin, end - 1, kHuge, end - begin));
    connection.send(std::string(std::min<std::uint64_t>(end - begin, kSize), 'x'));
    return true;
  });
  const auto source = open(server.url(), quick()).value();
  EXPECT_EQ(source->size(), kHuge);
  // One window for every request would take terabytes.
  const io::ByteRange whole[] = {{0, kHuge}};
  const auto hint = source->prefetch(whole);
  EXPECT_EQ(read(*source, 5'000, 1'000).value(), std::string(1'000, 'x'));
}

TEST(HttpTrouble, NoticesASilentServer) {
  Server server("", at_first(1, [&](const ServerRequest& request, ServerConnection& connection) {
                  server.serve(request, connection, 10'000);
                  connection.wait(std::chrono::minutes(5));
                }));
  server.replace(content_of(kSize), "\"one\"");
  Options options = quick();
  options.stall_timeout = std::chrono::milliseconds(200);
  EXPECT_EQ(read_rest(server, options).value(), rest());
  options.retries = 0;
  Server silent("", [](const ServerRequest&, ServerConnection& connection) {
    connection.wait(std::chrono::minutes(5));
    return true;
  });
  EXPECT_THAT(message_of(read_rest(silent, options)), HasSubstr("no answer for 0.2 seconds"));
}

TEST(HttpTrouble, FollowsRedirectsOnlySoFar) {
  std::string to = "/loop";
  Server server("", [&](const ServerRequest&, ServerConnection& connection) {
    connection.send(server.head("302 Found", "Location: " + to + "\r\nContent-Length: 0\r\n"));
    return true;
  });
  EXPECT_THAT(message_of(read_rest(server)), HasSubstr("more than 10 redirects"));
  for (const char* elsewhere : {"file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://x/"}) {
    to = elsewhere;
    EXPECT_THAT(message_of(read_rest(server)), HasSubstr("not to an http or https URL")) << to;
  }
}

TEST(HttpTrouble, ShowsNoSecrets) {
  Server server("", [&](const ServerRequest&, ServerConnection& connection) {
    connection.send(server.head("500 Oh", "Content-Length: 0\r\n"));
    return true;
  });
  Options options = quick();
  options.retries = 1;
  options.headers = {"Authorization: Bearer hush"};
  std::string url = server.url("/model.bbz?token=hush");
  url.insert(7, "user:hush@");
  const auto refused = open(url, options);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, Not(HasSubstr("hush")));
  EXPECT_TRUE(server.requests().front().fields.contains("authorization"));
  const auto nowhere = open("http://user:hush@127.0.0.1:1/x?hush", options);
  ASSERT_FALSE(nowhere.ok());
  EXPECT_EQ(nowhere.code(), Code::kIo);
  EXPECT_THAT(nowhere.error().message, Not(HasSubstr("hush")));
  EXPECT_THAT(nowhere.error().message, HasSubstr("http://127.0.0.1:1/x?..."));
  EXPECT_EQ(open("ftp://host/x", options).code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace bbz::http
