// bbz get --expect: one content, and all of it, or no file.
#include <nlohmann/json.hpp>

#include "tools/forged.h"
#include "tools/found.h"
#include "tools/sliced_model.h"

namespace bbz::tools {
namespace {

class Expect : public Found {
 protected:
  void offer_packed(Server& server, const std::string& option) {
    pack(1 << 20, option + " --digest sha256");
    root_ = root_of(archive_);
    offer(server);
  }
  std::string root_of(const std::string& archive) {
    write("rooted.bbz", archive);
    return nlohmann::json::parse(sh("$BBZINFO --json rooted.bbz").out)["root_digest"];
  }
  static std::string other(std::string root) {
    root.back() = root.back() == '0' ? '1' : '0';
    return root;
  }

  std::string root_;
};

TEST_F(Expect, OneContentIsTaken) {
  for (const std::string option : {"", "--index-first"}) {
    Server server("");
    offer_packed(server, option);
    const std::string get = std::string(kGet) + "--expect " + root_;
    EXPECT_EXIT_CODE(0, get);
    expect_done();
    std::string damaged = archive_;
    damaged[damaged.size() / 2] ^= 1;
    write("model.bbz", damaged);
    EXPECT_EXIT_CODE(0, get + " --repair");
    expect_done();
    EXPECT_EXIT_CODE(0, get + " --layer 1 -o part.bbz && $BBZ verify -q part.bbz");
    expect_nothing_beside("part.bbz");
    EXPECT_EXIT_CODE(2, std::string(kGet) + "-f --expect sha256:12");
    std::filesystem::remove(dir_ / "part.bbz");
    std::filesystem::remove(dir_ / "model.bbz");
  }
}

TEST_F(Expect, AnotherIsRefused) {
  for (const std::string option : {"", "--index-first"}) {
    Server server("");
    offer_packed(server, option);
    for (const std::string& root : {other(root_), std::string(32, '0')}) {
      for (const std::string options : {"", " --layer 1 -o model.bbz"}) {
        const std::string get = std::string(kGet) + "--expect " + root + options;
        expect_failure(get, 1, "model.bbz: the root digest is " + root_);
        EXPECT_FALSE(exists("model.bbz"));
        expect_nothing_beside("model.bbz");
        write("model.bbz", "old");
        expect_failure(get + " -f", 1, "the root digest is");
        EXPECT_EQ(read("model.bbz"), "old");
        expect_nothing_beside("model.bbz");
        std::filesystem::remove(dir_ / "model.bbz");
      }
      write("model.bbz", archive_);
      expect_failure(std::string(kGet) + "--repair --expect " + root, 1, "the root digest is");
      expect_done();
      std::filesystem::remove(dir_ / "model.bbz");
    }
  }
}

TEST_F(Expect, AServerWithoutRangesIsAsked) {
  Server server("", [&](const ServerRequest& request, ServerConnection& connection) {
    ServerRequest plain = request;
    plain.range.reset();
    server.serve(plain, connection);
    return true;
  });
  offer_packed(server, "");
  expect_failure(std::string(kGet) + "--expect " + other(root_), 1, "the root digest is");
  EXPECT_FALSE(exists("model.bbz"));
  expect_nothing_beside("model.bbz");
  EXPECT_EXIT_CODE(0, std::string(kGet) + "--expect " + root_);
  expect_done();
}

// A mistake in the digest does not cost what has come before.
TEST_F(Expect, APartIsKept) {
  Budget budget;
  Server server("", budget.hook(server));
  offer_packed(server, "");
  begin(server, budget, 2'000'000);
  const std::uint64_t before = bytes_listed();
  expect_failure(std::string(kGet) + "--expect " + other(root_), 1, "the root digest is");
  EXPECT_EQ(bytes_listed(), before);
  EXPECT_FALSE(exists("model.bbz"));
  const std::uint64_t sent = server.body_bytes();
  EXPECT_EXIT_CODE(0, std::string(kGet) + "--expect " + root_);
  expect_done();
  EXPECT_LE(server.body_bytes() - sent, archive_.size() - before + 40'000);
}

// Of which the stored bytes alone would pass.
TEST_F(Expect, WhatDecodesIsChecked) {
  Server server("");
  offer_packed(server, "");
  const std::string good = archive_;
  archive_ = forged(good);
  ASSERT_NE(archive_, good);
  ASSERT_EQ(root_of(archive_), root_);
  offer(server);
  EXPECT_EXIT_CODE(0, kGet);
  expect_done();
  std::filesystem::remove(dir_ / "model.bbz");
  const std::string get = std::string(kGet) + "--expect " + root_;
  expect_failure(get, 3, "chunk 0");
  EXPECT_FALSE(exists("model.bbz"));
  expect_nothing_beside("model.bbz");
  // Nor from the disk, if the server has it too.
  write(kPart, archive_);
  write(kState, state_of(identity(server), archive_.size()));
  expect_failure(get, 3, "chunk 0");
  EXPECT_FALSE(exists("model.bbz"));
  write("model.bbz", archive_);
  expect_failure(get + " --repair", 3, "chunk 0");
  EXPECT_EQ(read("model.bbz"), archive_);
}

TEST_F(Expect, ARotatedModelIsTaken) {
  write("sliced.safetensors", safetensors_of(small_sliced_model()));
  for (const std::string method : {"bits-back", "triangular", "polar"}) {
    ASSERT_EQ(sh("$BBZ pack -q -f sliced.safetensors --digest sha256 -o model.bbz --symmetry " +
                 method + " && mv model.bbz served.bbz")
                  .code,
              0);
    archive_ = read("served.bbz");
    Server server("");
    offer(server);
    const std::string root = root_of(archive_);
    EXPECT_EXIT_CODE(0, std::string(kGet) + "--expect " + root);
    expect_done();
    EXPECT_EXIT_CODE(1, std::string(kGet) + "-f --expect " + other(root));
    std::filesystem::remove(dir_ / "model.bbz");
  }
}

}  // namespace
}  // namespace bbz::tools
