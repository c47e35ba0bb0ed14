// How records fit together: each rule of format-spec/records.md broken once, checksums whole.
#include <gmock/gmock.h>

#include "format/catalog/verify.h"

namespace bbz::catalog {
namespace {

using raw::Archive;
using raw::Buffer;
using raw::kNone;
using raw::TensorFields;
using ::testing::ElementsAre;

// What the archive of these records gives; the message must contain `says`.
void expect(Code code, std::vector<raw::Record> records, const std::string& says,
            const Limits& limits = {}) {
  Archive archive;
  archive.records = raw::join(records);
  const auto result = verify(archive, limits);
  const std::string message = result.ok() ? "" : result.error().message;
  EXPECT_EQ(result.code(), code) << says << ": " << message;
  EXPECT_NE(message.find(says), std::string::npos) << message << " does not say " << says;
  if (!result.ok()) {
    EXPECT_NE(message.find("offset"), std::string::npos) << message;
  }
}

// The records of one file "f" with this tensor, whose first chunk has a payload of one byte.
std::vector<raw::Record> with_tensor(const TensorFields& t, std::uint64_t size = 0) {
  std::vector<raw::Record> records = {raw::file(0, "f"), raw::tensor(t)};
  if (t.stored > 0) records.push_back(raw::raw_chunk({}, Buffer(1)));
  records.push_back(raw::file_end(0, 1, size));
  return records;
}

TEST(Catalog, HoldsWhatTheArchiveHolds) {
  for (const bool sha : {false, true}) {
    const auto result = verify(raw::sample(false, sha));
    ASSERT_TRUE(result.ok()) << result.error().message;
    const Catalog& c = *result;
    ASSERT_EQ(c.files.size(), 3u);
    EXPECT_THAT(c.files[0].tensors, ElementsAre(2, 1, 3));  // by offset
    EXPECT_EQ(c.files[0].size, 14u);
    EXPECT_FALSE(c.files[0].digest.has_value());
    EXPECT_EQ(c.files[2].digest, digest_of(DigestKind::kSha256, raw::text("01")));
    EXPECT_EQ(c.files[1].kind, FileKind::kDirectory);
    EXPECT_EQ(c.unpacked_bytes, 16u);
    ASSERT_EQ(c.tensors.size(), 6u);
    EXPECT_TRUE(c.tensors[0].is_operand());
    EXPECT_EQ(c.tensors[1].chunk_count, 3u);
    EXPECT_EQ(c.chunks_of(c.tensors[1])[2].first_element, 8u);
    EXPECT_EQ(c.chunks_of(c.tensors[1])[2].element_count, 2u);
    EXPECT_EQ(c.chunks_of(c.tensors[1])[2].decoded_bytes, 2u);
    EXPECT_EQ(c.chunks_of(c.tensors[1])[0].meta.decoded_checksum, xxh3_64(raw::text("0123")));
    EXPECT_EQ(c.chunks_of(c.tensors[1])[0].meta.tensor, 1u);
    EXPECT_EQ(c.chunks_of(c.tensors[1])[2].meta.decoded_digest.has_value(), sha);
    EXPECT_EQ(c.tensors[3].byte_size, 0u);
    EXPECT_EQ(c.stored_bytes, 2u + 10 + 4 + 1 + 1 + 4 + 11 + 5);
    EXPECT_EQ(c.find_file("c"), &c.files[2]);
    EXPECT_EQ(c.find_file("d"), nullptr);
    EXPECT_THAT(c.find_tensors("w"), ElementsAre(1));
    EXPECT_TRUE(c.find_tensors("").empty());  // bytes are no tensor
  }
}

TEST(Catalog, EmptyArchive) {
  expect(Code::kOk, {}, "");
}

TEST(Catalog, Files) {
  const auto f = [](std::uint32_t n, std::string_view path) { return raw::file(n, path); };
  expect(Code::kMalformed, {f(1, "a")}, "number 1, expected 0");
  expect(Code::kMalformed, {f(0, "a"), f(1, "b")}, "file 0 has not ended");
  expect(Code::kMalformed, {raw::file_end(0, 0, 0)}, "file 0 is not open");
  expect(Code::kMalformed, {f(0, "a"), raw::file_end(kNone, 0, 0)}, "is not open");
  expect(Code::kMalformed, {f(0, "a"), raw::file_end(1, 0, 0)}, "file 1 is not open");
  expect(Code::kMalformed, {f(0, "a"), raw::file_end(0, 0, 0), raw::file_end(0, 0, 0)},
         "file 0 is not open");
  expect(Code::kMalformed, {f(0, "a"), raw::file_end(0, 1, 0)},
         "1 tensors, expected the 0 before it");
  expect(Code::kMalformed, {f(0, "a"), raw::file_end(0, 0, 1)}, "cover 0 bytes, its size is 1");
  expect(Code::kMalformed, {raw::file(0, "a", 1), raw::file_end(0, 0, 1)}, "cover 0 bytes");
  expect(Code::kMalformed,
         {raw::file(0, "a", 1), raw::tensor({.stored = 0, .shape = {0}, .name = "t"})},
         "file 0 is not open");
  Archive open;
  open.records = {f(0, "a")};
  EXPECT_EQ(verify(open).code(), Code::kMalformed);
}

TEST(Catalog, Paths) {
  const auto paths = [](Code code, const std::vector<std::string>& names, const char* says) {
    std::vector<raw::Record> records;
    for (std::uint32_t i = 0; i < names.size(); ++i) {
      records.push_back(raw::file(i, names[i]));
      records.push_back(raw::file_end(i, 0, 0));
    }
    expect(code, records, says);
  };
  paths(Code::kMalformed, {"a", "a"}, "\"a\" occurs twice");
  paths(Code::kMalformed, {"a", "a/b"}, "below the file \"a\"");
  paths(Code::kMalformed, {"a/b", "a"}, "is a directory above \"a/b\"");
  paths(Code::kMalformed, {"a/b/c/d", "a-b", "a.b", "a/b"}, "is a directory above \"a/b/c/d\"");
  paths(Code::kMalformed, {"a/b", "a/b.c", "a/b-", "a", "a/b/c"}, "is a directory above");
  paths(Code::kMalformed, {"a/b", "a/b.c", "a/b-", "a/b c", "a/b/c/d/e"}, "below the file \"a/b\"");
  paths(Code::kOk, {"a", "a-b", "a.b/c", "a b", "ab/a", "b/a", "B/a", "b/a.a/a", "\xC3\xA9/a"}, "");
  for (const char* bad : {"/a", "a/", "a//b", ".", "a/..", "../a", "a\\b", "a\nb", "a\x7f", ""}) {
    paths(Code::kUnsafePath, {bad}, "unsafe path");
  }
  paths(Code::kUnsafePath, {std::string(256, 'x')}, "255 bytes");
  paths(Code::kMalformed, {"\xFF"}, "not UTF-8");
  paths(Code::kMalformed, {"\xED\xA0\x80"}, "not UTF-8");
  paths(Code::kLimit, {std::string(4097, 'x')}, "the limit is 4096");
}

// Paths of many components must not cost memory for each of their directories.
TEST(Catalog, DeepPathsAreCheap) {
  std::string deep = "0000/a";
  while (deep.size() < 4090) deep += "/a";
  Archive archive;
  for (std::uint32_t i = 0; i < 2000; ++i) {
    std::string path = deep;
    path.replace(0, 4, std::to_string(1000 + i));
    archive.records.push_back(raw::file(i, path));
    archive.records.push_back(raw::file_end(i, 0, 0));
  }
  EXPECT_TRUE(verify(archive).ok());
}

TEST(Catalog, Tensors) {
  expect(Code::kMalformed, with_tensor({.number = 1, .shape = {0}}), "number 1, expected 0");
  expect(Code::kMalformed, with_tensor({.file = 1, .shape = {0}}), "file 1 is not open");
  expect(Code::kMalformed, {raw::tensor({.shape = {0}})}, "file 0 is not open");
  expect(Code::kMalformed, {raw::file(0, "f"), raw::file_end(0, 0, 0), raw::tensor({.shape = {0}})},
         "file 0 is not open");
  // A payload belongs to what is stored.
  expect(Code::kMalformed, with_tensor({.shape = {2}}), "2 stored elements, and no payload");
  expect(Code::kMalformed, with_tensor({.stored = 1, .shape = {0}}),
         "0 stored elements, and a payload");
  expect(Code::kMalformed, with_tensor({.form = 3, .group = 0, .shape = {0}}),
         "group 0 is not before it");
  expect(Code::kMalformed, with_tensor({.stored = 1, .chunk = 0, .shape = {1}}),
         "chunks of 0 elements");
  expect(Code::kMalformed, with_tensor({.dtype = 200, .bits = 0, .shape = {0}}),
         "0 bits an element");
  expect(Code::kOk, with_tensor({.dtype = 200, .bits = 255, .shape = {0}}), "");
  expect(Code::kMalformed, with_tensor({.kind = 0, .stored = 1}), "contradict");
  expect(Code::kMalformed, with_tensor({.shape = {0}, .name = "\xC0\x80"}), "not UTF-8");
  // Part bytes, of the tensor and of its chunks.
  expect(Code::kMalformed,
         with_tensor({.dtype = 48, .bits = 4, .stored = 3, .chunk = 2, .shape = {3}}),
         "not whole bytes");
  expect(Code::kMalformed,
         with_tensor({.dtype = 48, .bits = 4, .stored = 4, .chunk = 3, .shape = {4}}),
         "not whole bytes");
  expect(Code::kMalformed,
         with_tensor({.dtype = 200, .bits = 4, .form = 9, .stored = 1, .chunk = 2, .shape = {0}}),
         "not whole bytes");
  // No elements are whole bytes, however small one is.
  expect(Code::kOk, with_tensor({.dtype = 48, .bits = 4, .shape = {0}}), "");
  expect(Code::kOk, with_tensor({.dtype = 200, .bits = 1, .form = 9, .shape = {8}}, 1), "");
}

TEST(Catalog, TensorsOf64Bits) {
  constexpr std::uint64_t k32 = std::uint64_t{1} << 32;
  constexpr std::uint64_t kMax = ~std::uint64_t{0};
  expect(Code::kMalformed, with_tensor({.shape = {k32, k32}}), "exceeds 64 bits");
  expect(Code::kMalformed, with_tensor({.shape = {k32, k32, 0}}), "exceeds 64 bits");
  expect(Code::kOk, with_tensor({.shape = {0, k32, k32, kMax}}), "");
  expect(Code::kMalformed, with_tensor({.stored = kMax, .chunk = kMax, .shape = {kMax}}),
         "beyond 64 bits");
  expect(Code::kMalformed, with_tensor({.offset = kMax, .stored = 1, .shape = {1}, .moved = true}),
         "beyond 64 bits");
  expect(Code::kMalformed, with_tensor({.form = 9, .stored = kMax, .chunk = kMax, .shape = {1}}),
         "beyond 64 bits");
  expect(Code::kMalformed,
         with_tensor({.form = 9, .stored = kMax - 7, .chunk = kMax / 8 + 1, .shape = {1}}),
         "beyond 64 bits");
  expect(Code::kLimit, with_tensor({.offset = kMax, .shape = {0}, .moved = true}),
         "the limit for all files");
  // As many whole bytes as 64 bits count.
  const std::uint64_t most = kMax / 8;
  expect(Code::kLimit, with_tensor({.stored = most, .chunk = 1 << 26, .shape = {most}}), "chunks");
  Limits none;
  none.chunk_bytes = none.chunks = none.unpacked_bytes = kMax;
  expect(Code::kOk, with_tensor({.stored = most, .chunk = most, .shape = {most}}, most), "", none);
  expect(Code::kMalformed, with_tensor({.stored = most, .chunk = 1, .shape = {most}}),
         "1 of its " + std::to_string(most) + " chunks", none);
}

TEST(Catalog, Chunks) {
  const Buffer data = raw::text("01234567");
  const Bytes d(data);
  const TensorFields t{.stored = 8, .chunk = 5, .shape = {8}, .name = "t"};
  const auto file = [&](Code code, std::vector<raw::Record> chunks, const char* says) {
    std::vector<raw::Record> records = {raw::file(0, "f"), raw::tensor(t)};
    records.insert(records.end(), chunks.begin(), chunks.end());
    records.push_back(raw::file_end(0, 1, 8));
    expect(code, records, says);
  };
  const auto a = raw::raw_chunk({.number = 0}, d.first(5));
  const auto b = raw::raw_chunk({.number = 1}, d.subspan(5));
  const auto other = [&](raw::ChunkFields f) { return raw::raw_chunk(f, d.subspan(5)); };
  // A record of its own for chunk 0.
  raw::Record own = other({.number = 0});
  own.first_codec.reset();
  own.meta = raw::Fields().u8(0).var(0).var(0).u64(xxh3_64(d.first(5)));
  file(Code::kOk, {a, b}, "");
  file(Code::kMalformed, {a}, "1 of its 2 chunks");
  file(Code::kMalformed, {b}, "8 stored elements, and no payload");
  file(Code::kMalformed, {own, b}, "8 stored elements, and no payload");
  file(Code::kMalformed, {a, own, b}, "chunk 0 of tensor 0 is in the tensor's own record");
  file(Code::kMalformed, {a, other({.number = 2})}, "chunk 2, expected chunk 1");
  file(Code::kMalformed, {a, other({.number = kNone})}, "expected chunk 1");
  file(Code::kMalformed, {a, b, b}, "only 2 chunks");
  file(Code::kMalformed, {a, other({.tensor = 1, .number = 1})}, "tensor 1 is not before it");
  file(Code::kMalformed, {a, other({.tensor = kNone, .number = 1})}, "is not before it");
  file(Code::kOk, {raw::raw_chunk({.codec = 255}, d.first(5)), b}, "");
  file(Code::kOk, {a, other({.number = 1, .codec = 255})}, "");
  file(Code::kMalformed, {raw::chunk({}, d.first(5), d.first(6)), b}, "6 bytes for 5");
  file(Code::kMalformed, {a, raw::chunk({.number = 1}, d.subspan(5), d.first(4))}, "4 bytes for 3");
  for (const raw::Record& between :
       {raw::Record{99, 0x10, {}, {}}, raw::metadata(kNone, "k", ""), raw::group(0, 1, {}),
        raw::file_end(0, 1, 8), raw::tensor({.number = 1, .shape = {0}}), raw::file(1, "g")}) {
    file(Code::kMalformed, {a, between, b}, "1 of its 2 chunks so far");
  }
  expect(Code::kMalformed, {b}, "tensor 0 is not before it");
}

TEST(Catalog, Tiling) {
  const auto tile = [](Code code, std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges,
                       std::uint64_t size, const char* says) {
    std::vector<raw::Record> records = {raw::file(0, "f")};
    std::uint32_t number = 0;
    std::uint64_t end = 0;
    std::uint64_t before = 0;
    bool ordered = true;
    for (const auto& [offset, length] : ranges) {
      records.push_back(raw::tensor({.number = number,
                                     .offset = offset,
                                     .kind = 0,
                                     .stored = length,
                                     .chunk = 100,
                                     .shape = {length},
                                     .moved = offset != end}));
      end = offset + length;
      const Buffer data(length);
      if (length > 0) {
        records.push_back(raw::raw_chunk({.tensor = number}, data));
        ordered = ordered && offset >= before;
        before = offset;
      }
      ++number;
    }
    records.push_back(raw::file_end(0, number, size, {}, ordered));
    expect(code, records, says);
  };
  tile(Code::kOk, {{0, 4}, {4, 4}}, 8, "");
  tile(Code::kOk, {{4, 4}, {0, 4}}, 8, "");
  tile(Code::kOk, {{4, 0}, {0, 4}, {4, 4}, {8, 0}, {0, 0}}, 8, "");
  tile(Code::kMalformed, {{0, 4}, {5, 3}}, 8, "a hole at byte 4");
  tile(Code::kMalformed, {{1, 4}}, 5, "a hole at byte 0");
  tile(Code::kMalformed, {{0, 4}, {3, 4}}, 7, "an overlap at byte 4");
  tile(Code::kMalformed, {{0, 4}, {0, 4}}, 4, "an overlap");
  tile(Code::kMalformed, {{0, 4}, {2, 0}}, 4, "an overlap");
  tile(Code::kMalformed, {{0, 4}, {5, 0}}, 4, "a hole");
  tile(Code::kMalformed, {{0, 4}}, 3, "cover 4 bytes, its size is 3");
  tile(Code::kMalformed, {{0, 4}}, 5, "cover 4 bytes, its size is 5");
}

TEST(Catalog, NamesOperandsGroupsMetadata) {
  const auto t = [](std::uint32_t number, std::string_view name, std::uint32_t file = 0) {
    return raw::tensor({.number = number, .file = file, .shape = {0}, .name = name});
  };
  expect(Code::kMalformed,
         {raw::file(0, "f"), t(0, "x"), t(1, "y"), t(2, "x"), raw::file_end(0, 3, 0)},
         "has the tensor \"x\" twice");
  expect(Code::kOk,
         {raw::file(0, "f"), t(0, "x"), raw::file_end(0, 1, 0), raw::file(1, "g"), t(1, "x", 1),
          t(2, "x", kNone), raw::file_end(1, 1, 0)},
         "");
  expect(Code::kMalformed, {t(0, "x", kNone), t(1, "x", kNone)}, "occurs twice");
  expect(Code::kMalformed, {raw::tensor({.file = kNone, .kind = 0, .shape = {0}})}, "contradict");
  expect(Code::kMalformed, {raw::group(1, 0, {})}, "number 1, expected 0");
  expect(Code::kOk, {raw::group(0, 255, {}), raw::group(1, 0, {})}, "");
  expect(Code::kMalformed, {raw::metadata(0, "k", "v")}, "file 0 has not begun");
  expect(Code::kMalformed, {raw::metadata(kNone, "k", "v"), raw::metadata(kNone, "k", "w")},
         "\"k\" occurs twice");
  expect(Code::kOk,
         {raw::file(0, "f"), raw::file_end(0, 0, 0), raw::metadata(0, "k", "v"),
          raw::metadata(kNone, "k", "w")},
         "");
}

TEST(Catalog, AppliesLimits) {
  const auto limited = [](std::uint64_t Limits::*limit, std::uint64_t fits) {
    Limits limits;
    limits.*limit = fits;
    EXPECT_TRUE(verify(raw::sample(), limits).ok());
    limits.*limit = fits - 1;
    const auto refused = verify(raw::sample(), limits);
    EXPECT_EQ(refused.code(), Code::kLimit);
  };
  limited(&Limits::files, 3);
  limited(&Limits::tensors, 6);
  limited(&Limits::chunks, 7);
  limited(&Limits::rank, 2);
  limited(&Limits::name_bytes, 15);
  limited(&Limits::unpacked_bytes, 16);
  limited(&Limits::chunk_bytes, 4);
}

// A reader that unpacks a pipe must learn that a file is too large before it is unpacked.
TEST(Catalog, UnpackedLimitHoldsBeforeTheFileEnds) {
  Limits limits;
  limits.unpacked_bytes = 100;
  const auto declared = [&](std::uint64_t offset, std::uint64_t size) {
    Archive archive;
    archive.records = raw::join(with_tensor({.offset = offset,
                                             .stored = size,
                                             .chunk = 1 << 20,
                                             .shape = {size},
                                             .name = "t",
                                             .moved = offset != 0}));
    const auto result = verify(archive, limits);
    return std::string(code_name(result.code())) + ": " + result.error().message;
  };
  EXPECT_THAT(declared(0, 101), ::testing::HasSubstr("limit: tensor record"));
  EXPECT_THAT(declared(1, 100), ::testing::HasSubstr("limit: tensor record"));
  EXPECT_THAT(declared(0, 100), ::testing::HasSubstr("malformed"));

  // Two files that fit, but not together.
  const Buffer data(60);
  Archive two;
  for (std::uint32_t i = 0; i < 2; ++i) {
    two.records.push_back(raw::file(i, std::to_string(i)));
    two.records.push_back(
        raw::tensor({.number = i, .file = i, .stored = 60, .chunk = 60, .shape = {60}}));
    two.records.push_back(raw::raw_chunk({.tensor = i}, data));
    two.records.push_back(raw::file_end(i, 1, 60));
  }
  two.records = raw::join(two.records);
  EXPECT_EQ(verify(two, limits).code(), Code::kLimit);
  limits.unpacked_bytes = 120;
  EXPECT_TRUE(verify(two, limits).ok());
}

TEST(Catalog, TensorsReferToTheNewestGroupOfItsMethod) {
  const auto t = [](std::uint32_t number, std::uint32_t group, std::string_view name) {
    return raw::tensor({.number = number, .form = 3, .group = group, .shape = {0}, .name = name});
  };
  const auto in_file = [](std::vector<raw::Record> within, std::uint32_t tensors) {
    within.insert(within.begin(), raw::file(0, "f"));
    within.push_back(raw::file_end(0, tensors, 0));
    return within;
  };
  expect(Code::kMalformed, in_file({raw::group(0, 7, {}), raw::group(1, 7, {}), t(0, 0, "x")}, 1),
         "group 0 is not the newest of method 7 before it, group 1 is");
  expect(Code::kMalformed,
         in_file(
             {raw::group(0, 7, {}), t(0, 0, "x"), raw::group(1, 7, {}), t(1, 1, "y"), t(2, 0, "z")},
             3),
         "group 0 is not the newest");
  // One of another method makes no difference.
  expect(Code::kOk,
         in_file(
             {raw::group(0, 7, {}), raw::group(1, 8, {}), t(0, 0, "x"), t(1, 1, "y"), t(2, 0, "z")},
             3),
         "");
  Archive archive;
  archive.records = in_file(
      {raw::group(0, 7, {}), raw::group(1, 8, {}), t(0, 1, "x"), t(1, 0, "y"), t(2, 1, "z")}, 3);
  const auto catalog = verify(archive);
  ASSERT_TRUE(catalog.ok()) << catalog.error().message;
  EXPECT_EQ(catalog->groups[0].first_user, 1u);
  EXPECT_EQ(catalog->groups[1].first_user, 0u);
}

}  // namespace
}  // namespace bbz::catalog
