// The inputs and options that the tools refuse, and their exit codes.
#include <algorithm>

#include "bbz/format/catalog/metas.h"
#include "bbz/format/container/record_writer.h"
#include "common/exit_code.h"
#include "support/bytes.h"
#include "tools/models.h"
#include "tools/shell.h"
#include "tools/sliced_model.h"

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

// The exit codes are documented, so each kind of error keeps its own.
TEST(ExitCodes, StandForKindsOfErrors) {
  const std::pair<Code, int> codes[] = {{Code::kOk, 0},
                                        {Code::kInvalidArgument, 2},
                                        {Code::kIo, 5},
                                        {Code::kNotAnArchive, 3},
                                        {Code::kTruncated, 3},
                                        {Code::kChecksum, 3},
                                        {Code::kMalformed, 3},
                                        {Code::kUnsupported, 4},
                                        {Code::kLimit, 3},
                                        {Code::kNotFound, 1},
                                        {Code::kExists, 6},
                                        {Code::kUnsafePath, 3},
                                        {Code::kDigestMismatch, 1},
                                        {Code::kCancelled, 5},
                                        {Code::kInternal, 7},
                                        {Code::kOutOfMemory, 5},
                                        {Code::kBase, 8}};
  for (const auto& [code, expected] : codes) {
    EXPECT_EQ(static_cast<int>(exit_code(code)), expected) << code_name(code);
  }
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
  write("noise", noise_text(100'000, 7));
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
  // Nothing is written if one of several files is in the way.
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
  // By other names, too.
  EXPECT_EXIT_CODE(0, "ln model.safetensors hard && ln -s model.safetensors soft");
  EXPECT_EXIT_CODE(2, "$BBZ pack model.safetensors -o hard -f");
  EXPECT_EXIT_CODE(2, "$BBZ pack hard -o model.safetensors -f");
  EXPECT_EXIT_CODE(2, "$BBZ pack soft -o model.safetensors -f");
  EXPECT_EXIT_CODE(2, "$BBZ pack model.safetensors -o soft -f");
  EXPECT_EQ(read("model.safetensors"), model);
  EXPECT_EQ(read("hard"), model);
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

// A directory is refused, naming what is wrong, before its first file is packed.
TEST_F(Refusal, RefusesAFolderInTheFirstMoment) {
  write("d/a.bin", noise_text(100'000, 3));
  write("d/z.safetensors", layered_model(1, 32));
  const std::string pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n";
  const std::string whole = read("d/z.safetensors");
  const auto expect_refused = [&](int code, const std::string& options) {
    // Packed bytes would be in the pipe by now.
    const Finished refused = sh("$BBZ pack -T 1 d -o - " + options);
    EXPECT_EQ(refused.code, code) << refused.err;
    EXPECT_EQ(refused.out.size(), 0u);
    EXPECT_NE(refused.err.find("d/z.safetensors"), std::string::npos) << refused.err;
  };
  for (const std::string& text : {pointer, whole.substr(0, whole.size() - 1), whole + "x"}) {
    write("d/z.safetensors", text);
    for (const std::string options : {"", "--symmetry auto", "--digest sha256"}) {
      expect_refused(3, options);
    }
    EXPECT_EXIT_CODE(3, "$BBZ pack d --index-first");
    EXPECT_FALSE(exists("d.bbz"));
    EXPECT_EXIT_CODE(0, "$BBZ pack -q d -f --opaque='z.*' && $BBZ unpack -q -f d.bbz -C out");
    EXPECT_EXIT_CODE(0, "diff -r d out && rm d.bbz");
    EXPECT_EXIT_CODE(0,
                     "$BBZ pack -q d --exclude 'z.*' -o - > no-z && $BBZINFO --files no-z > list");
    EXPECT_EQ(read("list").find("z.safetensors"), std::string::npos);
  }
}

TEST_F(Refusal, LeavesOutWhatCannotBePackedOnRequestAndSaysSo) {
  write("d/a", "a");
  write("d/tab\t", "x");
  EXPECT_EXIT_CODE(0, "mkfifo d/fifo && ln -s nowhere d/dead");
  const Finished refused = sh("$BBZ pack d");
  EXPECT_NE(refused.err.find("--skip-unreadable"), std::string::npos) << refused.err;
  const Finished skipped = sh("$BBZ pack d --skip-unreadable");
  EXPECT_EQ(skipped.code, 1) << skipped.err;
  for (const std::string name : {"d/tab\\x09", "d/fifo", "d/dead"}) {
    EXPECT_NE(skipped.err.find("bbz: left out: \"" + name + "\": "), std::string::npos)
        << skipped.err;
  }
  EXPECT_EXIT_CODE(0, "$BBZ unpack d.bbz -C out && test \"$(ls out)\" = a");
  EXPECT_EXIT_CODE(0, "$BBZ pack d -f --exclude 'tab*' --exclude fifo --exclude dead");
  write("d/m.index.json", R"({"weight_map":{"w":"gone.safetensors"}})");
  const Finished warned = sh("$BBZ pack -q d -f --exclude 'tab*' --exclude fifo --exclude dead");
  EXPECT_EQ(warned.code, 0);
  EXPECT_NE(warned.err.find("bbz: warning: d/m.index.json: names a missing file"),
            std::string::npos)
      << warned.err;
}

TEST_F(Refusal, FollowsLinksOutOfAFolderOnRequestOnly) {
  write("secret", "secret");
  write("hub/blobs/0123", read("model.safetensors"));
  EXPECT_EXIT_CODE(0,
                   "mkdir -p hub/snapshots/main && "
                   "ln -s ../../blobs/0123 hub/snapshots/main/model.safetensors");
  const Finished refused = sh("$BBZ pack hub/snapshots/main -o x.bbz");
  EXPECT_EQ(refused.code, 3);
  EXPECT_NE(refused.err.find("--follow"), std::string::npos) << refused.err;
  EXPECT_FALSE(exists("x.bbz"));
  EXPECT_EXIT_CODE(0, "$BBZ pack hub/snapshots/main --follow -o x.bbz && $BBZ unpack x.bbz -C out");
  EXPECT_EQ(read("out/model.safetensors"), read("model.safetensors"));
  EXPECT_EXIT_CODE(0, "$BBZ pack hub");
  EXPECT_EXIT_CODE(3, "ln -s $PWD/secret hub/link && $BBZ pack hub -f");
}

TEST_F(Refusal, TellsThePatternOfOpaqueFromTheInput) {
  const auto kinds = [&](const std::string& arguments) {
    EXPECT_EXIT_CODE(0, "$BBZ pack -q -f -o x.bbz " + arguments);
    return sh("$BBZINFO --json x.bbz").out.find("BF16") != std::string::npos;
  };
  EXPECT_TRUE(kinds("model.safetensors"));
  EXPECT_FALSE(kinds("--opaque model.safetensors"));
  EXPECT_FALSE(kinds("--opaque model.safetensors -T 1"));
  EXPECT_FALSE(kinds("model.safetensors --opaque"));
  EXPECT_FALSE(kinds("model.safetensors --opaque 'm*'"));
  EXPECT_FALSE(kinds("--opaque 'm*' model.safetensors"));
  EXPECT_FALSE(kinds("--opaque='m*' model.safetensors --opaque x"));
  EXPECT_TRUE(kinds("--opaque='x*' model.safetensors --opaque y"));
  EXPECT_FALSE(kinds("--opaque - < model.safetensors"));
  EXPECT_TRUE(kinds("- --opaque 'x*' < model.safetensors"));
  EXPECT_EXIT_CODE(2, "$BBZ pack --opaque");
  EXPECT_EXIT_CODE(2, "$BBZ pack --opaque= ");
  EXPECT_EXIT_CODE(2, "$BBZ pack a b --opaque");
}

// Every way to write an archive into the directory that is packed.
TEST_F(Refusal, PacksNoOutputOfItsOwn) {
  write("d/model.safetensors", safetensors_of(small_sliced_model()));
  write("d/sub/x", "x");
  EXPECT_EXIT_CODE(0, "ln -s d link && ln -s sub d/again");
  const std::string files = "again/x model.safetensors sub/x";
  for (const std::string options : {"", "--symmetry auto", "--index-first", "--digest sha256"}) {
    for (const std::string output : {"d/out.bbz", "link/out.bbz", "./d/sub/../out.bbz",
                                     "d/sub/out.bbz", "d/again/out.bbz", "$PWD/d/.out"}) {
      for (int round = 0; round < 2; ++round) {  // the second replaces the first's
        SCOPED_TRACE(options + " -o " + output);
        EXPECT_EXIT_CODE(0, "$BBZ pack -q -f d " + options + " -o " + output);
        EXPECT_EXIT_CODE(0, "$BBZ unpack -q " + output + " -C back");
        EXPECT_EXIT_CODE(
            0, "test \"$(cd back && echo $(find . -type f | cut -c3- | sort))\" = '" + files + "'");
        EXPECT_EXIT_CODE(0, "rm -r back");
      }
      EXPECT_EXIT_CODE(0, "rm " + output);
    }
  }
  // Through the shell, from within, and by the default name.
  EXPECT_EXIT_CODE(
      0, "$BBZ pack -q d -o - > d/out && $BBZ unpack -q d/out -C back && ! test -e back/out");
  EXPECT_EXIT_CODE(0, "rm -r back d/out");
  EXPECT_EXIT_CODE(0, "cd d && $BBZ pack -q . -o out && cd .. && $BBZ unpack -q d/out -C back");
  EXPECT_FALSE(exists("back/out"));
  EXPECT_EXIT_CODE(0, "rm d/out && cd d/sub && $BBZ pack -q .. && cd ../.. && test -f d.bbz");
  // Replaced without its being an archive: a source would be lost.
  EXPECT_EXIT_CODE(2, "$BBZ pack d -f -o d/sub/x");
  EXPECT_EXIT_CODE(2, "$BBZ pack d -f -o link/sub/x");
  EXPECT_EXIT_CODE(2, "ln d/sub/x hard && $BBZ pack d -f -o hard");
  EXPECT_EXIT_CODE(2, "$BBZ pack d/sub/x -f -o hard");
}

TEST_F(Refusal, DefaultNamesTakeTheSuffixOfAModel) {
  for (const std::string name : {"m.pt", "m.pth", "m.bin", "m.ckpt", "m.safetensors"}) {
    write("names/" + name, read("model.safetensors"));
    EXPECT_EXIT_CODE(0, "$BBZ pack names/" + name + " && rm names/m.bbz");
  }
  write("names/m.txt", "x");
  write("names/.bin", "x");
  EXPECT_EXIT_CODE(0, "$BBZ pack names/m.txt && test -f names/m.txt.bbz");
  EXPECT_EXIT_CODE(0, "$BBZ pack names/.bin && test -f names/.bin.bbz");
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
