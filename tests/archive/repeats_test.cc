// Chunks that repeat earlier ones: what the writer makes of them, and how a stream is read.
#include <gtest/gtest.h>

#include "archive/repeating.h"
#include "bbz/archive/repeat_finder.h"
#include "bbz/format/chunk/chunk.h"
#include "support/faulty.h"

namespace bbz {
namespace {

// Two files with the same tensors, of which one is larger than a chunk, and one tensor that is there
// once.
std::vector<SampleFile> twice() {
  std::vector<SampleFile> files;
  for (const char* path : {"a", "b"}) {
    SampleFile file{path, catalog::FileKind::kRegular, {}};
    SampleTensor header{TensorSpec::bytes(100), noise(100, 9)};
    file.tensors.push_back(std::move(header));
    file.tensors.push_back(sample_tensor("w", DType::kBF16, {64, 100}, 1));
    file.tensors.push_back(sample_tensor("own", DType::kF32, {50}, path[0]));
    file.tensors.push_back(sample_tensor("few", DType::kF32, {16}, 3));  // of 64 bytes
    files.push_back(std::move(file));
  }
  return files;
}

WriteOptions options_of(DigestKind digest, bool dedup, unsigned threads = 2) {
  WriteOptions options;
  options.digest = digest;
  options.dedup = dedup;
  options.chunk_bytes = 4096;
  options.threads = threads;
  return options;
}

std::vector<std::byte> written(const std::vector<SampleFile>& files, const WriteOptions& options) {
  auto archive = write_sample(files, options);
  EXPECT_TRUE(archive.ok()) << archive.error().message;
  return archive.ok() ? *archive : std::vector<std::byte>();
}

Reader opened(const std::vector<std::byte>& archive) {
  auto reader = Reader::open(io::memory_source(Bytes(archive)));
  EXPECT_TRUE(reader.ok());
  return std::move(reader).value();
}

// Reads an archive as a pipe.
struct Pipe {
  explicit Pipe(std::vector<std::byte> archive) : bytes(std::move(archive)) {}

