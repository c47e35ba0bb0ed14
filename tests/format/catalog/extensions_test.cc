// The extension *layer*, and tensors of dtypes and forms that this version does not know.
#include <gmock/gmock.h>

#include "format/catalog/verify.h"

namespace bbz::catalog {
namespace {

using raw::Archive;
using raw::Buffer;
using raw::Extension;
using raw::kNone;

// The layer of a tensor with this name and these extensions, or the code of what is wrong.
struct Outcome {
  Code code = Code::kOk;
  std::uint32_t layer = kNone;
  bool operator==(const Outcome&) const = default;
};
Outcome layer_of(std::string_view name, const std::vector<Extension>& extensions,
                 std::uint8_t kind = 1) {
  raw::Record tensor =
      raw::tensor({.kind = kind, .stored = 1, .shape = {1}, .name = name, .placed = false});
  if (!extensions.empty()) tensor = raw::extend(tensor, extensions);
  Archive archive;
  archive.records =
      raw::join({raw::file(0, "f"), tensor, raw::raw_chunk({}, Buffer(1)), raw::file_end(0, 1, 1)});
  const auto catalog = verify(archive);
  if (!catalog.ok()) return {catalog.code()};
  return {Code::kOk, catalog->tensors[0].meta.layer};
}

TEST(LayerExtension, StatesTheLayer) {
  const auto stated = [](std::string_view fields) {
    return layer_of("w", {{.number = 3, .fields = fields}});
  };
  using namespace std::string_view_literals;
  EXPECT_EQ(stated("\0"sv), (Outcome{Code::kOk, 0}));
  EXPECT_EQ(stated("\x05"), (Outcome{Code::kOk, 5}));
  EXPECT_EQ(stated("\xac\x02"), (Outcome{Code::kOk, 300}));
  EXPECT_EQ(stated("\xfe\xff\xff\xff\x0f"), (Outcome{Code::kOk, 0xFFFFFFFE}));
  // More than the greatest layer, more than 32 bits, too short, too long, not as few bytes as it
  // needs.
  for (const std::string_view fields : {"\xff\xff\xff\xff\x0f"sv, "\x80\x80\x80\x80\x10"sv, ""sv,
                                        "\x85"sv, "\x05\x00"sv, "\x05\x06"sv, "\x85\x00"sv}) {
    EXPECT_EQ(stated(fields).code, Code::kMalformed) << fields.size();
  }
}

TEST(LayerExtension, ComesBeforeTheName) {
  const Extension five{.number = 3, .fields = "\x05"};
  EXPECT_EQ(layer_of("layers.7.w", {}), (Outcome{Code::kOk, 7}));
  EXPECT_EQ(layer_of("layers.7.w", {five}), (Outcome{Code::kOk, 5}));
  EXPECT_EQ(layer_of("w", {}), (Outcome{Code::kOk, kNone}));
  EXPECT_EQ(layer_of("", {five}, 0), (Outcome{Code::kOk, 5}));  // plain bytes
  EXPECT_EQ(layer_of("", {}, 0), (Outcome{Code::kOk, kNone}));
  // Beside others.
  EXPECT_EQ(layer_of("w", {{.number = 0}, five, {.number = 4}, {.number = 100}}),
            (Outcome{Code::kOk, 5}));
  EXPECT_EQ(layer_of("layers.7.w", {{.number = 0}, {.number = 4}}), (Outcome{Code::kOk, 7}));
}

TEST(LayerExtension, IsIgnorableAndComesOnce) {
  const Extension five{.number = 3, .fields = "\x05"};
  EXPECT_EQ(layer_of("w", {{.number = 3, .required = true, .fields = "\x05"}}).code,
            Code::kMalformed);
  EXPECT_EQ(layer_of("w", {five, five}).code, Code::kMalformed);
  EXPECT_EQ(layer_of("w", {{.number = 4}, five}).code, Code::kMalformed);
}

// It is known, so it must not be in another record; that of an unknown type is not parsed.
TEST(LayerExtension, IsOfATensorOnly) {
  for (const char* fields : {"\x05", ""}) {
    for (const std::uint32_t type : {1u, 2u, 4u, 5u, 6u, 10u, 200u}) {
      for (const std::uint64_t number : {3u, 4u}) {
        Archive archive;
        archive.records = raw::sample().records;
        archive.records.push_back(raw::private_name(2, 100, "org.example.int3"));
        for (raw::Record& record : archive.records) {
          if (record.type != type) continue;
          record = raw::extend(record, {{.number = number, .fields = fields}});
          break;
        }
        EXPECT_EQ(verify(archive).code(), number == 3 && type != 200 ? Code::kMalformed : Code::kOk)
            << type;
      }
    }
  }
}

// The record of a first chunk is that of the tensor, whose extension it is.
TEST(Extensions, OfATensorAreNotThoseOfItsChunks) {
  for (const std::uint32_t extended : {5u, 6u}) {
    Archive archive = raw::sample();
    raw::Record& record = archive.records[extended];
    if (record.is_extended()) record.meta.resize(record.extensions_at), record.flags ^= 0x80;
    // The first chunk follows the fields of the tensor, so the list is behind it.
    if (extended == 5) {
      record = raw::sample().records[5];
      record.flags ^= raw::kExtended;
      record.meta.resize(record.meta.size() - 4);  // the layer
    }
    record = raw::extend(record, {{.number = 40, .required = true}});
    const auto catalog = verify(archive);
    ASSERT_TRUE(catalog.ok()) << catalog.error().message;
    const Tensor& tensor = catalog->tensors[1];
    EXPECT_EQ(tensor.meta.extensions.unknown, extended == 5);
    EXPECT_FALSE(catalog->chunks_of(tensor)[0].meta.extensions.unknown);
    EXPECT_EQ(catalog->chunks_of(tensor)[1].meta.extensions.unknown, extended == 6);
    EXPECT_FALSE(catalog->chunks_of(tensor)[2].meta.extensions.unknown);
  }
}

TEST(Unknown, DtypesStateTheirBitsAndFormsTheirElements) {
  Archive archive;
  archive.records = raw::join({
      raw::file(0, "f"),
      raw::tensor({.dtype = 50,
                   .bits = 12,
                   .stored = 4,
                   .chunk = 4,
                   .shape = {4},
                   .name = "a",
                   .placed = false}),
      raw::raw_chunk({.tensor = 0}, Buffer(6)),
      raw::tensor({.dtype = 255,
                   .bits = 1,
                   .stored = 16,
                   .chunk = 8,
                   .shape = {16},
                   .name = "b",
                   .placed = false}),
      raw::raw_chunk({.tensor = 1}, Buffer(1)),
      raw::raw_chunk({.tensor = 1, .number = 1}, Buffer(1)),
      raw::tensor({.dtype = 17,
                   .form = 77,
                   .stored = 3,
                   .chunk = 3,
                   .shape = {2, 4},
                   .name = "c",
                   .placed = false}),
      raw::raw_chunk({.tensor = 2}, Buffer(6)),
      raw::tensor(
          {.dtype = 17, .form = 78, .stored = 0, .shape = {2}, .name = "d", .placed = false}),
      raw::file_end(0, 4, 6 + 2 + 16 + 4),
  });
  const auto catalog = verify(archive);
  ASSERT_TRUE(catalog.ok()) << catalog.error().message;
  const auto& tensors = catalog->tensors;
  EXPECT_EQ(tensors[0].meta.dtype, DType{50});
  EXPECT_EQ(tensors[0].meta.element_bits, 12);
  EXPECT_EQ(tensors[0].byte_size, 6u);
  EXPECT_EQ(tensors[1].meta.offset, 6u);
  EXPECT_EQ(tensors[1].chunk_count, 2u);
  EXPECT_EQ(tensors[1].byte_size, 2u);
  EXPECT_EQ(tensors[2].meta.form, Form{77});
  EXPECT_EQ(tensors[2].byte_size, 16u);
  EXPECT_EQ(catalog->chunks_of(tensors[2])[0].element_count, 3u);
  EXPECT_EQ(catalog->chunks_of(tensors[2])[0].decoded_bytes, 6u);
  EXPECT_EQ(tensors[3].chunk_count, 0u);
  EXPECT_EQ(tensors[3].meta.offset, 24u);
}

}  // namespace
}  // namespace bbz::catalog
