// The worst that derived tensors, and tensors larger than their stored elements, can do.
#include "bbz/symmetry/form.h"
#include "bbz/symmetry/gauge/polar.h"
#include "tools/hostile_costs.h"
#include "tools/models.h"

namespace bbz::tools {
namespace {

constexpr std::uint64_t kChunkBytes = std::uint64_t{64} << 20;

// Those that hold no tensor whole, and the others.
const std::vector<std::string> kCommands = {"$BBZINFO in",
                                            "$BBZINFO in --json",
                                            "$BBZ verify in",
                                            "$BBZ unpack in -f --no-sync -C out",
                                            "$BBZ cat in w0 -f -o /dev/null",
                                            "$BBZ salvage in -f --no-sync -C out",
                                            "$BBZ verify - < in",
                                            "$BBZ unpack - -f --no-sync -C out < in",
                                            "$RECEIVE < in"};
const std::vector<std::string> kOfModels = {"$BBZ compare in in", "$BBZ estimate in"};

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

// What is derived from an operand of zeros.
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

class HostileGroups : public Hostile {
 protected:
  void expect_all_bounded(double buffers = 0) {
    expect_bounded("in", kCommands, buffers);
    expect_bounded("in", kOfModels, buffers);
    // A part is packed again, whose threads have chunks of their own.
    expect_get_bounded("--tensor 'w*'", buffers + 8);
    expect_mount_bounded(buffers);
  }
};

// Each as large as the pivots alone allow.
TEST_F(HostileGroups, ManyPolarTensorsOfSmallGroups) {
  forge([](Forgery& archive) { add_polar_tensors(archive, 250, DType::kF16, 724, 724, 0); });
  expect_all_bounded();
}

TEST_F(HostileGroups, APolarTensorWithinWhatAMegabyteAllows) {
  forge([](Forgery& archive) { add_polar_tensors(archive, 1, DType::kF16, 4700, 3300, 480'000); });
  expect_all_bounded();
}

TEST_F(HostileGroups, APolarTensorOfAnOperandThatIsOneConstant) {
  forge([](Forgery& archive) { add_polar_tensors(archive, 1, DType::kF32, 16384, 16384, 0); });
  expect_all_bounded(64);
}

TEST_F(HostileGroups, ManyPolarTensorsOfOneGroup) {
  forge([](Forgery& archive) {
    archive.file("m");
    const std::uint32_t group = add_polar(archive, DType::kF32, 4000, 4000, 200'000);
    for (int i = 0; i < 3000; ++i) {
      archive.tensor_of_form("w" + std::to_string(i), DType::kF32, {4000, 4000},
                             catalog::Form::kPolar, 0, 1, group);
    }
    archive.end_file();
  });
  expect_all_bounded();
}

// Half a gigabyte: comparing holds one of each model whole.
TEST_F(HostileGroups, ALowerTensorThatIsOneConstant) {
  forge([](Forgery& archive) {
    archive.file("m");
    constexpr std::uint64_t kRows = 2047, kColumns = 32768;
    archive.tensor_of_form("w0", DType::kF64, {kRows, kColumns}, catalog::Form::kLower,
                           kRows * (kRows + 1) / 2, kChunkBytes / 8);
    archive.constant_chunks();
    archive.end_file();
  });
  expect_bounded("in", kCommands, 20);
  expect_get_bounded("--tensor 'w*'", 20);
  expect_mount_bounded(20);
}

}  // namespace
}  // namespace bbz::tools
