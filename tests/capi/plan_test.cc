#include "bbz/capi/plan.h"

#include "bbz/base/hash.h"
#include "capi/support.h"

namespace bbz::capi {
namespace {

using testing::HasSubstr;

class CPlan : public CInterface {
 protected:
  bbz_code plan(std::vector<bbz_part> parts, const bbz_plan_options* options = nullptr) {
    bbz_plan* made = nullptr;
    const bbz_code code =
        bbz_reader_plan(reader_.get(), parts.data(), parts.size(), options, &made, error_.get());
    EXPECT_EQ(made != nullptr, code == BBZ_OK);
    plan_.reset(made);
    info_ = sized<bbz_plan_info>();
    if (made == nullptr) return code;
    EXPECT_EQ(bbz_plan_get(made, &info_, nullptr), BBZ_OK);
    return code;
  }

  bbz_part whole(std::string_view name) { return {0, BBZ_TO_THE_END, find(*reader_, name), 0}; }

  bbz_range range(std::uint64_t number) {
    auto range = sized<bbz_range>();
    EXPECT_EQ(bbz_plan_range(plan_.get(), number, &range, error_.get()), BBZ_OK) << message();
    return range;
  }

  bbz_piece piece(std::uint64_t number) {
    auto piece = sized<bbz_piece>();
    EXPECT_EQ(bbz_plan_piece(plan_.get(), number, &piece, error_.get()), BBZ_OK) << message();
    return piece;
  }

  bbz_code check(std::uint64_t number, Bytes bytes) {
    return bbz_plan_check(plan_.get(), number, bytes.data(), bytes.size(), error_.get());
  }

  Bytes at(std::uint64_t offset, std::uint64_t length) const {
    return Bytes(archive_).subspan(offset, length);
  }

