#include "bbz/capi/reader.h"

#include <atomic>
#include <thread>

#include "capi/support.h"

namespace bbz::capi {
namespace {

using testing::HasSubstr;

class CReader : public CInterface {
 protected:
  // Reads into a buffer of `size` bytes, which comes back in bytes_.
  template <class Read, class... Where>
  bbz_code read(Read&& function, std::size_t size, Where... where) {
    bytes_.assign(size, std::byte{0});
    return function(reader_.get(), where..., bytes_.data(), size, error_.get());
  }

  std::vector<std::byte> part(std::string_view name, std::size_t offset, std::size_t size) const {
    const auto from = expected(name).begin() + static_cast<std::ptrdiff_t>(offset);
    return {from, from + static_cast<std::ptrdiff_t>(size)};
  }

  Owned<bbz_reader> reader_ = open();
  std::vector<std::byte> bytes_;
};

TEST_F(CReader, WholeTensors) {
  for (const SampleTensor& tensor : files_[3].tensors) {
    if (tensor.spec.name.empty()) continue;
    const std::uint32_t number = find(*reader_, tensor.spec.name);
    EXPECT_EQ(read(bbz_reader_read_tensor, tensor.bytes.size(), number), BBZ_OK) << message();
    EXPECT_EQ(bytes_, tensor.bytes) << tensor.spec.name;
  }
}

TEST_F(CReader, Rows) {
  const std::uint32_t w = find(*reader_, "layers.0.w");  // [16, 20] of two bytes
  EXPECT_EQ(read(bbz_reader_read_rows, 120, w, 5u, 3u), BBZ_OK) << message();
  EXPECT_EQ(bytes_, part("layers.0.w", 200, 120));
  EXPECT_EQ(read(bbz_reader_read_rows, 640, w, 0u, 16u), BBZ_OK) << message();
  EXPECT_EQ(bytes_, expected("layers.0.w"));
  EXPECT_EQ(read(bbz_reader_read_rows, 0, w, 16u, 0u), BBZ_OK) << message();

  EXPECT_EQ(read(bbz_reader_read_rows, 80, w, 15u, 2u), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_THAT(message(), HasSubstr("no rows 15 to 17, it has 16"));
  EXPECT_EQ(read(bbz_reader_read_rows, 80, w, UINT64_MAX, 2u), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(read(bbz_reader_read_rows, 80, w, 1u, UINT64_MAX), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(read(bbz_reader_read_rows, 119, w, 5u, 3u), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_THAT(message(), HasSubstr("a buffer of 119 bytes for 3 rows, expected 120"));
  EXPECT_EQ(read(bbz_reader_read_rows, 0, 1000u, 0u, 0u), BBZ_ERROR_INVALID_ARGUMENT);
}

TEST_F(CReader, RowsOfOddTensors) {
  const std::uint32_t scale = find(*reader_, "layers.1.scale");  // no axes: one row
  EXPECT_EQ(read(bbz_reader_read_rows, 8, scale, 0u, 1u), BBZ_OK) << message();
  EXPECT_EQ(bytes_, expected("layers.1.scale"));
  const std::uint32_t none = find(*reader_, "layers.0.none");  // [0, 20]
  EXPECT_EQ(read(bbz_reader_read_rows, 0, none, 0u, 0u), BBZ_OK) << message();
  EXPECT_EQ(read(bbz_reader_read_rows, 40, none, 0u, 1u), BBZ_ERROR_INVALID_ARGUMENT);
  const std::uint32_t packed = find(*reader_, "packed");  // [4, 6] of half a byte
  EXPECT_EQ(read(bbz_reader_read_rows, 6, packed, 1u, 2u), BBZ_OK) << message();
  EXPECT_EQ(bytes_, part("packed", 3, 6));
}

TEST_F(CReader, RowsOfHalfBytes) {
  files_[3].tensors.push_back(sample_tensor("odd", DType::kF4, {4, 3}, 7));
  archive_ = *write_sample(files_, {});
  reader_ = open();
  // Of 12 bits: the second is the upper half of byte 1 and byte 2.
  EXPECT_EQ(read(bbz_reader_read_rows, 2, find(*reader_, "odd"), 1u, 1u), BBZ_OK) << message();
  EXPECT_EQ(bytes_, part("odd", 1, 2));
}

TEST_F(CReader, ElementsAndBytes) {
  const std::uint32_t embed = find(*reader_, "embed");  // of four bytes
  EXPECT_EQ(read(bbz_reader_read_elements, 40, embed, 20u, 10u), BBZ_OK) << message();
  EXPECT_EQ(bytes_, part("embed", 80, 40));
  EXPECT_EQ(read(bbz_reader_read_elements, 39, embed, 20u, 10u), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(read(bbz_reader_read_bytes, 99, embed, 101u), BBZ_OK) << message();
  EXPECT_EQ(bytes_, part("embed", 101, 99));
  EXPECT_EQ(read(bbz_reader_read_bytes, 2, embed, 251u), BBZ_ERROR_INVALID_ARGUMENT);
}

TEST_F(CReader, Files) {
  const std::vector<std::byte> model = files_[3].bytes();
  EXPECT_EQ(read(bbz_reader_read_file, model.size(), 3u, 0u), BBZ_OK) << message();
  EXPECT_EQ(bytes_, model);
  EXPECT_EQ(read(bbz_reader_read_file, 100, 3u, 7u), BBZ_OK) << message();
  EXPECT_TRUE(std::ranges::equal(bytes_, Bytes(model).subspan(7, 100)));
  EXPECT_EQ(read(bbz_reader_read_file, 1, 3u, model.size()), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(read(bbz_reader_read_file, 0, 1u, 0u), BBZ_OK) << message();
  EXPECT_EQ(read(bbz_reader_read_file, 0, 4u, 0u), BBZ_ERROR_INVALID_ARGUMENT);
}

TEST_F(CReader, BuffersAreNeitherShortNorNull) {
  const std::uint32_t embed = find(*reader_, "embed");
  EXPECT_EQ(read(bbz_reader_read_tensor, 251, embed), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_THAT(message(), HasSubstr("a buffer of 251 bytes, expected 252"));
  EXPECT_EQ(read(bbz_reader_read_tensor, 253, embed), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(bbz_reader_read_tensor(reader_.get(), embed, nullptr, 252, error_.get()),
            BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(message(), "buffer is null, expected 252 bytes");
  EXPECT_EQ(bbz_reader_read_bytes(reader_.get(), embed, 0, nullptr, 0, error_.get()), BBZ_OK);
}

TEST_F(CReader, DamageIsNamedAndOnlyWhereItIs) {
  const auto same = Reader::open(io::memory_source(Bytes(archive_)));
  const std::uint32_t w = find(*reader_, "layers.0.w");
  const auto chunks = same->catalog().chunks_of(same->catalog().tensors[w]);
  archive_[chunks[3].payload.offset] ^= std::byte{4};
  EXPECT_EQ(read(bbz_reader_read_tensor, 640, w), BBZ_ERROR_CHECKSUM);
  EXPECT_THAT(message(), HasSubstr("layers.0.w"));
  EXPECT_EQ(read(bbz_reader_read_bytes, 120, w, 0u), BBZ_OK) << message();
  EXPECT_EQ(bytes_, part("layers.0.w", 0, 120));
}

TEST_F(CReader, OpensByTheFrontIndexAndOnThreads) {
  archive_ = *write_sample(files_, {}, true);
  auto options = sized<bbz_reader_options>();
  options.use_front_index = 1;
  options.threads = 2;
  reader_ = open(&options);
  EXPECT_EQ(read(bbz_reader_read_tensor, 640, find(*reader_, "layers.0.w")), BBZ_OK) << message();
  EXPECT_EQ(bytes_, expected("layers.0.w"));
}

TEST_F(CReader, WhatIsNoArchiveIsRefused) {
  const std::string text = "no archive, but long enough to hold the header of one";
  bbz_source* source = nullptr;
  ASSERT_EQ(bbz_source_open_memory(text.data(), text.size(), &source, error_.get()), BBZ_OK);
  const Owned<bbz_source> owned(source);
  auto* reader = reinterpret_cast<bbz_reader*>(this);  // must be overwritten
  EXPECT_EQ(bbz_reader_open(source, nullptr, &reader, error_.get()), BBZ_ERROR_NOT_AN_ARCHIVE);
  EXPECT_EQ(reader, nullptr);

  archive_.resize(archive_.size() - 1);
  EXPECT_NE(bbz_reader_open(memory().get(), nullptr, &reader, error_.get()), BBZ_OK);
  EXPECT_EQ(reader, nullptr);
  EXPECT_NE(message(), "");
}

TEST_F(CReader, LimitsAreKept) {
  auto limits = sized<bbz_limits>();
  limits.rank = 1;
  auto options = sized<bbz_reader_options>();
  options.limits = &limits;
  bbz_reader* reader = nullptr;
  EXPECT_EQ(bbz_reader_open(memory().get(), &options, &reader, error_.get()), BBZ_ERROR_LIMIT);
  limits.rank = 2;
  EXPECT_NE(open(&options), nullptr);
  limits.struct_size = 8;
  EXPECT_EQ(bbz_reader_open(memory().get(), &options, &reader, error_.get()),
            BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(message(), "bbz_limits: struct_size 8, expected at least 88");
}

TEST_F(CReader, NullsAreArgumentErrors) {
  bbz_reader* reader = nullptr;
  std::byte byte{};
  bbz_error* e = error_.get();
  constexpr bbz_code kRefused = BBZ_ERROR_INVALID_ARGUMENT;
  EXPECT_EQ(bbz_reader_open(nullptr, nullptr, &reader, e), kRefused);
  EXPECT_EQ(bbz_reader_open(memory().get(), nullptr, nullptr, e), kRefused);
  EXPECT_EQ(bbz_reader_read_tensor(nullptr, 0, &byte, 1, e), kRefused);
  EXPECT_EQ(bbz_reader_read_rows(nullptr, 0, 0, 1, &byte, 1, e), kRefused);
  EXPECT_EQ(bbz_reader_read_elements(nullptr, 0, 0, 1, &byte, 1, e), kRefused);
  EXPECT_EQ(bbz_reader_read_bytes(nullptr, 0, 0, &byte, 1, e), kRefused);
  EXPECT_EQ(bbz_reader_read_file(nullptr, 0, 0, &byte, 1, e), kRefused);
  EXPECT_EQ(bbz_reader_read_metadata(nullptr, 0, nullptr, 0, e), kRefused);
  bbz_reader_free(nullptr);
}

TEST_F(CReader, ServesManyThreads) {
  auto options = sized<bbz_reader_options>();
  options.threads = 2;
  reader_ = open(&options);
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  constexpr int kThreads = 6;
  constexpr int kRounds = 50;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const std::string name = t % 2 == 0 ? "layers.0.w" : "layers.1.w";
      const Owned<bbz_error> error(bbz_error_new());
      for (int round = 0; round < kRounds; ++round) {
        std::uint32_t number = 0;
        std::vector<std::byte> bytes(expected(name).size());
        if (bbz_reader_find_tensor(reader_.get(), name.data(), name.size(), BBZ_NONE, &number,
                                   error.get()) == BBZ_OK &&
            bbz_reader_read_tensor(reader_.get(), number, bytes.data(), bytes.size(),
                                   error.get()) == BBZ_OK &&
            bytes == expected(name)) {
          ++right;
        }
        // A failure on one thread says nothing on another.
        if (bbz_reader_read_tensor(reader_.get(), 1000, nullptr, 0, error.get()) == BBZ_OK) --right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, kThreads * kRounds);
}

}  // namespace
}  // namespace bbz::capi
