// Tensors of form pivot, and rows of them, from the ranges of a plan and nothing else.
#include "archive/pivoting.h"
#include "bbz/access/plan/plan.h"
#include "support/assert.h"

namespace bbz::plan {
namespace {

class PlanOfPivots : public testing::Test {
 protected:
  PlanOfPivots() {
    WriteOptions options;
    options.chunk_bytes = 96;
    archive_ = *write_sample({made_.file}, options);
    reader_ = *Reader::open(io::memory_source(Bytes(archive_)));
  }

  // Returns the plan for some parts, which needs no group.
  Plan plan_of(std::span<const Part> parts) const {
    Planner planner(reader_->catalog());
    Options options;
    options.gap = 0;
    Result<Plan> plan = planner.plan(parts, options);
    EXPECT_TRUE(plan.ok() && plan->unresolved.empty());
    return plan.ok() ? std::move(*plan) : Plan();
  }

  // Returns a reader of the archive with zeros for all payloads but those of a plan.
  Reader reader_of(const Plan& plan) {
    sparse_ = archive_;
    for (const catalog::Chunk& chunk : reader_->catalog().chunks) {
      const auto begin = sparse_.begin() + static_cast<std::ptrdiff_t>(chunk.payload.offset);
      std::fill_n(begin, chunk.payload.length, std::byte{0});
    }
    for (const Piece& piece : plan.pieces) {
      std::ranges::copy(Bytes(archive_).subspan(piece.offset, piece.length),
                        sparse_.begin() + static_cast<std::ptrdiff_t>(piece.offset));
    }
    return *Reader::open(io::memory_source(Bytes(sparse_)));
  }

  Bytes expected(const catalog::Tensor& tensor) const {
    return Bytes(made_.bytes).subspan(tensor.meta.offset, tensor.byte_size);
  }

  const PivotFile made_ = pivot_file();
  std::vector<std::byte> archive_, sparse_;
  std::optional<Reader> reader_;
};

TEST_F(PlanOfPivots, OneLayerDecodesFromItsRanges) {
  const catalog::Catalog& catalog = reader_->catalog();
  for (const std::uint32_t layer : {0u, 1u}) {
    std::vector<std::uint32_t> numbers;
    for (const catalog::Tensor& tensor : catalog.tensors) {
      if (tensor.meta.layer == layer) numbers.push_back(tensor.meta.number);
    }
    ASSERT_EQ(numbers.size(), 4u);
    const auto parts = whole_tensors(catalog, numbers);
    BBZ_ASSERT_OK(parts);
    const Reader reader = reader_of(plan_of(*parts));
    for (const catalog::Tensor& tensor : catalog.tensors) {
      if (tensor.chunk_count == 0) continue;
      std::vector<std::byte> bytes(tensor.byte_size);
      const Status read = reader.read_tensor(tensor.meta.number, bytes);
      EXPECT_EQ(read.ok(), tensor.meta.layer == layer) << tensor.meta.name;
      if (read.ok()) {
        EXPECT_TRUE(std::ranges::equal(bytes, expected(tensor))) << tensor.meta.name;
      }
    }
  }
}

TEST_F(PlanOfPivots, RowsDecodeFromTheirRanges) {
  const catalog::Catalog& catalog = reader_->catalog();
  std::size_t smaller = 0;
  for (const catalog::Tensor& tensor : catalog.tensors) {
    if (tensor.meta.form != catalog::Form::kPivot) continue;
    const std::uint32_t number = tensor.meta.number;
    const std::uint64_t whole = plan_of(*whole_tensors(catalog, std::vector{number})).piece_bytes();
    for (std::uint64_t row = 0; row < tensor.meta.shape[0]; ++row) {
      const Part part = *rows(catalog, number, row, row + 1);
      const Plan plan = plan_of(std::span(&part, 1));
      if (plan.piece_bytes() < whole) ++smaller;
      std::vector<std::byte> bytes(part.size);
      BBZ_ASSERT_OK(reader_of(plan).read_bytes(number, part.offset, bytes));
      EXPECT_TRUE(std::ranges::equal(bytes, expected(tensor).subspan(part.offset, part.size)))
          << tensor.meta.name << " row " << row;
    }
  }
  EXPECT_GT(smaller, 60u);
}

}  // namespace
}  // namespace bbz::plan
