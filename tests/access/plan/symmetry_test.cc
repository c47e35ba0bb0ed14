// Tensors that follow from others: a plan must hold those as well.
#include "bbz/access/plan/plan.h"
#include "bbz/symmetry/form.h"
#include "ops/rotation/packed.h"
#include "support/faulty.h"

namespace bbz::plan {
namespace {

using rotation::RequestedMethod;

class PlanOfModel : public testing::TestWithParam<RequestedMethod> {
 protected:
  void SetUp() override {
    file_ =
        rotation::file_of(test_models::sliced_model(rotation::small_spec("llama", DType::kF16)));
    auto packed = rotation::pack_file(file_, GetParam(), DigestKind::kSha256, 512);
    ASSERT_TRUE(packed.ok()) << packed.error().message;
    archive_ = std::move(packed->archive);
    memory_ = io::memory_source(Bytes(archive_));
  }

  std::vector<std::byte> file_;
  std::vector<std::byte> archive_;
  std::unique_ptr<io::Source> memory_;
};
INSTANTIATE_TEST_SUITE_P(Methods, PlanOfModel,
                         testing::Values(RequestedMethod::kTriangular, RequestedMethod::kPolar,
                                         RequestedMethod::kBitsBack),
                         [](const auto& row) {
                           return rotation::test_name({rotation::method_name(row.param)});
                         });

// An archive of which only some bytes are there: reading any other gives zeros.
std::vector<std::byte> only(Bytes archive, const Plan& plan) {
  std::vector<std::byte> sparse(archive.size());
  for (const Piece& piece : plan.pieces) {
    std::ranges::copy(archive.subspan(piece.offset, piece.length),
                      sparse.begin() + static_cast<std::ptrdiff_t>(piece.offset));
  }
  return sparse;
}

TEST_P(PlanOfModel, HoldsWhatAReaderNeedsAndNoMore) {
  auto counting = std::make_shared<io::CountingSource>(*memory_);
  bool derived = false;
  const auto opened = Reader::open(counting);
  ASSERT_TRUE(opened.ok());
  const std::size_t tensors = opened->catalog().tensors.size();
  for (std::uint32_t number = 0; number < tensors; ++number) {
    // A reader of its own for each tensor, so that it knows no group yet.
    const auto reader = Reader::open(counting);
    const catalog::Catalog& catalog = reader->catalog();
    Planner planner(catalog);
    Options options;
    options.gap = 0;
    const auto parts = *whole_tensors(catalog, std::vector{number});
    const auto first = planner.plan(parts, options);
    ASSERT_TRUE(first.ok()) << first.error().message;
    const bool has_group = catalog.tensors[number].meta.group != catalog::kNone;
    EXPECT_EQ(first->unresolved.size(), has_group ? 1u : 0u);
    derived = derived || has_group;
    const auto plan =
        complete_plan(planner, catalog, parts, options,
                      [&](const catalog::Group& group) { return reader->read_payload(group); });
    ASSERT_TRUE(plan.ok()) << plan.error().message;
    EXPECT_TRUE(plan->unresolved.empty());
    EXPECT_GE(plan->pieces.size(), first->pieces.size());

    counting->forget();
    Visitor visitor;
    ASSERT_TRUE(reader->visit_tensors(std::vector{number}, visitor).ok());
    const auto read = counting->ranges();
    std::set<io::CountingSource::Range> expected;
    // The head is for those who fetch the piece, and for a carried payload, which has no checksum of
    // its own: the head has its check.
    for (const Piece& piece : plan->pieces) {
      expected.emplace(piece.offset + piece.head_length, piece.end());
      if (piece.what == What::kChunk && symmetry::is_carried(catalog.chunks[piece.item])) {
        const std::uint64_t check = catalog.chunks[piece.item].payload.check_offset();
        EXPECT_GT(check, piece.offset);
        EXPECT_LT(check, piece.offset + piece.head_length);
        expected.emplace(check, check + container::kCheckSize);
      }
      EXPECT_TRUE(
          verify_piece(catalog, piece, Bytes(archive_).subspan(piece.offset, piece.length)).ok());
    }
    EXPECT_EQ(std::set(read.begin(), read.end()), expected) << number;
  }
  EXPECT_EQ(derived, GetParam() != RequestedMethod::kTriangular);
}

TEST_P(PlanOfModel, HoldsWhatRowsNeed) {
  const auto opened = Reader::open(io::memory_source(Bytes(archive_)));
  const catalog::Catalog& catalog = opened->catalog();
  std::size_t smaller = 0;
  for (const catalog::Tensor& tensor : catalog.tensors) {
    if (tensor.meta.shape.empty() || tensor.meta.shape[0] < 3) continue;
    const std::uint64_t count = tensor.meta.shape[0];
    const Part part = *rows(catalog, tensor.meta.number, count / 3, count / 3 + 2);
    Planner planner(catalog);
    const auto plan =
        complete_plan(planner, catalog, std::span(&part, 1), {},
                      [&](const catalog::Group& group) { return opened->read_payload(group); });
    ASSERT_TRUE(plan.ok()) << plan.error().message;
    const auto whole = planner.plan(*whole_tensors(catalog, std::vector{part.tensor}));
    ASSERT_TRUE(whole.ok());
    if (plan->piece_bytes() < whole->piece_bytes()) ++smaller;

    // Read from nothing but header, index, trailer and the plan.
    std::vector<std::byte> sparse = only(archive_, *plan);
    const auto keep = [&](std::uint64_t begin, std::uint64_t end) {
      std::copy(archive_.begin() + static_cast<std::ptrdiff_t>(begin),
                archive_.begin() + static_cast<std::ptrdiff_t>(end),
                sparse.begin() + static_cast<std::ptrdiff_t>(begin));
    };
    const catalog::Payload& last = catalog.chunks.back().payload;
    keep(0, container::kFileHeaderSize);
    keep(last.offset + last.length, archive_.size());
    const auto reader = Reader::open(io::memory_source(Bytes(sparse)));
    ASSERT_TRUE(reader.ok());
    std::vector<std::byte> out(part.size);
    std::vector<std::byte> expected(part.size);
    ASSERT_TRUE(reader->read_bytes(part.tensor, part.offset, out).ok());
    ASSERT_TRUE(opened->read_bytes(part.tensor, part.offset, expected).ok());
    EXPECT_EQ(out, expected);
  }
  EXPECT_GT(smaller, 5u);
}

TEST_P(PlanOfModel, RefusesADamagedGroup) {
  const auto opened = Reader::open(io::memory_source(Bytes(archive_)));
  const catalog::Catalog& catalog = opened->catalog();
  for (std::uint32_t i = 0; i < catalog.groups.size(); ++i) {
    std::vector<std::byte> payload = *opened->read_payload(catalog.groups[i]);
    Planner planner(catalog);
    payload[payload.size() / 2] ^= std::byte{1};
    EXPECT_EQ(planner.add_group(i, payload).code(), Code::kChecksum);
    payload[payload.size() / 2] ^= std::byte{1};
    EXPECT_TRUE(planner.add_group(i, payload).ok());
  }
}

}  // namespace
}  // namespace bbz::plan
