// The worst that derived tensors, and tensors larger than their stored elements, can do.
#include <random>

#include "bbz/base/wire.h"
#include "bbz/symmetry/form.h"
#include "bbz/symmetry/gauge/polar.h"
#include "symmetry/bitsback/forged_record.h"
#include "tools/hostile_costs.h"

namespace bbz::tools {
namespace {

constexpr std::uint64_t kChunkBytes = std::uint64_t{64} << 20;

// A group from which a square matrix can be derived, with an operand of zeros of which so many
// elements are stored as they are.
std::uint32_t add_polar(Forgery& archive, DType dtype, std::uint64_t rows, std::uint64_t rank,
                        std::uint64_t stored, std::uint64_t checksum = 0) {
  symmetry::PolarGroup group;
  for (std::uint32_t i = 0; i < rank; ++i) group.pivots.push_back(i);
  group.decoded_checksum = checksum;
  const std::uint32_t number =
      archive.group(catalog::GroupMethod::kPolar, symmetry::encode_group(group));
  const std::uint64_t width = dtype_info(dtype).bits / 8;
  const std::uint64_t elements = gauge::factor_count(rows, rank);
  archive.operand(dtype, elements, stored == 0 ? std::min(elements, kChunkBytes / width) : stored);
  if (stored != 0) archive.chunk(std::vector<std::byte>(stored * width), false);
  archive.constant_chunks();
  return number;
}

// Returns the checksum of the tensor that is derived from an operand of zeros.
std::uint64_t checksum_of_polar(DType dtype, std::uint64_t rows, std::uint64_t rank) {
  gauge::PolarForm form{rows, rows, dtype, {}, {}};
  for (std::uint32_t i = 0; i < rank; ++i) form.pivots.push_back(i);
  const std::uint64_t width = dtype_info(dtype).bits / 8;
  form.factor.resize(gauge::factor_count(rows, rank) * width);
  std::vector<std::byte> derived(rows * rows * width);
  return gauge::decode_polar(form, derived).ok() ? xxh3_64(derived) : 0;
}

// The tensors "w0", "w1", ... of one file, each of a group of its own.
void add_polar_tensors(Forgery& archive, int count, DType dtype, std::uint64_t rows,
                       std::uint64_t rank, std::uint64_t stored) {
  archive.file("m");
  // One that is refused is not derived here either.
  const std::uint64_t checksum = rows < 10'000 ? checksum_of_polar(dtype, rows, rank) : 0;
  for (int i = 0; i < count; ++i) {
    const std::uint32_t group = add_polar(archive, dtype, rows, rank, stored, checksum);
    archive.tensor_of_form("w" + std::to_string(i), dtype, {rows, rows}, catalog::Form::kPolar, 0,
                           1, group);
  }
  archive.end_file();
}

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
                           kRows * (kRows + 1) / 2, kChunkBytes / 8);
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
