// A junction coded once, kept as files, and decoded here by whatever arithmetic this build and this
// machine have: other vector units, other numbers of threads, with LAPACK and without.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "symmetry/bitsback/junctions.h"

namespace bbz::bitsback {
namespace {

constexpr std::size_t kWidth = 64;
constexpr std::size_t kRows = 200;

std::string path_of(const char* name) {
  return std::string(BBZ_BITSBACK_VECTORS "/") + name;
}

std::vector<std::byte> read_vector(const char* name) {
  std::ifstream in(path_of(name), std::ios::binary);
  const std::vector<char> text{std::istreambuf_iterator<char>(in), {}};
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

void write_vector(const char* name, Bytes bytes) {
  std::ofstream(path_of(name), std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

TEST(Portable, KeptJunctionDecodes) {
  const auto carrier = read_vector("f16-64x200.carrier");
  const auto record = read_vector("f16-64x200.record");
  ASSERT_EQ(carrier.size(), 2 * kWidth * kRows);
  const std::vector<Carrier> carriers = {{DType::kF16, carrier}};
  const auto riders = decode(kWidth, carriers, record);
  ASSERT_TRUE(riders.ok()) << riders.error().message;
  EXPECT_EQ(*riders, random_bytes(21, riders->size()));
  EXPECT_GT(riders->size(), record.size() * 5);
}

// The worked example of format-spec/bits-back.md.
TEST(Portable, ExampleOfTheSpecification) {
  const std::uint16_t carrier[] = {0x3595, 0x3954, 0x33D4, 0x371F, 0xB565, 0x2729,
                                   0x354B, 0x3691, 0xB4FC, 0xA366, 0xB6B9, 0xB5E5,
                                   0xB36B, 0x38A5, 0xB7BE, 0xB53D, 0x3809, 0x2F70};
  const std::uint8_t record[] = {0x01, 0x00, 0x0F, 0x81, 0x16, 0x00, 0x03, 0x00, 0x06,
                                 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x34, 0xCC,
                                 0x7F, 0xDF, 0x07, 0x17, 0x18, 0x37, 0x8E, 0x12, 0x80};
  const std::vector<Carrier> carriers = {{DType::kF16, std::as_bytes(std::span(carrier))}};
  const auto riders = decode(3, carriers, std::as_bytes(std::span(record)));
  ASSERT_TRUE(riders.ok()) << riders.error().message;
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(riders->data()), riders->size()), "bbz!");
}

// Makes the files anew, for a new version of the format: BBZ_WRITE_VECTORS=1 test_bitsback ...
TEST(Portable, WritesTheFilesWhenAsked) {
  if (std::getenv("BBZ_WRITE_VECTORS") == nullptr) GTEST_SKIP() << "BBZ_WRITE_VECTORS is not set";
  const Junction junction = {
      kWidth, DType::kF16, {tensor_of(DType::kF16, normal_values(20, kRows, kWidth, 1))}};
  const auto plan = plan_junction(kWidth, junction.carriers());
  ASSERT_TRUE(plan.ok());
  const auto drawn = encode(*plan, junction.carriers(), random_bytes(21, capacity_bytes(*plan)));
  ASSERT_TRUE(drawn.ok());
  write_vector("f16-64x200.carrier", drawn->carriers[0]);
  write_vector("f16-64x200.record", drawn->record);
}

}  // namespace
}  // namespace bbz::bitsback
