// Files that a process leaves if it ends at any moment, with and without unnamed temporaries.
#include "bbz/io/temporary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <iostream>

#include "bbz/io/atomic_file.h"
#include "io/forbid_calls.h"
#include "io/replace.h"
#include "support/bytes.h"
#include "support/temp_dir.h"

namespace bbz::io {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kLeftover = ".bbz-0123456789abcdef.tmp";

class Temporaries : public testing::TestWithParam<bool> {
 protected:
  static bool named() { return GetParam(); }

  // Runs the body in a process of its own.
  int run(const std::function<int()>& body) const {
    return in_child([&] {
      if (named()) forbid_unnamed_files();
      return body();
    });
  }

  // Acts as the next process: creates a file, which removes the files that others have left.
  void run_next() const {
    ASSERT_EQ(run([&] { return create("next", "next") ? 0 : 1; }), 0);
    std::filesystem::remove(dir_ / "next");
  }

  Status try_to_create(const std::string& name, const std::string& text) const {
    BBZ_ASSIGN(const auto file, AtomicFile::create(dir_ / name, kReplace));
    BBZ_TRY(file->write(bytes_of(text)));
    return file->finish();
  }

  bool create(const std::string& name, const std::string& text) const {
    const Status created = try_to_create(name, text);
    if (!created.ok()) std::cerr << created.error().message << "\n";
    return created.ok();
  }

  void SetUp() override {
    if (run([] { return 0; }) == kNoFilter) GTEST_SKIP() << "no seccomp filters here";
  }

