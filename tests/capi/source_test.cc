#include "bbz/capi/source.h"

#include <cerrno>
#include <chrono>
#include <fstream>
#include <mutex>
#include <new>
#include <set>
#include <stdexcept>
#include <thread>

#include "capi/support.h"
#include "support/temp_dir.h"

namespace bbz::capi {
namespace {

using testing::HasSubstr;

// Callbacks whose behaviour a test can change.
struct Served {
  std::function<std::int64_t(std::uint64_t, void*, std::size_t)> read;
  std::function<int(std::uint64_t*)> size;
  int closed = 0;

  bbz_callbacks callbacks() {
    auto c = sized<bbz_callbacks>();
    c.user = this;
    c.name = "the test's";
    c.read = [](void* user, std::uint64_t offset, void* buffer, std::size_t length) {
      return static_cast<Served*>(user)->read(offset, buffer, length);
    };
    c.size = [](void* user, std::uint64_t* out) { return static_cast<Served*>(user)->size(out); };
    c.close = [](void* user) { ++static_cast<Served*>(user)->closed; };
    return c;
  }
};

class CSource : public CInterface {
 protected:
  CSource() {
    served_.read = [this](std::uint64_t offset, void* buffer, std::size_t length) {
      return serve(offset, buffer, length);
    };
    served_.size = [this](std::uint64_t* size) {
      *size = archive_.size();
      return 0;
    };
  }

  std::int64_t serve(std::uint64_t offset, void* buffer, std::size_t length) const {
    if (offset >= archive_.size()) return 0;
    const std::size_t n = std::min<std::size_t>(length, archive_.size() - offset);
    std::copy_n(archive_.data() + offset, n, static_cast<std::byte*>(buffer));
    return static_cast<std::int64_t>(n);
  }

  Owned<bbz_source> callbacks(bbz_code expected = BBZ_OK) {
    const bbz_callbacks given = served_.callbacks();
    bbz_source* source = nullptr;
    EXPECT_EQ(bbz_source_open_callbacks(&given, &source, error_.get()), expected) << message();
    EXPECT_EQ(source != nullptr, expected == BBZ_OK);
    return Owned<bbz_source>(source);
  }

  // The outcome of opening a reader and reading a tensor of several chunks.
  bbz_code read(const bbz_source* source, const bbz_reader_options* options = nullptr) {
    bbz_reader* opened = nullptr;
    const bbz_code code = bbz_reader_open(source, options, &opened, error_.get());
    const Owned<bbz_reader> reader(opened);
    EXPECT_EQ(opened != nullptr, code == BBZ_OK);
    if (code != BBZ_OK) return code;
    std::vector<std::byte> bytes(expected("layers.0.w").size());
    const bbz_code outcome = bbz_reader_read_tensor(opened, find(*opened, "layers.0.w"),
                                                    bytes.data(), bytes.size(), error_.get());
    EXPECT_EQ(bytes == expected("layers.0.w"), outcome == BBZ_OK);
    return outcome;
  }

