// A server that behaves: what is read, and with how many requests.
#include <thread>

#include "http/fixture.h"

namespace bbz::http {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(HttpSource, ReadsAnyRange) {
  const std::string content = content_of(300'000);
  Server server(content);
  const auto source = open(server.url(), quick()).value();
  EXPECT_TRUE(source->seekable());
  EXPECT_EQ(source->size(), content.size());
  EXPECT_EQ(source->name(), server.url());
  for (const std::uint64_t offset :
       {0u, 999u, 1000u, 1001u, 50'000u, 299'999u, 300'000u, 400'000u}) {
    for (const std::size_t size : {0u, 1u, 1000u, 100'000u}) {
      const std::string expected =
          offset < content.size() ? content.substr(offset, size) : std::string();
      EXPECT_EQ(read(*source, offset, size).value(), expected) << offset << " " << size;
    }
  }
}

TEST(HttpSource, OpensWithOneRequestAndTakesTheEndWithOneMore) {
  const std::string content = content_of(300'000);
  Server server(content);
  const auto source = open(server.url(), quick()).value();
  EXPECT_EQ(read(*source, 0, 32).value(), content.substr(0, 32));
  EXPECT_EQ(read(*source, 900, 100).value(), content.substr(900, 100));
  EXPECT_EQ(server.requests().size(), 1u);
  EXPECT_EQ(read(*source, 299'900, 100).value(), content.substr(299'900));
  EXPECT_EQ(read(*source, 250'000, 40'000).value(), content.substr(250'000, 40'000));
  EXPECT_EQ(server.requests().size(), 2u);
}

TEST(HttpSource, TakesASmallFileWithOneRequest) {
  Server server(content_of(999));
  const auto source = open(server.url(), quick()).value();
  EXPECT_EQ(read(*source, 0, 2000).value(), content_of(999));
  EXPECT_EQ(server.requests().size(), 1u);
  Server empty("");
  EXPECT_EQ(open(empty.url(), quick()).value()->size(), 0u);
}

TEST(HttpSource, FetchesHintedRangesTogether) {
  const std::string content = content_of(3'000'000);
  Server server(content);
  Options options = quick();
  options.merge_gap = 500;
  options.request_bytes = 400'000;
  const auto source = open(server.url(), options).value();
  std::vector<io::ByteRange> ranges;
  for (std::uint64_t i = 0; i < 100; ++i) ranges.push_back({100'000 + 10'000 * i, 9'600});
  const auto hint = source->prefetch(ranges);
  for (const io::ByteRange& range : ranges) {
    EXPECT_EQ(read(*source, range.offset, range.size).value(),
              content.substr(range.offset, range.size));
  }
  EXPECT_EQ(server.requests().size(), 1u + 3);  // 1 MB in requests of 400 kB
  EXPECT_LT(server.body_bytes(), 1'001'000u);
  // Bytes that were read once are not kept.
  EXPECT_EQ(read(*source, 120'000, 20'000).value(), content.substr(120'000, 20'000));
  EXPECT_EQ(server.requests().size(), 5u);
}

// With requests of 100 kB ahead, and no more in memory than that.
std::unique_ptr<io::Source> open_holding(std::uint64_t ahead_bytes, const Server& server) {
  Options options = quick();
  options.request_bytes = 100'000;
  options.ahead_bytes = ahead_bytes;
  return open(server.url(), options).value();
}

TEST(HttpSource, HoldsNoMoreAheadThanItMay) {
  const std::string content = content_of(4'000'000);
  Server server(content);
  const auto source = open_holding(300'000, server);
  const io::ByteRange whole[] = {{0, content.size()}};
  const auto hint = source->prefetch(whole);
  EXPECT_EQ(read(*source, 0, 50'000).value(), content.substr(0, 50'000));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // gives it time to do wrong
  EXPECT_LE(server.body_bytes(), 1'000u + 400'000u);
  EXPECT_EQ(read(*source, 50'000, 3'950'000).value(), content.substr(50'000));
  EXPECT_EQ(server.body_bytes(), content.size());
}

TEST(HttpSource, ForgetsWhatIsNoLongerHinted) {
  const std::string content = content_of(2'000'000);
  Server server(content);
  const auto source = open_holding(200'000, server);
  for (int i = 0; i < 20; ++i) {
    const io::ByteRange whole[] = {{0, content.size()}};
    const auto hint = source->prefetch(whole);
    if (i % 2 == 0) continue;
    EXPECT_EQ(read(*source, 1'000'000, 150'000).value(), content.substr(1'000'000, 150'000));
  }
  EXPECT_EQ(read(*source, 5'000, 20'000).value(), content.substr(5'000, 20'000));
}

TEST(HttpSource, ReadsByItselfWhatACancelledHintDoesNotFetchAnyMore) {
  const std::string content = content_of(2'000'000);
  Server server(content);
  const auto source = open(server.url(), quick()).value();
  for (int round = 0; round < 50; ++round) {
    const io::ByteRange range[] = {{100'000, 1'500'000}};
    auto hint = source->prefetch(range);
    std::vector<std::thread> waiting;
    std::atomic<int> wrong{0};
    for (int t = 0; t < 8; ++t) {
      waiting.emplace_back([&] {
        const auto text = read(*source, 1'500'000, 20'000);
        if (!text.ok() || *text != content.substr(1'500'000, 20'000)) ++wrong;
      });
    }
    std::this_thread::sleep_for(std::chrono::microseconds(20 * round));
    hint.reset();  // while the window is on its way
    for (std::thread& thread : waiting) thread.join();
    ASSERT_EQ(wrong, 0) << round;
  }
}

TEST(HttpSource, ServesManyThreadsOverFewConnections) {
  const std::string content = content_of(2'000'000);
  Server server(content);
  const auto source = open(server.url(), quick()).value();
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (unsigned t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      for (int i = 0; i < 20; ++i) {
        const std::uint64_t offset = random() % content.size();
        const std::size_t size = random() % 60'000;
        const io::ByteRange range[] = {{offset, size}};
        const auto hint = i % 2 == 0 ? source->prefetch(range) : nullptr;
        const auto text = read(*source, offset, size);
        if (!text.ok() || *text != content.substr(offset, size)) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(HttpSource, SendsHeadersToTheFirstHostAlone) {
  Server other(content_of(5'000));
  Server server("", [&](const ServerRequest& request, ServerConnection& connection) {
    const std::string to = request.target == "/away" ? other.url() : "/here";
    if (request.target == "/here") return false;
    connection.send(server.head("302 Found", "Location: " + to + "\r\nContent-Length: 0\r\n"));
    return true;
  });
  server.replace(content_of(5'000), "\"one\"");
  Options options = quick();
  options.headers = {"Authorization: secret", "X-Key: secret"};
  const auto here = open(server.url("/start"), options).value();
  EXPECT_EQ(read(*here, 2'000, 10).value(), content_of(5'000).substr(2'000, 10));
  ASSERT_EQ(server.requests().size(), 3u);  // the place is remembered
  EXPECT_EQ(server.requests()[2].fields.at("authorization"), "secret");
  const auto away = open(server.url("/away"), options).value();
  EXPECT_EQ(read(*away, 2'000, 10).value(), content_of(5'000).substr(2'000, 10));
  ASSERT_EQ(other.requests().size(), 2u);
  for (const ServerRequest& request : other.requests()) {
    EXPECT_FALSE(request.fields.contains("authorization"));
    EXPECT_FALSE(request.fields.contains("x-key"));
  }
}

TEST(HttpSource, AsksAnewWhereARedirectHasExpired) {
  Server server("", [&](const ServerRequest& request, ServerConnection& connection) {
    if (request.target == "/start") {
      const std::string to = "/place-" + std::to_string(request.number);
      connection.send(server.head("307 Moved", "Location: " + to + "\r\nContent-Length: 0\r\n"));
      return true;
    }
    if (request.number != 2) return false;
    connection.send(server.head("403 Forbidden", "Content-Length: 0\r\n"));
    return true;
  });
  server.replace(content_of(50'000), "\"one\"");
  const auto source = open(server.url("/start"), quick()).value();
  EXPECT_EQ(read(*source, 20'000, 20'000).value(), content_of(50'000).substr(20'000, 20'000));
  EXPECT_EQ(server.requests()[4].target, "/place-3");
}

TEST(HttpSource, ReadsFrontToBackWhereThereAreNoRanges) {
  const std::string content = content_of(700'000);
  Server server(content, [&](const ServerRequest& request, ServerConnection& connection) {
    ServerRequest plain = request;
    plain.range.reset();
    server.serve(plain, connection);
    return true;
  });
  const auto source = open(server.url(), quick()).value();
  EXPECT_FALSE(source->seekable());
  EXPECT_EQ(source->size(), content.size());
  EXPECT_EQ(read(*source, 0, 10).value(), content.substr(0, 10));
  EXPECT_EQ(read(*source, 10, 800'000).value(), content.substr(10));
  EXPECT_EQ(read(*source, 700'000, 1).value(), "");
  const auto back = read(*source, 0, 10);
  EXPECT_EQ(back.code(), Code::kInvalidArgument);
  EXPECT_THAT(message_of(back), HasSubstr("does not support ranges"));
  EXPECT_EQ(server.requests().size(), 1u);
}

}  // namespace
}  // namespace bbz::http
