// What the tools refuse, and with which exit code.
#include <algorithm>

#include "bbz/catalog/metas.h"
#include "bbz/container/record_writer.h"
#include "tools/models.h"
#include "tools/shell.h"

namespace bbz::tools {
namespace {

class Refusal : public ToolTest {
 protected:
  Refusal() {
    write("model.safetensors", layered_model(2, 32));
    EXPECT_EQ(sh("$BBZ pack model.safetensors").code, 0);
  }
};

TEST_F(Refusal, TellsItsReasonsApart) {
  EXPECT_EXIT_CODE(0, "$BBZ --help && $BBZ pack --help && $BBZINFO --help && $BBZ --version");
  EXPECT_EXIT_CODE(2, "$BBZ");
  EXPECT_EXIT_CODE(2, "$BBZ frobnicate");
  EXPECT_EXIT_CODE(2, "$BBZ pack");
  EXPECT_EXIT_CODE(2, "$BBZ pack model.safetensors --frobnicate");
  EXPECT_EXIT_CODE(2, "$BBZ unpack model.bbz -C out -o out");
  EXPECT_EXIT_CODE(1, "$BBZ unpack missing.bbz");
  EXPECT_EXIT_CODE(1, "$BBZ cat model.bbz missing");
  EXPECT_EXIT_CODE(3, "$BBZ unpack model.safetensors -C out");
  EXPECT_EXIT_CODE(3, "head -c 1000 model.bbz > cut.bbz; $BBZ unpack cut.bbz -C out");
  EXPECT_EXIT_CODE(3, "$BBZ verify cut.bbz");
  EXPECT_EXIT_CODE(3, "$BBZINFO cut.bbz");
  EXPECT_EXIT_CODE(5, "$BBZ pack model.safetensors -o /dev/full");
  EXPECT_EXIT_CODE(5, "$BBZINFO model.bbz > /dev/full");
  EXPECT_EXIT_CODE(6, "$BBZ pack model.safetensors");
  EXPECT_EXIT_CODE(6, "$BBZ unpack model.bbz");
}

TEST_F(Refusal, SpeaksInOneLineOnStandardError) {
  for (const std::string command : {"$BBZ pack missing", "$BBZ unpack model.safetensors",
                                    "$BBZ frobnicate", "$BBZ pack model.safetensors"}) {
    const Finished refused = sh(command);
    EXPECT_TRUE(refused.out.empty()) << refused.out;
    EXPECT_TRUE(refused.err.starts_with("bbz: ")) << refused.err;
    EXPECT_EQ(std::ranges::count(refused.err, '\n'), 1) << refused.err;
  }
}

TEST_F(Refusal, SalvageLeavesNoFolderThatItMadeForNothing) {
  write("noise", noise(100'000, 7));
  EXPECT_EXIT_CODE(0, "mkdir -p old/empty && touch old/file");
  for (const std::string folder : {"new", "new/below/", "old/new/below", "old/empty"}) {
    EXPECT_EXIT_CODE(3, "$BBZ salvage noise -o " + folder);
    EXPECT_EXIT_CODE(0, "test ! -e new && test ! -e old/new && test -d old/empty");
  }
  // With something in it, it stays.
  EXPECT_EXIT_CODE(3, "head -c 3000 model.bbz > cut.bbz; $BBZ salvage cut.bbz -o new/below");
  EXPECT_EXIT_CODE(0, "test -n \"$(ls new/below)\"");
}

TEST_F(Refusal, RefusesAVersionFromTheFuture) {
  std::string archive = read("model.bbz");
  archive[8] = 2;
  const std::uint64_t checksum = xxh3_64(std::as_bytes(std::span(archive)).first(24));
  std::memcpy(archive.data() + 24, &checksum, sizeof checksum);
  write("future.bbz", archive);
  EXPECT_EXIT_CODE(4, "$BBZ unpack future.bbz -C out");
  EXPECT_EXIT_CODE(4, "$BBZ verify future.bbz");
}

TEST_F(Refusal, KeepsOutputsThatExist) {
  write("old.bbz", "old");
  EXPECT_EXIT_CODE(6, "$BBZ pack model.safetensors -o old.bbz");
  EXPECT_EQ(read("old.bbz"), "old");
  EXPECT_EXIT_CODE(0, "$BBZ pack model.safetensors -o old.bbz -f && cmp old.bbz model.bbz");
  EXPECT_EXIT_CODE(0, "rm model.safetensors; $BBZ unpack model.bbz && $BBZ unpack model.bbz -f");
  // Nothing is written where one of several files is in the way.
  write("two/a", "1");
  write("two/b", "2");
  write("out/b", "old");
  EXPECT_EXIT_CODE(6, "$BBZ pack two && $BBZ unpack two.bbz -C out");
  EXPECT_FALSE(exists("out/a"));
  EXPECT_EQ(read("out/b"), "old");
}

TEST_F(Refusal, DoesNotReplaceASource) {
  const std::string model = read("model.safetensors");
  EXPECT_EXIT_CODE(2, "$BBZ pack model.safetensors -o model.safetensors -f");
  EXPECT_EXIT_CODE(2, "$BBZ pack . -o ./model.safetensors -f");
  EXPECT_EQ(read("model.safetensors"), model);
}

TEST_F(Refusal, RefusesWhatIsNoSafetensors) {
  write("bad.safetensors", "not one");
  const Finished refused = sh("$BBZ pack bad.safetensors -o bad.bbz");
  EXPECT_EQ(refused.code, 3);
  EXPECT_NE(refused.err.find("--opaque"), std::string::npos) << refused.err;
  EXPECT_FALSE(exists("bad.bbz"));
  EXPECT_EXIT_CODE(0,
                   "$BBZ pack bad.safetensors -o bad.bbz --opaque && "
                   "$BBZ unpack bad.bbz -o - | cmp - bad.safetensors");
}

// An archive of one empty file with a path that the writer would not take.
std::string archive_with_path(const std::string& path) {
  std::vector<std::byte> out;
  const auto sink = io::memory_sink(out);
  container::RecordWriter records(*sink, {}, 0);
  EXPECT_TRUE(records.begin().ok());
  std::vector<std::byte> meta;
  catalog::FileMeta file;
  file.path = path;
  catalog::encode_meta(file, meta);
  EXPECT_TRUE(records.append(container::RecordType::kFile, meta, {}).ok());
  meta.clear();
  catalog::encode_meta(catalog::FileEndMeta{}, meta);
  EXPECT_TRUE(records.append(container::RecordType::kFileEnd, meta, {}).ok());
  EXPECT_TRUE(records.finish({}).ok());
  return {reinterpret_cast<const char*>(out.data()), out.size()};
}

TEST_F(Refusal, RefusesNamesThatClimb) {
  for (const std::string path :
       {"../evil", "a/../../evil", "/tmp/evil", "a//b", "./evil", "a\\b", "evil\x1b[2J", "."}) {
    write("evil.bbz", archive_with_path(path));
    for (const std::string command :
         {"$BBZ unpack evil.bbz -C out", "cat evil.bbz | $BBZ unpack - -C out", "$BBZINFO evil.bbz",
          "$BBZ verify evil.bbz"}) {
      const Finished refused = sh(command);
      EXPECT_EQ(refused.code, 3) << command << " " << path << refused.err;
      EXPECT_EQ(refused.err.find('\x1b'), std::string::npos);
    }
    EXPECT_FALSE(exists("evil"));
  }
}

TEST_F(Refusal, DoesNotFollowLinksBelowTheOutput) {
  write("tree/sub/file", "content");
  ASSERT_EQ(sh("$BBZ pack tree && mkdir -p out elsewhere && ln -s ../elsewhere out/sub").code, 0);
  for (const std::string force : {"", "-f "}) {
    EXPECT_EXIT_CODE(3, "$BBZ unpack " + force + "tree.bbz -C out");
    EXPECT_EXIT_CODE(3, "cat tree.bbz | $BBZ unpack " + force + "- -C out");
  }
  EXPECT_FALSE(exists("elsewhere/file"));
  // A link at the name of the file itself makes way with -f, and is not written through.
  ASSERT_EQ(
      sh("rm out/sub && mkdir out/sub && echo kept > kept && ln -s ../../kept out/sub/file").code,
      0);
  EXPECT_EXIT_CODE(6, "$BBZ unpack tree.bbz -C out");
  EXPECT_EXIT_CODE(0, "$BBZ unpack -f tree.bbz -C out && test ! -L out/sub/file");
  EXPECT_EQ(read("kept"), "kept\n");
}

}  // namespace
}  // namespace bbz::tools
