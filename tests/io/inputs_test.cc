// An output and the files that it is made from: it replaces none, and is no more readable.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "bbz/io/atomic_file.h"
#include "io/forbid_calls.h"
#include "io/modes.h"
#include "io/replace.h"
#include "support/temp_dir.h"

namespace bbz::io {
namespace {

using testing::HasSubstr;

FileStatus status_of(const std::string& path) {
  return (*open_file(path))->file_status().value();
}

TEST(Inputs, AreKnownOfFilesAndNothingElse) {
  const TempDir dir;
  write_text(dir / "a", "text");
  std::filesystem::create_hard_link(dir / "a", dir / "b");
  std::filesystem::create_symlink("a", dir / "c");
  write_text(dir / "d", "text");
  const FileStatus a = status_of(dir / "a");
  EXPECT_EQ(status_of(dir / "b").id, a.id);
  EXPECT_EQ(status_of(dir / "c").id, a.id);
  EXPECT_NE(status_of(dir / "d").id, a.id);
  EXPECT_EQ((*map_file(dir / "a", Access::kRandom))->file_status()->id, a.id);
  EXPECT_EQ(prefixed_source({}, *open_file(dir / "a"))->file_status()->id, a.id);
  Fd fd(::open((dir / "a").c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(pipe_source(fd.get(), Ownership::kBorrowed, "a")->file_status()->id, a.id);
  EXPECT_FALSE((*open_file("/dev/null"))->file_status());
  EXPECT_FALSE(memory_source(Bytes())->file_status());
}

TEST(Inputs, AreNeverReplacedUnderAnyName) {
  const TempDir dir;
  write_text(dir / "a", "precious");
  std::filesystem::create_hard_link(dir / "a", dir / "hard");
  std::filesystem::create_symlink("a", dir / "soft");
  write_text(dir / "other", "old");
  const FileStatus input = status_of(dir / "a");
  for (const char* const name : {"a", "hard", "soft"}) {
    const auto early = AtomicFile::create(dir / name, {.replace = true, .input = input});
    ASSERT_EQ(early.code(), Code::kInvalidArgument) << name;
    EXPECT_THAT(early.error().message, HasSubstr("is being read"));
    const auto late = std::move(AtomicFile::create(dir / name, kReplace)).value();
    EXPECT_TRUE(late->add_input(status_of(dir / "other")).ok());
    EXPECT_EQ(late->add_input(input).code(), Code::kInvalidArgument) << name;
  }
  const auto good = std::move(AtomicFile::create(dir / "other", kReplace)).value();
  EXPECT_TRUE(good->add_input(input).ok());
  EXPECT_TRUE(good->finish().ok());
  EXPECT_EQ(read_text(dir / "a"), "precious");
}

TEST(Inputs, AreNotReplacedWhereTheyComeToTheNameLate) {
  const TempDir dir;
  write_text(dir / "a", "precious");
  for (const bool at_once : {true, false}) {
    OutputOptions options = kReplace;
    if (at_once) options.input = status_of(dir / "a");
    const auto file = std::move(AtomicFile::create(dir / "out", options)).value();
    if (!at_once) {
      EXPECT_TRUE(file->add_input(status_of(dir / "a")).ok());
    }
    std::filesystem::rename(dir / "a", dir / "out");
    EXPECT_EQ(file->finish().code(), Code::kInvalidArgument);
    EXPECT_THAT(dir.entries(), testing::ElementsAre("out"));
    std::filesystem::rename(dir / "out", dir / "a");
  }
  EXPECT_EQ(read_text(dir / "a"), "precious");
}

TEST(Inputs, TheirGroupsCountOnlyIfTheOutputHasThem) {
  const auto mode = [](std::initializer_list<FileStatus> inputs, std::uint32_t group) {
    Permissions permissions;
    for (const FileStatus& input : inputs) permissions.restrict_to(input);
    return permissions.mode_in(group);
  };
  EXPECT_EQ(mode({}, 7), 0666u);
  EXPECT_EQ(mode({{{}, 0600, 7}}, 7), 0600u);
  EXPECT_EQ(mode({{{}, 0640, 7}}, 7), 0640u);
  EXPECT_EQ(mode({{{}, 0640, 7}}, 8), 0600u);
  EXPECT_EQ(mode({{{}, 0644, 7}}, 8), 0644u);
  EXPECT_EQ(mode({{{}, 0664, 7}}, 8), 0644u);
  EXPECT_EQ(mode({{{}, 0604, 7}}, 8), 0600u);
  EXPECT_EQ(mode({{{}, 0777, 7}}, 8), 0666u);
  EXPECT_EQ(mode({{{}, 0400, 7}}, 7), 0600u);
  EXPECT_EQ(mode({{{0, 0}, 0, 7}}, 7), 0600u);
  EXPECT_EQ(mode({{{}, 0640, 7}, {{0, 1}, 0644, 7}}, 7), 0640u);
  EXPECT_EQ(mode({{{}, 0640, 7}, {{0, 1}, 0640, 8}}, 7), 0600u);
  EXPECT_EQ(mode({{{}, 0640, 8}, {{0, 1}, 0640, 7}}, 7), 0600u);
  EXPECT_EQ(mode({{{}, 0644, 7}, {{0, 1}, 0644, 8}}, 7), 0644u);
}

// Who may read all inputs may execute the output, if that is asked for.
TEST(Inputs, RestrictThePermissionsThatAreAskedFor) {
  const auto mode = [](std::uint32_t most, std::initializer_list<FileStatus> inputs) {
    Permissions permissions(most);
    for (const FileStatus& input : inputs) permissions.restrict_to(input);
    return permissions.mode_in(7);
  };
  EXPECT_EQ(mode(0777, {}), 0777u);
  EXPECT_EQ(mode(0, {}), 0u);
  EXPECT_EQ(mode(0755, {{{}, 0644, 7}}), 0755u);
  EXPECT_EQ(mode(0777, {{{}, 0664, 7}}), 0775u);
  EXPECT_EQ(mode(0755, {{{}, 0600, 7}}), 0700u);
  EXPECT_EQ(mode(0711, {{{}, 0640, 7}}), 0710u);
  EXPECT_EQ(mode(0755, {{{}, 0622, 7}}), 0700u);
  EXPECT_EQ(mode(0400, {{{}, 0644, 7}}), 0400u);
  EXPECT_EQ(mode(0750, {{{}, 0644, 8}, {{0, 1}, 0644, 7}}), 0750u);
  EXPECT_EQ(mode(0755, {{{}, 0640, 8}, {{0, 1}, 0644, 7}}), 0700u);
}

TEST(Inputs, AnOutputIsNoMoreReadableThanTheyAre) {
  struct Case {
    std::uint32_t input;
    mode_t umask;
    std::uint32_t expected;
  };
  const TempDir dir;
  write_text(dir / "in", "secret");
  // The same group as what is created here.
  const auto probe = std::move(AtomicFile::create(dir / "probe", kKeep)).value();
  ASSERT_TRUE(probe->finish().ok());
  struct stat created {};
  ASSERT_EQ(::stat((dir / "probe").c_str(), &created), 0);
  ASSERT_EQ(::chown((dir / "in").c_str(), static_cast<uid_t>(-1), created.st_gid), 0);
  for (const bool named : {false, true}) {
    for (const Case c :
         {Case{0600, 022, 0600}, Case{0600, 0, 0600}, Case{0644, 022, 0644}, Case{0664, 022, 0644},
          Case{0664, 02, 0664}, Case{0644, 077, 0600}, Case{0640, 022, 0640}, Case{0640, 0, 0640},
          Case{0755, 022, 0644}, Case{0666, 0, 0666}, Case{0400, 022, 0600}, Case{0444, 0, 0644}}) {
      ASSERT_EQ(::chmod((dir / "in").c_str(), c.input), 0);
      for (const bool late : {false, true}) {
        std::filesystem::remove(dir / "out");
        const int code = in_child([&] {
          if (named) forbid_unnamed_files();
          ::umask(c.umask);
          OutputOptions options;
          if (!late) options.input = status_of(dir / "in");
          const auto file = std::move(AtomicFile::create(dir / "out", options)).value();
          if (late && !file->add_input(status_of(dir / "in")).ok()) return 1;
          return file->finish().ok() ? 0 : 2;
        });
        if (code == kNoFilter) GTEST_SKIP() << "no seccomp filters here";
        ASSERT_EQ(code, 0);
        EXPECT_EQ(mode_of(dir / "out"), c.expected)
            << std::oct << c.input << " " << c.umask << (named ? " named" : " unnamed");
      }
    }
  }
}

// The group bits of such a file say what the list grants at most, not what its group may do.
TEST(Inputs, AnAccessListGrantsTheGroupNothing) {
  const TempDir dir;
  write_text(dir / "in", "secret");
  struct Entry {
    std::uint16_t tag, bits;
    std::uint32_t id;
  };
  constexpr std::uint32_t kNobody = 65534, kNone = ~0u;
  struct {
    std::uint32_t version = 2;
    std::array<Entry, 5> entries{
        Entry{1, 6, kNone}, {2, 4, kNobody}, {4, 0, kNone}, {16, 4, kNone}, {32, 0, kNone}};
  } list;
  if (::setxattr((dir / "in").c_str(), "system.posix_acl_access", &list, sizeof list, 0) != 0) {
    GTEST_SKIP() << "no access lists here: " << std::strerror(errno);
  }
  EXPECT_EQ(mode_of(dir / "in"), 0640u);
  const auto file = std::move(AtomicFile::create(dir / "out", kKeep)).value();
  EXPECT_TRUE(file->add_input(status_of(dir / "in")).ok());
  EXPECT_TRUE(file->finish().ok());
  EXPECT_EQ(mode_of(dir / "out"), 0600u);
}

}  // namespace
}  // namespace bbz::io
