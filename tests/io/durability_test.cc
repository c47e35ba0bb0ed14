// In which order content and names are brought to the disk, and what becomes of errors there.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>

#include "bbz/io/atomic_file.h"
#include "bbz/io/output_tree.h"
#include "io/forbid_calls.h"
#include "io/replace.h"
#include "support/bytes.h"
#include "support/temp_dir.h"

namespace {

// Counts the program's system calls since a test began.
struct Calls {
  bool noted = false;
  bool sync_fails = false;
  std::string all;  // "s" a file synced, "S" a file system, "d" a directory, "n" a name given
};
Calls calls;

int note(char what, bool fails) {
  if (calls.noted) calls.all += what;
  if (!calls.noted || !fails) return 0;
  errno = EIO;
  return -1;
}

}  // namespace

// These stand for the C library's in this program.
extern "C" int fsync(int fd) {
  struct stat status {};
  const bool directory = ::fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
  const int result = note(directory ? 'd' : 's', calls.sync_fails);
  return result != 0 ? result : static_cast<int>(::syscall(SYS_fsync, fd));
}

extern "C" int syncfs(int fd) noexcept {
  const int result = note('S', calls.sync_fails);
  return result != 0 ? result : static_cast<int>(::syscall(SYS_syncfs, fd));
}

extern "C" int linkat(int from, const char* path, int to, const char* name, int flags) noexcept {
  note('n', false);
  return static_cast<int>(::syscall(SYS_linkat, from, path, to, name, flags));
}

extern "C" int renameat(int from, const char* path, int to, const char* name) noexcept {
  note('n', false);
  return static_cast<int>(::syscall(SYS_renameat2, from, path, to, name, 0));
}

namespace bbz::io {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

class Durability : public testing::Test {
 protected:
  void SetUp() override {
    calls = {};
    if (!Fd(::open(dir_.path().c_str(), O_TMPFILE | O_RDWR, 0600))) {
      GTEST_SKIP() << "no files without a name here: " << std::strerror(errno);
    }
  }
  void TearDown() override { calls = {}; }

  // The calls since the last time.
  std::string taken() { return std::exchange(calls.all, {}); }

  std::unique_ptr<AtomicFile> begin(const std::string& name, const OutputOptions& options,
                                    Batch* batch = nullptr) {
    auto file = AtomicFile::create_at(*open_parent(dir_ / name), name, name, options, batch);
    EXPECT_TRUE(file.ok());
    EXPECT_TRUE((*file)->write(bytes_of("new")).ok());
    return std::move(*file);
  }

  TempDir dir_;
};

TEST_F(Durability, ContentComesBeforeTheName) {
  calls.noted = true;
  EXPECT_TRUE(begin("a", kKeep)->finish().ok());
  EXPECT_EQ(taken(), "snd");
  EXPECT_TRUE(begin("a", kReplace)->finish().ok());
  EXPECT_EQ(taken(), "snnnd");  // the name is taken: another, and a rename
}

TEST_F(Durability, NothingIsSyncedForThoseWhoDoNotNeedIt) {
  calls.noted = true;
  EXPECT_TRUE(begin("a", {.sync = false})->finish().ok());
  EXPECT_EQ(taken(), "n");
  Batch batch;
  for (char name = 'b'; name < 'z'; ++name) {
    EXPECT_TRUE(begin(std::string(1, name), {.sync = false}, &batch)->finish().ok());
  }
  EXPECT_TRUE(batch.finish().ok());
  EXPECT_EQ(taken(), std::string('z' - 'b', 'n'));
}

TEST_F(Durability, WhatCannotBeSyncedDoesNotAppear) {
  write_text(dir_ / "old", "old");
  calls.noted = calls.sync_fails = true;
  for (const OutputOptions& options : {kKeep, kReplace}) {
    const Status status = begin(options.replace ? "old" : "new", options)->finish();
    EXPECT_EQ(status.code(), Code::kIo);
    EXPECT_EQ(taken(), "s");
  }
  for (const int files : {3, 20}) {
    Batch batch;
    for (int i = 0; i < files; ++i) {
      EXPECT_TRUE(begin(i == 0 ? "old" : std::to_string(i), kReplace, &batch)->finish().ok());
    }
    EXPECT_EQ(batch.finish().code(), Code::kIo);
  }
  calls.noted = false;
  EXPECT_THAT(dir_.entries(), ElementsAre("old"));
  EXPECT_EQ(read_text(dir_ / "old"), "old");
}

TEST_F(Durability, ManyFilesWaitOnce) {
  constexpr std::size_t kFiles = 50;
  calls.noted = true;
  Batch batch;
  auto tree = std::move(OutputTree::open(dir_ / "tree")).value();
  for (std::size_t i = 0; i < kFiles; ++i) {
    const auto file = std::move(tree.create_file(std::to_string(i), kKeep, &batch)).value();
    EXPECT_TRUE(file->write(bytes_of("text")).ok());
    EXPECT_TRUE(file->finish().ok());
  }
  EXPECT_EQ(taken(), "");
  EXPECT_THAT(dir_.entries(), ElementsAre("tree"));
  EXPECT_TRUE(batch.finish().ok());
  EXPECT_EQ(taken(), "S" + std::string(kFiles, 'n') + "d");
  EXPECT_THAT(dir_.entries(), SizeIs(1 + kFiles));
  // Few are synced for themselves, which waits for nobody else.
  EXPECT_TRUE(begin("a", kKeep, &batch)->finish().ok());
  EXPECT_TRUE(begin("b", kKeep, &batch)->finish().ok());
  EXPECT_TRUE(batch.finish().ok());
  EXPECT_EQ(taken(), "ssnndd");
}

TEST_F(Durability, ABatchHoldsFewerFilesThanDescriptors) {
  EXPECT_EQ(in_child([&] {
              const rlimit limit{32, 32};
              ::setrlimit(RLIMIT_NOFILE, &limit);
              Batch batch;
              auto tree = std::move(OutputTree::open(dir_.path())).value();
              for (int i = 0; i < 300; ++i) {
                const std::string name = std::to_string(i) + "/file";
                const auto file = tree.create_file(name, kKeep, &batch);
                if (!file.ok() || !(*file)->finish().ok()) return 1;
              }
              return batch.finish().ok() ? 0 : 2;
            }),
            0);
  EXPECT_THAT(dir_.entries(), SizeIs(600));
}

TEST_F(Durability, ABatchLosesOnlyWhatFails) {
  Batch batch;
  for (const char* const name : {"a", "b", "c", "d", "e", "f"}) {
    EXPECT_TRUE(begin(name, kKeep, &batch)->finish().ok());
  }
  write_text(dir_ / "c", "another's");
  EXPECT_EQ(batch.finish().code(), Code::kExists);
  EXPECT_THAT(dir_.entries(), ElementsAre("a", "b", "c", "d", "e", "f"));
  EXPECT_EQ(read_text(dir_ / "c"), "another's");
  EXPECT_TRUE(batch.finish().ok());  // and has nothing left
  {
    Batch given_up;
    EXPECT_TRUE(begin("x", kKeep, &given_up)->finish().ok());
  }
  EXPECT_THAT(dir_.entries(), SizeIs(6));
}

TEST_F(Durability, ALargeFileIsNotHeldBack) {
  Batch batch;
  const auto file = begin("large", kKeep, &batch);
  EXPECT_TRUE(file->extend(std::uint64_t{1} << 30).ok());
  EXPECT_TRUE(file->finish().ok());
  EXPECT_THAT(dir_.entries(), ElementsAre("large"));
}

}  // namespace
}  // namespace bbz::io
