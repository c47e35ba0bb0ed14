#include <bit>
#include <stdexcept>

#include "bbz/base/zstd_frame.h"
#include "bbz/codec/codec.h"
#include "vectors/maker.h"

namespace bbz::vectors {
namespace {

// Bytes without pattern, the same everywhere: the high bytes of a linear congruential sequence.
Buffer noise(std::size_t size, std::uint64_t seed) {
  Buffer bytes(size);
  std::uint64_t state = seed;
  for (std::byte& b : bytes) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    b = static_cast<std::byte>(state >> 56);
  }
  return bytes;
}

Buffer repeat(const Buffer& pattern, std::size_t times) {
  Buffer bytes;
  for (std::size_t i = 0; i < times; ++i) raw::append(bytes, pattern);
  return bytes;
}

// A zstd frame put together by hand (RFC 8878): one segment, content size of one byte, a block that
// repeats `fill` and a block of bytes as they are.
Coded zstd(std::byte fill, std::size_t times, const Buffer& rest) {
  raw::Fields frame;
  frame.u32(0xFD2FB528).u8(0x20).u8(times + rest.size());
  const auto block = [&](std::size_t size, unsigned type, bool last) {
    const std::size_t header = size << 3 | type << 1 | (last ? 1 : 0);
    frame.u8(header).u16(header >> 8);
  };
  block(times, 1, false);
  frame.u8(std::to_integer<unsigned>(fill));
  block(rest.size(), 0, true);
  return {2, frame.bytes(rest)};
}

using Options = Maker::Options;

Maker one_byte(std::string name, bool front = false, bool sha = false) {
  Maker m(std::move(name), front, sha);
  m.begin_file("a");
  m.bytes("*");
  m.end_file();
  return m;
}

// The header of a safetensors file, the length of its JSON before it.
std::string safetensors_header(const std::string& json) {
  std::string header(8, '\0');
  for (int i = 0; i < 8; ++i) header[i] = static_cast<char>(json.size() >> (8 * i));
  return header + json;
}

void fill_mixed(Maker& m) {
  m.metadata(false, "model", "mixed");
  m.begin_file("model.safetensors");
  m.metadata(true, "format", "safetensors");
  m.bytes(
      safetensors_header(R"({"layers.0.w":{"dtype":"BF16","shape":[3,5],"data_offsets":[0,30]},)"
                         R"("layers.1.w":{"dtype":"F32","shape":[4],"data_offsets":[30,46]}})"));
  m.tensor("layers.0.w", 17, 16, {3, 5}, noise(30, 1), {.chunk = 5, .name_layer = 0});
  m.tensor("layers.1.w", 18, 32, {4}, noise(16, 2), {.chunk = 3, .name_layer = 1});
  m.end_file();
  m.begin_file("config.json");
  m.bytes("{}");
  m.end_file();
}

// Names that repeat each other, so that an encoder of zstd makes their list shorter.
void fill_many(Maker& m) {
  m.begin_file("many.bin");
  for (std::uint32_t layer = 0; layer < 24; ++layer) {
    const std::string before = "model.layers." + std::to_string(layer);
    const Buffer two = noise(2, layer);
    m.tensor(before + ".post_attention_norm.weight", kBF16, 16, {1}, two, {.name_layer = layer});
    m.tensor(before + ".post_attention_norm.bias", kBF16, 16, {0}, {}, {.name_layer = layer});
  }
  m.end_file();
}

Valid dtypes() {
  Maker m("dtypes-raw");
  m.begin_file("t.bin");
  std::uint64_t seed = 0;
  for (const auto& info : dtype_table()) {
    const auto bits = static_cast<std::uint8_t>(info.bits);
    m.tensor(std::string(info.name), static_cast<std::uint8_t>(info.dtype), bits, {2, 4},
             noise(bits, ++seed));  // 8 elements take as many bytes as one has bits
  }
  m.end_file();
  return m.finish();
}

Valid constants() {
  Maker m("dtypes-constant");
  m.begin_file("t.bin");
  for (const auto& info : dtype_table()) {
    const auto bits = static_cast<std::uint8_t>(info.bits);
    const std::size_t size = info.bits == 6 ? 3 : info.bits == 4 ? 1 : bits / 8;
    const Buffer pattern = noise(size, bits);
    m.tensor(std::string(info.name), static_cast<std::uint8_t>(info.dtype), bits, {3, 8},
             repeat(pattern, 3 * bits / size), {.coded = {{1, pattern}}});
  }
  m.end_file();
  return m.finish();
}

Valid zstd_frames() {
  Maker m("dtypes-zstd");
  m.begin_file("t.bin");
  for (const auto& info : dtype_table()) {
    const auto bits = static_cast<std::uint8_t>(info.bits);
    const std::uint64_t rows = info.bits < 8 ? 5 : 3;  // of 8 elements, so of `bits` bytes
    const Buffer rest = noise(2, bits);
    const std::size_t filled = rows * bits - rest.size();
    Buffer plain(filled, std::byte{0x3C});
    raw::append(plain, rest);
    m.tensor(std::string(info.name), static_cast<std::uint8_t>(info.dtype), bits, {rows, 8}, plain,
             {.coded = {zstd(std::byte{0x3C}, filled, rest)}});
  }
  m.end_file();
  return m.finish();
}

// Elements of a float dtype with a sign, an exponent near the middle and a mantissa of noise.
Buffer weights(const DTypeInfo& info, std::size_t elements) {
  const Buffer random = noise(elements * 9, static_cast<std::uint64_t>(info.dtype));
  Buffer bytes;
  for (std::size_t i = 0; i < elements; ++i) {
    const auto draw = load_le<std::uint64_t>(random.data() + 9 * i);
    const std::uint64_t bias = (std::uint64_t{1} << (info.layout.exponent_bits - 1)) - 1;
    const std::uint64_t lower = static_cast<std::uint64_t>(std::countr_zero(draw | 8));
    const std::uint64_t mantissa =
        draw >> 8 & ((std::uint64_t{1} << info.layout.mantissa_bits) - 1);
    const std::uint64_t element = (draw >> 63) << (info.bits - 1) |
                                  (bias - 1 - lower) << info.layout.mantissa_bits | mantissa;
    const auto size = static_cast<std::size_t>(info.bits / 8);
    raw::append(bytes, Bytes(reinterpret_cast<const std::byte*>(&element), size));
  }
  return bytes;
}

Valid split_floats() {
  Maker m("dtypes-split-float");
  m.begin_file("t.bin");
  for (const auto& info : dtype_table()) {
    if (info.layout.exponent_bits == 0) continue;
    constexpr std::uint64_t kElements = 2048;
    const Buffer plain = weights(info, kElements);
    const codec::ChunkShape shape{.dtype = info.dtype, .elements = kElements, .row_length = 64};
    Coded coded{3, {}};
    const auto* codec = codec::find_codec(codec::CodecId::kSplitFloat);
    if (!codec->encode(shape, plain, codec::Level::kSmall, plain.size(), coded.payload)) continue;
    m.tensor(std::string(info.name), static_cast<std::uint8_t>(info.dtype),
             static_cast<std::uint8_t>(info.bits), {32, 64}, plain,
             {.coded = {coded}, .chunk = kElements});
  }
  m.end_file();
  return m.finish(true);
}

Valid empty_tensors() {
  Maker m("empty-tensors");
  m.begin_file("t.bin");
  m.tensor("first", 18, 32, {0}, {});
  m.bytes("");
  m.tensor("scalar", 18, 32, {}, noise(4, 1));
  m.tensor("rows", 17, 16, {0, 3}, {});
  m.tensor("columns", 17, 16, {3, 0}, {});
  m.tensor("of half a byte", 48, 4, {0}, {});
  m.tensor("huge", 2, 8, {0, ~std::uint64_t{0}, ~std::uint64_t{0}}, {});
  m.tensor("", 2, 8, {1, 1, 1}, noise(1, 2));
  m.end_file();
  m.begin_file("empty");
  m.end_file();
  return m.finish();
}

Valid unsorted() {
  Maker m("unsorted-layout");
  m.begin_file("t.bin");
  m.tensor("last", 2, 8, {4}, noise(4, 1), {.at = 12});
  m.tensor("first", 2, 8, {5}, noise(5, 2), {.at = 0, .chunk = 2});
  m.tensor("none", 2, 8, {0}, {}, {.at = 12});
  m.tensor("middle", 2, 8, {7}, noise(7, 3), {.at = 5, .chunk = 3});
  m.end_file();
  return m.finish();
}

// With `coded`, the index holds a zstd frame, which repeats the long key's bytes.
Valid metadata(const char* name, bool coded) {
  Maker m(name);
  if (coded) m.archive.zstd_list = [](const Buffer& list) { return raw::zstd_frame(list); };
  m.metadata(false, "key", "archive");
  m.begin_file("a");
  m.metadata(true, "key", "file \xE2\x9C\x93");
  m.metadata(true, "safetensors", R"({"format":"pt"})");
  m.end_file();
  m.metadata(false, std::string(255, 'k'), "");
  return m.finish();
}

Valid directories() {
  Maker m("directories");
  m.directory("empty");
  m.directory("nested/empty");
  m.begin_file("nested/a-b");
  m.bytes("1");
  m.end_file();
  m.begin_file("nested/a/b");
  m.bytes("2");
  m.end_file();
  m.begin_file("nested/\xC3\xA9 \xE6\x96\x87.txt");
  m.bytes("3");
  m.end_file();
  return m.finish();
}

Valid with_group() {
  Maker m("operands");
  m.tensor("before", 17, 16, {2, 2}, noise(8, 1), {.operand = true});
  m.begin_file("t.bin");
  m.archive.records.push_back(raw::group(0, 255, raw::text("a method of the future")));
  m.tensor("within", 17, 16, {3}, noise(6, 2), {.operand = true, .group = kNone});
  m.tensor("derived", 18, 32, {2}, noise(8, 3), {.form = 255, .group = 0, .fails = "unsupported"});
  m.tensor("dense", 18, 32, {2}, noise(8, 4));
  m.end_file();
  return m.finish();
}

Valid skippable() {
  Maker m = one_byte("unknown-skippable-records");
  auto& records = m.archive.records;
  const auto unknown = [](std::uint32_t type, std::size_t meta, std::size_t payload) {
    raw::Record record;
    record.type = type;
    record.flags = raw::kSkippable | (payload != 0 ? raw::kPayload : 0);
    record.payload = noise(payload, 2);
    if (payload != 0) record.meta = raw::check_of(record.payload, false);
    raw::append(record.meta, noise(meta, 1));
    return record;
  };
  records.insert(records.begin(), unknown(9, 0, 0));
  records.insert(records.begin() + 2, unknown(255, 300, 5));
  records.insert(records.begin() + 2, unknown(15, 0, 1));
  records.push_back(unknown(0xFFFFFFFF, 1, 0));
  records.push_back(unknown(0, 3, 0));
  return m.finish();
}

}  // namespace