  Owned<bbz_reader> reader_ = open();
  Owned<bbz_plan> plan_;
  bbz_plan_info info_{};
};

TEST_F(CPlan, ATensorIsItsChunks) {
  ASSERT_EQ(plan({whole("layers.0.w")}), BBZ_OK) << message();
  auto tensor = sized<bbz_tensor_info>();
  const std::uint32_t number = find(*reader_, "layers.0.w");
  ASSERT_EQ(bbz_reader_tensor(reader_.get(), number, &tensor, nullptr), BBZ_OK);
  EXPECT_EQ(info_.piece_count, tensor.chunk_count);
  EXPECT_EQ(info_.range_count, 1u);
  EXPECT_EQ(info_.fetch_bytes, range(0).length);
  EXPECT_EQ(range(0).first_piece, 0u);
  EXPECT_EQ(range(0).piece_count, info_.piece_count);
  std::uint64_t heads = 0;
  for (std::uint32_t i = 0; i < info_.piece_count; ++i) {
    const bbz_piece p = piece(i);
    EXPECT_EQ(p.what, std::uint32_t{BBZ_PIECE_CHUNK});
    EXPECT_EQ(p.number, number);
    EXPECT_EQ(p.chunk, i);
    heads += p.head_length;
    EXPECT_EQ(check(i, at(p.offset, p.length)), BBZ_OK) << message();
  }
  EXPECT_EQ(info_.piece_bytes, heads + tensor.stored_bytes);
}

TEST_F(CPlan, RowsAreTheChunksThatHoldThem) {
  bbz_part part{};
  const std::uint32_t number = find(*reader_, "layers.0.w");  // 16 rows, each a chunk
  ASSERT_EQ(bbz_reader_rows(reader_.get(), number, 3, 2, &part, error_.get()), BBZ_OK);
  EXPECT_EQ(part.tensor, number);
  EXPECT_EQ(part.offset, 120u);
  EXPECT_EQ(part.size, 80u);
  ASSERT_EQ(plan({part}), BBZ_OK) << message();
  EXPECT_EQ(info_.piece_count, 2u);
  EXPECT_EQ(piece(0).chunk, 3u);
  EXPECT_EQ(bbz_reader_rows(reader_.get(), number, 15, 2, &part, error_.get()),
            BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(bbz_reader_rows(reader_.get(), number, 1, UINT64_MAX, &part, error_.get()),
            BBZ_ERROR_INVALID_ARGUMENT);
}

TEST_F(CPlan, GapsAndLengthsDivideRanges) {
  auto options = sized<bbz_plan_options>();
  options.gap = BBZ_NO_GAP;
  // Pieces are whole records, so those of one tensor touch.
  ASSERT_EQ(plan({whole("layers.0.w")}, &options), BBZ_OK) << message();
  EXPECT_EQ(info_.piece_count, 16u);
  EXPECT_EQ(info_.range_count, 1u);
  EXPECT_EQ(info_.fetch_bytes, info_.piece_bytes);
  const std::uint32_t number = find(*reader_, "layers.0.w");
  std::vector<bbz_part> apart(3);
  for (std::uint64_t i = 0; i < apart.size(); ++i) {
    ASSERT_EQ(bbz_reader_rows(reader_.get(), number, 2 * i, 1, &apart[i], error_.get()), BBZ_OK);
  }
  ASSERT_EQ(plan(apart, &options), BBZ_OK) << message();
  EXPECT_EQ(info_.piece_count, apart.size());
  EXPECT_EQ(info_.range_count, info_.piece_count);
  EXPECT_EQ(info_.fetch_bytes, info_.piece_bytes);
  options.gap = 1000;
  ASSERT_EQ(plan(apart, &options), BBZ_OK) << message();
  EXPECT_EQ(info_.range_count, 1u);
  EXPECT_GT(info_.fetch_bytes, info_.piece_bytes);
  options.most_bytes = 200;
  ASSERT_EQ(plan({whole("layers.0.w")}, &options), BBZ_OK) << message();
  EXPECT_GT(info_.range_count, 1u);
  for (std::uint64_t i = 0; i < info_.range_count; ++i) EXPECT_LE(range(i).length, 200u);
}

TEST_F(CPlan, ReservedMustBeZero) {
  auto options = sized<bbz_plan_options>();
  options.reserved = 1;
  EXPECT_EQ(plan({whole("embed")}, &options), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(message(), "bbz_plan_options: reserved is not zero");
}

TEST_F(CPlan, MetadataIsAPiece) {
  auto options = sized<bbz_plan_options>();
  options.metadata = 1;
  ASSERT_EQ(plan({whole("layers.1.scale")}, &options), BBZ_OK) << message();
  ASSERT_EQ(info_.piece_count, 2u);
  const bbz_piece metadata = piece(0);
  EXPECT_EQ(metadata.what, std::uint32_t{BBZ_PIECE_METADATA});
  EXPECT_EQ(metadata.number, 0u);
  EXPECT_EQ(metadata.chunk, BBZ_NONE);
  EXPECT_EQ(metadata.length, metadata.head_length + 5);
  EXPECT_EQ(check(0, at(metadata.offset, metadata.length)), BBZ_OK) << message();
  EXPECT_EQ(check(1, at(piece(1).offset, piece(1).length)), BBZ_OK) << message();
}

TEST_F(CPlan, WhatWasFetchedIsChecked) {
  ASSERT_EQ(plan({whole("embed")}), BBZ_OK) << message();
  const bbz_piece p = piece(1);
  const Bytes right = at(p.offset, p.length);
  std::vector<std::byte> wrong(right.begin(), right.end());
  wrong.back() ^= std::byte{1};
  EXPECT_EQ(check(1, wrong), BBZ_ERROR_CHECKSUM);
  EXPECT_THAT(message(), HasSubstr(std::to_string(p.offset)));
  EXPECT_EQ(check(1, Bytes(wrong).first(wrong.size() - 1)), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(check(info_.piece_count, right), BBZ_ERROR_INVALID_ARGUMENT);
}

TEST_F(CPlan, OutlivesItsReader) {
  ASSERT_EQ(plan({whole("embed")}), BBZ_OK) << message();
  reader_.reset();
  const bbz_piece p = piece(0);
  EXPECT_EQ(check(0, at(p.offset, p.length)), BBZ_OK) << message();
}

TEST_F(CPlan, PartsThatDoNotExistAreRefused) {
  EXPECT_EQ(plan({{0, BBZ_TO_THE_END, 1000, 0}}), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(plan({{0, 253, find(*reader_, "embed"), 0}}), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(plan({{253, BBZ_TO_THE_END, find(*reader_, "embed"), 0}}), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(plan({{0, 1, find(*reader_, "embed"), 1}}), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(message(), "bbz_part: reserved is not zero");
  EXPECT_EQ(plan({{252, BBZ_TO_THE_END, find(*reader_, "embed"), 0}}), BBZ_OK) << message();
  EXPECT_EQ(info_.piece_count, 0u);
  EXPECT_EQ(plan({}), BBZ_OK) << message();
}

TEST_F(CPlan, NullsAreArgumentErrors) {
  ASSERT_EQ(plan({whole("embed")}), BBZ_OK) << message();
  bbz_error* e = error_.get();
  bbz_part part{};
  bbz_plan* made = nullptr;
  auto range = sized<bbz_range>();
  auto piece = sized<bbz_piece>();
  constexpr bbz_code kRefused = BBZ_ERROR_INVALID_ARGUMENT;
  EXPECT_EQ(bbz_reader_rows(nullptr, 0, 0, 0, &part, e), kRefused);
  EXPECT_EQ(bbz_reader_rows(reader_.get(), 0, 0, 0, nullptr, e), kRefused);
  EXPECT_EQ(bbz_reader_plan(nullptr, &part, 1, nullptr, &made, e), kRefused);
  EXPECT_EQ(bbz_reader_plan(reader_.get(), nullptr, 1, nullptr, &made, e), kRefused);
  EXPECT_EQ(bbz_reader_plan(reader_.get(), &part, 1, nullptr, nullptr, e), kRefused);
  EXPECT_EQ(bbz_plan_get(nullptr, &info_, e), kRefused);
  EXPECT_EQ(bbz_plan_get(plan_.get(), nullptr, e), kRefused);
  EXPECT_EQ(bbz_plan_range(nullptr, 0, &range, e), kRefused);
  EXPECT_EQ(bbz_plan_range(plan_.get(), 0, nullptr, e), kRefused);
  EXPECT_EQ(bbz_plan_range(plan_.get(), 1, &range, e), kRefused);
  EXPECT_EQ(bbz_plan_piece(nullptr, 0, &piece, e), kRefused);
  EXPECT_EQ(bbz_plan_piece(plan_.get(), 0, nullptr, e), kRefused);
  EXPECT_EQ(bbz_plan_piece(plan_.get(), 1000, &piece, e), kRefused);
  EXPECT_EQ(bbz_plan_check(nullptr, 0, nullptr, 0, e), kRefused);
  EXPECT_EQ(bbz_plan_check(plan_.get(), 0, nullptr, 1, e), kRefused);
  bbz_plan_free(nullptr);
}

}  // namespace
}  // namespace bbz::capi
