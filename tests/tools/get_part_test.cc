// bbz get of a part: what arrives, what survives, and what is used of what is there.
#include "archive/pivoting.h"
#include "bbz/base/wire.h"
#include "bbz/format/container/constants.h"
#include "tools/getting.h"
#include "tools/models.h"
#include "tools/sliced_model.h"

namespace bbz::tools {
namespace {

TEST_F(Get, MakesAnArchiveOfAPart) {
  pack(2 << 20);
  Server server("");
  offer(server);
  EXPECT_EXIT_CODE(0, "$BBZ get $URL --layer 1 -o part.bbz && $BBZ verify -q part.bbz");
  EXPECT_LE(server.body_bytes(), (2u << 20) + 400'000);
  write("model.bbz", archive_);
  EXPECT_EXIT_CODE(0,
                   "$BBZ unpack model.bbz --layer 1 -o a && $BBZ unpack part.bbz -o b && cmp a b");
  EXPECT_EXIT_CODE(0, "$BBZ unpack part.bbz --layer 1 -o c && cmp a c");
  EXPECT_EXIT_CODE(0, "$BBZ get $URL --tensor '*.mlp.*' --exclude '*.0.*' -o part.bbz -f");
  EXPECT_EXIT_CODE(0, "$BBZINFO part.bbz --json | grep -q '\"safetensors\":'");
  EXPECT_EXIT_CODE(1, "$BBZ get $URL --layer 7 -o none.bbz");
  EXPECT_FALSE(exists("none.bbz"));
  expect_nothing_beside("none.bbz");
  EXPECT_FALSE(left_temporaries());
  write("part.bbz", "old");
  expect_failure("$BBZ get $URL --layer 1 -o part.bbz", 6, "already exists (-f replaces it)");
  EXPECT_EXIT_CODE(2, "$BBZ get $URL --layer 1 -o part.bbz --repair");
}

// The first answer may hold all records but not the index behind them, or not all of it: what says
// how the archive ends is fetched all the same, because the part is read with it.
TEST_F(Get, APartHasTheEndOfItsArchive) {
  constexpr std::uint64_t kFirstAnswer = 16 * 1024;
  write("folder/model.safetensors", layered_model(2, 32));
  const auto pack_with = [&](std::size_t size) {
    std::string noise(size, ' ');
    std::mt19937 random(7);
    for (char& c : noise) c = static_cast<char>(random());
    write("folder/noise", noise);
    ASSERT_EQ(sh("$BBZ pack -q -f folder -o whole.bbz").code, 0);
    archive_ = read("whole.bbz");
  };
  ASSERT_NO_FATAL_FAILURE(pack_with(1000));
  ASSERT_LT(archive_.size(), kFirstAnswer);
  const std::size_t room = 1000 + kFirstAnswer - archive_.size();
  int between = 0;
  for (std::size_t size = room - 60; size < room + 600; size += 40) {
    ASSERT_NO_FATAL_FAILURE(pack_with(size));
    const auto index_length = load_le<std::uint64_t>(
        std::as_bytes(std::span(archive_)).last(container::kTrailerMetaSize).data());
    const std::uint64_t index = archive_.size() - container::kTrailerSize - index_length;
    if (index < kFirstAnswer && archive_.size() > kFirstAnswer) ++between;
    Server server("");
    offer(server);
    EXPECT_EXIT_CODE(0, "$BBZ get -q $URL --layer 1 -o part.bbz -f && $BBZ verify -q part.bbz");
  }
  EXPECT_GT(between, 3);
}

TEST_F(Get, GoesOnWithAPartAfterKills) {
  for (const std::string option : {"", "--index-first"}) {
    pack(16 << 20, option);
    write("whole.bbz", archive_);
    Server server("", [&](const ServerRequest& request, ServerConnection& connection) {
      server.serve(request, connection, UINT64_MAX, kSlow);
      return true;
    });
    offer(server);
    const std::string command = "$BBZ get $URL -q --layer 1 -o part.bbz";
    ASSERT_NO_FATAL_FAILURE(kill_many(server, 10, 2 << 20, command));
    EXPECT_FALSE(exists("part.bbz"));
    EXPECT_EXIT_CODE(0, command + " && $BBZ verify -q part.bbz");
    expect_nothing_beside("part.bbz");
    EXPECT_EXIT_CODE(
        0, "$BBZ unpack whole.bbz --layer 1 -o - > a; $BBZ unpack part.bbz -o - | cmp - a");
    EXPECT_LE(server.body_bytes() - std::exchange(lost_, 0), (16u << 20) / 100 * 110);
    std::filesystem::remove(dir_ / "part.bbz");
  }
}

TEST_F(Get, UsesWhatIsThereOfAPartAndNoMore) {
  pack(4 << 20);
  Budget budget;
  Server server("", budget.hook(server));
  offer(server);
  budget.allow(server, 1'500'000);
  const std::string command = "$BBZ get $URL --retries 0 -T 1 --layer 2 -o model.bbz";
  expect_failure(command, 5, "");
  ASSERT_TRUE(exists("model.bbz.part.state"));
  budget.lift();
  // Damaged bytes on disk are fetched again.
  std::string part = read("model.bbz.part");
  const std::size_t at = part.find_last_not_of('\0') - 100'000;
  part[at] = static_cast<char>(part[at] ^ 1);
  write("model.bbz.part", part);
  EXPECT_EXIT_CODE(0, command + " && $BBZ verify -q model.bbz && mv model.bbz part.bbz");
  expect_nothing_beside("model.bbz");
  write("model.bbz", archive_);
  EXPECT_EXIT_CODE(0, "$BBZ unpack model.bbz --layer 2 -o a && $BBZ unpack part.bbz -o b");
  EXPECT_EXIT_CODE(0, "cmp a b && rm model.bbz");
  EXPECT_LE(server.body_bytes(), (4u << 20) + (3u << 19) + 500'000);
  // A state that is lost, and one of another version of the file.
  budget.allow(server, 1'500'000);
  expect_failure(command, 5, "");
  EXPECT_EXIT_CODE(0, "rm model.bbz.part.state");
  budget.lift();
  EXPECT_EXIT_CODE(0, command + " && $BBZ unpack model.bbz -f -o b && cmp a b && rm model.bbz");
  budget.allow(server, 1'500'000);
  expect_failure(command, 5, "");
  server.replace(archive_, "\"two\"");
  budget.lift();
  expect_failure(command, 5, "has changed on the server");
  expect_failure(command, 5, "--restart");
  EXPECT_EXIT_CODE(0, command + " --restart && $BBZ unpack model.bbz -f -o b && cmp a b");
  // The whole goes on with a part.
  budget.allow(server, 1'500'000);
  expect_failure(command + " -f", 5, "");
  const std::uint64_t before = server.body_bytes();
  budget.lift();
  EXPECT_EXIT_CODE(0, "$BBZ get $URL -f");
  expect_done();
  EXPECT_LT(server.body_bytes() - before, archive_.size() - 300'000);
}

TEST_F(Get, MakesAnArchiveOfALayerOfPivots) {
  WriteOptions options;
  options.chunk_bytes = 96;
  const PivotFile made = pivot_file();
  archive_ = as_text(*write_sample({made.file}, options));
  write("whole.bbz", archive_);
  Server server("");
  offer(server);
  for (const std::string layer : {"0", "1"}) {
    EXPECT_EXIT_CODE(0, "$BBZ get -q -f $URL --layer " + layer + " -o part.bbz");
    EXPECT_EXIT_CODE(0, "$BBZ verify -q part.bbz");
    for (std::size_t i = 1; i + 1 < made.file.tensors.size(); ++i) {
      const std::string name = made.file.tensors[i].spec.name;
      const Finished found = sh("$BBZ cat part.bbz '" + name + "'");
      const bool there = name.starts_with("layers." + layer);
      EXPECT_EQ(found.code == 0, there) << name;
      if (there) {
        EXPECT_TRUE(found.out == sh("$BBZ cat whole.bbz '" + name + "'").out) << name;
      }
    }
  }
}

// Tensors that follow from others bring those along.
TEST_F(Get, MakesAnArchiveOfAPartOfARotatedModel) {
  write("sliced.safetensors", safetensors_of(small_sliced_model()));
  for (const std::string method : {"bits-back", "triangular", "polar"}) {
    const std::string pack = "$BBZ pack -q -f sliced.safetensors -o model.bbz --symmetry ";
    ASSERT_EQ(sh(pack + method).code, 0);
    archive_ = read("model.bbz");
    Server server("");
    offer(server);
    EXPECT_EXIT_CODE(0, "$BBZ get -q $URL --layer 1 -f -o part.bbz && $BBZ verify -q part.bbz");
    expect_nothing_beside("part.bbz");
    EXPECT_EXIT_CODE(
        0, "$BBZ unpack -q -f model.bbz --layer 1 -o a; $BBZ unpack -q -f part.bbz -o b; cmp a b");
  }
}

}  // namespace
}  // namespace bbz::tools
