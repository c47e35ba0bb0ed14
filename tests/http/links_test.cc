// URLs that redirect to links which expire: a reader goes back to the URL and continues.
#include <thread>

#include "bbz/http/remote_file.h"
#include "http/fixture.h"
#include "http/hub.h"

namespace bbz::http {
namespace {

using testing::HasSubstr;

constexpr std::size_t kSize = 600'000;

Hub::Terms requests(std::size_t count) {
  return {.requests = count};
}

// Reads a file in pieces of 20 kB, on so many threads at once; whether all came right.
testing::AssertionResult read_on_threads(const Hub& hub, unsigned threads,
                                         const Options& options = quick()) {
  const std::string content = content_of(kSize);
  const auto opened = RemoteFile::open(hub.url(), options, 1'000);
  if (!opened.ok()) return testing::AssertionFailure() << opened.error().message;
  RemoteFile& file = **opened;
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::string failure;
  const auto work = [&] {
    constexpr std::size_t kPiece = 20'000;
    for (std::size_t at = next++ * kPiece; at < kSize; at = next++ * kPiece) {
      std::string text(kPiece, '\0');
      const Status fetched = file.fetch_into(at, std::as_writable_bytes(std::span(text)));
      const std::lock_guard lock(mutex);
      if (!fetched.ok()) failure = fetched.error().message;
      if (fetched.ok() && text != content.substr(at, kPiece)) failure = "wrong bytes";
    }
  };
  std::vector<std::thread> all;
  for (unsigned i = 0; i < threads; ++i) all.emplace_back(work);
  for (std::thread& thread : all) thread.join();
  if (failure.empty()) return testing::AssertionSuccess();
  return testing::AssertionFailure() << failure;
}

TEST(HttpLinks, GoesBackToTheUrlWhenLinksExpire) {
  const struct {
    std::string name;
    Hub::Terms terms;
  } cases[] = {{"after one request", requests(1)},
               {"after five requests", requests(5)},
               {"after half a second",
                {.time = std::chrono::milliseconds(500), .delay = std::chrono::milliseconds(20)}},
               {"when the next is given", {.newest_only = true}},
               {"with 401", {.requests = 2, .refusal = "401 Who"}},
               {"with 404", {.requests = 2, .refusal = "404 No"}},
               {"with 410", {.requests = 2, .refusal = "410 Gone"}},
               {"with 400", {.requests = 2, .refusal = "400 ExpiredToken"}},
               {"with 503", {.requests = 2, .refusal = "503 Busy"}}};
  for (const auto& one : cases) {
    for (const unsigned threads : {1u, 4u, 16u}) {
      Hub hub(one.terms, content_of(kSize));
      EXPECT_TRUE(read_on_threads(hub, threads)) << one.name << ", " << threads << " threads";
      if (one.terms.requests == SIZE_MAX && (threads > 1 || one.terms.newest_only)) continue;
      EXPECT_GT(hub.refused(), 0u) << one.name;
    }
  }
}

TEST(HttpLinks, AreSharedAsLongAsTheyWork) {
  Hub hub({}, content_of(kSize));
  EXPECT_TRUE(read_on_threads(hub, 8));
  EXPECT_EQ(hub.asked(), 1u);
  EXPECT_EQ(hub.refused(), 0u);
  // One fetch asks for the next link, and all that were refused with it take that.
  Hub fewer(requests(10), content_of(kSize));
  EXPECT_TRUE(read_on_threads(fewer, 1));
  EXPECT_EQ(fewer.asked(), 4u);  // 31 requests
  EXPECT_EQ(fewer.refused(), 3u);
}

TEST(HttpLinks, EndWhereTheUrlItselfRefuses) {
  for (const std::string status : {"401 Who", "403 No", "404 No", "410 Gone", "451 Law"}) {
    Hub hub(requests(1), content_of(kSize));
    const auto file = RemoteFile::open(hub.url(), quick(), 1'000).value();
    hub.refuse(status);
    std::vector<std::byte> bytes(1'000);
    const Status fetched = file->fetch_into(50'000, bytes);
    ASSERT_FALSE(fetched.ok());
    EXPECT_THAT(fetched.error().message, HasSubstr("status " + status.substr(0, 3)));
    EXPECT_EQ(hub.asked(), 2u);
    EXPECT_EQ(hub.refused(), 1u);
    EXPECT_EQ(fetched.code() == Code::kNotFound, status == "404 No" || status == "410 Gone");
  }
}

TEST(HttpLinks, AreNotAskedForWithoutEnd) {
  // One that never worked says at once what is wrong.
  Hub never(requests(0), content_of(kSize));
  const auto unopened = RemoteFile::open(never.url(), quick(), 1'000);
  ASSERT_FALSE(unopened.ok());
  EXPECT_THAT(unopened.error().message, HasSubstr("refuses access at the redirected URL"));
  EXPECT_EQ(never.asked(), 1u);

  // One that has worked may do so again, but not for ever.
  Options options = quick();
  options.retries = 3;
  Hub hub({}, content_of(kSize));
  const auto file = RemoteFile::open(hub.url(), options, 1'000).value();
  hub.set_terms(requests(0));
  std::vector<std::byte> bytes(1'000);
  const Status fetched = file->fetch_into(50'000, bytes);
  ASSERT_FALSE(fetched.ok());
  EXPECT_THAT(fetched.error().message, HasSubstr("status 403"));
  EXPECT_THAT(fetched.error().message, HasSubstr("given up after 5 requests"));
  EXPECT_EQ(hub.asked(), 1u + 4);
  hub.set_terms({});
  EXPECT_TRUE(file->fetch_into(50'000, bytes).ok());
}

TEST(HttpLinks, AreReplacedWhenTheirServerGoes) {
  auto first = std::make_unique<Server>(content_of(kSize));
  Server second(content_of(kSize));
  std::string to = first->url();
  Server hub("", [&](const ServerRequest&, ServerConnection& connection) {
    connection.send(hub.head("302 Found", "Location: " + to + "\r\nContent-Length: 0\r\n"));
    return true;
  });
  const auto file = RemoteFile::open(hub.url("/hub"), quick(), 1'000).value();
  std::string text(20'000, '\0');
  EXPECT_TRUE(file->fetch_into(20'000, std::as_writable_bytes(std::span(text))).ok());
  to = second.url();
  first.reset();
  EXPECT_TRUE(file->fetch_into(40'000, std::as_writable_bytes(std::span(text))).ok());
  EXPECT_EQ(text, content_of(kSize).substr(40'000, 20'000));
  EXPECT_EQ(hub.request_count(), 2u);
}

TEST(HttpLinks, MayLeadToAPageThatSaysTheyHaveExpired) {
  std::atomic<bool> expired{false};
  Server server("", [&](const ServerRequest& request, ServerConnection& connection) {
    if (request.target == "/hub") {
      expired = false;
      connection.send(server.head("302 Found", "Location: /link\r\nContent-Length: 0\r\n"));
      return true;
    }
    if (!expired) return false;
    connection.send(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: "
        "5\r\n\r\nLate!");
    return true;
  });
  server.replace(content_of(kSize), "\"one\"");
  const auto file = RemoteFile::open(server.url("/hub"), quick(), 1'000).value();
  expired = true;
  std::string text(20'000, '\0');
  EXPECT_TRUE(file->fetch_into(20'000, std::as_writable_bytes(std::span(text))).ok());
  EXPECT_EQ(text, content_of(kSize).substr(20'000, 20'000));
}

}  // namespace
}  // namespace bbz::http
