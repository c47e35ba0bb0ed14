// Permissions and modification times, from where files are packed to where they are unpacked.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <map>
#include <nlohmann/json.hpp>

#include "bbz/base/format.h"
#include "tools/models.h"
#include "tools/mounting.h"
#include "tools/shell.h"
#include "tools/sliced_model.h"

namespace bbz::tools {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// A file or an empty directory, whose path ends with '/'.
struct Entry {
  const char* path;
  ::mode_t mode;
  std::int64_t seconds;
  long nanoseconds;
};
constexpr Entry kEntries[] = {
    {"all", 0777, 1'700'000'000, 0},
    {"empty", 0640, 1'600'000'000, 5},
    {"group", 0664, 0, 0},
    {"none/below/", 0750, 1'700'000'003, 0},
    {"old", 0644, -86'400, 500'000'000},
    {"read-only", 0444, 1'700'000'001, 123'456'789},
    {"secret", 0600, 4'102'444'800, 999'999'999},
    {"setuid", 04755, 1'700'000'002, 0},
    {"shut/", 0500, 1'700'000'004, 250},
    {"sub/config.json", 0644, 1'700'000'005, 0},
    {"sub/model.safetensors", 0604, 1'700'000'006, 0},
    {"sub/run.sh", 0755, 1'700'000'007, 0},
};

bool is_directory(const Entry& entry) {
  return std::string_view(entry.path).ends_with('/');
}

class Attributes : public ToolTest {
 protected:
  Attributes() { make(""); }

  // Makes the entries below "in".
  void make(const std::string& content) {
    for (const Entry& entry : kEntries) {
      const std::string path = std::string("in/") + entry.path;
      const bool model = path.ends_with(".safetensors");
      if (is_directory(entry)) {
        std::filesystem::create_directories(dir_ / path);
      } else {
        write(path, model ? layered_model(2, 32) : path.ends_with("/empty") ? "" : path + content);
      }
      EXPECT_EQ(::chmod((dir_ / path).c_str(), entry.mode), 0);
      touch(path, entry.seconds, entry.nanoseconds);
    }
  }
  void touch(const std::string& path, std::int64_t seconds, long nanoseconds) {
    const ::timespec times[2] = {{seconds, nanoseconds}, {seconds, nanoseconds}};
    EXPECT_EQ(::utimensat(AT_FDCWD, (dir_ / path).c_str(), times, 0), 0);
  }
  struct ::stat status(const std::string& path) const {
    struct ::stat found {};
    EXPECT_EQ(::stat((dir_ / path).c_str(), &found), 0) << path;
    return found;
  }
  static std::string text(::mode_t mode) { return fmt::format("{:o}", mode & 07777); }
  static std::string text(std::int64_t seconds, long nanoseconds) {
    return fmt::format("{} {}", seconds, nanoseconds);
  }
  // Whether the entries below a directory have these permissions of theirs, and their times.
  void expect_back(const std::string& folder, ::mode_t kept, bool times = true) {
    for (const Entry& entry : kEntries) {
      const struct ::stat found = status(folder + "/" + entry.path);
      // The archive is readable by all and writable by its owner.
      const ::mode_t of_archive = is_directory(entry) ? 0777 : 0755;
      EXPECT_EQ(text(found.st_mode), text(entry.mode & kept & of_archive)) << entry.path;
      EXPECT_EQ(text(found.st_mtim.tv_sec, found.st_mtim.tv_nsec) ==
                    text(entry.seconds, entry.nanoseconds),
                times)
          << entry.path << ": " << text(found.st_mtim.tv_sec, found.st_mtim.tv_nsec);
    }
  }
  // What bbzinfo says of each file.
  std::map<std::string, json> info(const std::string& archive) {
    const Finished shown = sh("$BBZINFO --json " + archive);
    EXPECT_EQ(shown.code, 0) << shown.err;
    std::map<std::string, json> files;
    const json all = json::parse(shown.out);
    for (const json& file : all["files"]) files[file["path"]] = file;
    return files;
  }
  // Whether an archive records this of the entries, whose paths begin with `prefix` in it.
  void expect_recorded(const std::string& archive, bool modes, bool times, bool nanoseconds = true,
                       const std::string& prefix = "") {
    const auto files = info(archive);
    EXPECT_EQ(files.size(), std::size(kEntries));
    for (const Entry& entry : kEntries) {
      std::string path = prefix + entry.path;
      if (path.ends_with('/')) path.pop_back();
      ASSERT_TRUE(files.contains(path)) << path;
      const json mode = modes ? json(fmt::format("{:04o}", entry.mode & 0777)) : json();
      EXPECT_EQ(files.at(path)["mode"], mode) << path;
      const json time = times ? json({{"seconds", entry.seconds},
                                      {"nanoseconds", nanoseconds ? entry.nanoseconds : 0}})
                              : json();
      EXPECT_EQ(files.at(path)["time"], time) << path;
    }
  }
};

TEST_F(Attributes, ComeBackWithinTheUmask) {
  EXPECT_EXIT_CODE(0, "$BBZ pack in -o in.bbz --modes --times && $BBZ verify in.bbz");
  EXPECT_EQ(text(status("in.bbz").st_mode), "600");  // as that of a file in it
  ASSERT_EQ(::chmod((dir_ / "in.bbz").c_str(), 0644), 0);
  expect_recorded("in.bbz", true, true);
  for (const ::mode_t umask : {022, 077, 002, 0, 027}) {
    const std::string under = fmt::format("rm -rf out; umask {:03o}; ", umask);
    EXPECT_EXIT_CODE(0, under + "$BBZ unpack in.bbz -C out --modes --times");
    EXPECT_EXIT_CODE(0, "diff -r in out");
    expect_back("out", 0777 & ~umask);
    // A pipe has no permissions that would restrict them.
    EXPECT_EXIT_CODE(0, under + "cat in.bbz | $BBZ unpack - -C out --modes --times");
    EXPECT_EXIT_CODE(0, "diff -r in out");
    EXPECT_EQ(text(status("out/group").st_mode), text(0664 & ~umask));
    EXPECT_EQ(text(status("out/all").st_mode), text(0777 & ~umask));
    EXPECT_EQ(text(status("out/shut").st_mode), text(0500 & ~umask));
    EXPECT_EQ(status("out/shut").st_mtim.tv_nsec, 250);
    EXPECT_EQ(status("out/read-only").st_mtim.tv_nsec, 123'456'789);
  }
  EXPECT_EXIT_CODE(0, "$BBZ unpack in.bbz -C out -f --modes --times");  // once more
  EXPECT_FALSE(left_temporaries());
}

TEST_F(Attributes, AreLimitedByThePermissionsOfTheArchive) {
  EXPECT_EXIT_CODE(0, "$BBZ pack in -o in.bbz --modes && chmod 600 in.bbz");
  EXPECT_EXIT_CODE(0, "umask 0; $BBZ unpack in.bbz -C out --modes");
  EXPECT_EQ(text(status("out/all").st_mode), "700");
  EXPECT_EQ(text(status("out/sub/run.sh").st_mode), "700");
  EXPECT_EQ(text(status("out/read-only").st_mode), "400");
  EXPECT_EQ(text(status("out/setuid").st_mode), "700");
}

TEST_F(Attributes, AreNeitherRecordedNorRestoredUnlessAskedFor) {
  EXPECT_EXIT_CODE(0, "$BBZ pack in -o plain.bbz && chmod 644 plain.bbz");
  expect_recorded("plain.bbz", false, false);
  EXPECT_THAT(sh("$BBZINFO --files plain.bbz").out, HasSubstr("  ratio\n  \"all\""));
  EXPECT_EXIT_CODE(0, "cp -r in other; chmod -R 700 other; $BBZ pack other -o other.bbz");
  EXPECT_EXIT_CODE(0, "cmp plain.bbz other.bbz");
  EXPECT_EXIT_CODE(0, "umask 022; $BBZ unpack plain.bbz -C usual --modes --times");
  EXPECT_EQ(text(status("usual/all").st_mode), "644");
  EXPECT_EQ(text(status("usual/secret").st_mode), "644");
  EXPECT_EQ(text(status("usual/shut").st_mode), "755");

  EXPECT_EXIT_CODE(0, "$BBZ pack in -o modes.bbz --modes");
  expect_recorded("modes.bbz", true, false);
  EXPECT_EXIT_CODE(0, "$BBZ pack in -o times.bbz --times");
  expect_recorded("times.bbz", false, true);
  EXPECT_EXIT_CODE(0, "$BBZ pack in -o both.bbz --modes --times && chmod 644 both.bbz");
  const std::string unpack = "rm -rf out; umask 022; $BBZ unpack both.bbz -C out ";
  EXPECT_EXIT_CODE(0, unpack + "--modes");
  expect_back("out", 0755, false);
  EXPECT_EXIT_CODE(0, unpack + "--times");
  EXPECT_EQ(text(status("out/secret").st_mode), "644");
  EXPECT_EQ(text(status("out/shut").st_mode), "755");
  EXPECT_EQ(status("out/old").st_mtim.tv_sec, -86'400);
  EXPECT_EXIT_CODE(0, unpack);
  EXPECT_EQ(text(status("out/all").st_mode), "644");
  EXPECT_NE(status("out/old").st_mtim.tv_sec, -86'400);
  EXPECT_EXIT_CODE(0, "umask 022; $BBZ salvage both.bbz -o salvaged && diff -r in salvaged");
  EXPECT_EQ(text(status("salvaged/all").st_mode), "644");
  EXPECT_EXIT_CODE(0, "$BBZ cat both.bbz secret | cmp - in/secret");
}

TEST_F(Attributes, KeepDirectoriesThatExist) {
  EXPECT_EXIT_CODE(0, "$BBZ pack in -o in.bbz --modes --times && mkdir -m 700 -p out/none/below");
  ASSERT_EQ(::chmod((dir_ / "out/none/below").c_str(), 0700), 0);
  touch("out/none/below", 1000, 0);
  EXPECT_EXIT_CODE(0, "umask 0; $BBZ unpack in.bbz -C out --modes --times");
  EXPECT_EQ(text(status("out/none/below").st_mode), "700");
  EXPECT_EQ(status("out/none/below").st_mtim.tv_sec, 1000);
  EXPECT_EQ(text(status("out/shut").st_mode), "500");
}

TEST_F(Attributes, ComeFromTheHeadersOfATar) {
  EXPECT_EXIT_CODE(0, "ln in/secret in/zz-link; touch -d @5 in/zz-link");
  EXPECT_EXIT_CODE(0, "tar -c --format=pax in | $BBZ pack - -o pax.bbz --modes --times");
  auto files = info("pax.bbz");
  EXPECT_EQ(files.at("in/zz-link")["mode"], "0600");
  EXPECT_EQ(files.at("in/zz-link")["time"], json({{"seconds", 5}, {"nanoseconds", 0}}));
  EXPECT_EXIT_CODE(0, "rm in/zz-link");
  touch("in/secret", 4'102'444'800, 999'999'999);
  touch("in/old", 3, 250'000'000);  // how a tar has times before 1970 depends on its writer
  EXPECT_EXIT_CODE(0, "tar -c --format=pax in | $BBZ pack - -f -o pax.bbz --modes --times");
  files = info("pax.bbz");
  EXPECT_EQ(files.at("in/old")["time"], json({{"seconds", 3}, {"nanoseconds", 250'000'000}}));
  touch("in/old", -86'400, 500'000'000);
  EXPECT_EXIT_CODE(0, "umask 022; cat pax.bbz | $BBZ unpack - -C out --modes --times");
  EXPECT_EXIT_CODE(0, "diff -r in out/in");
  touch("out/in/old", -86'400, 500'000'000);
  expect_back("out/in", 0755);
  EXPECT_EXIT_CODE(0, "touch -d @7 in/old; tar -c --format=gnu in > in.tar");
  EXPECT_EXIT_CODE(0, "$BBZ pack - < in.tar -o gnu.bbz --times; $BBZ pack - < in.tar > no.bbz");
  EXPECT_EQ(info("gnu.bbz").at("in/secret")["time"],
            json({{"seconds", 4'102'444'800}, {"nanoseconds", 0}}));
  EXPECT_EQ(info("gnu.bbz").at("in/shut")["mode"], json());
  touch("in/old", -86'400, 500'000'000);
  expect_recorded("no.bbz", false, false, false, "in/");
}

TEST_F(Attributes, AreThoseOfASingleFileButNotOfAPipe) {
  EXPECT_EXIT_CODE(0, "$BBZ pack in/sub/run.sh -o one.bbz --modes --times");
  EXPECT_EQ(info("one.bbz").at("run.sh")["mode"], "0755");
  EXPECT_EQ(info("one.bbz").at("run.sh")["time"]["seconds"], 1'700'000'007);
  EXPECT_EXIT_CODE(0, "cat in/sub/run.sh | $BBZ pack - --name run.sh --modes --times > pipe.bbz");
  EXPECT_EXIT_CODE(0, "cat in/sub/run.sh | $BBZ pack - --name run.sh > plain.bbz");
  EXPECT_EXIT_CODE(0, "cmp pipe.bbz plain.bbz");
  EXPECT_EQ(info("pipe.bbz").at("run.sh")["mode"], json());
}

TEST_F(Attributes, AreTheSameInPartsAndWithTheIndexFirst) {
  EXPECT_EXIT_CODE(0, "$BBZ pack in -o whole.bbz --modes --times");
  EXPECT_EXIT_CODE(0,
                   "for i in 1 2 3; do $BBZ pack in --part $i/3 -o part$i.bbz --modes --times || "
                   "exit 9; done; $BBZ join part1.bbz part2.bbz part3.bbz -o joined.bbz");
  EXPECT_EXIT_CODE(0, "cmp whole.bbz joined.bbz");
  EXPECT_EXIT_CODE(0, "$BBZ pack in -o front.bbz --modes --times --index-first");
  EXPECT_EXIT_CODE(0, "$BBZ verify front.bbz");
  expect_recorded("front.bbz", true, true);
}

// The root digest covers every extension, and the vector has one that is not known beside the mode.
TEST_F(Attributes, AreCopiedByJoin) {
  EXPECT_EXIT_CODE(0, "$BBZ join '" BBZ_VECTORS "/valid/file-attributes.bbz' -o joined.bbz");
  const auto root = [&](const std::string& archive) {
    const json all = json::parse(sh("$BBZINFO --json " + archive).out);
    return all["root_digest"];
  };
  EXPECT_EQ(root("joined.bbz"), root("'" BBZ_VECTORS "/valid/file-attributes.bbz'"));
}

TEST_F(Attributes, OfARotatedModelAreRecorded) {
  write("in/sliced.safetensors", safetensors_of(small_sliced_model()));
  ASSERT_EQ(::chmod((dir_ / "in/sliced.safetensors").c_str(), 0640), 0);
  touch("in/sliced.safetensors", 77, 8);
  EXPECT_EXIT_CODE(0,
                   "$BBZ pack -q in/sliced.safetensors -o rotated.bbz --symmetry polar --modes "
                   "--times && $BBZ verify rotated.bbz");
  const json file = info("rotated.bbz").at("sliced.safetensors");
  EXPECT_TRUE(file["metadata"].contains("symmetry"));
  EXPECT_EQ(file["mode"], "0640");
  EXPECT_EQ(file["time"], json({{"seconds", 77}, {"nanoseconds", 8}}));
}

TEST_F(Attributes, AreShown) {
  EXPECT_EXIT_CODE(0, "$BBZ pack in -o in.bbz --modes --times");
  const std::string shown = sh("$BBZINFO --files in.bbz").out;
  EXPECT_THAT(shown, HasSubstr("  mode "));
  EXPECT_THAT(shown, HasSubstr("  0444  2023-11-14 22:13:21.123456789\n"));
  EXPECT_THAT(shown, HasSubstr("  0644  1969-12-31 00:00:00.500000000\n"));
  EXPECT_THAT(shown, HasSubstr("  0500  2023-11-14 22:13:24.000000250\n"));
}

// The vector has times at both ends of 64 bits, which few file systems hold.
TEST_F(Attributes, ThatTheFileSystemCannotHoldAreAnErrorThatNamesTheFile) {
  EXPECT_EXIT_CODE(0, "cp '" BBZ_VECTORS "/valid/file-attributes.bbz' in.bbz");
  for (const std::string archive : {"in.bbz", "- < in.bbz"}) {
    const Finished done = sh("rm -rf out; $BBZ unpack " + archive + " -C out --times");
    if (done.code == 0) {
      EXPECT_EQ(status("out/time-last").st_mtim.tv_sec, INT64_MAX);
      continue;
    }
    EXPECT_EQ(done.code, 5) << done.err;
    EXPECT_THAT(done.err, HasSubstr("out/time-first: cannot set the modification time"));
    EXPECT_FALSE(exists("out/time-first"));
    EXPECT_EQ(status("out/time-before").st_mtim.tv_sec, -1);
    EXPECT_FALSE(left_temporaries());
  }
  EXPECT_EXIT_CODE(0, "rm -rf out; $BBZ unpack in.bbz -C out --modes");
  EXPECT_EXIT_CODE(0, "$BBZ salvage in.bbz -o salvaged && $BBZINFO --files in.bbz");
}

TEST_F(Attributes, NeedWholeFilesInADirectory) {
  EXPECT_EXIT_CODE(0, "$BBZ pack in -o in.bbz --modes --times");
  for (const std::string option : {"--modes", "--times"}) {
    for (const std::string use :
         {"-o out --file secret", "-o -", "--layer 1 -C out", "--tensor '*' -o out"}) {
      const Finished refused = sh("$BBZ unpack in.bbz " + use + " " + option);
      EXPECT_EQ(refused.code, 2) << use;
      EXPECT_THAT(refused.err, HasSubstr(option + " needs whole files in a directory"));
      EXPECT_FALSE(exists("out"));
    }
  }
}

class MountedAttributes : public MountTest {};

TEST_F(MountedAttributes, AreShownWithoutWriting) {
  write("in/run.sh", "true\n");
  write("in/plain", "x");
  EXPECT_EXIT_CODE(0, "chmod 755 in/run.sh; chmod 640 in/plain; touch -d @1700000000 in/run.sh");
  EXPECT_EXIT_CODE(0, "$BBZ pack in -o in.bbz --modes --times && $BBZ mount in.bbz m");
  EXPECT_EXIT_CODE(0, "test $(stat -c %a:%Y m/run.sh) = 555:1700000000");
  EXPECT_EXIT_CODE(0, "test $(stat -c %a m/plain) = 440 && m/run.sh && cmp m/plain in/plain");
  EXPECT_EXIT_CODE(0, "fusermount3 -u m || umount m");
}

}  // namespace
}  // namespace bbz::tools