std::vector<Valid> valid_vectors() {
  std::vector<Valid> all;
  all.push_back(one_byte("one-byte-file").finish());
  all.push_back(Maker("empty-archive").finish());
  all.push_back(Maker("empty-archive-front-index", true).finish());
  all.push_back(dtypes());
  all.push_back(constants());
  all.push_back(zstd_frames());
  all.push_back(split_floats());
  all.push_back(empty_tensors());
  all.push_back(unsorted());
  all.push_back(metadata("metadata", false));
  all.push_back(metadata("metadata-zstd-index", true));
  all.push_back(directories());
  for (const bool front : {false, true}) {
    for (const bool sha : {false, true}) {
      Maker m(std::string("mixed") + (sha ? "-sha256" : "") + (front ? "-front-index" : ""), front,
              sha);
      fill_mixed(m);
      all.push_back(m.finish());
    }
  }
  Maker compressed("mixed-zstd-index", true);
  fill_mixed(compressed);
  fill_many(compressed);
  compressed.archive.zstd_list = [](const Buffer& list) {
    Buffer frame;
    if (!encode_zstd_frame(list, 9, list.size() - 1, frame)) throw std::logic_error("no frame");
    return frame;
  };
  all.push_back(compressed.finish(true));
  all.push_back(with_group());
  all.push_back(skippable());
  Maker minor = one_byte("minor-version");
  minor.archive.header.minor = 9;
  minor.archive.header.optional = 0x8001;
  all.push_back(minor.finish());
  for (Valid& v : valid_unknown_vectors()) all.push_back(std::move(v));
  for (Valid& v : valid_block_vectors()) all.push_back(std::move(v));
  for (Valid& v : valid_edge_vectors()) all.push_back(std::move(v));
  for (Valid& v : valid_place_vectors()) all.push_back(std::move(v));
  for (Valid& v : valid_repeat_vectors()) all.push_back(std::move(v));
  for (Valid& v : valid_extension_vectors()) all.push_back(std::move(v));
  for (Valid& v : valid_symmetry_vectors()) all.push_back(std::move(v));
  for (Valid& v : valid_view_vectors()) all.push_back(std::move(v));
  for (Valid& v : valid_base_vectors()) all.push_back(std::move(v));
  for (Valid& v : valid_polar_vectors()) all.push_back(std::move(v));
  for (Valid& v : valid_pivot_vectors()) all.push_back(std::move(v));
  for (Valid& v : valid_rider_vectors()) all.push_back(std::move(v));
  for (Valid& v : valid_codec_vectors()) all.push_back(std::move(v));
  for (Valid& v : valid_split_vectors()) all.push_back(std::move(v));
  for (Valid& v : valid_number_vectors()) all.push_back(std::move(v));
  for (Valid& v : valid_number_value_vectors()) all.push_back(std::move(v));
  for (Valid& v : valid_number_edge_vectors()) all.push_back(std::move(v));
  for (Valid& v : valid_field_vectors()) all.push_back(std::move(v));
  return all;
}

}  // namespace bbz::vectors
