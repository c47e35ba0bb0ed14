// Servers that are slow: how slow they may be, and whose fault it is.
#include "bbz/http/internal/speed_check.h"

#include <thread>

#include "bbz/http/remote_file.h"
#include "http/fixture.h"

namespace bbz::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr std::size_t kPacedSize = 200'000;
constexpr std::size_t kTakenSize = 4'000'000;  // in many reads
// How long a server may be too slow. A machine that is busy does not halt its threads for as long.
constexpr milliseconds kWindow{1'000};

Options at_least(std::uint64_t bytes_a_second, milliseconds over) {
  Options options = quick();
  options.lowest_speed = bytes_a_second;
  options.stall_timeout = over;
  return options;
}

TEST(SpeedCheck, IsAnAverage) {
  const Options options;  // 100 bytes a second over a minute
  SpeedCheck speed(options);
  EXPECT_EQ(speed.came(6'000, seconds(1)), "");
  for (int i = 0; i < 58; ++i) EXPECT_EQ(speed.came(0, seconds(1)), "");
  EXPECT_EQ(speed.came(0, seconds(1)), "");  // 6000 bytes in a minute
  EXPECT_EQ(speed.came(2'000, seconds(30)), "");
  EXPECT_EQ(speed.came(3'999, seconds(30)),
            "expected at least 100 bytes a second, found 5999 bytes in 60.0 seconds");
  EXPECT_EQ(speed.came(0, seconds(59)), "");  // of the next minute
}

TEST(SpeedCheck, LeavesOutWhatIsNotTheServers) {
  const Options options;
  SpeedCheck speed(options);
  speed.waited(seconds(100));  // for a head
  EXPECT_EQ(speed.came(1, seconds(0)), "");
  speed.paused(seconds(100));
  EXPECT_EQ(speed.came(1, seconds(0)), "");
  speed.waited(seconds(60));  // between bytes
  EXPECT_NE(speed.came(1, seconds(0)), "");
  // This process was stopped for an hour.
  EXPECT_EQ(speed.came(6'000, std::chrono::hours(1)), "");
}

TEST(SpeedCheck, TellsWhetherBytesCameFastEnough) {
  const Options options;
  SpeedCheck speed(options);
  EXPECT_FALSE(speed.kept_up());
  speed.came(1, milliseconds(5));
  EXPECT_TRUE(speed.kept_up());
  speed.paused(milliseconds(10));
  EXPECT_FALSE(speed.kept_up());
  speed.came(1, milliseconds(0));
  EXPECT_TRUE(speed.kept_up());
  speed.waited(milliseconds(10));
  EXPECT_FALSE(speed.kept_up());
  speed.begin_anew();
  EXPECT_FALSE(speed.kept_up());
  Options any;
  any.lowest_speed = 0;
  SpeedCheck patient(any);
  EXPECT_FALSE(patient.kept_up());
  EXPECT_EQ(patient.came(1, seconds(60)), "");
  EXPECT_TRUE(patient.kept_up());
}

// Sends what `serve` would, but at first one byte at a time, some fifty milliseconds apart.
void drip(const Server& server, const ServerRequest& request, ServerConnection& connection) {
  const std::string content = content_of(kPacedSize);
  const auto [begin, end] = request.range.value_or(std::pair{std::uint64_t{0}, kPacedSize});
  const std::string range =
      fmt::format("Content-Range: bytes {}-{}/{}\r\n", begin, end - 1, kPacedSize);
  connection.send(server.head(
      request.range ? "206 Partial Content" : "200 OK",
      (request.range ? range : "") + fmt::format("Content-Length: {}\r\n", end - begin)));
  std::uint64_t at = begin;
  for (; at < std::min(begin + 200, end) && !connection.closed(); ++at) {
    connection.send(content.substr(at, 1));
    connection.wait(milliseconds(50));
  }
  connection.send(content.substr(at, end - at));
}

TEST(HttpSpeed, EndsADrippingBody) {
  for (const bool ranges : {true, false}) {
    Server server(content_of(kPacedSize),
                  [&](const ServerRequest& request, ServerConnection& connection) {
                    if ((ranges && request.number == 0) || request.number > 20) return false;
                    ServerRequest asked = request;
                    if (!ranges) asked.range.reset();
                    drip(server, asked, connection);
                    return true;
                  });
    Options options = at_least(1'000, kWindow);
    options.retries = 1;
    const auto source = open(server.url(), options).value();
    const auto text = read(*source, ranges ? 5'000 : 0, 100'000);
    EXPECT_EQ(text.code(), Code::kIo);
    EXPECT_THAT(message_of(text),
                HasSubstr(server.url() + ": expected at least 1000 bytes a second, found "));
    if (!ranges) continue;
    EXPECT_THAT(message_of(text), HasSubstr("given up after 2 requests"));
    EXPECT_EQ(server.request_count(), 3u);
  }
}

TEST(HttpSpeed, EndsADrippingHead) {
  Server server("", [&](const ServerRequest& request, ServerConnection& connection) {
    connection.send("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 206 Partial Content\r\n");
    for (int i = 0; i < 200 && !connection.closed(); ++i) {
      connection.send("X: y\r\n");
      connection.wait(milliseconds(50));
    }
    connection.send("Content-Range: bytes 0-0/1\r\nContent-Length: 1\r\n\r\nx");
    return request.number < 100;
  });
  server.replace("x", "");
  Options options = at_least(0, kWindow);
  options.retries = 1;
  const auto opened = open(server.url(), options);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.code(), Code::kIo);
  EXPECT_THAT(
      opened.error().message,
      HasSubstr(server.url() + ": expected the head of a response within 1 seconds, found "));
  EXPECT_THAT(opened.error().message, HasSubstr("given up after 2 requests"));
}

// Opens a file and reads from 5000 on; after the opening request, `answer` gives it piece by piece.
std::string error_of_pieces(
    const Options& options,
    const std::function<void(Server&, const ServerRequest&, ServerConnection&)>& answer) {
  Server server("", [&](const ServerRequest& request, ServerConnection& connection) {
    if (request.number == 0 || request.number > 5'000) return false;
    answer(server, request, connection);
    return true;
  });
  server.replace(content_of(kPacedSize), "\"one\"");
  const auto source = open(server.url(), options).value();
  return message_of(read(*source, 5'000, kPacedSize));
}

TEST(HttpSpeed, EndsAByteForEachConnection) {
  Options options = at_least(1'000, kWindow);
  options.first_delay = options.longest_delay = milliseconds(10);
  options.retries = 5;
  EXPECT_THAT(error_of_pieces(
                  options,
                  [](Server& server, const ServerRequest& request, ServerConnection& connection) {
                    server.serve(request, connection, 1);
                    connection.close();
                  }),
              HasSubstr("given up after 6 requests"));
}

TEST(HttpSpeed, EndsAByteForEachRequest) {
  Options options = at_least(1'000, kWindow);
  options.retries = 1;
  EXPECT_THAT(error_of_pieces(
                  options,
                  [](Server& server, const ServerRequest& request, ServerConnection& connection) {
                    ServerRequest less = request;
                    less.range->second = less.range->first + 1;
                    connection.wait(milliseconds(5));
                    server.serve(less, connection);
                  }),
              HasSubstr("expected at least 1000 bytes a second"));
}

TEST(HttpSpeed, LeavesASlowLinkAlone) {
  Server server("", [&](const ServerRequest& request, ServerConnection& connection) {
    if (request.number == 0) return false;
    const auto [begin, end] = request.range.value();
    connection.send(
        server.head("206 Partial Content",
                    fmt::format("Content-Range: bytes {}-{}/{}\r\nContent-Length: {}\r\n", begin,
                                end - 1, kPacedSize, end - begin)));
    const std::string content = content_of(kPacedSize);
    for (std::uint64_t at = begin; at < end; at += 2'000) {
      connection.send(content.substr(at, std::min<std::uint64_t>(2'000, end - at)));
      connection.wait(milliseconds(30));
    }
    return true;
  });
  server.replace(content_of(kPacedSize), "\"one\"");
  // The whole takes three times as long as a server may be silent, and comes far above the limit.
  const auto source = open(server.url(), at_least(2'000, kWindow)).value();
  EXPECT_EQ(read(*source, 5'000, kPacedSize).value(), content_of(kPacedSize).substr(5'000));
  EXPECT_EQ(server.request_count(), 2u);
}

// Waits like a slow reader of parts of the file: longer for the whole than a server may.
void take_slowly(std::size_t bytes) {
  std::this_thread::sleep_for(milliseconds(3'000) * bytes / kTakenSize);
}

TEST(HttpSpeed, DoesNotCountTheTimeOfWhoeverTakesTheBytes) {
  const Options options = at_least(1'000'000'000, milliseconds(2'000));
  const std::string content = content_of(kTakenSize);
  Server server(content);
  const auto file = RemoteFile::open(server.url(), options, 1).value();
  std::string text;
  const Status fetched = file->fetch({0, kTakenSize}, [&](Bytes bytes) -> Status {
    take_slowly(bytes.size());
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  });
  EXPECT_TRUE(fetched.ok()) << fetched.error().message;
  EXPECT_EQ(text, content);
  EXPECT_EQ(server.request_count(), 2u);

  Server whole("", [&](const ServerRequest& request, ServerConnection& connection) {
    ServerRequest plain = request;
    plain.range.reset();
    whole.serve(plain, connection);
    return true;
  });
  whole.replace(content, "\"one\"");
  const auto source = open(whole.url(), options).value();
  for (std::size_t at = 0; at < kTakenSize; at += 200'000) {
    EXPECT_EQ(read(*source, at, 200'000).value(), content.substr(at, 200'000));
    take_slowly(200'000);
  }
}

TEST(HttpSpeed, BeginsToCountRetriesAnewWhenBytesCome) {
  Options options = quick();
  options.retries = 2;
  Server server("", [&](const ServerRequest& request, ServerConnection& connection) {
    if (request.number == 0) return false;
    server.serve(request, connection, 5'000);
    connection.close();
    return true;
  });
  server.replace(content_of(kPacedSize), "\"one\"");
  const auto source = open(server.url(), options).value();
  const auto text = read(*source, 5'000, kPacedSize);
  ASSERT_EQ(message_of(text), "no error");
  EXPECT_EQ(*text, content_of(kPacedSize).substr(5'000));
  EXPECT_EQ(server.request_count(), 1u + 39);
}

}  // namespace
}  // namespace bbz::http
