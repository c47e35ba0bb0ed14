// Every kind of file comes back byte for byte, alone, as a directory and through pipes.
#include <bit>

#include "support/bytes.h"
#include "tools/models.h"
#include "tools/shell.h"

namespace bbz::tools {
namespace {

class RoundTrip : public ToolTest {
 protected:
  // Packs and unpacks the directory "in" as a whole, by index and as a stream, and verifies.
  void expect_folder_back(const std::string& options = "") {
    EXPECT_EXIT_CODE(0, "$BBZ pack in -f -o in.bbz " + options + " && $BBZ verify in.bbz");
    EXPECT_EXIT_CODE(0, "rm -rf out && $BBZ unpack in.bbz -C out && diff -r in out");
    EXPECT_EXIT_CODE(0, "rm -rf out && $BBZ unpack - -C out < in.bbz && diff -r in out");
    EXPECT_EXIT_CODE(0, "rm -rf out && $BBZ salvage in.bbz -o out && diff -r in out");
  }
};

TEST_F(RoundTrip, RealModels) {
  if (!std::filesystem::is_directory(BBZ_SHARED_DATA)) {
    GTEST_SKIP() << "no models in " << BBZ_SHARED_DATA;
  }
  ASSERT_EQ(sh("cp -r '" BBZ_SHARED_DATA "' in").code, 0);
  expect_folder_back("--digest sha256");
  EXPECT_EXIT_CODE(
      0,
      "for f in $(find in -type f); do $BBZ pack \"$f\" -o one.bbz -f && "
      "test \"$($BBZ unpack one.bbz -o - | sha256sum)\" = \"$(sha256sum < \"$f\")\" || "
      "exit 9; done");
  EXPECT_EXIT_CODE(
      0,
      "for f in $(find in -type f); do cat \"$f\" | $BBZ pack - | $BBZ unpack - -o - | "
      "cmp - \"$f\" || exit 9; done");
}

TEST_F(RoundTrip, UnusualHeaders) {
  const std::string data = noise_text(24, 1);
  const auto entry = [](const std::string& name, const std::string& dtype, const std::string& shape,
                        int begin, int end) {
    return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
           ",\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(end) + "]}";
  };
  const std::string a = entry("a", "F32", "[2,2]", 0, 16);
  const std::string b = entry("b", "I16", "[4]", 16, 24);
  write("in/plain.safetensors", raw_safetensors("{" + a + "," + b + "}", data));
  write("in/padded.safetensors",
        raw_safetensors("{" + a + "," + b + "}" + std::string(37, ' '), data));
  write("in/spaced.safetensors", raw_safetensors("{ \n\t" + a + "  ,\n " + b + "\r\n }", data));
  write("in/keys_in_another_order.safetensors", raw_safetensors("{" + b + "," + a + "}", data));
  write("in/unsorted.safetensors", raw_safetensors("{" + entry("a", "F32", "[2,2]", 8, 24) + "," +
                                                       entry("b", "I16", "[4]", 0, 8) + "}",
                                                   data));
  write("in/no_tensors.safetensors", raw_safetensors("{}", ""));
  write("in/metadata_alone.safetensors",
        raw_safetensors("{\"__metadata__\":{\"k\":\"\\u0000\\u00e9\"}}", ""));
  write("in/empty_tensors.safetensors",
        raw_safetensors("{" + entry("e0", "F32", "[0]", 0, 0) + "," + a + "," +
                            entry("e1", "BF16", "[3,0]", 16, 16) + "," + b + "," +
                            entry("e2", "F64", "[0]", 24, 24) + "}",
                        data));
  write("in/zero_dim.safetensors", raw_safetensors("{" + entry("x", "F64", "[]", 0, 8) + "," +
                                                       entry("y", "U8", "[]", 8, 9) + "}",
                                                   data.substr(0, 9)));
  write(
      "in/unicode.safetensors",
      raw_safetensors("{" + entry("\xE9\x87\x8D\xE3\x81\xBF.\xF0\x9F\xA6\x99", "I16", "[4]", 0, 8) +
                          "," + entry("a\\u0301\\n\\\"\\\\", "I16", "[8]", 8, 24) + "}",
                      data));
  write("in/\xE9\x87\x8D\xE3\x81\xBF \xF0\x9F\xA6\x99.safetensors", read("in/plain.safetensors"));
  write("in/one_element.safetensors",
        raw_safetensors("{" + entry("x", "BF16", "[1]", 0, 2) + "}", data.substr(0, 2)));
  expect_folder_back();
  expect_folder_back("--index-first --digest sha256 --chunk-size 8");
}

TEST_F(RoundTrip, UnusualValues) {
  // Every pattern of 16 bits: NaNs with all payloads, infinities, denormals, both zeros.
  std::string patterns;
  for (unsigned i = 0; i < 0x10000; ++i) {
    patterns.push_back(static_cast<char>(i & 0xFF));
    patterns.push_back(static_cast<char>(i >> 8));
  }
  std::string equal;
  for (int i = 0; i < 50000; ++i) equal += "\x80\x3f";
  std::string denormals(1 << 16, '\0');
  for (std::size_t i = 0; i < denormals.size(); i += 2) denormals[i] = static_cast<char>(i * 7);
  const std::vector<std::pair<std::string, int>> dtypes = {
      {"BF16", 2}, {"F16", 2}, {"F32", 4}, {"F64", 8}, {"F8_E4M3", 1}, {"F8_E5M2", 1},
      {"I8", 1},   {"U8", 1},  {"I64", 8}, {"U32", 4}, {"BOOL", 1}};
  for (const auto& [dtype, size] : dtypes) {
    int number = 0;
    for (const std::string& data : {patterns, equal, denormals, noise_text(1 << 16, 9)}) {
      const std::string count = std::to_string(data.size() / static_cast<std::size_t>(size));
      write("in/" + dtype + std::to_string(number++) + ".safetensors",
            raw_safetensors("{\"w\":{\"dtype\":\"" + dtype + "\",\"shape\":[" + count +
                                "],\"data_offsets\":[0," + std::to_string(data.size()) + "]}}",
                            data));
    }
  }
  expect_folder_back();
  expect_folder_back("--level small --chunk-size 4K");
}

TEST_F(RoundTrip, SizesAroundChunkBoundaries) {
  constexpr int kChunk = 4096;
  for (const int chunks : {1, 2, 3}) {
    for (const int off : {-2, -1, 0, 1, 2}) {
      const int elements = (chunks * kChunk) / 2 + off;
      const std::string data = bf16_weights(static_cast<std::size_t>(elements), 5);
      const std::string name = std::to_string(chunks) + "_" + std::to_string(off);
      write("in/" + name + ".safetensors",
            raw_safetensors("{\"w\":{\"dtype\":\"BF16\",\"shape\":[" + std::to_string(elements) +
                                "],\"data_offsets\":[0," + std::to_string(data.size()) + "]}}",
                            data));
      write("in/" + name + ".bin", noise_text(static_cast<std::size_t>(chunks * kChunk + off), 6));
    }
  }
  expect_folder_back("--chunk-size 4K");
  EXPECT_EXIT_CODE(0,
                   "for f in in/*.bin; do cat \"$f\" | $BBZ pack - --chunk-size 4K | "
                   "$BBZ unpack - -o - | cmp - \"$f\" || exit 9; done");
}

}  // namespace
}  // namespace bbz::tools
