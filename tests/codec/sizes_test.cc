// The sizes of payloads against the table sizes.csv, so that whatever makes one larger or smaller
// is seen in review. BBZ_WRITE_SIZES=1 in the environment writes the table anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "bbz/codec/codec.h"
#include "codec/generate.h"

namespace bbz::codec {
namespace {

struct Case {
  const char* name;
  std::uint64_t elements;
  std::uint64_t row;
  double column_spread;
  unsigned outlier_in;  // one in so many elements is any bits; 0 for none
};

constexpr Case kCases[] = {
    {"rows of 4096", 1 << 18, 4096, 0, 0},      {"rows of 304", 304 * 800, 304, 0, 0},
    {"columns of 304", 304 * 800, 304, 0.8, 0}, {"one row", 100000, 100000, 0, 0},
    {"rows of 9", 9 * 9000, 9, 0, 0},           {"outliers", 1 << 17, 1024, 0, 300},
    {"a small matrix", 64 * 64, 64, 0, 0},      {"a bias", 768, 768, 0, 0},
};

std::vector<std::byte> make(const Case& c, DType dtype) {
  auto plain = gaussian_rows(dtype, c.elements, c.row, 17, c.column_spread);
  const auto size = static_cast<std::size_t>(dtype_info(dtype).bits / 8);
  Random random(3);
  for (std::uint64_t i = 0; c.outlier_in != 0 && i < c.elements; i += c.outlier_in) {
    const std::uint64_t noise = random.bits();
    std::memcpy(plain.data() + i * size, &noise, size);
  }
  return plain;
}

std::string table() {
  std::ostringstream out;
  out << "data,dtype,plain,codec,fast,default,small\n";
  for (const Case& c : kCases) {
    for (const DType dtype :
         {DType::kBF16, DType::kF16, DType::kF32, DType::kF64, DType::kF8E4M3, DType::kF8E5M2}) {
      const auto plain = make(c, dtype);
      std::vector<std::byte> payload;
      std::string sizes;
      CodecId id = CodecId::kRaw;
      for (const Level level : {Level::kFast, Level::kDefault, Level::kSmall}) {
        id = encode({dtype, c.elements, c.row, 0}, plain, {level}, payload);
        // The size of a zstd frame depends on the version of libzstd.
        sizes += "," + (id == CodecId::kZstd ? std::string("-") : std::to_string(payload.size()));
      }
      out << c.name << "," << dtype_info(dtype).name << "," << plain.size() << ","
          << find_codec(id)->name << sizes << "\n";
    }
  }
  return out.str();
}

TEST(Sizes, AreThoseOfTheTable) {
  const std::string found = table();
  if (std::getenv("BBZ_WRITE_SIZES") != nullptr) std::ofstream(BBZ_SIZES) << found;
  std::ifstream in(BBZ_SIZES);
  std::istringstream now(found);
  std::string expected_line;
  std::string found_line;
  while (std::getline(now, found_line)) {
    std::getline(in, expected_line);
    EXPECT_EQ(found_line, expected_line);
  }
  EXPECT_FALSE(std::getline(in, expected_line)) << "a line more than expected: " << expected_line;
}

}  // namespace
}  // namespace bbz::codec
