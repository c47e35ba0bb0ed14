// bbz get: what arrives, what survives, what is mended, and what is refused.
#include <nlohmann/json.hpp>

#include "http/nginx.h"
#include "support/bytes.h"
#include "tools/getting.h"

namespace bbz::tools {
namespace {

using http::Nginx;

// The bytes that an opening request may take beside the wanted ones.
constexpr std::uint64_t kFront = 64 * 1024;

TEST_F(Get, FetchesEachByteOnceWithOneRequest) {
  if (!Nginx::is_there()) GTEST_SKIP() << "nginx is not installed";
  for (const std::string option : {"", "--index-first"}) {
    pack(2 << 20, option);
    write("served/model.bbz", archive_);
    Nginx nginx(dir_ / "served");
    EXPECT_EXIT_CODE(0, "$BBZ get " + nginx.url("model.bbz") + " -f");
    expect_done();
    const auto log = nginx.take_log();
    EXPECT_EQ(Nginx::total_bytes(log), archive_.size());
    EXPECT_EQ(log.size(), 1u);
  }
}

// If one connection would take long, the others join, with pieces that are not small.
TEST_F(Get, TakesSeveralConnectionsWhereOneIsSlow) {
  for (const std::string option : {"", "--index-first"}) {
    pack(8 << 20, option);
    std::mutex mutex;
    std::set<const ServerConnection*> connections;
    Server server("", [&](const ServerRequest& request, ServerConnection& connection) {
      {
        const std::lock_guard lock(mutex);
        connections.insert(&connection);
      }
      connection.wait(std::chrono::milliseconds(50));
      server.serve(request, connection, UINT64_MAX, 2 * kSlow);
      return true;
    });
    offer(server);
    EXPECT_EXIT_CODE(0, "$BBZ get $URL -T 3 -f");
    expect_done();
    EXPECT_GE(connections.size(), 3u);
    EXPECT_LE(server.request_count(), 40u);
    EXPECT_LE(server.body_bytes(),
              archive_.size() + (1 << 20));  // on the way when the first was cut
  }
}

TEST_F(Get, SurvivesKills) {
  pack(16 << 20);
  Server server("", [&](const ServerRequest& request, ServerConnection& connection) {
    server.serve(request, connection, UINT64_MAX, kSlow);
    return true;
  });
  offer(server);
  ASSERT_NO_FATAL_FAILURE(kill_many(server, 20, 4 << 20, "$BBZ get $URL -q"));
  EXPECT_FALSE(exists("model.bbz"));
  EXPECT_EXIT_CODE(0, "$BBZ get $URL");
  expect_done();
  EXPECT_LE(server.body_bytes() - lost_, archive_.size() / 100 * 108);
}

TEST_F(Get, GoesOnAfterErrors) {
  pack(4 << 20);
  bool busy = true;
  Server server("", [&](const ServerRequest& request, ServerConnection& connection) {
    if (!busy) return false;
    if (request.number == 0) {
      server.serve(request, connection, 5'000'000);
      connection.close();
    } else {
      connection.send(server.head("503 Busy", "Content-Length: 0\r\n"));
    }
    return true;
  });
  offer(server);
  expect_failure("$BBZ get $URL --retries 1", 5, "status 503");
  EXPECT_FALSE(exists("model.bbz"));
  EXPECT_TRUE(exists("model.bbz.part.state"));
  busy = false;
  EXPECT_EXIT_CODE(0, "$BBZ get $URL");
  expect_done();
  EXPECT_LE(server.body_bytes(), archive_.size() / 100 * 102);
}

TEST_F(Get, ChecksWhatIsThereWhereTheStateIsLost) {
  pack(4 << 20);
  Server server("");
  offer(server);
  for (const std::string state : {"rm model.bbz.part.state", "echo nonsense > model.bbz.part.state",
                                  "truncate -s -1 model.bbz.part.state"}) {
    std::string part = archive_.substr(0, archive_.size() / 2);
    part[part.size() / 4] ^= 1;
    write("model.bbz.part", part);
    write("model.bbz.part.state", "x");
    const std::uint64_t before = server.body_bytes();
    EXPECT_EXIT_CODE(0, state + " && $BBZ get $URL -f");
    expect_done();
    const std::uint64_t moved = server.body_bytes() - before;
    EXPECT_LE(moved, archive_.size() / 2 + 3 * (1 << 20));  // a chunk that is cut, one damaged
  }
}

TEST_F(Get, MendsDamagedFiles) {
  pack(16 << 20);
  Server server("");
  offer(server);
  write("model.bbz", archive_);
  const auto info = nlohmann::json::parse(sh("$BBZINFO --json --chunks model.bbz").out);
  std::string damaged = archive_;
  std::mt19937 random(1);
  std::set<std::uint64_t> hit;  // offsets of chunks
  std::uint64_t allowed = kFront + (std::uint64_t{1} << 14);
  for (int i = 0; i < 10; ++i) {
    const std::uint64_t at = random() % damaged.size();
    damaged[at] ^= static_cast<char>(1 << random() % 8);
    for (const auto& tensor : info.at("tensors")) {
      for (const auto& chunk : tensor.at("chunks")) {
        const std::uint64_t offset = chunk.at("offset");
        const std::uint64_t stored = chunk.at("stored_bytes");
        if (at < offset || at >= offset + stored || !hit.insert(offset).second) continue;
        allowed += stored;
      }
    }
  }
  write("model.bbz", damaged);
  const std::uint64_t before = server.body_bytes();
  EXPECT_EXIT_CODE(3, "$BBZ verify -q model.bbz");
  EXPECT_EXIT_CODE(0, "$BBZ get $URL --repair");
  expect_done();
  EXPECT_LE(server.body_bytes() - before, allowed);
  // Files that are cut, too long, empty, or none at all.
  for (const std::string& text : {archive_.substr(0, 10'000'000), archive_ + "more", std::string(),
                                  archive_, std::string(1000, '\0') + archive_.substr(1000)}) {
    write("model.bbz", text);
    EXPECT_EXIT_CODE(0, "$BBZ get $URL --repair");
    expect_done();
  }
  std::filesystem::remove(dir_ / "model.bbz");
  expect_failure("$BBZ get $URL --repair", 1, "nothing to repair");
}

TEST_F(Get, RepairsNothingButArchives) {
  pack(1 << 20);
  Server server("");
  offer(server);
  for (const std::string& text :
       {noise_text(100'000, 1), read("model.safetensors"), std::string("x")}) {
    write("model.bbz", text);
    expect_failure("$BBZ get $URL --repair", 6, "is not an archive");
    EXPECT_EQ(read("model.bbz"), text);
    expect_nothing_beside("model.bbz");
  }
  EXPECT_EXIT_CODE(0, "$BBZ get $URL --repair -f");
  expect_done();
}

TEST_F(Get, TakesOverNoFileOfAnothersUnderTheNameOfAPart) {
  pack(1 << 20);
  Server server("");
  offer(server);
  const std::string foreign = noise_text(100'000, 1);
  for (const std::string name : {"model.bbz.part", "model.bbz.part.state"}) {
    for (const std::string options : {"", " --restart", " --layer 1 -o model.bbz"}) {
      write(name, foreign);
      expect_failure("$BBZ get $URL" + options, 6,
                     name + "\": already exists and is not from a download");
      EXPECT_EQ(read(name), foreign);
      EXPECT_FALSE(exists("model.bbz"));
    }
    write("model.bbz", archive_);
    expect_failure("$BBZ get $URL --repair", 6, name);
    EXPECT_EQ(read(name), foreign);
    EXPECT_EXIT_CODE(0, "$BBZ get $URL -f");
    expect_done();
    std::filesystem::remove(dir_ / "model.bbz");
  }
  EXPECT_EXIT_CODE(0, "mkfifo model.bbz.part");
  expect_failure("$BBZ get $URL", 6, "is not from a download");
}

TEST_F(Get, ReadsTheWholeWhereThereAreNoRanges) {
  pack(2 << 20);
  std::uint64_t most = UINT64_MAX;
  Server server("", [&](const ServerRequest& request, ServerConnection& connection) {
    ServerRequest plain = request;
    plain.range.reset();
    server.serve(plain, connection, most);
    if (most != UINT64_MAX) connection.close();
    return true;
  });
  offer(server);
  most = 3'000'000;
  expect_failure("$BBZ get $URL", 5, "after 3000000 bytes");
  EXPECT_FALSE(exists("model.bbz"));
  expect_nothing_beside("model.bbz");
  most = UINT64_MAX;
  EXPECT_EXIT_CODE(0, "$BBZ get $URL");
  expect_done();
  write("model.bbz", archive_.substr(0, 100));
  expect_failure("$BBZ get $URL --repair", 5, "does not support ranges");
  EXPECT_EQ(read("model.bbz"), archive_.substr(0, 100));
  expect_failure("$BBZ get $URL --layer 1 -o part.bbz", 5, "does not support ranges");
  EXPECT_FALSE(exists("part.bbz"));
}

TEST_F(Get, KeepsFilesThatExist) {
  pack(1 << 20);
  Server server("");
  offer(server);
  write("model.bbz", "old");
  expect_failure("$BBZ get $URL", 6, "already exists (--repair mends it, -f replaces it)");
  EXPECT_EQ(read("model.bbz"), "old");
  EXPECT_EXIT_CODE(0, "$BBZ get $URL -o other.bbz && cmp other.bbz other.bbz");
  expect_done("other.bbz");
  EXPECT_EXIT_CODE(0, "mkdir folder && $BBZ get $URL -o folder");
  expect_done("folder/model.bbz");
  EXPECT_EXIT_CODE(0, "$BBZ get $URL -f");
  expect_done();
  EXPECT_EXIT_CODE(2, "$BBZ get $URL -o -");
  EXPECT_EXIT_CODE(2, "$BBZ get model.bbz");
  EXPECT_EXIT_CODE(2, "$BBZ get ${URL%/*}/");
  EXPECT_EXIT_CODE(2, "$BBZ get $URL --layer 1");
  EXPECT_EXIT_CODE(1, "$BBZ get $URL -o missing/folder/model.bbz");
}

TEST_F(Get, StopsWhenTheFileHasChanged) {
  pack(4 << 20);
  Budget budget;
  Server server("", budget.hook(server));
  offer(server);
  budget.allow(server, 3'000'000);
  expect_failure("$BBZ get $URL --retries 0 -T 1", 5, "");
  ASSERT_TRUE(exists("model.bbz.part.state"));
  budget.lift();
  server.replace(archive_, "\"two\"");
  expect_failure("$BBZ get $URL", 5, "has changed on the server");
  expect_failure("$BBZ get $URL", 5, "--restart");
  EXPECT_FALSE(exists("model.bbz"));
  EXPECT_EXIT_CODE(0, "$BBZ get $URL --restart");
  expect_done();
}

TEST_F(Get, TakesOnlyWholeArchives) {
  pack(2 << 20);
  const std::string good = archive_;
  Server server("");
  archive_[archive_.size() / 2] ^= 4;
  offer(server);
  expect_failure("$BBZ get $URL", 3, "the file on the server is damaged");
  EXPECT_LE(server.body_bytes(), archive_.size() + 3 * (std::uint64_t{1} << 20));
  expect_nothing_beside("model.bbz");
  for (const std::string& text : {good.substr(0, 100'000), std::string("not an archive"),
                                  std::string(), good + "x", std::string(300'000, 'x')}) {
    archive_ = text;
    offer(server);
    expect_failure("$BBZ get $URL", 3, "");
    EXPECT_FALSE(exists("model.bbz"));
    expect_nothing_beside("model.bbz");
  }
  // A file that was to be mended keeps its place.
  write("model.bbz", good);
  expect_failure("$BBZ get $URL --repair", 3, "");
  EXPECT_TRUE(exists("model.bbz"));
}

TEST_F(Get, MendsWhatComesDamaged) {
  for (const std::string option : {"", "--index-first"}) {
    pack(4 << 20, option);
    Server server("", [&](const ServerRequest& request, ServerConnection& connection) {
      if (request.number != 0) return false;
      std::string other = archive_;
      for (std::size_t at = 100'000; at < other.size(); at += 3'000'000) other[at] ^= 1;
      server.replace(other, "\"one\"");
      server.serve(request, connection);
      server.replace(archive_, "\"one\"");
      return true;
    });
    offer(server);
    EXPECT_EXIT_CODE(0, "$BBZ get $URL -T 1 -f");
    expect_done();
    EXPECT_GT(server.request_count(), 3u);
  }
}

TEST_F(Get, WorksAlone) {
  pack(2 << 20);
  std::atomic<bool> hold{true};
  Server server("", [&](const ServerRequest& request, ServerConnection& connection) {
    if (request.number > 0) return false;
    server.serve(request, connection, 1'000'000);
    while (hold) connection.wait(std::chrono::milliseconds(1));
    connection.close();
    return true;
  });
  offer(server);
  const pid_t first = start("exec $BBZ get $URL");
  while (!exists("model.bbz.part.state")) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  expect_failure("$BBZ get $URL", 6, "another process");
  hold = false;
  int status = 0;
  ::waitpid(first, &status, 0);
  EXPECT_EQ(status, 0);
  expect_done();
}

}  // namespace
}  // namespace bbz::tools
