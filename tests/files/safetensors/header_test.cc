#include "bbz/files/safetensors/header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "bbz/base/wire.h"

namespace bbz::safetensors {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::StartsWith;

std::vector<std::byte> file_of(std::string_view json) {
  std::vector<std::byte> file(kLengthBytes + json.size());
  store_le(file.data(), static_cast<std::uint64_t>(json.size()));
  std::ranges::copy(std::as_bytes(std::span(json)), file.begin() + kLengthBytes);
  return file;
}

// Parses a header of this text alone, the size of the data left open.
Result<Header> parse_json(std::string_view json, const Limits& limits = {}) {
  return parse(file_of(json), std::nullopt, limits);
}

std::string tensor_json(std::string_view name, std::string_view dtype, std::string_view shape,
                        std::string_view offsets) {
  std::string json;
  json.append("\"").append(name).append("\":{\"dtype\":\"").append(dtype);
  json.append("\",\"shape\":[").append(shape).append("],\"data_offsets\":[").append(offsets);
  return json.append("]}");
}

// The members as one JSON object.
std::string object(std::initializer_list<std::string> members) {
  std::string json;
  for (const std::string& member : members) json.append(json.empty() ? "{" : ",").append(member);
  return json.append("}");
}

std::vector<std::string> names(const Header& header) {
  std::vector<std::string> list;
  for (const Tensor& tensor : header.tensors) list.push_back(tensor.name);
  return list;
}

TEST(SafetensorsHeader, IsReadInTheOrderOfTheData) {
  const auto file = file_of(
      "{\"b\": {\"data_offsets\" : [4,10],\n\t\"shape\":[ 3 ],\"dtype\":\"BF16\"} ,"
      "\"__metadata__\":{\"format\":\"pt\",\"a\":\"\"},"
      "\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}  \n ");
  const auto header = parse(file, file.size() + 10);
  ASSERT_TRUE(header.ok()) << header.error().message;
  EXPECT_THAT(header->tensors, ElementsAre(Tensor{"a", DType::kF32, {}, 0, 4},
                                           Tensor{"b", DType::kBF16, {3}, 4, 10}));
  EXPECT_THAT(header->metadata, ElementsAre(Pair("format", "pt"), Pair("a", "")));
  EXPECT_EQ(header->header_size, file.size());
  EXPECT_EQ(header->data_size, 10u);
  EXPECT_EQ(header->file_size(), file.size() + 10);
}

TEST(SafetensorsHeader, MayHoldNothing) {
  for (const char* json : {"{}", "{ }", "{}   ", "{\"__metadata__\":{}}"}) {
    const auto header = parse_json(json);
    ASSERT_TRUE(header.ok()) << json << header.error().message;
    EXPECT_TRUE(header->tensors.empty());
    EXPECT_EQ(header->data_size, 0u);
  }
}

TEST(SafetensorsHeader, TensorsWithoutBytesStandAnywhereInTheirOwnOrder) {
  const auto header = parse_json(
      object({tensor_json("z1", "F32", "0,3", "4,4"), tensor_json("b", "I8", "2", "4,6"),
              tensor_json("z0", "F64", "7,0", "4,4"), tensor_json("a", "F32", "", "0,4"),
              tensor_json("first", "U8", "0", "0,0"), tensor_json("last", "F4", "0", "6,6")}));
  ASSERT_TRUE(header.ok()) << header.error().message;
  EXPECT_THAT(names(*header), ElementsAre("first", "a", "z1", "z0", "b", "last"));
}

TEST(SafetensorsHeader, ManyTensorsWithoutBytesKeepTheirOrder) {
  std::string json;
  std::vector<std::string> expected;
  for (int i = 0; i < 200; ++i) {
    expected.push_back(std::to_string(i * 7919 % 200));
    json.append(json.empty() ? "{" : ",").append(tensor_json(expected.back(), "F32", "0", "0,0"));
  }
  const auto header = parse_json(json.append("}"));
  ASSERT_TRUE(header.ok()) << header.error().message;
  EXPECT_EQ(names(*header), expected);
}

TEST(SafetensorsHeader, KnowsEveryDType) {
  for (const DTypeInfo& info : dtype_table()) {
    const std::string end = std::to_string(info.bits);  // of 8 elements, in bytes
    const auto header = parse_json(object({tensor_json("t", info.name, "2,4", "0," + end)}));
    ASSERT_TRUE(header.ok()) << header.error().message;
    EXPECT_EQ(header->tensors[0].dtype, info.dtype);
  }
}

TEST(SafetensorsHeader, TakesAnyUnicodeInNamesAndMetadata) {
  const auto header = parse_json(object(
      {tensor_json("\\u00e9\\ud83d\\ude00\\n\\u0000\\\"/", "U8", "1", "0,1"),
       tensor_json("重み.\xF0\x9F\x98\x80", "U8", "1", "1,2"), tensor_json("", "U8", "1", "2,3")}));
  ASSERT_TRUE(header.ok()) << header.error().message;
  EXPECT_THAT(names(*header), ElementsAre(std::string("é\xF0\x9F\x98\x80\n\0\"/", 10),
                                          "重み.\xF0\x9F\x98\x80", ""));
}

TEST(SafetensorsHeader, PassesOverFieldsThatItDoesNotKnow) {
  const auto header = parse_json(
      R"({"t":{"x":{"dtype":[1,{"y":[]}],"dtype":2},"dtype":"U8","y":null,"z":[-1,1.5,true,"s"],)"
      R"("shape":[1],"data_offsets":[0,1],"w":{}}})");
  ASSERT_TRUE(header.ok()) << header.error().message;
  EXPECT_THAT(header->tensors, ElementsAre(Tensor{"t", DType::kU8, {1}, 0, 1}));
}

struct Refused {
  const char* what;
  std::string json;
  Code code;
  std::string message;  // a part of it
};

TEST(SafetensorsHeader, RefusesWhatBreaksARuleAndNamesIt) {
  const std::string good = tensor_json("a", "U8", "2", "0,2");
  const auto one = [](std::string_view dtype, std::string_view shape, std::string_view offsets) {
    return object({tensor_json("t", dtype, shape, offsets)});
  };
  const Code malformed = Code::kMalformed;
  // Eight tensors as large as can be, one after the other: together 2^64 - 8 bytes.
  std::string huge_file;
  const std::uint64_t largest = (std::uint64_t{1} << 61) - 1;
  for (std::uint64_t i = 0; i < 8; ++i) {
    huge_file.append(i == 0 ? "{" : ",");
    huge_file += tensor_json(std::to_string(i), "U8", std::to_string(largest),
                             std::to_string(i * largest) + "," + std::to_string((i + 1) * largest));
  }
  huge_file.append("}");
  std::string deep = R"({"t":{"x":)";
  std::string deep_objects = deep;
  deep.append(100000, '[');
  for (int i = 0; i < 17; ++i) deep_objects.append(R"({"x":)");
  const std::vector<Refused> cases = {
      {"nothing", "", malformed, "does not begin with {"},
      {"leading space", " {}", malformed, "does not begin with {"},
      {"byte order mark", "\xEF\xBB\xBF{}", malformed, "does not begin with {"},
      {"an array", "[]", malformed, "does not begin with {"},
      {"half an object", "{\"a\":", malformed, "not well-formed JSON at byte"},
      {"text after it", "{}x", malformed, "not well-formed JSON at byte"},
      {"a second object", "{}{}", malformed, "not well-formed JSON"},
      {"NUL padding", std::string("{}\0\0", 4), malformed, "a NUL at byte 2"},
      {"a comment", "{/**/}", malformed, "not well-formed JSON"},
      {"a comma too many", "{\"a\":1,}", malformed, "found a number"},
      {"a comma and no key", R"({"__metadata__":{"a":"",}})", malformed, "not well-formed JSON"},
      {"not UTF-8", "{\"\xFF\":1}", malformed, "not well-formed JSON"},
      {"half a surrogate pair", "{\"\\ud800\":1}", malformed, "not well-formed JSON"},
      {"a number too large to read", "{\"a\":1e999}", malformed, "not well-formed JSON"},
      {"a name twice", object({good, tensor_json("a", "U8", "1", "2,3")}), malformed,
       "tensor \"a\" occurs twice"},
      {"a name twice, escaped", object({good, tensor_json("\\u0061", "U8", "1", "2,3")}), malformed,
       "tensor \"a\" occurs twice"},
      {"metadata twice", R"({"__metadata__":{},"__metadata__":{}})", malformed,
       "__metadata__ occurs twice"},
      {"a metadata key twice", R"({"__metadata__":{"k":"1","k":"1"}})", malformed,
       "__metadata__: key \"k\" occurs twice"},
      {"metadata of a number", R"({"__metadata__":{"k":1}})", malformed,
       "__metadata__ \"k\": expected a string, found a number"},
      {"metadata of an object", R"({"__metadata__":{"k":{}}})", malformed, "found an object"},
      {"metadata of null", R"({"__metadata__":null})", malformed,
       "expected __metadata__ to be an object of strings, found null"},
      {"a tensor that is a number", R"({"a":1})", malformed,
       "tensor \"a\": expected an object with dtype, shape and data_offsets, found a number"},
      {"a tensor that is an array", R"({"a":[]})", malformed, "found an array"},
      {"a field twice", R"({"a":{"dtype":"U8","dtype":"U8"}})", malformed,
       "tensor \"a\": dtype occurs twice"},
      {"shape twice", R"({"a":{"shape":[],"shape":[]}})", malformed, "shape occurs twice"},
      {"no dtype", R"({"a":{"shape":[],"data_offsets":[0,1]}})", malformed, "dtype is missing"},
      {"no shape", R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", malformed, "shape is missing"},
      {"no offsets", R"({"a":{"dtype":"U8","shape":[]}})", malformed, "data_offsets is missing"},
      {"an unknown dtype", one("F17", "", "0,1"), Code::kUnsupported,
       "tensor \"t\": unknown dtype \"F17\""},
      {"a dtype in lower case", one("f32", "", "0,4"), Code::kUnsupported, "unknown dtype"},
      {"a dtype that is a number", R"({"a":{"dtype":1}})", malformed, "dtype to be a string"},
      {"a shape that is a number", R"({"a":{"shape":1}})", malformed, "found a number"},
      {"a negative extent", one("U8", "-1", "0,1"), malformed, "found a negative number"},
      {"a fractional extent", one("U8", "1.0", "0,1"), malformed, "a number that is not whole"},
      {"an extent over 64 bits", one("U8", "18446744073709551616", "0,1"), malformed,
       "more than 64 bits"},
      {"an extent in an array", one("U8", "[1]", "0,1"), malformed, "found an array"},
      {"one offset", one("U8", "1", "0"), malformed, "found 1 of them"},
      {"three offsets", one("U8", "1", "0,1,2"), malformed, "two whole numbers"},
      {"no first byte", one("U8", "1", "1,2"), malformed, "bytes 0 to 1 belong to no tensor"},
      {"a hole", object({good, tensor_json("b", "U8", "1", "3,4")}), malformed,
       "tensor \"b\": data_offsets [3, 4]: bytes 2 to 3 belong to no tensor"},
      {"an overlap", object({good, tensor_json("b", "U8", "2", "1,3")}), malformed,
       "overlaps the tensor before it, which ends at 2"},
      {"the same bytes twice", object({good, tensor_json("b", "U8", "2", "0,2")}), malformed,
       "overlaps"},
      {"offsets back to front", one("U8", "2", "2,0"), malformed, "before the begin"},
      {"too few bytes", one("F32", "2", "0,4"), malformed, "4 bytes, but F32 [2] takes 8"},
      {"too many bytes", one("F32", "2", "0,9"), malformed, "9 bytes, but F32 [2] takes 8"},
      {"part of a byte", one("F4", "3", "0,1"), malformed, "do not fill whole bytes"},
      {"elements over 64 bits", one("U8", "4294967296,4294967296", "0,0"), malformed,
       "exceeds 64 bits"},
      {"bytes over 64 bits", one("F64", "4611686018427387904", "0,0"), malformed,
       "exceeds 64 bits"},
      {"a file over 64 bits", huge_file, malformed, "the size of the file exceeds 64 bits"},
      {"deep nesting", deep, Code::kLimit, "JSON nested deeper than 16"},
      {"deep objects", deep_objects, Code::kLimit, "JSON nested deeper than 16"},
  };
  for (const Refused& c : cases) {
    const auto header = parse_json(c.json);
    ASSERT_FALSE(header.ok()) << c.what;
    EXPECT_EQ(header.code(), c.code) << c.what << ": " << header.error().message;
    EXPECT_THAT(header.error().message,
                AllOf(StartsWith("safetensors header: "), HasSubstr(c.message)))
        << c.what;
    EXPECT_LT(header.error().message.size(), 1000u) << c.what;
  }
}

TEST(SafetensorsHeader, ComparesTheSizeOfTheFile) {
  const auto file = file_of(object({tensor_json("t", "U8", "10", "0,10")}));
  EXPECT_TRUE(parse(file, file.size() + 10).ok());
  EXPECT_EQ(parse(file, file.size() + 9).code(), Code::kTruncated);
  EXPECT_EQ(parse(file, file.size() + 11).code(), Code::kMalformed);
  EXPECT_THAT(parse(file, file.size() + 11).error().message, HasSubstr("10 of tensors"));
}

TEST(SafetensorsHeader, IsCutAtAnyByte) {
  const auto file = file_of(object({tensor_json("t", "U8", "1", "0,1")}));
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_EQ(parse(Bytes(file).first(size), std::nullopt).code(), Code::kTruncated) << size;
    EXPECT_EQ(parse(Bytes(file).first(size), size).code(), Code::kTruncated) << size;
    EXPECT_EQ(parse(file, size).code(), Code::kTruncated) << size;
  }
}

TEST(SafetensorsHeader, KeepsWithinItsLimits) {
  std::vector<std::byte> length(kLengthBytes);
  store_le(length.data(), std::uint64_t{100'000'000});
  const auto largest = header_size(length);
  ASSERT_TRUE(largest.ok()) << largest.error().message;
  EXPECT_EQ(*largest, 100'000'008u);
  store_le(length.data(), std::uint64_t{100'000'001});
  EXPECT_EQ(header_size(length).code(), Code::kLimit);
  store_le(length.data(), ~std::uint64_t{0});
  EXPECT_EQ(header_size(length).code(), Code::kLimit);
  EXPECT_EQ(parse(length, std::nullopt).code(), Code::kLimit);
  EXPECT_EQ(header_size(Bytes(length).first(7)).code(), Code::kTruncated);

  const std::string two =
      object({tensor_json("ab", "U8", "1,1", "0,1"), tensor_json("b", "U8", "1", "1,2")});
  EXPECT_TRUE(parse_json(two, {.tensors = 2, .rank = 2, .name_bytes = 2}).ok());
  EXPECT_EQ(parse_json(two, {.tensors = 1}).code(), Code::kLimit);
  EXPECT_EQ(parse_json(two, {.rank = 1}).code(), Code::kLimit);
  EXPECT_EQ(parse_json(two, {.name_bytes = 1}).code(), Code::kLimit);
  EXPECT_EQ(parse_json(two, {.json_bytes = two.size() - 1}).code(), Code::kLimit);
  EXPECT_EQ(parse_json(R"({"__metadata__":{"a":"","b":""}})", {.metadata = 1}).code(),
            Code::kLimit);
}

TEST(SafetensorsHeader, IsRecognizedByItsFirstBytes) {
  const auto file = file_of("{}");
  EXPECT_TRUE(looks_like_header(Bytes(file).first(9)));
  EXPECT_FALSE(looks_like_header(Bytes(file).first(8)));
  EXPECT_FALSE(looks_like_header(file_of("[]")));
  EXPECT_FALSE(looks_like_header(std::as_bytes(std::span("{\"a json file\": true}"))));
}

TEST(SafetensorsHeader, IsBuiltAsTheReferenceDoes) {
  std::vector<Tensor> tensors = {{"attention", DType::kF32, {2, 2}, 0, 0},
                                 {"embed", DType::kF16, {3}, 7, 9}};
  const auto built = build(tensors, {});
  ASSERT_TRUE(built.ok()) << built.error().message;
  // The text that the reference implementation's own test has, with another dtype and size.
  const std::string json = R"({"attention":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},)"
                           R"("embed":{"dtype":"F16","shape":[3],"data_offsets":[16,22]}}    )";
  ASSERT_EQ(json.size() % 8, 0u);
  EXPECT_EQ(*built, file_of(json));
  EXPECT_EQ(tensors[1].begin, 16u);
  EXPECT_EQ(tensors[1].end, 22u);
  std::vector<Tensor> none;
  EXPECT_EQ(*build(none, {}), file_of("{}      "));
}

TEST(SafetensorsHeader, BuiltIsReadBackTheSame) {
  std::vector<Tensor> tensors;
  for (const DTypeInfo& info : dtype_table()) {
    tensors.push_back({"layer \"\\\n\xC3\xA9." + std::string(info.name), info.dtype, {5, 8}, 0, 0});
    tensors.push_back({"empty." + std::string(info.name), info.dtype, {5, 0}, 0, 0});
  }
  const Metadata metadata = {{"z", "first"}, {"a", std::string("\0\x1F\x7F\xE2\x80\xA8", 6)}};
  const auto built = build(tensors, metadata);
  ASSERT_TRUE(built.ok()) << built.error().message;
  EXPECT_EQ(built->size() % 8, 0u);
  const auto header = parse(*built, built->size() + tensors.back().end);
  ASSERT_TRUE(header.ok()) << header.error().message;
  EXPECT_EQ(header->tensors, tensors);
  EXPECT_EQ(header->metadata, metadata);
}

TEST(SafetensorsHeader, IsNotBuiltFromWhatCannotBeRead) {
  const auto code = [](std::vector<Tensor> tensors, const Metadata& metadata = {}) {
    return build(tensors, metadata).code();
  };
  const Tensor t{"t", DType::kU8, {1}, 0, 0};
  EXPECT_EQ(code({t, t}), Code::kInvalidArgument);
  EXPECT_EQ(code({{"__metadata__", DType::kU8, {1}, 0, 0}}), Code::kInvalidArgument);
  EXPECT_EQ(code({{"\xFF", DType::kU8, {1}, 0, 0}}), Code::kInvalidArgument);
  EXPECT_EQ(code({t}, {{"k", "\xED\xA0\x80"}}), Code::kInvalidArgument);
  EXPECT_EQ(code({t}, {{"k", ""}, {"k", ""}}), Code::kInvalidArgument);
  EXPECT_EQ(code({t, {"blocks", DType::kBlock, {1}, 0, 0}}), Code::kInvalidArgument);
  EXPECT_EQ(code({t, {"unknown", DType{255}, {1}, 0, 0}}), Code::kInvalidArgument);
  EXPECT_EQ(code({{"t", DType::kU8, {~0ull, 2}, 0, 0}}), Code::kMalformed);
  EXPECT_EQ(code({t, {"u", DType::kU8, {~0ull}, 0, 0}}), Code::kMalformed);
}

TEST(SafetensorsMetadata, GoesThroughJson) {
  const Metadata metadata = {{"format", "pt"}, {"", "\"\n\xC3\xA9"}};
  const auto json = metadata_to_json(metadata);
  EXPECT_EQ(*json, "{\"format\":\"pt\",\"\":\"\\\"\\n\xC3\xA9\"}");
  EXPECT_EQ(*metadata_from_json(*json), metadata);
  EXPECT_EQ(*metadata_to_json({}), "{}");
  EXPECT_EQ(*metadata_from_json(" {} "), Metadata{});
  for (const char* bad : {"", "[]", "null", "{\"a\":1}", "{\"a\":\"\",\"a\":\"\"}", "{}{}"}) {
    EXPECT_EQ(metadata_from_json(bad).code(), Code::kMalformed) << bad;
  }
}

}  // namespace
}  // namespace bbz::safetensors
