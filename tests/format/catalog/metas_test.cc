// Metas: the bytes of each, and what a single meta can break.
#include <gmock/gmock.h>

#include "bbz/format/catalog/metas.h"
#include "format/container/raw_archive.h"

namespace bbz::catalog {
namespace {

using container::RecordType;
using container::RecordView;
using raw::Buffer;

RecordView view(const raw::Record& record) {
  const auto type = static_cast<RecordType>(record.type);
  return {container::make_head(type, record.meta, record.payload, 100), record.meta};
}

template <class Meta>
Buffer encoded(const Meta& meta) {
  Buffer out;
  encode_meta(meta, out);
  return out;
}

Digest some_digest() {
  return digest_of(DigestKind::kSha256, raw::text("x"));
}
Buffer some_bytes() {
  return raw::sha256(raw::text("x"));
}

TEST(Metas, FileAndEnd) {
  const auto record = raw::file(7, "dir/name", 1);
  const auto file = decode_file(view(record), {});
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->number, 7u);
  EXPECT_EQ(file->kind, FileKind::kDirectory);
  EXPECT_EQ(file->path, "dir/name");
  EXPECT_EQ(encoded(*file), record.meta);
  EXPECT_EQ(decode_file(view(raw::file(0, "a", 2)), {}).code(), Code::kUnsupported);

  for (const Buffer& digest : {Buffer{}, some_bytes()}) {
    const auto end_record = raw::file_end(7, 2, ~std::uint64_t{0}, digest);
    const auto end = decode_file_end(view(end_record));
    ASSERT_TRUE(end.ok());
    EXPECT_EQ(end->size, ~std::uint64_t{0});
    EXPECT_EQ(end->digest.has_value(), !digest.empty());
    EXPECT_EQ(encoded(*end), end_record.meta);
  }
  EXPECT_EQ(decode_file_end(view(raw::file_end(0, 0, 0, Buffer(16)))).code(), Code::kMalformed);
}

TEST(Metas, Tensor) {
  const auto record = raw::tensor({.number = 1,
                                   .file = 2,
                                   .offset = 3,
                                   .kind = 1,
                                   .dtype = 17,
                                   .bits = 16,
                                   .form = 4,
                                   .layer = 5,
                                   .group = 6,
                                   .stored = 7,
                                   .chunk = 8,
                                   .shape = {9, 0, ~std::uint64_t{0}},
                                   .name = "t"});
  const auto t = decode_tensor(view(record), {});
  ASSERT_TRUE(t.ok()) << t.error().message;
  EXPECT_EQ(t->dtype, DType::kBF16);
  EXPECT_EQ(t->form, Form{4});
  EXPECT_EQ(t->shape, (Shape{9, 0, ~std::uint64_t{0}}));
  EXPECT_EQ(t->layer, 5u);
  EXPECT_EQ(t->group, 6u);
  EXPECT_EQ(t->name, "t");
  EXPECT_EQ(encoded(*t), record.meta);
  const raw::TensorFields deep{.shape = std::vector<std::uint64_t>(64, 1)};
  EXPECT_TRUE(decode_tensor(view(raw::tensor(deep)), {}).ok());
  const raw::TensorFields deeper{.shape = std::vector<std::uint64_t>(65, 1)};
  EXPECT_EQ(decode_tensor(view(raw::tensor(deeper)), {}).code(), Code::kLimit);
  const std::string name(4097, 'n');
  EXPECT_EQ(decode_tensor(view(raw::tensor({.name = name})), {}).code(), Code::kLimit);
}

TEST(Metas, ChunkMetadataGroup) {
  for (const bool sha : {false, true}) {
    const auto kind = sha ? DigestKind::kSha256 : DigestKind::kXxh3_128;
    const Buffer x = raw::text("x");
    const auto c =
        raw::raw_chunk({.tensor = 1, .number = 2, .first = 3, .count = 4, .codec = 5}, x, sha);
    const auto chunk = decode_chunk(view(c), kind);
    ASSERT_TRUE(chunk.ok());
    EXPECT_EQ(chunk->codec, 5);
    EXPECT_EQ(load_le<std::uint16_t>(c.meta.data() + kChunkCodecOffset), 5);
    EXPECT_EQ(chunk->decoded_checksum, xxh3_64(x));
    EXPECT_EQ(chunk->decoded_digest, sha ? std::optional(some_digest()) : std::nullopt);
    EXPECT_EQ(encoded(*chunk), c.meta);

    const auto m = raw::metadata(9, std::string(255, 'k'), "x", sha);
    const auto metadata = decode_metadata(view(m), kind);
    ASSERT_TRUE(metadata.ok());
    EXPECT_EQ(encoded(*metadata), m.meta);
    for (const std::string& key : {std::string(), std::string(256, 'k'), std::string("\x80")}) {
      EXPECT_EQ(decode_metadata(view(raw::metadata(0, key, "", sha)), kind).code(),
                Code::kMalformed);
    }
    const auto g = raw::group(9, 8, x, sha);
    const auto group = decode_group(view(g), kind);
    ASSERT_TRUE(group.ok());
    EXPECT_EQ(group->method, GroupMethod{8});
    EXPECT_EQ(encoded(*group), g.meta);
  }
}

// Every meta cut anywhere, and with one byte more.
TEST(Metas, AreTakenExactly) {
  const auto decode = [](const raw::Record& r, DigestKind kind) -> Code {
    switch (r.type) {
      case 1:
        return decode_file(view(r), {}).code();
      case 2:
        return decode_file_end(view(r)).code();
      case 3:
        return decode_tensor(view(r), {}).code();
      case 4:
        return decode_chunk(view(r), kind).code();
      case 5:
        return decode_metadata(view(r), kind).code();
      case 6:
        return decode_group(view(r), kind).code();
      default:
        return Code::kMalformed;
    }
  };
  for (const bool sha : {false, true}) {
    const auto kind = sha ? DigestKind::kSha256 : DigestKind::kXxh3_128;
    for (raw::Record record : raw::sample(false, sha).records) {
      const Buffer whole = record.meta;
      for (std::size_t size = 0; size < whole.size(); ++size) {
        record.meta.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        ASSERT_EQ(decode(record, kind), Code::kMalformed) << int{record.type} << " " << size;
      }
      record.meta = whole;
      record.meta.push_back(std::byte{0});
      ASSERT_EQ(decode(record, kind), Code::kMalformed) << int{record.type};
    }
  }
}

}  // namespace
}  // namespace bbz::catalog
