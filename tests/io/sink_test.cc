#include "bbz/io/sink.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <thread>

#include "bbz/io/atomic_file.h"
#include "bbz/io/fd_writer.h"
#include "io/replace.h"
#include "support/bytes.h"
#include "support/faulty.h"
#include "support/temp_dir.h"

namespace bbz::io {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Sink, MemoryTakesWritesAndPatchesOnlyWhatWasWritten) {
  std::vector<std::byte> out(2);
  const auto sink = memory_sink(out);
  EXPECT_TRUE(sink->write(bytes_of("abcdef")).ok());
  EXPECT_TRUE(sink->patch(1, bytes_of("XY")).ok());
  EXPECT_EQ(sink->written(), 6u);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(out.data()) + 2, 6), "aXYdef");
  const Status past = sink->patch(5, bytes_of("12"));
  EXPECT_EQ(past.code(), Code::kInvalidArgument);
  EXPECT_EQ(past.error().message,
            "memory: cannot patch 2 bytes at offset 5: only 6 bytes were written");
  EXPECT_EQ(sink->patch(~std::uint64_t{0}, bytes_of("12")).code(), Code::kInvalidArgument);
}

TEST(Sink, APipeGetsEverythingAndCannotBePatched) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  std::string expected;
  std::string found;
  std::thread reader([&] {
    std::array<char, 4096> buffer{};
    for (ssize_t n; (n = ::read(ends[0], buffer.data(), buffer.size())) > 0;) {
      found.append(buffer.data(), static_cast<std::size_t>(n));
    }
  });
  {
    const auto sink = pipe_sink(ends[1], Ownership::kOwned, "a pipe");
    for (const std::size_t size : {1u, 100u, 65535u, 65536u, 3u, 300000u, 7u}) {
      const std::string piece(size, static_cast<char>('a' + size % 26));
      expected += piece;
      EXPECT_TRUE(sink->write(bytes_of(piece)).ok());
    }
    EXPECT_EQ(sink->written(), expected.size());
    EXPECT_FALSE(sink->can_patch());
    EXPECT_EQ(sink->patch(0, bytes_of("x")).code(), Code::kUnsupported);
    EXPECT_FALSE(sink->can_place());
    EXPECT_EQ(sink->reserve(1).code(), Code::kUnsupported);
    EXPECT_EQ(sink->place(0, bytes_of("x")).code(), Code::kUnsupported);
    EXPECT_TRUE(sink->finish().ok());
  }
  reader.join();
  EXPECT_TRUE(found == expected);
}

TEST(Sink, AFullDeviceIsAnErrorThatStays) {
  const auto sink = std::move(create_output("/dev/full", kKeep)).value();
  EXPECT_TRUE(sink->write(bytes_of("kept back for now")).ok());
  const Status status = sink->finish();
  EXPECT_EQ(status.code(), Code::kIo);
  EXPECT_EQ(status.error().message, "/dev/full: cannot write: No space left on device");
  EXPECT_EQ(sink->write(bytes_of("more")).code(), Code::kIo);
  EXPECT_EQ(sink->finish().code(), Code::kIo);
}

TEST(Sink, OutputNamesChooseTheKind) {
  const TempDir dir;
  EXPECT_EQ((*create_output("-", kKeep))->name(), "standard output");
  EXPECT_FALSE((*create_output("/dev/null", kReplace))->can_patch());
  EXPECT_TRUE((*create_output(dir / "file", kKeep))->can_patch());
}

TEST(AtomicFile, AppearsWholeAndOnlyWhenFinished) {
  const TempDir dir;
  const auto file = std::move(AtomicFile::create(dir / "model", kKeep)).value();
  const std::string large(200000, 'x');
  EXPECT_TRUE(file->write(bytes_of("head")).ok());
  EXPECT_TRUE(file->write(bytes_of(large)).ok());
  EXPECT_TRUE(file->patch(1, bytes_of("EA")).ok());
  EXPECT_TRUE(file->write(bytes_of("tail")).ok());
  EXPECT_EQ(file->patch(200007, bytes_of("ab")).code(), Code::kInvalidArgument);
  EXPECT_FALSE(std::filesystem::exists(dir / "model"));
  EXPECT_TRUE(file->finish().ok());
  EXPECT_THAT(dir.entries(), ElementsAre("model"));
  EXPECT_TRUE(read_text(dir / "model") == "hEAd" + large + "tail");
  EXPECT_EQ(file->write(bytes_of("x")).code(), Code::kInvalidArgument);
  EXPECT_EQ(file->finish().code(), Code::kInvalidArgument);
}