  TempDir dir_;
};

TEST_P(Temporaries, AreSeenByNobodyBeforeTheyArePublished) {
  EXPECT_EQ(run([&] {
              const auto file = std::move(AtomicFile::create(dir_ / "model", kKeep)).value();
              if (!file->write(bytes_of("half")).ok()) return 1;
              const auto entries = dir_.entries();
              if (entries.size() != (named() ? 1u : 0u)) return 2;
              struct stat status {};
              if (named() && (::stat((dir_ / *entries.begin()).c_str(), &status) != 0 ||
                              (status.st_mode & 0777) != 0600)) {
                return 3;
              }
              return file->finish().ok() ? 0 : 4;
            }),
            0);
  EXPECT_THAT(dir_.entries(), ElementsAre("model"));
}

TEST_P(Temporaries, GetThePermissionsAndTheTimeThatAreAskedFor) {
  struct Case {
    std::uint32_t asked;
    mode_t umask;
    std::uint32_t expected;
  };
  for (const Case c : {Case{0755, 022, 0755}, Case{0755, 077, 0700}, Case{0777, 0, 0777},
                       Case{0664, 022, 0644}, Case{0600, 0, 0600}, Case{0400, 022, 0400},
                       Case{0, 022, 0}, Case{0111, 022, 0111}, Case{0775, 002, 0775}}) {
    const int code = run([&] {
      ::umask(c.umask);
      OutputOptions options = kReplace;
      options.attributes = {.mode = c.asked, .time = FileTime{-3, 250'000'000}};
      const auto file = std::move(AtomicFile::create(dir_ / "a", options)).value();
      return file->write(bytes_of("text")).ok() && file->finish().ok() ? 0 : 1;
    });
    EXPECT_EQ(code, 0);
    struct stat status {};
    ASSERT_EQ(::stat((dir_ / "a").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, c.expected) << c.asked << " under " << c.umask;
    EXPECT_EQ(status.st_mtim.tv_sec, -3);
    EXPECT_EQ(status.st_mtim.tv_nsec, 250'000'000);
    EXPECT_EQ(status.st_size, 4);
  }
  EXPECT_THAT(dir_.entries(), ElementsAre("a"));
}

TEST_P(Temporaries, OfAKilledProcessAreGoneAfterTheNextRun) {
  write_text(dir_ / "old", "old");
  for (int moment = 0; moment < 5; ++moment) {
    EXPECT_EQ(run([&] {
                Batch batch;
                const auto first = std::move(AtomicFile::create(dir_ / "old", kReplace)).value();
                if (moment == 0) ::raise(SIGKILL);
                if (!first->write(bytes_of(std::string(200'000, 'x'))).ok()) return 1;
                if (moment == 1) ::raise(SIGKILL);
                const auto parent = open_parent(dir_ / "x");
                std::vector<std::unique_ptr<AtomicFile>> files;
                for (const char* const name : {"a", "b", "c"}) {
                  files.push_back(
                      std::move(AtomicFile::create_at(*parent, name, name, kKeep, &batch)).value());
                  if (moment == 2) ::raise(SIGKILL);
                  if (!files.back()->finish().ok()) return 2;
                }
                if (moment == 3) ::raise(SIGKILL);
                if (!batch.finish().ok()) return 3;
                ::raise(SIGKILL);
                return 4;
              }),
              128 + SIGKILL);
    EXPECT_EQ(read_text(dir_ / "old"), "old");
    run_next();
    if (moment < 4) {
      EXPECT_THAT(dir_.entries(), ElementsAre("old"));
    }
  }
  EXPECT_THAT(dir_.entries(), ElementsAre("a", "b", "c", "old"));
}

// Only a rename replaces, so that for a moment a file without a name needs one.
TEST_P(Temporaries, AKillBeforeTheRenameLeavesTheOldFile) {
  write_text(dir_ / "model", "old");
  EXPECT_EQ(run([&] {
              die_at_rename();
              return create("model", "new") ? 0 : 1;
            }),
            128 + SIGSYS);
  EXPECT_THAT(dir_.entries(), SizeIs(2));
  EXPECT_EQ(read_text(dir_ / "model"), "old");
  run_next();
  EXPECT_THAT(dir_.entries(), ElementsAre("model"));
  EXPECT_EQ(run([&] { return create("model", "new") ? 0 : 1; }), 0);
  EXPECT_EQ(read_text(dir_ / "model"), "new");
  EXPECT_THAT(dir_.entries(), ElementsAre("model"));
}

TEST_P(Temporaries, OfAProcessThatLivesAreKept) {
  std::array<int, 2> to_child{}, to_parent{};
  ASSERT_EQ(::pipe(to_child.data()), 0);
  ASSERT_EQ(::pipe(to_parent.data()), 0);
  char byte = 0;
  const pid_t child = ::fork();
  if (child == 0) {
    if (named()) forbid_unnamed_files();
    const auto file = std::move(AtomicFile::create(dir_ / "model", kKeep)).value();
    const bool told = file->write(bytes_of("whole")).ok() && ::write(to_parent[1], "x", 1) == 1 &&
                      ::read(to_child[0], &byte, 1) == 1;
    ::_exit(told && file->finish().ok() ? 0 : 1);
  }
  ASSERT_EQ(::read(to_parent[0], &byte, 1), 1);
  const auto before = dir_.entries();
  for (int i = 0; i < 3; ++i) run_next();
  EXPECT_EQ(dir_.entries(), before);
  ASSERT_EQ(::write(to_child[1], "x", 1), 1);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_THAT(dir_.entries(), ElementsAre("model"));
  EXPECT_EQ(read_text(dir_ / "model"), "whole");
  for (const int fd : {to_child[0], to_child[1], to_parent[0], to_parent[1]}) ::close(fd);
}

TEST_P(Temporaries, OnlyOursAreRemoved) {
  const std::string ours = dir_ / kLeftover;
  const auto kept = [&](const std::string& what) {
    const auto before = dir_.entries();
    run_next();
    EXPECT_EQ(dir_.entries(), before) << what;
    std::filesystem::remove_all(dir_.path());
    std::filesystem::create_directory(dir_.path());
  };
  for (const char* const name :
       {".bbz-0123456789abcde.tmp", ".bbz-0123456789ABCDEF.tmp", ".bbz-0123456789abcdeg.tmp",
        ".bbz-0123456789abcdef.tmp2", "bbz-0123456789abcdef.tmp", ".bbz-0123456789abcdef"}) {
    write_text(dir_ / name, "somebody's");
  }
  kept("names");
  std::filesystem::create_directory(ours);
  kept("a directory");
  ASSERT_EQ(::mkfifo(ours.c_str(), 0600), 0);
  kept("a FIFO");
  write_text(dir_ / "precious", "old");
  std::filesystem::create_symlink("precious", ours);
  kept("a link");
  if (::geteuid() == 0) {
    write_text(ours, "another user's");
    ASSERT_EQ(::chown(ours.c_str(), 65534, 65534), 0);
    kept("another user's");
  }
  write_text(ours, "of a killed process");
  run_next();
  EXPECT_THAT(dir_.entries(), IsEmpty());
}

// Each looks for leftovers while others create, lock and rename theirs.
TEST_P(Temporaries, OfManyProcessesAtOnceComeThrough) {
  constexpr int kProcesses = 8, kFiles = 40;
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    const pid_t child = ::fork();
    if (child == 0) {
      if (named()) forbid_unnamed_files();
      bool good = true;
      for (int i = 0; i < kFiles && good; ++i) {
        // A process looks once: one for each file.
        good =
            in_child([&] { return create(std::to_string(p * kFiles + i), "text") ? 0 : 1; }) == 0;
      }
      ::_exit(good ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  const auto entries = dir_.entries();
  EXPECT_EQ(entries.size(), std::size_t{kProcesses} * kFiles);
  for (const std::string& name : entries) EXPECT_EQ(read_text(dir_ / name), "text");
}

INSTANTIATE_TEST_SUITE_P(Kinds, Temporaries, testing::Bool(),
                         [](const auto& kind) { return kind.param ? "Named" : "Unnamed"; });

}  // namespace
}  // namespace bbz::io
