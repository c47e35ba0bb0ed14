// The bits of an element: entropies of fields against those of known distributions, and the sample.
#include "bbz/ops/bits.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <random>

#include "bbz/archive/writer.h"
#include "bbz/ops/info.h"

namespace bbz::ops {
namespace {

template <class T>
std::vector<std::byte> bytes_of(const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {bytes.begin(), bytes.end()};
}

// An archive of one file with these tensors, in memory.
struct Archive {
  std::vector<std::byte> bytes;
  std::optional<Reader> reader;
};

struct Tensor {
  std::string name;
  DType dtype{};
  std::vector<std::byte> bytes;
};

std::unique_ptr<Archive> archive_of(const std::vector<Tensor>& tensors) {
  auto archive = std::make_unique<Archive>();
  const auto sink = io::memory_sink(archive->bytes);
  auto writer = Writer::create(*sink, {}).value();
  EXPECT_TRUE(writer.begin_file("model").ok());
  for (const Tensor& tensor : tensors) {
    TensorSpec spec;
    spec.name = tensor.name;
    spec.dtype = tensor.dtype;
    spec.shape = {tensor.bytes.size() * 8 /
                  static_cast<std::uint64_t>(dtype_info(tensor.dtype).bits)};
    EXPECT_TRUE(writer.begin_tensor(spec).ok());
    EXPECT_TRUE(writer.write(tensor.bytes).ok());
    EXPECT_TRUE(writer.end_tensor().ok());
  }
  EXPECT_TRUE(writer.end_file().ok());
  EXPECT_TRUE(writer.finish().ok());
  archive->reader.emplace(Reader::open(io::memory_source(archive->bytes)).value());
  return archive;
}

std::vector<std::string> names_of(const std::vector<BitField>& fields) {
  std::vector<std::string> names;
  for (const BitField& field : fields) names.push_back(field.name);
  return names;
}

TEST(Bits, EntropyIsThatOfTheDistribution) {
  EXPECT_EQ(entropy_of({}), 0);
  EXPECT_EQ(entropy_of(std::vector<std::uint64_t>{7, 0}), 0);
  // Four values, as often as one another, so often that the correction is nothing.
  EXPECT_NEAR(entropy_of(std::vector<std::uint64_t>(4, 1'000'000'000)), 2, 1e-8);
  EXPECT_NEAR(entropy_of(std::vector<std::uint64_t>{750'000'000, 250'000'000}), 0.811278124, 1e-7);
}

TEST(Bits, CorrectionOfMillerAndMadowTakesAwayMostOfTheBias) {
  // 1,024 values that are equally likely, and 8 observations of each on average.
  std::mt19937 random(1);
  double corrected = 0;
  constexpr int kTries = 50;
  for (int i = 0; i < kTries; ++i) {
    std::vector<std::uint64_t> counts(2048);
    for (int n = 0; n < 8192; ++n) ++counts[random() % 1024];
    corrected += entropy_of(counts) / kTries;
  }
  // The plug-in estimate is too small by about 1023 / (2 * 8192 ln 2) = 0.09 bits.
  EXPECT_NEAR(corrected, 10, 0.01);
}

TEST(Bits, EntropyIsNeverMoreThanTheField) {
  EXPECT_EQ(entropy_of(std::vector<std::uint64_t>(256, 2)), 8);
}

TEST(Bits, FieldsOfFloatsAreTheirOwn) {
  // BF16: both signs, two exponents, and all mantissas as often.
  std::vector<std::uint16_t> values;
  for (int i = 0; i < 1 << 16; ++i) {
    values.push_back(
        static_cast<std::uint16_t>((i & 1) << 15 | (120 + (i >> 1 & 1)) << 7 | (i >> 2 & 127)));
  }
  const auto fields = measure_fields(DType::kBF16, bytes_of(values));
  EXPECT_EQ(names_of(fields), (std::vector<std::string>{"sign", "exponent", "mantissa"}));
  EXPECT_EQ(fields[0].bits, 1);
  EXPECT_EQ(fields[1].bits, 8);
  EXPECT_EQ(fields[2].bits, 7);
  EXPECT_NEAR(fields[0].entropy, 1, 1e-3);
  EXPECT_NEAR(fields[1].entropy, 1, 1e-3);
  EXPECT_NEAR(fields[2].entropy, 7, 2e-3);
}

TEST(Bits, MantissasOfF32AreMeasuredInParts) {
  std::mt19937 random(3);
  std::vector<std::uint32_t> noise;
  std::vector<std::uint32_t> rounded;  // to 7 bits, as widened BF16 is
  for (int i = 0; i < 1 << 18; ++i) {
    noise.push_back(static_cast<std::uint32_t>(0x3F800000 | random() >> 9));
    rounded.push_back(noise.back() & 0xFFFF0000);
  }
  const auto all = measure_fields(DType::kF32, bytes_of(noise));
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[2].bits, 23);
  EXPECT_NEAR(all[2].entropy, 23, 0.01);
  EXPECT_NEAR(all[1].entropy, 0, 1e-9);
  EXPECT_NEAR(measure_fields(DType::kF32, bytes_of(rounded))[2].entropy, 7, 0.01);
}

TEST(Bits, EveryDTypeHasItsFieldsOrNone) {
  const std::vector<std::byte> bytes(1 << 12, std::byte{0x5A});
  for (const DTypeInfo& row : dtype_table()) {
    const auto fields = measure_fields(row.dtype, bytes);
    const bool of_6_bits = row.bits == 6;
    EXPECT_EQ(fields.empty(), of_6_bits) << row.name;
    int bits = 0;
    for (const BitField& field : fields) {
      bits += field.bits;
      EXPECT_NEAR(field.entropy, 0, row.dtype == DType::kF4 ? 1.01 : 1e-9) << row.name;
    }
    if (!of_6_bits) {
      EXPECT_EQ(bits, row.bits) << row.name;
    }
  }
  EXPECT_TRUE(measure_fields(DType::kBlock, bytes).empty());
  EXPECT_EQ(names_of(measure_fields(DType::kC64, bytes)).back(), "imaginary mantissa");
  EXPECT_EQ(names_of(measure_fields(DType::kI64, bytes)).front(), "bits 63-48");
}

TEST(Bits, HalvesOfAByteAreTwoElementsOfF4) {
  // A byte of 0 and 15: sign, exponent and mantissa are 0 in one half, and all ones in the other.
  const auto fields = measure_fields(DType::kF4, std::vector<std::byte>(1 << 12, std::byte{0xF0}));
  ASSERT_EQ(fields.size(), 3u);
  for (const BitField& field : fields) EXPECT_NEAR(field.entropy, 1, 1e-3) << field.name;
}

TEST(Bits, SmallDTypesAreReadWholeAndTellWhatTheyStore) {
  std::mt19937 random(5);
  std::vector<std::uint16_t> halves(10'001);
  for (auto& value : halves) value = static_cast<std::uint16_t>(0x3C00 | (random() & 0x3FF));
  const auto archive = archive_of({{"a", DType::kF16, bytes_of(halves)},
                                   {"b", DType::kF16, bytes_of(halves)},
                                   {"c", DType::kU8, std::vector<std::byte>(999)}});
  const auto bits = bits_of(*archive->reader);
  ASSERT_EQ(bits.size(), 2u);
  EXPECT_EQ(bits[0].dtype, "F16");
  EXPECT_EQ(bits[0].elements, 20'002u);
  EXPECT_EQ(bits[0].sampled, 20'002u);
  EXPECT_EQ(bits[0].note, "");
  const Info all = info(archive->reader->catalog(), archive->bytes.size());
  EXPECT_DOUBLE_EQ(bits[0].stored_bits, 8.0 * static_cast<double>(all.dtypes[0].stored) / 20'002);
  EXPECT_EQ(bits[1].dtype, "U8");
  EXPECT_EQ(bits[1].sampled, 999u);
}

TEST(Bits, SampleIsBoundedSpreadAndTheSameEachTime) {
  // The first half are zeros and the second half ones: a sample of one place would find one value.
  std::vector<Tensor> tensors;
  for (int i = 0; i < 40; ++i) {
    tensors.push_back({std::to_string(i), DType::kU8,
                       std::vector<std::byte>(200'000, std::byte(i < 20 ? 0 : 1))});
  }
  const auto archive = archive_of(tensors);
  BitsOptions options;
  options.sample_bytes = std::uint64_t{2} << 20;
  const auto bits = bits_of(*archive->reader, options);
  ASSERT_EQ(bits.size(), 1u);
  EXPECT_LE(bits[0].sampled, options.sample_bytes);
  EXPECT_GE(bits[0].sampled, options.sample_bytes / 2);
  EXPECT_EQ(bits[0].elements, 8'000'000u);
  EXPECT_NEAR(bits[0].fields[0].entropy, 1, 0.01);
  EXPECT_EQ(bits_of(*archive->reader, options)[0].fields[0].entropy, bits[0].fields[0].entropy);
}

TEST(Bits, DamageLeavesItsDTypeWithoutFieldsAndTheOthersWhole) {
  const auto archive =
      archive_of({{"a", DType::kF16, bytes_of(std::vector<std::uint16_t>(5000, 7))},
                  {"b", DType::kU8, std::vector<std::byte>(999)}});
  const catalog::Catalog& catalog = archive->reader->catalog();
  archive->bytes[catalog.chunks_of(catalog.tensors[0])[0].payload.offset] ^= std::byte{1};
  const auto bits = bits_of(*archive->reader);
  EXPECT_EQ(bits[0].failed, Code::kChecksum);
  EXPECT_TRUE(bits[0].fields.empty());
  EXPECT_THAT(bits[0].note, testing::HasSubstr("\"a\""));
  EXPECT_EQ(bits[1].failed, Code::kOk);
  EXPECT_EQ(bits[1].fields.size(), 1u);
}

}  // namespace
}  // namespace bbz::ops
