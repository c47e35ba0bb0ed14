// The worst that a small state file, and a server, can do to the commands that read over HTTP.
#include <atomic>

#include "bbz/access/push/state.h"
#include "support/bytes.h"
#include "tools/hostile_costs.h"

namespace bbz::tools {
namespace {

using http::ServerConnection;
using http::ServerRequest;

class WorstCaseOfServers : public WorstCase {
 protected:
  void SetUp() override {
    WorstCase::SetUp();
    forge("", [](Forgery& archive) {
      const std::string plain = noise_text(900'000, 1);
      archive.file("m");
      archive.tensor("w0", DType::kU8, {plain.size()}, plain.size());
      archive.chunk(std::as_bytes(std::span(plain)));
      archive.end_file();
    });
  }

  // Reads from a server that answers so.
  void expect_reading_bounded(const std::string& row, const http::Server::Hook& hook) {
    const Serving serving([this] { return read("in"); }, hook);
    ::setenv("URL", serving.url().c_str(), 1);
    name_row(row);
    expect_bounded("in", {{"get", "$BBZ get --timeout 2 --retries 2 $URL -f --no-sync -o o.bbz"},
                          {"verify", "$BBZ verify --timeout 2 --retries 2 $URL"},
                          {"cat", "$BBZ cat --timeout 2 --retries 2 $URL w0 -f -o /dev/null"},
                          {"bbzinfo", "$BBZINFO --timeout 2 --retries 2 $URL"}});
  }
};

// Half of the bytes are there, eight here and eight there.
TEST_F(WorstCaseOfServers, AStateOfManyRanges) {
  const std::string archive = read("in");
  http::Server* serving = nullptr;
  std::atomic<bool> breaks = true;
  http::Server server(archive, [&](const ServerRequest& request, ServerConnection& connection) {
    if (!breaks) return false;
    serving->serve(request, connection, 300'000);
    connection.close();
    return true;
  });
  serving = &server;
  ::setenv("URL", server.url().c_str(), 1);
  ASSERT_NE(sh("$BBZ get --retries 0 $URL -f --no-sync -o o.bbz").code, 0);
  auto state = push::load_state(dir_ / "o.bbz.part.state");
  ASSERT_TRUE(state.ok()) << state.error().message;
  state->there.clear();
  for (std::uint64_t at = 0; at + 16 <= archive.size(); at += 16) {
    state->there.push_back({at, at + 8});
  }
  const auto saved = push::encode_state(*state);
  breaks = false;
  put("a state of 56,000 ranges", "state", std::string(as_text(saved)));
  expect_bounded("state", {{"get",
                            "sh -c 'cp state o.bbz.part.state; exec \"$BBZ\" get \"$URL\" "
                            "-f --no-sync -o o.bbz'"}});
}

TEST_F(WorstCaseOfServers, AHeadWithoutEnd) {
  expect_reading_bounded("a head of HTTP without end",
                         [](const ServerRequest&, ServerConnection& connection) {
                           connection.send("HTTP/1.1 200 OK\r\n");
                           for (int i = 0; i < 50'000 && !connection.closed(); ++i) {
                             connection.send("X-" + std::to_string(i) + ": y\r\n");
                           }
                           connection.close();
                           return true;
                         });
}

TEST_F(WorstCaseOfServers, ManyInterimResponses) {
  expect_reading_bounded("40,000 interim responses of HTTP",
                         [](const ServerRequest&, ServerConnection& connection) {
                           for (int i = 0; i < 40'000 && !connection.closed(); ++i) {
                             connection.send("HTTP/1.1 103 Early Hints\r\n\r\n");
                           }
                           connection.close();
                           return true;
                         });
}

TEST_F(WorstCaseOfServers, RedirectsWithoutEnd) {
  expect_reading_bounded("redirects without end, with 200 KB of head each",
                         [](const ServerRequest& request, ServerConnection& connection) {
                           std::string fields;
                           for (int i = 0; fields.size() < 200'000; ++i) {
                             fields += "X-" + std::to_string(i) + ": y\r\n";
                           }
                           connection.send("HTTP/1.1 302 Found\r\nLocation: /" +
                                           std::to_string(request.number) +
                                           "\r\nContent-Length: 0\r\n" + fields + "\r\n");
                           return true;
                         });
}

TEST_F(WorstCaseOfServers, ChunksOfAByte) {
  expect_reading_bounded("150,000 chunks of HTTP of a byte",
                         [](const ServerRequest&, ServerConnection& connection) {
                           connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                           std::string chunks;
                           for (int i = 0; i < 150'000; ++i) chunks += "1\r\nx\r\n";
                           connection.send(chunks + "0\r\n\r\n");
                           return true;
                         });
}

// Each answer has one byte of what was asked for.
TEST_F(WorstCaseOfServers, AByteAtATime) {
  expect_reading_bounded("a server that gives a byte and breaks", [](const ServerRequest& request,
                                                                     ServerConnection& connection) {
    const auto range = request.range.value_or(std::pair<std::uint64_t, std::uint64_t>(0, 10));
    connection.send("HTTP/1.1 206 Partial Content\r\nETag: \"a\"\r\nContent-Range: bytes " +
                    std::to_string(range.first) + "-" + std::to_string(range.second - 1) +
                    "/900000\r\nContent-Length: " + std::to_string(range.second - range.first) +
                    "\r\n\r\n\x89");
    connection.close();
    return true;
  });
}

}  // namespace
}  // namespace bbz::tools
