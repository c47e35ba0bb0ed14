// Archives that are joined: the whole is what one writer would have written.
#include "bbz/ops/join.h"

#include <gmock/gmock.h>

#include "archive/repeating.h"
#include "bbz/base/format.h"
#include "bbz/ops/verify.h"
#include "format/container/raw_archive.h"
#include "support/assert.h"
#include "support/faulty.h"

namespace bbz::ops {
namespace {

using Archive = std::vector<std::byte>;
using Files = std::vector<SampleFile>;
using ::testing::HasSubstr;

Archive archive_of(const Files& files, const WriteOptions& options = {}) {
  Archive archive;
  const auto sink = io::memory_sink(archive);
  Writer writer = *Writer::create(*sink, options);
  EXPECT_TRUE(write_sample(files, writer).ok());
  EXPECT_TRUE(writer.finish().ok());
  return archive;
}

Result<Archive> joined(const std::vector<Archive>& archives, const JoinOptions& options = {}) {
  std::vector<std::shared_ptr<io::Source>> parts;
  for (std::size_t i = 0; i < archives.size(); ++i) {
    parts.push_back(io::memory_source(archives[i], "part " + std::to_string(i)));
  }
  Archive whole;
  const auto sink = io::memory_sink(whole);
  BBZ_ASSIGN(const JoinSummary summary, join(parts, *sink, options));
  EXPECT_EQ(summary.archive_bytes, whole.size());
  const auto reader = Reader::open(io::memory_source(whole));
  if (!reader.ok()) return reader.error();
  EXPECT_EQ(summary.root, reader->root());
  EXPECT_EQ(summary.files, reader->catalog().files.size());
  return whole;
}

void expect_verified(const Archive& archive) {
  const auto source = io::memory_source(archive);
  const auto verified = verify(*source, {});
  ASSERT_TRUE(verified.ok()) << verified.error().message;
  EXPECT_EQ(verified->outcome().code(), Code::kOk);
}

Error error_of(const std::vector<Archive>& archives) {
  const auto whole = joined(archives);
  return whole.ok() ? make_error(Code::kOk, "{}", "joined") : whole.error();
}

TEST(Join, TheWholeIsWhatOneWriterWrites) {
  const Files files = sample_files();
  for (const DigestKind digest : {DigestKind::kXxh3_128, DigestKind::kSha256}) {
    for (const std::uint64_t alignment : {0, 16}) {
      for (const std::uint64_t chunk : {64, 1 << 20}) {
        WriteOptions options;
        options.digest = digest;
        options.alignment = alignment;
        options.chunk_bytes = chunk;
        const Archive expected = archive_of(files, options);
        for (std::size_t first = 0; first <= files.size(); ++first) {
          for (std::size_t second = first; second <= files.size(); ++second) {
            const auto at = [&](std::size_t i) {
              return files.begin() + static_cast<std::ptrdiff_t>(i);
            };
            const auto whole = joined({archive_of({at(0), at(first)}, options),
                                       archive_of({at(first), at(second)}, options),
                                       archive_of({at(second), files.end()}, options)});
            BBZ_ASSERT_OK(whole);
            ASSERT_EQ(*whole, expected) << first << " " << second;
          }
        }
      }
    }
  }
}

// The files of repeating_files() in two parts, once more under other names in a third.
struct Repeating {
  explicit Repeating(const WriteOptions& options) {
    Files again = repeating_files();
    for (SampleFile& file : again) file.path += "-again";
    const Files files = repeating_files();
    Files all = files;
    all.insert(all.end(), again.begin(), again.end());
    whole = archive_of(all, options);
    parts = {archive_of({files[0]}, options), archive_of({files[1]}, options),
             archive_of(again, options)};
  }
  Archive whole;
  std::vector<Archive> parts;
};

catalog::Catalog catalog_of(const Archive& archive) {
  return Reader::open(io::memory_source(archive))->catalog();
}

TEST(JoinOfRepeats, IsWhatOneWriterWrites) {
  for (const DigestKind digest : {DigestKind::kXxh3_128, DigestKind::kSha256}) {
    for (const std::uint64_t alignment : {0, 16}) {
      WriteOptions options = repeating_options(digest);
      options.alignment = alignment;
      const Repeating repeating(options);
      const auto whole = joined(repeating.parts);
      BBZ_ASSERT_OK(whole);
      EXPECT_EQ(*whole, repeating.whole);
      EXPECT_EQ(repeats_in(catalog_of(*whole)), 24u);  // of 30 chunks
      expect_verified(*whole);

      std::vector<std::shared_ptr<io::Source>> parts;
      for (const Archive& part : repeating.parts) parts.push_back(io::memory_source(part));
      Archive piped;
      io::OneWaySink sink(piped);
      BBZ_ASSERT_OK(join(parts, sink));
      EXPECT_EQ(piped, repeating.whole);
    }
  }
}

TEST(JoinOfRepeats, FindsThemWithTheIndexAtTheFrontToo) {
  for (const DigestKind digest : {DigestKind::kXxh3_128, DigestKind::kSha256}) {
    const Repeating repeating(repeating_options(digest));
    JoinOptions options;
    options.index_first = true;
    const auto front = joined(repeating.parts, options);
    BBZ_ASSERT_OK(front);
    EXPECT_EQ(repeats_in(catalog_of(*front)), 24u);
    EXPECT_EQ(Reader::open(io::memory_source(*front))->root(),
              Reader::open(io::memory_source(repeating.whole))->root());
    expect_verified(*front);
  }
}

TEST(JoinOfRepeats, LeavesThePartsAloneWithoutDedup) {
  const Repeating repeating(repeating_options());
  JoinOptions options;
  options.dedup = false;
  const auto whole = joined(repeating.parts, options);
  BBZ_ASSERT_OK(whole);
  std::size_t repeats = 0;
  for (const Archive& part : repeating.parts) repeats += repeats_in(catalog_of(part));
  EXPECT_LT(repeats, 24u);
  EXPECT_EQ(repeats_in(catalog_of(*whole)), repeats);
  expect_verified(*whole);
  // What was packed without it gets it.
  const Repeating plain(repeating_options(DigestKind::kXxh3_128, false));
  EXPECT_EQ(repeats_in(catalog_of(*joined(plain.parts, options))), 0u);
  EXPECT_EQ(*joined(plain.parts), repeating.whole);
}

// An archive of one file with a tensor of this chunk, whose record has an extension that nobody knows.
Archive one_chunk(std::string_view path, const raw::Record& chunk) {
  raw::Archive archive;
  const raw::Record tensor = raw::extend(
      raw::tensor({.stored = 100, .chunk = 100, .shape = {100}, .name = "t"}), {{.number = 90}});
  archive.records = raw::join({raw::file(0, path), tensor, chunk, raw::file_end(0, 1, 100)});
  return archive.bytes();
}

TEST(JoinOfRepeats, KeepsTheExtensionsOfTheirRecords) {
  const auto bytes = noise(100, 1);
  const auto whole = joined(
      {one_chunk("a", raw::raw_chunk({}, bytes)), one_chunk("b", raw::raw_chunk({}, bytes))});
  BBZ_ASSERT_OK(whole);
  EXPECT_EQ(repeats_in(catalog_of(*whole)), 1u);
  raw::Archive expected;
  expected.header.id = catalog_of(*whole).header.id;
  const auto tensor = [](std::uint32_t number) {
    return raw::extend(raw::tensor({.number = number,
                                    .file = number,
                                    .stored = 100,
                                    .chunk = 100,
                                    .shape = {100},
                                    .name = "t"}),
                       {{.number = 90}});
  };
  expected.records = raw::join({raw::file(0, "a"), tensor(0), raw::raw_chunk({}, bytes),
                                raw::file_end(0, 1, 100), raw::file(1, "b"), tensor(1),
                                raw::chunk({.codec = 5}, bytes, {}), raw::file_end(1, 1, 100)});
  const Archive bytes_expected = expected.bytes();
  const auto index_at = static_cast<std::ptrdiff_t>(raw::record_offsets(bytes_expected).at(6));
  EXPECT_TRUE(
      std::equal(bytes_expected.begin(), bytes_expected.begin() + index_at, whole->begin()));
  expect_verified(*whole);
}

// Equal checksums do not prove that the bytes are equal, and nothing is decoded.
TEST(JoinOfRepeats, ComparesPayloads) {
  const auto bytes = noise(100, 1);
  const auto other = noise(100, 2);
  const Archive first = one_chunk("a", raw::raw_chunk({}, bytes));
  const Archive forged = one_chunk("b", raw::chunk({}, bytes, other));
  std::vector<std::shared_ptr<io::Source>> parts = {io::memory_source(first),
                                                    io::memory_source(forged)};
  for (const bool readable : {true, false}) {
    Archive whole;
    const auto memory = io::memory_sink(whole);
    io::OneWaySink one_way(whole);
    BBZ_ASSERT_OK(join(parts, readable ? *memory : static_cast<io::Sink&>(one_way)));
    EXPECT_EQ(repeats_in(catalog_of(whole)), 0u);
  }
}

TEST(Join, PutsTheIndexAtTheFront) {
  const Files files = sample_files();
  const std::vector<Archive> parts = {archive_of({files[0], files[1]}), archive_of({files[3]})};
  JoinOptions options;
  options.index_first = true;
  const auto front = joined(parts, options);
  const auto plain = joined(parts);
  BBZ_ASSERT_OK(front);
  BBZ_ASSERT_OK(plain);
  const auto by_front = Reader::open(io::memory_source(*front));
  EXPECT_TRUE(by_front->catalog().header.index_first());
  expect_verified(*front);
  expect_verified(*plain);
  EXPECT_EQ(by_front->root(), Reader::open(io::memory_source(*plain))->root());
}

// The records of raw::sample() but for those of a later version, with other names.
raw::Archive other_records() {
  raw::Archive archive;
  const raw::Buffer data = raw::text("0123");
  archive.records = raw::join({
      raw::file(0, "other"),
      raw::metadata(0, "format", "safetensors"),
      raw::group(0, 1, data),
      raw::tensor({.file = raw::kNone, .stored = 2, .chunk = 2, .shape = {2}, .name = "other op"}),
      raw::raw_chunk({}, Bytes(data).first(2)),
      raw::tensor({.number = 1, .stored = 4, .chunk = 3, .shape = {4}, .name = "layers.1.x"}),
      raw::raw_chunk({.tensor = 1}, Bytes(data).first(3)),
      raw::raw_chunk({.tensor = 1, .number = 1}, Bytes(data).subspan(3)),
      raw::tensor({.shape = {0}, .name = "placed nowhere", .placed = false}),
      raw::file_end(0, 2, 4),
  });
  return archive;
}

TEST(Join, CountsEveryNumberAnew) {
  raw::Archive first = raw::sample();
  std::erase_if(first.records, [](const raw::Record& record) { return record.type == 200; });
  const auto whole = joined({first.bytes(), other_records().bytes()});
  BBZ_ASSERT_OK(whole);
  const auto reader = Reader::open(io::memory_source(*whole));
  const catalog::Catalog& catalog = reader->catalog();
  ASSERT_EQ(catalog.groups.size(), 2u);
  EXPECT_EQ(catalog.groups[1].first_tensor, 6u);
  ASSERT_EQ(catalog.files.size(), 4u);
  EXPECT_THAT(catalog.files[3].tensors, ::testing::UnorderedElementsAre(7, 8));
  ASSERT_EQ(catalog.tensors.size(), 9u);
  EXPECT_TRUE(catalog.tensors[6].is_operand());
  EXPECT_EQ(catalog.chunks_of(catalog.tensors[7])[1].meta.tensor, 7u);
  EXPECT_EQ(catalog.metadata.back().meta.file, 3u);
  std::vector<std::byte> bytes(4);
  EXPECT_TRUE(reader->read_tensor(7, bytes).ok());
  EXPECT_EQ(bytes, raw::text("0123"));
}

TEST(Join, CopiesExtensionsAndPrivateNames) {
  raw::Archive first;
  first.records = {raw::private_name(3, 100, "org.example.codec"),
                   raw::extend(raw::file(0, "a"), {{.number = 100, .fields = "kept"}}),
                   raw::file_end(0, 0, 0)};
  raw::Archive second = first;
  second.records[1] = raw::extend(raw::file(0, "b"), {{.number = 100, .fields = "kept"}});
  const auto whole = joined({first.bytes(), second.bytes()});
  BBZ_ASSERT_OK(whole);
  EXPECT_EQ(Reader::open(io::memory_source(*whole))->catalog().private_names.size(), 1u);
  raw::Archive expected;
  expected.header.id = Reader::open(io::memory_source(*whole))->catalog().header.id;
  expected.records = {first.records[0], first.records[1], first.records[2],
                      raw::extend(raw::file(1, "b"), {{.number = 100, .fields = "kept"}}),
                      raw::file_end(1, 0, 0)};
  const Archive bytes = expected.bytes();
  const auto offsets = raw::record_offsets(bytes);
  const auto records = static_cast<std::ptrdiff_t>(offsets[5]);  // where the index begins
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.begin() + records, whole->begin()));
}

