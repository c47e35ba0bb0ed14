#include "bbz/access/plan/plan.h"

#include <numeric>

#include "archive/sample.h"
#include "support/assert.h"
#include "support/faulty.h"

namespace bbz::plan {
namespace {

class PlanOfSample : public testing::TestWithParam<DigestKind> {
 protected:
  void SetUp() override {
    WriteOptions options;
    options.chunk_bytes = 64;
    options.digest = GetParam();
    archive_ = *write_sample(files_, options);
    reader_ = *Reader::open(io::memory_source(Bytes(archive_)));
  }
  const catalog::Catalog& catalog() const { return reader_->catalog(); }
  std::uint32_t number(std::string_view name) const { return catalog().find_tensors(name).at(0); }
  Bytes at(const Piece& piece) const { return Bytes(archive_).subspan(piece.offset, piece.length); }

  std::vector<SampleFile> files_ = sample_files();
  std::vector<std::byte> archive_;
  std::optional<Reader> reader_;
};
INSTANTIATE_TEST_SUITE_P(Digests, PlanOfSample,
                         testing::Values(DigestKind::kXxh3_128, DigestKind::kSha256));

TEST_P(PlanOfSample, PiecesAreWhatTheReaderReads) {
  const auto memory = io::memory_source(Bytes(archive_));
  auto counting = std::make_shared<io::CountingSource>(*memory);
  const auto reader = Reader::open(counting);
  const Planner planner(catalog());
  Options options;
  options.gap = 0;
  const auto check = [&](const std::vector<Part>& parts) {
    const auto plan = planner.plan(parts, options);
    BBZ_ASSERT_OK(plan);
    EXPECT_TRUE(plan->unresolved.empty());
    counting->forget();
    for (const Part& part : parts) {
      std::vector<std::byte> out(part.size);
      BBZ_ASSERT_OK(reader->read_bytes(part.tensor, part.offset, out));
    }
    std::set<io::CountingSource::Range> expected;
    // The head, with the check of the payload, is for those who fetch the piece.
    for (const Piece& piece : plan->pieces) {
      expected.emplace(piece.offset + piece.head_length, piece.end());
    }
    const auto read = counting->ranges();
    EXPECT_EQ(std::set(read.begin(), read.end()), expected);
    EXPECT_EQ(plan->pieces.size(), expected.size());
    EXPECT_LE(plan->piece_bytes(), plan->fetch_bytes());
  };
  check(everything(catalog()));
  for (std::uint32_t i = 0; i < catalog().tensors.size(); ++i) {
    check(*whole_tensors(catalog(), std::vector{i}));
  }
  for (std::uint64_t first = 0; first <= 16; ++first) {
    for (std::uint64_t last = first; last <= 16; ++last) {
      const auto part = rows(catalog(), number("layers.0.w"), first, last);
      BBZ_ASSERT_OK(part);
      EXPECT_EQ(part->size, (last - first) * 40);
      check({*part});
    }
  }
  for (std::uint64_t offset = 0; offset < catalog().files[3].size; offset += 29) {
    const std::uint64_t size = std::min<std::uint64_t>(200, catalog().files[3].size - offset);
    const auto parts = file_bytes(catalog(), 3, offset, size);
    BBZ_ASSERT_OK(parts);
    EXPECT_EQ(std::accumulate(parts->begin(), parts->end(), std::uint64_t{0},
                              [](std::uint64_t sum, const Part& p) { return sum + p.size; }),
              size);
    check(*parts);
  }
  check(*layer(catalog(), 1));
  check(*whole_file(catalog(), 3));
  check(*whole_file(catalog(), 1));
}

TEST_P(PlanOfSample, RangesHoldTheirPiecesAndNoLongerGap) {
  const Planner planner(catalog());
  const auto parts = everything(catalog());
  for (const std::uint64_t gap : {0u, 20u, 30u, 44u, 60u, 200u, 100'000u}) {
    for (const std::uint64_t most : {0u, 1u, 500u}) {
      Options options;
      options.gap = gap;
      options.most_bytes = most;
      options.metadata = true;
      const auto plan = planner.plan(parts, options);
      BBZ_ASSERT_OK(plan);
      std::size_t next = 0;
      std::uint64_t before = 0;
      for (const Range& range : plan->ranges) {
        ASSERT_EQ(range.first_piece, next);
        ASSERT_GT(range.piece_count, 0u);
        if (next != 0 && most == 0) {
          EXPECT_GT(range.offset - before, gap);
        }
        std::uint64_t cursor = range.offset;
        for (std::size_t i = 0; i < range.piece_count; ++i) {
          const Piece& piece = plan->pieces[next++];
          EXPECT_TRUE(i == 0 ? piece.offset == cursor : piece.offset - cursor <= gap);
          cursor = piece.end();
        }
        EXPECT_EQ(cursor, range.end());
        if (most != 0 && range.piece_count > 1) {
          EXPECT_LE(range.length, most);
        }
        before = range.end();
      }
      EXPECT_EQ(next, plan->pieces.size());
    }
  }
  EXPECT_EQ(planner.plan(parts, {})->ranges.size(), 1u);
}

TEST_P(PlanOfSample, EveryFlippedBitOfAPieceIsFound) {
  const Planner planner(catalog());
  Options options;
  options.metadata = true;
  const auto plan = planner.plan(everything(catalog()), options);
  BBZ_ASSERT_OK(plan);
  EXPECT_EQ(plan->pieces.size(), catalog().chunks.size() + catalog().metadata.size());
  for (const Piece& piece : plan->pieces) {
    std::vector<std::byte> bytes(at(piece).begin(), at(piece).end());
    BBZ_ASSERT_OK(verify_piece(catalog(), piece, bytes));
    for (std::size_t bit = 0; bit < bytes.size() * 8; bit += 1 + bit % 5) {
      bytes[bit / 8] ^= std::byte{1} << (bit % 8);
      EXPECT_EQ(verify_piece(catalog(), piece, bytes).code(), Code::kChecksum) << bit;
      bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    }
    bytes.pop_back();
    EXPECT_EQ(verify_piece(catalog(), piece, bytes).code(), Code::kInvalidArgument);
  }
  Piece beyond = plan->pieces[0];
  beyond.item = 1000;
  EXPECT_EQ(verify_piece(catalog(), beyond, at(beyond)).code(), Code::kInvalidArgument);
  Piece wrong_head = plan->pieces[0];
  wrong_head.head_length = wrong_head.length + 1;
  EXPECT_EQ(verify_piece(catalog(), wrong_head, at(wrong_head)).code(), Code::kInvalidArgument);
}

// A record that is intact, and is another one of the same archive.
TEST_P(PlanOfSample, AnotherRecordIsFound) {
  const auto plan = Planner(catalog()).plan(everything(catalog()));
  BBZ_ASSERT_OK(plan);
  std::size_t compared = 0;
  for (const Piece& one : plan->pieces) {
    for (const Piece& other : plan->pieces) {
      if (one.offset == other.offset || one.length != other.length) continue;
      EXPECT_EQ(verify_piece(catalog(), one, at(other)).code(), Code::kChecksum);
      ++compared;
    }
  }
  EXPECT_GT(compared, 10u);
}

// The digest that the index has of a payload counts beside its checks.
TEST_P(PlanOfSample, ADigestThatDiffersIsFound) {
  if (GetParam() != DigestKind::kSha256) GTEST_SKIP() << "the archive has no digests of payloads";
  Options options;
  options.metadata = true;
  const auto plan = Planner(catalog()).plan(everything(catalog()), options);
  BBZ_ASSERT_OK(plan);
  catalog::Catalog other = catalog();
  for (catalog::Metadata& metadata : other.metadata) {
    ASSERT_TRUE(metadata.meta.check.digest.has_value());
    metadata.meta.check.digest->bytes[31] ^= std::byte{1};
  }
  int seen = 0;
  for (const Piece& piece : plan->pieces) {
    if (piece.what != What::kMetadata) continue;
    EXPECT_TRUE(verify_piece(catalog(), piece, at(piece)).ok());
    EXPECT_EQ(verify_piece(other, piece, at(piece)).code(), Code::kChecksum);
    ++seen;
  }
  EXPECT_GT(seen, 0);
}

TEST_P(PlanOfSample, RefusesWhatIsNotThere) {
  const std::uint64_t max = ~std::uint64_t{0};
  const std::uint32_t embed = number("embed");
  EXPECT_EQ(whole_tensors(catalog(), std::vector{99u}).code(), Code::kInvalidArgument);
  EXPECT_EQ(rows(catalog(), 99, 0, 1).code(), Code::kInvalidArgument);
  EXPECT_EQ(rows(catalog(), embed, 0, 8).code(), Code::kInvalidArgument);
  EXPECT_EQ(rows(catalog(), embed, 3, 2).code(), Code::kInvalidArgument);
  EXPECT_EQ(rows(catalog(), number("layers.0.none"), 0, 0)->size, 0u);
  EXPECT_EQ(rows(catalog(), number("layers.1.scale"), 0, 1)->size, 8u);
  EXPECT_EQ(layer(catalog(), 2).code(), Code::kNotFound);
  EXPECT_EQ(layer(catalog(), catalog::kNone).code(), Code::kNotFound);
  EXPECT_EQ(whole_file(catalog(), 9).code(), Code::kInvalidArgument);
  EXPECT_EQ(file_bytes(catalog(), 3, max, 2).code(), Code::kInvalidArgument);
  EXPECT_EQ(file_bytes(catalog(), 3, 1, max).code(), Code::kInvalidArgument);
  Planner planner(catalog());
  EXPECT_EQ(planner.plan(std::vector<Part>{{99, 0, 0}}).code(), Code::kInvalidArgument);
  EXPECT_EQ(planner.plan(std::vector<Part>{{embed, 1, max}}).code(), Code::kInvalidArgument);
  EXPECT_EQ(planner.add_group(0, {}).code(), Code::kInvalidArgument);
}

TEST(Rows, CoverTheByteThatTwoRowsShare) {
  // Four rows of three elements of 4 bits: a byte and a half each.
  SampleFile file{"f", catalog::FileKind::kRegular, {}};
  file.tensors.push_back(sample_tensor("packed", DType::kF4, {4, 3}, 1));
  const auto archive = write_sample({file}, {});
  BBZ_ASSERT_OK(archive);
  const auto reader = Reader::open(io::memory_source(Bytes(*archive)));
  BBZ_ASSERT_OK(reader);
  const auto expect = [&](std::uint64_t first, std::uint64_t last, std::uint64_t begin,
                          std::uint64_t end) {
    const auto part = rows(reader->catalog(), 0, first, last);
    BBZ_ASSERT_OK(part);
    EXPECT_EQ(part->offset, begin) << first << " to " << last;
    EXPECT_EQ(part->offset + part->size, end) << first << " to " << last;
  };
  expect(0, 1, 0, 2);
  expect(1, 2, 1, 3);
  expect(0, 2, 0, 3);
  expect(2, 3, 3, 5);
  expect(1, 4, 1, 6);
  expect(3, 3, 4, 4);
}

}  // namespace
}  // namespace bbz::plan
