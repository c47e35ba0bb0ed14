// Plans for tensors with chunks that repeat others (codec same): what is fetched is the repeated ones.
#include "archive/repeating.h"
#include "bbz/access/plan/plan.h"
#include "support/assert.h"
#include "support/faulty.h"

namespace bbz::plan {
namespace {

TEST(PlanOfRepeats, FetchesWhatTheReaderReads) {
  const auto archive = *write_sample(repeating_files(), repeating_options(DigestKind::kSha256));
  const auto memory = io::memory_source(Bytes(archive));
  const auto counting = std::make_shared<io::CountingSource>(*memory);
  const auto reader = Reader::open(counting);
  BBZ_ASSERT_OK(reader);
  const catalog::Catalog& catalog = reader->catalog();
  const Planner planner(catalog);
  const std::uint64_t chunks[] = {3, 3, 1, 3, 1, 2};  // that differ
  for (std::uint32_t tensor = 0; tensor < catalog.tensors.size(); ++tensor) {
    const auto plan = planner.plan(*whole_tensors(catalog, std::vector{tensor}), {.gap = 0});
    BBZ_ASSERT_OK(plan);
    EXPECT_EQ(plan->pieces.size(), chunks[tensor]);
    counting->forget();
    std::vector<std::byte> out(catalog.tensors[tensor].byte_size);
    BBZ_ASSERT_OK(reader->read_tensor(tensor, out));
    std::set<io::CountingSource::Range> expected;
    for (const Piece& piece : plan->pieces) {
      EXPECT_FALSE(catalog.chunks[piece.item].same_as.has_value());
      BBZ_ASSERT_OK(
          verify_piece(catalog, piece, Bytes(archive).subspan(piece.offset, piece.length)));
      expected.emplace(piece.offset + piece.head_length, piece.end());
    }
    const auto read = counting->ranges();
    EXPECT_EQ(std::set(read.begin(), read.end()), expected);
  }
}

}  // namespace
}  // namespace bbz::plan