// Parts have the same block types under other numbers, and ones of their own.
TEST(Join, MergesBlockTypes) {
  const auto of = [](const char* path, const std::vector<SharedBlockType>& types) {
    SampleFile file{path, catalog::FileKind::kRegular, {}};
    for (const SharedBlockType& type : types) {
      file.tensors.push_back(block_tensor(type->name, type, {3, 2}, 1));
    }
    return file;
  };
  const auto own =
      std::make_shared<const BlockType>(BlockType{"own", 2, {BlockField::of("q", DType::kF4, 2)}});
  const Files files = {of("a", {q4_0(), q8_0()}), of("b", {q8_0(), own, q4_0()}), of("c", {own})};
  const auto whole =
      joined({archive_of({files[0]}), archive_of({files[1]}), archive_of({files[2]})});
  BBZ_ASSERT_OK(whole);
  const auto reader = Reader::open(io::memory_source(*whole));
  const catalog::Catalog& catalog = reader->catalog();
  ASSERT_EQ(catalog.block_types.size(), 3u);
  EXPECT_EQ(reader->root(), Reader::open(io::memory_source(archive_of(files)))->root());
  for (const catalog::Tensor& tensor : catalog.tensors) {
    ASSERT_NE(tensor.block, nullptr);
    EXPECT_EQ(tensor.block->name, tensor.meta.name);
  }
  expect_verified(*whole);
  const auto other =
      std::make_shared<const BlockType>(BlockType{"own", 3, {BlockField::of("q", DType::kF4, 2)}});
  const Error error = error_of({archive_of({files[2]}), archive_of({of("d", {other})})});
  EXPECT_EQ(error.code, Code::kInvalidArgument);
  EXPECT_THAT(error.message, HasSubstr("block type \"own\""));
}

