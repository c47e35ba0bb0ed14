#include "bbz/io/source.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <functional>
#include <thread>

#include "bbz/io/unnamed_file.h"
#include "io/changes.h"
#include "support/bytes.h"
#include "support/faulty.h"
#include "support/temp_dir.h"

namespace bbz::io {
namespace {

using testing::HasSubstr;

std::string read_text_at(Source& source, std::uint64_t offset, std::size_t size) {
  std::string text(size, '?');
  const auto n = read_up_to(source, offset, std::as_writable_bytes(std::span(text)));
  EXPECT_TRUE(n.ok()) << n.error().message;
  text.resize(n.ok() ? *n : 0);
  return text;
}

constexpr std::string_view kText = "zero one two three four";

TEST(Source, EverySeekableKindServesAnyRangeAndEndsWithZero) {
  const TempDir dir;
  write_text(dir / "text", std::string(kText));
  std::vector<std::unique_ptr<Source>> sources;
  sources.push_back(memory_source(bytes_of(kText)));
  const Bytes text = bytes_of(kText);
  sources.push_back(memory_source(std::vector<std::byte>(text.begin(), text.end())));
  sources.push_back(std::move(open_file(dir / "text")).value());
  sources.push_back(std::move(map_file(dir / "text", Access::kRandom)).value());
  sources.push_back(prefixed_source({text.begin(), text.begin() + 7}, memory_source(text)));
  for (const auto& source : sources) {
    SCOPED_TRACE(source->name());
    EXPECT_TRUE(source->seekable());
    EXPECT_EQ(source->size(), kText.size());
    EXPECT_EQ(read_text_at(*source, 0, 100), kText);
    EXPECT_EQ(read_text_at(*source, 5, 3), "one");
    EXPECT_EQ(read_text_at(*source, kText.size(), 3), "");
    EXPECT_EQ(read_text_at(*source, ~std::uint64_t{0}, 3), "");
    EXPECT_EQ(read_text_at(*source, 0, 0), "");
  }
}

TEST(Source, TellsWhetherItsFileHasChanged) {
  const auto prefixed = [](const std::string& path, Access) {
    return Result(prefixed_source(std::vector<std::byte>(3), std::move(open_file(path)).value()));
  };
  const auto opened = [](const std::string& path, Access) { return open_file(path); };
  const std::function<Result<std::unique_ptr<Source>>(const std::string&, Access)> makers[] = {
      opened, map_file, prefixed};
  for (const auto& make : makers) {
    for (const Change change : kChanges) {
      const TempDir dir;
      write_text(dir / "text", std::string(kText));
      const auto source = std::move(make(dir / "text", Access::kRandom)).value();
      EXPECT_EQ(read_text_at(*source, 5, 3), "one");
      EXPECT_TRUE(source->check_unchanged().ok());
      change_file(dir / "text", change);
      const Status changed = source->check_unchanged();
      EXPECT_EQ(changed.code(), Code::kIo);
      EXPECT_THAT(changed.error().message, HasSubstr(dir / "text: "));
    }
  }
  EXPECT_TRUE(memory_source(bytes_of(kText))->check_unchanged().ok());
}

TEST(Source, ViewsAreInPlaceAndOnlyWithinTheSource) {
  const TempDir dir;
  write_text(dir / "text", std::string(kText));
  write_text(dir / "empty", "");
  const auto memory = memory_source(bytes_of(kText));
  const auto mapped = std::move(map_file(dir / "text", Access::kSequential)).value();
  for (const Source* source : {memory.get(), mapped.get()}) {
    const auto view = source->view(5, 3);
    ASSERT_TRUE(view.has_value());
    EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(view->data()), view->size()), "one");
    EXPECT_TRUE(source->view(kText.size(), 0).has_value());
    EXPECT_FALSE(source->view(kText.size(), 1).has_value());
    EXPECT_FALSE(source->view(1, ~std::size_t{0}).has_value());
    EXPECT_FALSE(source->view(~std::uint64_t{0}, 2).has_value());
  }
  const auto file = std::move(open_file(dir / "text")).value();
  EXPECT_FALSE(file->view(0, 1).has_value());
  const auto empty = std::move(map_file(dir / "empty", Access::kRandom)).value();
  EXPECT_EQ(empty->size(), 0u);
  EXPECT_EQ(read_text_at(*empty, 0, 3), "");
}