TEST(FdWriter, PlacesNothingAfterAnError) {
  const TempDir dir;
  const Fd file(::open((dir / "f").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  const Fd same(::dup(file.get()));
  const Fd read_only(::open((dir / "f").c_str(), O_RDONLY | O_CLOEXEC));
  FdWriter writer(file.get(), "f");
  ASSERT_TRUE(writer.reserve(10).ok());
  ASSERT_GE(::dup2(read_only.get(), file.get()), 0);
  EXPECT_EQ(writer.place(0, bytes_of("x")).code(), Code::kIo);
  ASSERT_GE(::dup2(same.get(), file.get()), 0);
  EXPECT_EQ(writer.place(1, bytes_of("x")).code(), Code::kIo);
  EXPECT_TRUE(read_text(dir / "f") == std::string(10, '\0'));
}

TEST(AtomicFile, ManyThreadsPlaceBytesInWhatWasReserved) {
  const TempDir dir;
  const auto file = std::move(AtomicFile::create(dir / "model", kKeep)).value();
  constexpr std::size_t kPieces = 40, kSize = 300000;
  std::string expected(kPieces * kSize, 'x');
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] = static_cast<char>(i * 7 / 1000);
  EXPECT_TRUE(file->can_place());
  EXPECT_TRUE(file->write(bytes_of("head")).ok());
  EXPECT_TRUE(file->reserve(4 + expected.size() + 3).ok());
  EXPECT_EQ(file->written(), 4 + expected.size() + 3);
  {
    std::vector<std::jthread> threads;
    for (std::size_t first = 0; first < 3; ++first) {
      threads.emplace_back([&, first] {
        for (std::size_t i = first; i < kPieces; i += 3) {
          const std::size_t at = (kPieces - 1 - i) * kSize;
          EXPECT_TRUE(file->place(4 + at, bytes_of(expected).subspan(at, kSize)).ok());
        }
      });
    }
  }
  EXPECT_EQ(file->place(4 + expected.size(), bytes_of("1234")).code(), Code::kInvalidArgument);
  EXPECT_EQ(file->reserve(4).code(), Code::kInvalidArgument);
  EXPECT_TRUE(file->write(bytes_of("tail")).ok());
  EXPECT_TRUE(file->finish().ok());
  // Bytes that were not placed are zero.
  EXPECT_TRUE(read_text(dir / "model") == "head" + expected + std::string(3, '\0') + "tail");
  EXPECT_EQ(file->place(0, bytes_of("x")).code(), Code::kInvalidArgument);
  EXPECT_EQ(file->reserve(1).code(), Code::kInvalidArgument);
}

TEST(AtomicFile, HasTheModeOfTheUmask) {
  const TempDir dir;
  const mode_t before = ::umask(027);
  const auto file = std::move(AtomicFile::create(dir / "model", kKeep)).value();
  ::umask(before);
  ASSERT_TRUE(file->finish().ok());
  struct stat status {};
  ASSERT_EQ(::stat((dir / "model").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
}

TEST(AtomicFile, WithoutFinishNothingIsLeft) {
  const TempDir dir;
  {
    const auto file = std::move(AtomicFile::create(dir / "model", kKeep)).value();
    EXPECT_TRUE(file->write(bytes_of("half")).ok());
  }
  EXPECT_THAT(dir.entries(), IsEmpty());
  const auto file = std::move(AtomicFile::create(dir / "model", kKeep)).value();
  file->abandon();
  EXPECT_THAT(dir.entries(), IsEmpty());
  EXPECT_EQ(file->finish().code(), Code::kInvalidArgument);
}

TEST(AtomicFile, AnExistingTargetIsRefusedUnlessItMayBeReplaced) {
  const TempDir dir;
  write_text(dir / "model", "old");
  const auto refused = AtomicFile::create(dir / "model", kKeep);
  EXPECT_EQ(refused.code(), Code::kExists);
  EXPECT_EQ(refused.error().message, (dir / "model") + ": already exists");

  const auto file = std::move(AtomicFile::create(dir / "model", kReplace)).value();
  EXPECT_TRUE(file->write(bytes_of("new")).ok());
  EXPECT_EQ(read_text(dir / "model"), "old");
  EXPECT_TRUE(file->finish().ok());
  EXPECT_EQ(read_text(dir / "model"), "new");
  EXPECT_THAT(dir.entries(), ElementsAre("model"));
}

TEST(AtomicFile, ATargetThatAppearsMeanwhileIsNotOverwritten) {
  const TempDir dir;
  const auto file = std::move(AtomicFile::create(dir / "model", kKeep)).value();
  write_text(dir / "model", "another's");
  EXPECT_EQ(file->finish().code(), Code::kExists);
  EXPECT_EQ(read_text(dir / "model"), "another's");
  EXPECT_THAT(dir.entries(), ElementsAre("model"));
}

TEST(AtomicFile, DirectoriesAndSpecialFilesNeverMakeWay) {
  const TempDir dir;
  std::filesystem::create_directory(dir / "directory");
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  const auto directory = AtomicFile::create(dir / "directory", kReplace);
  EXPECT_EQ(directory.code(), Code::kExists);
  EXPECT_THAT(directory.error().message, HasSubstr("is a directory"));
  EXPECT_EQ(AtomicFile::create(dir / "fifo", kReplace).code(), Code::kExists);
  for (const char* name : {"", ".", "..", "directory/", "directory/.."}) {
    EXPECT_EQ(AtomicFile::create(dir / name, kReplace).code(), Code::kInvalidArgument) << name;
  }
  const auto missing = AtomicFile::create(dir / "no/such", kKeep);
  EXPECT_EQ(missing.code(), Code::kNotFound);
}

TEST(AtomicFile, ALinkIsReplacedAndWhatItPointsToKept) {
  const TempDir dir;
  write_text(dir / "precious", "old");
  std::filesystem::create_symlink("precious", dir / "link");
  EXPECT_EQ(AtomicFile::create(dir / "link", kKeep).code(), Code::kExists);
  const auto file = std::move(AtomicFile::create(dir / "link", kReplace)).value();
  EXPECT_TRUE(file->write(bytes_of("new")).ok());
  EXPECT_TRUE(file->finish().ok());
  EXPECT_EQ(read_text(dir / "link"), "new");
  EXPECT_EQ(read_text(dir / "precious"), "old");
}

// A limit on the size of files stands in for a full disk.
TEST(AtomicFile, AFullDiskLeavesTheOldFileAndNothingElse) {
  const TempDir dir;
  write_text(dir / "model", "old");
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{100000, 100000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    bool as_expected = false;
    {
      const auto file = std::move(AtomicFile::create(dir / "model", kReplace)).value();
      const std::string large(200000, 'x');
      const auto placed = std::move(AtomicFile::create(dir / "placed", kKeep)).value();
      as_expected =
          placed->write(bytes_of(large.substr(0, 90000))).ok() &&
          placed->reserve(200000).code() == Code::kIo && placed->finish().code() == Code::kIo &&
          file->write(bytes_of(large)).code() == Code::kIo &&
          file->write(bytes_of("small")).code() == Code::kIo && file->finish().code() == Code::kIo;
    }
    ::_exit(as_expected ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(read_text(dir / "model"), "old");
  EXPECT_THAT(dir.entries(), ElementsAre("model"));
}

// The thread that finishes the file is not the one whose bytes could not be placed.
TEST(AtomicFile, WhatCannotBePlacedIsAnErrorThatStays) {
  const TempDir dir;
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const auto file = std::move(AtomicFile::create(dir / "model", kKeep)).value();
    bool as_expected = file->reserve(50'000).ok();
    const rlimit limit{10'000, 10'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    as_expected = as_expected && file->place(9'999, bytes_of("x")).ok() &&
                  file->place(20'000, bytes_of("x")).code() == Code::kIo &&
                  file->write(bytes_of("x")).code() == Code::kIo &&
                  file->finish().code() == Code::kIo;
    ::_exit(as_expected ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_FALSE(std::filesystem::exists(dir / "model"));
}

TEST(AtomicFile, ASignalHandlerRemovesTemporariesAndStopsTheRest) {
  const TempDir dir;
  write_text(dir / "old", "old");
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGTERM, [](int) { remove_unfinished_files(); });
    const auto done = std::move(AtomicFile::create(dir / "done", kKeep)).value();
    if (!done->finish().ok()) ::_exit(1);
    const auto first = std::move(AtomicFile::create(dir / "old", kReplace)).value();
    const auto second = std::move(AtomicFile::create(dir / "new", kKeep)).value();
    if (!second->write(bytes_of("half")).ok()) ::_exit(2);
    ::raise(SIGTERM);
    if (AtomicFile::create(dir / "later", kKeep).code() != Code::kCancelled) ::_exit(3);
    if (second->finish().code() != Code::kCancelled) ::_exit(4);
    ::_exit(0);  // without destructors, as after a fatal signal
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_THAT(dir.entries(), ElementsAre("done", "old"));
  EXPECT_EQ(read_text(dir / "old"), "old");
}

TEST(AtomicFile, MoreFilesThanTheRegistryHoldsStillWork) {
  const TempDir dir;
  std::vector<std::unique_ptr<AtomicFile>> files;
  for (int i = 0; i < 150; ++i) {
    files.push_back(std::move(AtomicFile::create(dir / std::to_string(i), kKeep)).value());
  }
  for (const auto& file : files) EXPECT_TRUE(file->finish().ok());
  EXPECT_EQ(dir.entries().size(), 150u);
}

TEST(FailingSink, FailsAtTheGivenByte) {
  std::vector<std::byte> out;
  const auto memory = memory_sink(out);
  FailingSink sink(*memory, 5);
  EXPECT_TRUE(sink.write(bytes_of("12345")).ok());
  EXPECT_EQ(sink.write(bytes_of("6")).code(), Code::kIo);
  EXPECT_EQ(sink.finish().code(), Code::kIo);
}

}  // namespace
}  // namespace bbz::io