TEST(Join, RefusesWhatDoesNotGoTogether) {
  const Files files = sample_files();
  const Archive a = archive_of({files[0]});
  EXPECT_EQ(joined({}).code(), Code::kInvalidArgument);
  EXPECT_EQ(error_of({a, a}).code, Code::kInvalidArgument);
  EXPECT_THAT(error_of({a, a}).message, HasSubstr("part 1: "));
  EXPECT_THAT(error_of({a, a}).message, HasSubstr("\"config.json\" occurs twice"));
  WriteOptions sha;
  sha.digest = DigestKind::kSha256;
  EXPECT_EQ(error_of({a, archive_of({files[1]}, sha)}).code, Code::kInvalidArgument);

  raw::Archive value;
  value.records = {raw::metadata(raw::kNone, "made-for", "others")};
  EXPECT_EQ(error_of({a, value.bytes()}).code, Code::kInvalidArgument);
  EXPECT_THAT(error_of({a, value.bytes()}).message, HasSubstr("\"made-for\""));
  EXPECT_EQ(error_of({other_records().bytes(), raw::sample().bytes()}).code, Code::kUnsupported);

  const auto with = [](raw::Record record) {
    raw::Archive archive;
    archive.records = {std::move(record)};
    return archive.bytes();
  };
  EXPECT_EQ(error_of({with(raw::private_name(3, 100, "org.example.a")),
                      with(raw::private_name(3, 100, "org.example.b"))})
                .code,
            Code::kUnsupported);
  raw::Archive required;
  required.records = {raw::extend(raw::file(0, "b"), {{.number = 100, .required = true}}),
                      raw::file_end(0, 0, 0)};
  EXPECT_EQ(error_of({a, required.bytes()}).code, Code::kUnsupported);
  raw::Archive form;
  form.records = {raw::file(0, "b"), raw::tensor({.form = 200, .shape = {0}}),
                  raw::file_end(0, 1, 0)};
  EXPECT_EQ(error_of({a, form.bytes()}).code, Code::kUnsupported);
}

TEST(Join, FindsEveryDamageOfAPart) {
  const Files files = sample_files();
  const Archive a = archive_of({files[0]});
  Archive b = archive_of({files[3]});
  for (std::size_t i = 0; i < b.size(); ++i) {
    b[i] ^= std::byte{1};
    const Error error = error_of({a, b});
    ASSERT_NE(error.code, Code::kOk) << i;
    ASSERT_THAT(error.message, HasSubstr("part 1: ")) << i;
    b[i] ^= std::byte{1};
  }
  for (std::size_t size = 0; size < b.size(); ++size) {
    const Archive cut(b.begin(), b.begin() + static_cast<std::ptrdiff_t>(size));
    const Code expected = size == 0 ? Code::kNotAnArchive : Code::kTruncated;
    ASSERT_EQ(error_of({a, cut}).code, expected) << size;
  }
}

}  // namespace
}  // namespace bbz::ops