  Served served_;
};

TEST_F(CSource, FilesMemoryAndCallbacksGiveTheSame) {
  const io::TempDir dir;
  const std::string path = dir / "a.bbz";
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(archive_.data()),
             static_cast<std::streamsize>(archive_.size()));
  bbz_source* file = nullptr;
  ASSERT_EQ(bbz_source_open_file(path.c_str(), &file, error_.get()), BBZ_OK) << message();
  EXPECT_EQ(read(Owned<bbz_source>(file).get()), BBZ_OK) << message();
  EXPECT_EQ(read(memory().get()), BBZ_OK) << message();
  EXPECT_EQ(read(callbacks().get()), BBZ_OK) << message();
  EXPECT_EQ(served_.closed, 1);
}

TEST_F(CSource, ShortReadsAreGoneOnWith) {
  served_.read = [this](std::uint64_t offset, void* buffer, std::size_t length) {
    return serve(offset, buffer, std::min<std::size_t>(length, 1 + offset % 7));
  };
  EXPECT_EQ(read(callbacks().get()), BBZ_OK) << message();
}

TEST_F(CSource, IsClosedOnceByTheLastThatUsesIt) {
  Owned<bbz_source> source = callbacks();
  bbz_reader* reader = nullptr;
  ASSERT_EQ(bbz_reader_open(source.get(), nullptr, &reader, error_.get()), BBZ_OK);
  source.reset();
  EXPECT_EQ(served_.closed, 0);
  std::vector<std::byte> bytes(expected("embed").size());
  EXPECT_EQ(bbz_reader_read_tensor(reader, find(*reader, "embed"), bytes.data(), bytes.size(),
                                   error_.get()),
            BBZ_OK)
      << message();
  EXPECT_EQ(bytes, expected("embed"));
  bbz_reader_free(reader);
  EXPECT_EQ(served_.closed, 1);
}

TEST_F(CSource, AFailureOfReadIsPassedOnWithTheSystemsText) {
  const Owned<bbz_source> source = callbacks();
  served_.read = [](auto...) { return std::int64_t{-EIO}; };
  EXPECT_EQ(read(source.get()), BBZ_ERROR_IO);
  EXPECT_THAT(message(), HasSubstr("the test's: cannot read at 0: Input/output error"));
  served_.read = [](auto...) { return std::int64_t{-ECANCELED}; };
  EXPECT_EQ(read(source.get()), BBZ_ERROR_CANCELLED);
  served_.read = [](auto...) { return INT64_MIN; };
  EXPECT_EQ(read(source.get()), BBZ_ERROR_IO);
  EXPECT_THAT(message(), HasSubstr("-9223372036854775808"));
}

TEST_F(CSource, AReadOfMoreThanWasAskedForIsAnError) {
  const Owned<bbz_source> source = callbacks();
  served_.read = [](std::uint64_t, void*, std::size_t length) {
    return static_cast<std::int64_t>(length) + 1;
  };
  EXPECT_EQ(read(source.get()), BBZ_ERROR_IO);
}

TEST_F(CSource, AnEndBeforeTheSizeIsTruncation) {
  const Owned<bbz_source> source = callbacks();
  served_.read = [](auto...) { return std::int64_t{0}; };
  EXPECT_EQ(read(source.get()), BBZ_ERROR_TRUNCATED);
}

TEST_F(CSource, AnExceptionOutOfACallbackBecomesACode) {
  const Owned<bbz_source> source = callbacks();
  served_.read = [](auto...) -> std::int64_t { throw std::bad_alloc(); };
  EXPECT_EQ(read(source.get()), BBZ_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(message(), "out of memory");
  served_.read = [](auto...) -> std::int64_t { throw std::runtime_error("of the test"); };
  EXPECT_EQ(read(source.get()), BBZ_ERROR_INTERNAL);
  EXPECT_EQ(message(), "of the test");
  served_.read = [](auto...) -> std::int64_t { throw 7; };
  EXPECT_EQ(read(source.get()), BBZ_ERROR_INTERNAL);
}

TEST_F(CSource, AnExceptionOnAThreadOfTheReaderBecomesACode) {
  const Owned<bbz_source> source = callbacks();
  auto options = sized<bbz_reader_options>();
  options.threads = 3;
  bbz_reader* opened = nullptr;
  ASSERT_EQ(bbz_reader_open(source.get(), &options, &opened, error_.get()), BBZ_OK) << message();
  const Owned<bbz_reader> reader(opened);
  served_.read = [](auto...) -> std::int64_t { throw std::bad_alloc(); };
  std::vector<std::byte> bytes(expected("layers.0.w").size());
  EXPECT_EQ(bbz_reader_read_tensor(opened, find(*opened, "layers.0.w"), bytes.data(), bytes.size(),
                                   error_.get()),
            BBZ_ERROR_OUT_OF_MEMORY);
}

TEST_F(CSource, IsReadOnAllCoresUnlessThereIsToBeOneThread) {
  const Owned<bbz_source> source = callbacks();
  std::mutex mutex;
  std::set<std::thread::id> threads;
  served_.read = [&](std::uint64_t offset, void* buffer, std::size_t length) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));  // so that others come to read too
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
    return serve(offset, buffer, length);
  };
  auto options = sized<bbz_reader_options>();
  options.threads = 1;
  EXPECT_EQ(read(source.get(), &options), BBZ_OK) << message();
  EXPECT_EQ(threads, std::set{std::this_thread::get_id()});
  options.threads = BBZ_ALL_CORES;
  EXPECT_EQ(read(source.get(), &options), BBZ_OK) << message();
  EXPECT_EQ(threads.size() > 1, std::thread::hardware_concurrency() > 1);
}

TEST_F(CSource, WhatFailsToOpenIsNotClosed) {
  served_.size = [](auto...) { return -EACCES; };
  callbacks(BBZ_ERROR_IO);
  EXPECT_THAT(message(), HasSubstr("the test's: cannot get the size: Permission denied"));
  served_.size = [](auto...) { return 3; };
  callbacks(BBZ_ERROR_IO);
  served_.size = [](auto...) -> int { throw 7; };
  callbacks(BBZ_ERROR_INTERNAL);
  EXPECT_EQ(served_.closed, 0);
}

TEST_F(CSource, WithoutASizeIsAStream) {
  bbz_callbacks given = served_.callbacks();
  given.size = nullptr;
  given.close = nullptr;
  given.name = nullptr;
  bbz_source* opened = nullptr;
  ASSERT_EQ(bbz_source_open_callbacks(&given, &opened, error_.get()), BBZ_OK) << message();
  const Owned<bbz_source> source(opened);
  bbz_reader* reader = nullptr;
  EXPECT_EQ(bbz_reader_open(opened, nullptr, &reader, error_.get()), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(bbz_verify(opened, nullptr, nullptr, error_.get()), BBZ_OK) << message();
}

TEST_F(CSource, NullsAreArgumentErrors) {
  bbz_source* source = nullptr;
  const bbz_callbacks none = sized<bbz_callbacks>();
  EXPECT_EQ(bbz_source_open_file(nullptr, &source, error_.get()), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(message(), "path is null");
  EXPECT_EQ(bbz_source_open_memory(nullptr, 1, &source, error_.get()), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(bbz_source_open_memory("", 0, nullptr, error_.get()), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(bbz_source_open_callbacks(nullptr, &source, error_.get()), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(bbz_source_open_callbacks(&none, &source, error_.get()), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(message(), "bbz_callbacks: read is null");
  EXPECT_EQ(bbz_source_open_callbacks(&none, nullptr, error_.get()), BBZ_ERROR_INVALID_ARGUMENT);
  bbz_source_free(nullptr);
}

}  // namespace
}  // namespace bbz::capi