  std::vector<std::byte> bytes;
  std::unique_ptr<io::Source> file = io::memory_source(Bytes(bytes));
  io::SequentialSource source{*file};
};

TEST(Repeats, AreStoredOnceAndReadWherever) {
  const auto files = twice();
  for (const DigestKind digest : {DigestKind::kXxh3_128, DigestKind::kSha256}) {
    const auto archive = written(files, options_of(digest, true));
    const auto plain = written(files, options_of(digest, false));
    const Reader reader = opened(archive);
    const Reader other = opened(plain);
    EXPECT_EQ(reader.root(), other.root());  // it does not cover how chunks are coded
    EXPECT_EQ(repeats_in(other.catalog()), 0);
    // The header and the four chunks of w; 64 bytes are no reason for a reference.
    EXPECT_EQ(repeats_in(reader.catalog()), 5);
    EXPECT_LT(archive.size(), plain.size() - 12000);
    const auto& first = reader.catalog().tensors[1];
    const auto& again = reader.catalog().tensors[5];
    EXPECT_FALSE(first.repeats);
    EXPECT_TRUE(again.repeats);
    EXPECT_EQ(again.stored_bytes, 0);
    EXPECT_EQ(reader.catalog().chunks_of(again)[2].same_as, first.first_chunk + 2);
    Collector collector;
    ASSERT_TRUE(reader.visit_all(collector).ok());
    EXPECT_EQ(collector.files, contents(files));
    std::vector<std::byte> bytes(again.byte_size);
    ASSERT_TRUE(reader.read_tensor(5, bytes).ok());
    EXPECT_EQ(bytes, files[1].tensors[1].bytes);
  }
}

TEST(Repeats, AreTheSameInEveryOutputAndWithAnyThreads) {
  const auto files = twice();
  for (const DigestKind digest : {DigestKind::kXxh3_128, DigestKind::kSha256}) {
    const auto expected = written(files, options_of(digest, true));
    EXPECT_EQ(written(files, options_of(digest, true, 8)), expected);
    std::vector<std::byte> out;
    io::OneWaySink sink(out);
    auto writer = Writer::create(sink, options_of(digest, true));
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE(write_sample(files, *writer).ok());
    ASSERT_TRUE(writer->finish().ok());
    EXPECT_EQ(out, expected);
    const auto front = write_sample(files, options_of(digest, true), true);
    ASSERT_TRUE(front.ok()) << front.error().message;
    EXPECT_EQ(repeats_in(opened(*front).catalog()), 5);
  }
}

TEST(Repeats, OfASinkThatHasOtherBytesBeforeAreFoundToo) {
  const auto files = twice();
  std::vector<std::byte> out;
  const auto sink = io::memory_sink(out);
  ASSERT_TRUE(sink->write(std::vector<std::byte>(3)).ok());
  auto writer = Writer::create(*sink, options_of(DigestKind::kXxh3_128, true));
  ASSERT_TRUE(writer.ok() && write_sample(files, *writer).ok() && writer->finish().ok());
  EXPECT_EQ(std::vector(out.begin() + 3, out.end()),
            written(files, options_of(DigestKind::kXxh3_128, true)));
}

TEST(Repeats, EndWithTheFirstGroup) {
  const auto files = twice();
  std::vector<std::byte> out;
  const auto sink = io::memory_sink(out);
  auto writer = Writer::create(*sink, options_of(DigestKind::kXxh3_128, true));
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(write_sample({files[0]}, *writer).ok());
  ASSERT_TRUE(writer->add_group(static_cast<catalog::GroupMethod>(200), {}).ok());
  ASSERT_TRUE(writer->begin_file("b").ok());
  ASSERT_TRUE(writer->begin_tensor(files[1].tensors[1].spec).ok());
  ASSERT_TRUE(writer->write(files[1].tensors[1].bytes).ok());
  ASSERT_TRUE(writer->end_tensor().ok() && writer->end_file().ok() && writer->finish().ok());
  EXPECT_EQ(repeats_in(opened(out).catalog()), 0);
}

// Equal checksums do not prove that the bytes are equal.
TEST(Repeats, AreComparedByTheirPayloads) {
  for (const bool readable : {true, false}) {
    std::vector<std::byte> out;
    io::OneWaySink one_way(out);
    const auto memory = io::memory_sink(out);
    io::Sink& sink = readable ? *memory : static_cast<io::Sink&>(one_way);
    container::FileHeader header;
    container::RecordWriter records(sink, header, 1);
    ASSERT_TRUE(records.begin().ok());
    catalog::CatalogBuilder builder(header, Limits());
    RepeatFinder finder(records, builder);
    catalog::TensorMeta tensor;
    tensor.file = 0;
    tensor.kind = catalog::TensorKind::kTensor;
    tensor.dtype = DType::kU8;
    tensor.shape = {100};
    tensor.stored_elements = tensor.chunk_elements = 100;
    const auto payload = noise(100, 1);
    const auto chunk =
        chunk::describe(tensor, 0, payload, codec::CodecId::kRaw, header.digest_kind);
    const auto add = [&](container::RecordType type, const auto& fields, Bytes bytes) {
      std::vector<std::byte> meta;
      catalog::encode_meta(fields, meta);
      const std::uint8_t flags = bytes.empty() ? 0 : container::kFlagPayload;
      const auto head = records.append(type, meta, bytes, flags);
      ASSERT_TRUE(head.ok() && builder.add({*head, meta}).ok());
    };
    add(container::RecordType::kFile, catalog::FileMeta{.path = "f"}, {});
    add(container::RecordType::kTensor, catalog::TensorRecord{tensor, true, false, chunk}, payload);
    EXPECT_EQ(finder.hash_of(payload).has_value(), !readable);
    finder.note(finder.hash_of(payload));

    const auto found = [&](const catalog::ChunkMeta& meta, Bytes bytes) {
      const auto result = finder.find(tensor, meta, bytes, finder.hash_of(bytes));
      EXPECT_TRUE(result.ok());
      return result.ok() && *result;
    };
    EXPECT_TRUE(found(chunk, payload));
    auto other = payload;
    other.back() ^= std::byte{1};
    EXPECT_FALSE(found(chunk, other)) << "with the checksum of the first";
    EXPECT_FALSE(found(chunk, Bytes(payload).first(99)));
    catalog::ChunkMeta zstd = chunk;
    zstd.codec = codec::CodecId::kZstd;
    EXPECT_FALSE(found(zstd, payload)) << "the same payload of another codec";
    tensor.file = catalog::kNone;
    EXPECT_FALSE(found(chunk, payload)) << "in an operand";
  }
}

// --- streams

// Keeps what is delivered, and gives it back if it is asked to.
class Recalling final : public Visitor {
 public:
  Status data(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes) override {
    auto& all = tensors[tensor.meta.number];
    all.resize(tensor.byte_size);
    std::ranges::copy(bytes, all.begin() + static_cast<std::ptrdiff_t>(offset));
    return {};
  }
  Result<bool> recall(const catalog::Tensor& tensor, std::uint64_t offset,
                      MutableBytes bytes) override {
    ++recalled;
    if (!wants) return false;
    std::ranges::copy(Bytes(tensors[tensor.meta.number]).subspan(offset, bytes.size()),
                      bytes.begin());
    if (spoils) bytes.front() ^= std::byte{1};
    return true;
  }
  Status damaged(const catalog::Tensor&, const catalog::Chunk&, const Error& error) override {
    codes.push_back(error.code);
    return {};
  }