TEST(Source, AMappedFileThatIsTruncatedGivesShortReads) {
  const TempDir dir;
  write_text(dir / "text", std::string(kText));
  const auto mapped = std::move(map_file(dir / "text", Access::kRandom)).value();
  std::filesystem::resize_file(dir / "text", 4);
  EXPECT_EQ(read_text_at(*mapped, 0, 100), "zero");
}

TEST(Source, ReadExactlyGoesOverShortReadsAndNamesWhereTheEndIs) {
  const auto memory = memory_source(bytes_of(kText), "some text");
  ShortReadSource source(*memory, 3);
  std::string text(kText.size(), '?');
  const auto out = std::as_writable_bytes(std::span(text));
  EXPECT_TRUE(read_exactly(source, 0, out).ok());
  EXPECT_EQ(text, kText);
  const Status cut = read_exactly(source, 5, out);
  EXPECT_EQ(cut.code(), Code::kTruncated);
  EXPECT_EQ(cut.error().message, "some text: ends at offset 23: expected 23 bytes at 5, found 18");
  FailingSource failing(*memory, 9);
  EXPECT_TRUE(read_exactly(failing, 0, out.first(9)).ok());
  EXPECT_EQ(read_exactly(failing, 0, out.first(10)).code(), Code::kIo);
}

TEST(Source, APipeIsReadFrontToBackOnly) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  std::thread writer([&] {
    for (const char c : kText) EXPECT_EQ(::write(ends[1], &c, 1), 1);
    ::close(ends[1]);
  });
  const auto source = pipe_source(ends[0], Ownership::kOwned, "a pipe");
  EXPECT_FALSE(source->seekable());
  EXPECT_EQ(source->size(), std::nullopt);
  EXPECT_EQ(read_text_at(*source, 0, 4), "zero");
  std::array<std::byte, 4> out{};
  const auto back = source->read_at(0, out);
  EXPECT_EQ(back.code(), Code::kInvalidArgument);
  EXPECT_THAT(back.error().message, HasSubstr("a pipe: cannot seek to offset 0"));
  EXPECT_EQ(read_text_at(*source, 4, 100), kText.substr(4));
  EXPECT_EQ(read_text_at(*source, kText.size(), 1), "");
  writer.join();
}

TEST(Source, ReadsOverInterruptions) {
  struct sigaction action {};
  action.sa_handler = [](int) {};  // without SA_RESTART, so that read gives EINTR
  struct sigaction before {};
  ASSERT_EQ(::sigaction(SIGUSR1, &action, &before), 0);
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const pthread_t reader = ::pthread_self();
  std::thread writer([&] {
    for (int i = 0; i < 20; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      ::pthread_kill(reader, SIGUSR1);
    }
    EXPECT_EQ(::write(ends[1], "done", 4), 4);
    ::close(ends[1]);
  });
  const auto source = pipe_source(ends[0], Ownership::kOwned, "a pipe");
  EXPECT_EQ(read_text_at(*source, 0, 4), "done");
  writer.join();
  ::sigaction(SIGUSR1, &before, nullptr);
}

TEST(Source, APrefixIsPutBackBeforeAPipe) {
  const auto memory = memory_source(bytes_of(kText));
  auto pipe = std::make_unique<SequentialSource>(*memory);
  std::vector<std::byte> prefix(9);
  ASSERT_TRUE(read_exactly(*pipe, 0, prefix).ok());
  const auto whole = prefixed_source(prefix, std::move(pipe));
  EXPECT_FALSE(whole->seekable());
  EXPECT_EQ(read_text_at(*whole, 0, 100), kText);
}

