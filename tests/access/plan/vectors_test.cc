// The archives of format-spec/vectors, of which only what is planned is there.
#include <random>

#include "archive/valid_vectors.h"
#include "bbz/access/plan/plan.h"

namespace bbz::plan {
namespace {

// Returns the archive without the records of chunks and groups that are not in the plan.
std::vector<std::byte> planned_only(const catalog::Catalog& catalog, Bytes archive,
                                    const Plan& plan) {
  std::vector<std::byte> holes(archive.begin(), archive.end());
  const auto erase = [&](const catalog::Payload& payload) {
    const io::ByteRange record = payload.record();
    std::ranges::fill(MutableBytes(holes).subspan(record.offset, record.size), std::byte{0xEE});
  };
  for (const catalog::Chunk& chunk : catalog.chunks) erase(chunk.payload);
  for (const catalog::Group& group : catalog.groups) erase(group.payload);
  for (const Range& range : plan.ranges) {
    std::ranges::copy(archive.subspan(range.offset, range.length),
                      holes.begin() + static_cast<std::ptrdiff_t>(range.offset));
  }
  return holes;
}

TEST(PlannedVectors, WhatIsPlannedIsEnough) {
  std::mt19937 random(1);
  for_each_valid_vector([&](const Reader& reader, Bytes archive) {
    const catalog::Catalog& catalog = reader.catalog();
    for (const catalog::Tensor& tensor : catalog.tensors) {
      SCOPED_TRACE(tensor.meta.number);
      std::vector<std::byte> expected(tensor.byte_size);
      if (!reader.read_tensor(tensor.meta.number, expected).ok()) continue;  // of a later version
      for (int i = 0; i < 20; ++i) {
        Part part{tensor.meta.number, 0, tensor.byte_size};
        if (i != 0) {
          part.offset = random() % (tensor.byte_size + 1);
          part.size = random() % (tensor.byte_size - part.offset + 1);
        }
        Planner planner(catalog);
        Options options;
        options.gap = 0;
        const auto plan =
            complete_plan(planner, catalog, std::span(&part, 1), options,
                          [&](const catalog::Group& group) { return reader.read_payload(group); });
        BBZ_ASSERT_OK(plan);
        const auto holes = planned_only(catalog, archive, *plan);
        const auto with_holes = Reader::open(io::memory_source(Bytes(holes)));
        BBZ_ASSERT_OK(with_holes);
        std::vector<std::byte> out(part.size);
        BBZ_ASSERT_OK(with_holes->read_bytes(part.tensor, part.offset, out));
        ASSERT_TRUE(std::ranges::equal(out, Bytes(expected).subspan(part.offset, part.size)))
            << part.size << " bytes at " << part.offset;
      }
    }
  });
}

}  // namespace
}  // namespace bbz::plan