  bool wants = true;
  bool spoils = false;
  int recalled = 0;
  std::map<std::uint32_t, std::vector<std::byte>> tensors;
  std::vector<Code> codes;
};

TEST(RepeatsInAStream, AreRecalledFromTheVisitor) {
  const auto files = twice();
  const auto archive = written(files, options_of(DigestKind::kSha256, true));
  Pipe pipe(archive);
  Recalling visitor;
  const auto read = read_stream(pipe.source, {}, visitor);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(visitor.recalled, 5);
  EXPECT_TRUE(visitor.codes.empty());
  EXPECT_EQ(visitor.tensors.at(4), files[1].tensors[0].bytes);
  EXPECT_EQ(visitor.tensors.at(5), files[1].tensors[1].bytes);
}

TEST(RepeatsInAStream, AreLeftOutIfNobodyWantsThem) {
  const auto archive = written(twice(), options_of(DigestKind::kXxh3_128, true));
  Pipe pipe(archive);
  Recalling visitor;
  visitor.wants = false;
  ASSERT_TRUE(read_stream(pipe.source, {}, visitor).ok());
  EXPECT_TRUE(visitor.codes.empty());
  EXPECT_FALSE(visitor.tensors.contains(5));
}

TEST(RepeatsInAStream, AreCheckedAfterTheyAreRecalled) {
  const auto archive = written(twice(), options_of(DigestKind::kXxh3_128, true));
  Pipe pipe(archive);
  Recalling visitor;
  visitor.spoils = true;
  ASSERT_TRUE(read_stream(pipe.source, {}, visitor).ok());
  EXPECT_EQ(visitor.codes, std::vector<Code>(5, Code::kChecksum));
}

TEST(RepeatsInAStream, AreUnsupportedByAVisitorThatKeepsNothing) {
  const auto archive = written(twice(), options_of(DigestKind::kXxh3_128, true));
  Pipe pipe(archive);
  Visitor visitor;
  EXPECT_EQ(read_stream(pipe.source, {}, visitor).code(), Code::kUnsupported);
  // Of a file, it can go back.
  EXPECT_TRUE(read_stream(*Pipe(archive).file, {}, visitor).ok());
  StreamOptions checks;
  checks.decode = false;
  Pipe second(archive);
  EXPECT_TRUE(read_stream(second.source, checks, visitor).ok());
}

TEST(RepeatsInAStream, OfADamagedChunkFailAsItDoes) {
  auto archive = written(twice(), options_of(DigestKind::kXxh3_128, true));
  const Reader reader = opened(archive);
  archive[reader.catalog().chunks_of(reader.catalog().tensors[1])[1].payload.offset] ^=
      std::byte{1};
  for (const bool piped : {true, false}) {
    Pipe pipe(archive);
    io::Source& source = piped ? static_cast<io::Source&>(pipe.source) : *pipe.file;
    Recalling visitor;
    ASSERT_TRUE(read_stream(source, {}, visitor).ok());
    EXPECT_EQ(visitor.codes, std::vector<Code>(2, Code::kChecksum)) << piped;
  }
}

}  // namespace
}  // namespace bbz
