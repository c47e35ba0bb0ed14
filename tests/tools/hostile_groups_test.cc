// The worst that derived tensors, and tensors larger than their stored elements, can do.
#include <random>

#include "bbz/base/wire.h"
#include "bbz/symmetry/form.h"
#include "symmetry/bitsback/forged_record.h"
#include "tools/hostile_costs.h"
#include "tools/polar_groups.h"

namespace bbz::tools {
namespace {

// Fills the tensor added last, of `rows` rows of `width` elements of F16 in chunks of `per_chunk`
// rows: a chunk of noise that is stored as it is, then the rows of the identity, then zeros.
void add_carrier_chunks(Forgery& archive, std::uint64_t width, std::uint64_t per_chunk) {
  std::vector<std::byte> chunk(per_chunk * width * 2);
  std::mt19937 random(1);
  for (std::size_t i = 0; i < chunk.size(); i += 2) {
    store_le(chunk.data() + i, static_cast<std::uint16_t>(0x3800 | (random() & 0x83FF)));
  }
  archive.chunk(chunk, false);
  for (std::uint64_t row = 0; row < width; row += per_chunk) {
    std::ranges::fill(chunk, std::byte{0});
    for (std::uint64_t i = 0; i < per_chunk && row + i < width; ++i) {
      store_le(chunk.data() + 2 * (i * width + row + i), std::uint16_t{0x3C00});
    }
    archive.chunk(chunk);
  }
  archive.constant_chunks();
}

// Adds a rotation of this width, from so many chunks of carriers, and returns its group.
std::uint32_t add_rotation(Forgery& archive, std::uint64_t width, std::uint64_t chunks) {
  // The width's square may be twice the bytes that are stored.
  const std::uint64_t per_chunk = divide_up(width * width / 2, 2 * width);
  const std::uint64_t rows = chunks * per_chunk;
  symmetry::BitsBackGroup rotation;
  rotation.width = static_cast<std::uint32_t>(width);
  rotation.carriers = 1;
  rotation.record = bitsback::forged_record(width, rows);
  const std::uint32_t group =
      archive.group(catalog::GroupMethod::kBitsBack, symmetry::encode_group(rotation));
  archive.tensor("carrier" + std::to_string(group), DType::kF16, {rows, width}, per_chunk * width);
  add_carrier_chunks(archive, width, per_chunk);
  return group;
}

// Adds a tensor whose only chunk has a part in the riders of a group.
void add_rider(Forgery& archive, const std::string& name, std::uint32_t group) {
  const std::vector<std::byte> plain(64);
  std::vector<std::byte> payload;
  symmetry::encode_carried_head({}, payload);
  archive.tensor_of_form(name, DType::kU8, {plain.size()}, catalog::Form::kRider, plain.size(),
                         plain.size(), group);
  archive.chunk_as(codec::CodecId::kCarried, plain, payload);
}

using WorstCaseOfGroups = WorstCase;

// Each as large as the pivots alone allow.
TEST_F(WorstCaseOfGroups, ManyPolarTensorsOfSmallGroups) {
  forge("550 polar tensors of 724 rows",
        [](Forgery& archive) { add_polar_tensors(archive, 550, DType::kF16, 724, 724, 0); });
  expect_archive_bounded();
}

TEST_F(WorstCaseOfGroups, APolarTensorWithinWhatAMegabyteAllows) {
  forge("a polar tensor at the limits",
        [](Forgery& archive) { add_polar_tensors(archive, 1, DType::kF16, 4700, 3300, 480'000); });
  expect_archive_bounded();
}

TEST_F(WorstCaseOfGroups, APolarTensorOfAnOperandThatIsOneConstant) {
  forge("a polar tensor of a constant operand",
        [](Forgery& archive) { add_polar_tensors(archive, 1, DType::kF32, 16384, 16384, 0); });
  expect_archive_bounded(64);
}

TEST_F(WorstCaseOfGroups, ManyPolarTensorsOfOneGroup) {
  forge("3,000 polar tensors of one group", [](Forgery& archive) {
    archive.file("m");
    const std::uint32_t group = add_polar(archive, DType::kF32, 4000, 4000, 200'000);
    for (int i = 0; i < 3000; ++i) {
      archive.tensor_of_form("w" + std::to_string(i), DType::kF32, {4000, 4000},
                             catalog::Form::kPolar, 0, 1, group);
    }
    archive.end_file();
  });
  expect_archive_bounded();
}

TEST_F(WorstCaseOfGroups, ALowerTensorThatIsOneConstant) {
  forge("a lower tensor of 537 MB, of a constant of 17 MB", [](Forgery& archive) {
    archive.file("m");
    constexpr std::uint64_t kRows = 2047, kColumns = 32768;
    archive.tensor_of_form("w0", DType::kF64, {kRows, kColumns}, catalog::Form::kLower,
                           kRows * (kRows + 1) / 2, kLargestChunk / 8);
    archive.constant_chunks();
    archive.end_file();
  });
  expect_archive_bounded(20);
}

// A column beside the identity, which is one constant.
TEST_F(WorstCaseOfGroups, APivotTensorThatIsOneConstant) {
  forge("a pivot tensor of 537 MB, of a constant of 66 KB", [](Forgery& archive) {
    archive.file("m");
    constexpr std::uint64_t kRank = 8191;
    archive.pivot_tensor("w0", DType::kF64, {kRank, kRank + 1}, kRank);
    archive.constant_chunks();
    archive.end_file();
  });
  expect_archive_bounded(20);
}

// Each has a bitmap, and twice that is held, for an element for each pivot.
TEST_F(WorstCaseOfGroups, ManyPivotTensorsWithLargeBitmaps) {
  forge("29 pivot tensors with bitmaps of 32 KiB", [](Forgery& archive) {
    archive.file("m");
    constexpr std::uint64_t kExtent = 262'144;
    for (int i = 0; i < 29; ++i) {
      archive.pivot_tensor("w" + std::to_string(i), DType::kF16, {1, kExtent}, kExtent);
      archive.constant_chunks();
    }
    archive.end_file();
  });
  expect_archive_bounded(4);
}

TEST_F(WorstCaseOfGroups, ARotationAtTheLimits) {
  forge("a rotation at the limits", [](Forgery& archive) {
    archive.file("m");
    add_rider(archive, "w0", add_rotation(archive, 1380, 16));
    archive.end_file();
  });
  expect_archive_bounded();
}

// No reader takes them but salvage, which needs each group again and again.
TEST_F(WorstCaseOfGroups, RidersOfRotationsByTurns) {
  forge("1,000 riders of 18 rotations by turns", [](Forgery& archive) {
    archive.break_rules();
    archive.file("m");
    std::vector<std::uint32_t> groups;
    for (int i = 0; i < 18; ++i) groups.push_back(add_rotation(archive, 304, 16));
    for (std::size_t i = 0; i < 1000; ++i) {
      add_rider(archive, "w" + std::to_string(i), groups[i % groups.size()]);
    }
    archive.end_file();
  });
  expect_archive_bounded();
}

}  // namespace
}  // namespace bbz::tools