TEST(Source, AFileIsReadFromManyThreads) {
  const TempDir dir;
  std::string text(1 << 16, ' ');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 31 >> 3);
  write_text(dir / "text", text);
  const auto source = std::move(open_file(dir / "text")).value();
  std::vector<std::jthread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t at = t * 7; at + 100 < text.size(); at += 997) {
        EXPECT_EQ(read_text_at(*source, at, 100), text.substr(at, 100));
      }
    });
  }
}

TEST(Source, OpeningTellsPipesFromFilesAndNamesWhatFails) {
  const TempDir dir;
  EXPECT_EQ((*open_file("-"))->name(), "standard input");
  EXPECT_FALSE((*open_file("-"))->seekable());
  EXPECT_FALSE((*open_file("/dev/null"))->seekable());
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  std::thread writer([&] { write_text(dir / "fifo", "through"); });
  const auto fifo = std::move(open_file(dir / "fifo")).value();
  EXPECT_FALSE(fifo->seekable());
  EXPECT_EQ(read_text_at(*fifo, 0, 100), "through");
  writer.join();

  const auto missing = open_file(dir / "missing");
  EXPECT_EQ(missing.code(), Code::kNotFound);
  EXPECT_EQ(missing.error().message,
            (dir / "missing") + ": cannot open: No such file or directory");
  EXPECT_EQ(open_file(dir.path()).code(), Code::kIo);
  EXPECT_EQ(map_file("/dev/null", Access::kRandom).code(), Code::kInvalidArgument);
}

TEST(CountingSource, TellsWhatWasTouched) {
  const auto memory = memory_source(bytes_of(kText));
  CountingSource source(*memory);
  read_text_at(source, 5, 3);
  EXPECT_EQ(source.bytes_read(), 3u);
  EXPECT_TRUE(source.touched(7, 100));
  EXPECT_FALSE(source.touched(0, 5));
  EXPECT_FALSE(source.touched(8, 100));
}

TEST(CopyToDisk, GivesBackASourceThatCanSeek) {
  const TempDir dir;
  for (const std::size_t size : {std::size_t{0}, std::size_t{5}, std::size_t{2'500'000}}) {
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 256);
    const auto memory = memory_source(Bytes(bytes), "origin");
    SequentialSource stream(*memory);
    std::uint64_t told = 0;
    const auto copy = copy_to_disk(stream, dir.path(), [&](std::uint64_t done) { told = done; });
    ASSERT_TRUE(copy.ok()) << copy.error().message;
    EXPECT_EQ(told, size);
    EXPECT_EQ((*copy)->size(), size);
    EXPECT_TRUE((*copy)->seekable());
    EXPECT_EQ((*copy)->name(), stream.name());
    EXPECT_FALSE((*copy)->file_status().has_value());
    for (const std::size_t offset : {size / 2, std::size_t{0}}) {
      std::vector<std::byte> out(size - offset);
      ASSERT_TRUE(read_exactly(**copy, offset, out).ok());
      EXPECT_TRUE(std::ranges::equal(out, Bytes(bytes).subspan(offset)));
    }
  }
  EXPECT_TRUE(dir.entries().empty());
  // What it was copied from is what no output may replace.
  write_text(dir / "file", "text");
  const auto file = open_file(dir / "file").value();
  const auto of_file = copy_to_disk(*file, dir.path(), {}).value();
  ASSERT_TRUE(of_file->file_status().has_value());
  EXPECT_TRUE(of_file->file_status()->id == file->file_status()->id);
  const auto memory = memory_source(std::vector<std::byte>(10));
  FailingSource failing(*memory, 5);
  EXPECT_EQ(copy_to_disk(failing, dir.path(), {}).code(), Code::kIo);
  EXPECT_NE(copy_to_disk(*memory, dir / "missing", {}).code(), Code::kOk);
}

}  // namespace
}  // namespace bbz::io
