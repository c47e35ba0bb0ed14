#include "archive/sample.h"
#include "support/assert.h"
#include "support/bytes.h"
#include "support/faulty.h"

namespace bbz {
namespace {

class RoundTrip : public testing::TestWithParam<std::tuple<DigestKind, bool, unsigned>> {};

TEST_P(RoundTrip, EveryFileComesBackBothWays) {
  const auto [digest, front_index, chunk_bytes] = GetParam();
  const auto files = sample_files();
  WriteOptions options;
  options.digest = digest;
  options.chunk_bytes = chunk_bytes;
  const auto archive = write_sample(files, options, front_index);
  BBZ_ASSERT_OK(archive);

  const auto memory = io::memory_source(Bytes(*archive));
  io::SequentialSource pipe(*memory);
  Collector streamed;
  const auto summary = read_stream(pipe, {}, streamed);
  BBZ_ASSERT_OK(summary);
  EXPECT_EQ(streamed.files, contents(files));
  EXPECT_EQ(summary->archive_bytes, archive->size());

  for (const bool use_front : {false, true}) {
    ReadOptions read;
    read.use_front_index = use_front;
    const auto reader = Reader::open(io::memory_source(Bytes(*archive)), read);
    BBZ_ASSERT_OK(reader);
    EXPECT_EQ(reader->root(), summary->root);
    Collector visited;
    BBZ_ASSERT_OK(reader->visit_all(visited));
    EXPECT_EQ(visited.files, contents(files));
    const auto& metadata = reader->catalog().metadata;
    ASSERT_EQ(metadata.size(), 1u);
    EXPECT_EQ(*reader->read_metadata(metadata[0]), "tests");
    for (const catalog::File& file : reader->catalog().files) {
      const auto bytes = contents(files)[file.path];
      EXPECT_EQ(file.size, bytes.size());
      EXPECT_EQ(file.digest.has_value(),
                digest == DigestKind::kSha256 && file.kind == catalog::FileKind::kRegular);
      if (file.digest) {
        EXPECT_EQ(*file.digest, digest_of(DigestKind::kSha256, bytes));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, RoundTrip,
                         testing::Combine(testing::Values(DigestKind::kXxh3_128,
                                                          DigestKind::kSha256),
                                          testing::Bool(), testing::Values(1u, 64u, 1u << 20)));

// Gives the attributes of the files that a stream begins.
class AttributesSeen final : public Visitor {
 public:
  Status begin_file(const catalog::File& file) override {
    seen.emplace_back(file.path, file.attributes());
    return {};
  }
  std::vector<std::pair<std::string, io::FileAttributes>> seen;
};

TEST(Writer, RecordsPermissionsAndTimes) {
  const io::FileTime first{INT64_MIN, 0};
  const io::FileTime last{INT64_MAX, 999'999'999};
  const std::vector<std::pair<std::string, io::FileAttributes>> files = {
      {"a", {}},
      {"b", {.mode = 0, .time = {}}},
      {"c", {.mode = 0777, .time = {}}},
      {"d", {.mode = {}, .time = first}},
      {"e", {.mode = 0755, .time = last}},
      {"f", {.mode = 0640, .time = io::FileTime{-1, 1}}},
  };
  const auto write = [&](Writer& writer) {
    for (const auto& [path, attributes] : files) {
      const bool directory = path == "e";
      BBZ_ASSERT_OK(writer.begin_file(
          path, directory ? catalog::FileKind::kDirectory : catalog::FileKind::kRegular,
          attributes));
      BBZ_ASSERT_OK(writer.end_file());
    }
    BBZ_ASSERT_OK(writer.finish());
  };
  std::vector<std::byte> archive;
  const auto sink = io::memory_sink(archive);
  auto measuring = Writer::measure().value();
  write(measuring);
  auto writer = Writer::create_index_first(*sink, std::move(measuring)).value();
  write(writer);
  const auto memory = io::memory_source(Bytes(archive));
  io::SequentialSource pipe(*memory);
  AttributesSeen streamed;
  BBZ_ASSERT_OK(read_stream(pipe, {}, streamed));
  EXPECT_EQ(streamed.seen, files);
  AttributesSeen visited;
  ReadOptions front;
  front.use_front_index = true;
  const auto reader = Reader::open(io::memory_source(Bytes(archive)), front);
  BBZ_ASSERT_OK(reader);
  BBZ_ASSERT_OK(reader->visit_all(visited));
  EXPECT_EQ(visited.seen, files);
}

TEST(Writer, RefusesMetadataThatIsNoText) {
  std::vector<std::byte> archive;
  const auto sink = io::memory_sink(archive);
  auto writer = Writer::create(*sink);
  BBZ_ASSERT_OK(writer);
  EXPECT_EQ(writer->add_metadata("k", "\xC3").code(), Code::kInvalidArgument);
}

// A digest of the file would have to be taken of bytes in another order than they come.
TEST(Writer, GivesNoDigestToAFileWhoseTensorsComeOutOfOrder) {
  const auto bytes = noise(40, 1);
  for (const bool in_order : {true, false}) {
    WriteOptions options;
    options.digest = DigestKind::kSha256;
    std::vector<std::byte> archive;
    const auto sink = io::memory_sink(archive);
    auto writer = Writer::create(*sink, options).value();
    BBZ_ASSERT_OK(writer.begin_file("a"));
    for (const std::uint64_t offset : {in_order ? 0u : 20u, in_order ? 20u : 0u}) {
      TensorSpec spec = TensorSpec::bytes(20);
      spec.place = TensorSpec::At{offset};
      BBZ_ASSERT_OK(writer.begin_tensor(spec));
      BBZ_ASSERT_OK(writer.write(Bytes(bytes).subspan(offset, 20)));
      BBZ_ASSERT_OK(writer.end_tensor());
    }
    BBZ_ASSERT_OK(writer.end_file());
    BBZ_ASSERT_OK(writer.finish());
    const auto reader = Reader::open(io::memory_source(Bytes(archive)));
    BBZ_ASSERT_OK(reader);
    const auto& digest = reader->catalog().files[0].digest;
    EXPECT_EQ(digest.has_value(), in_order);
    if (digest) {
      EXPECT_EQ(*digest, digest_of(DigestKind::kSha256, bytes));
    }
  }
}

TEST(Writer, DrainsWhatItWasGivenAndGoesOn) {
  for (const unsigned threads : {1u, 3u}) {
    WriteOptions options;
    options.threads = threads;
    options.chunk_bytes = 16;
    std::vector<std::byte> archive;
    const auto sink = io::memory_sink(archive);
    auto writer = Writer::create(*sink, options).value();
    const auto bytes = noise(200, 1);
    std::shared_ptr<io::Source> source = io::memory_source(Bytes(bytes));
    BBZ_ASSERT_OK(writer.begin_file("a"));
    BBZ_ASSERT_OK(writer.begin_tensor(TensorSpec::bytes(200)));
    std::uint64_t offset = 0;
    while (offset < 200) {
      const auto taken = writer.write_from(source, offset);
      BBZ_ASSERT_OK(taken);
      offset += *taken;
      if (offset == 96) {
        BBZ_ASSERT_OK(writer.drain());
        EXPECT_EQ(source.use_count(), 1);
        EXPECT_GT(archive.size(), 96u);
      }
    }
    BBZ_ASSERT_OK(writer.end_tensor());
    BBZ_ASSERT_OK(writer.end_file());
    BBZ_ASSERT_OK(writer.finish());
    const auto reader = Reader::open(io::memory_source(Bytes(archive)));
    std::vector<std::byte> read(200);
    BBZ_ASSERT_OK(reader->read_file(0, 0, read));
    EXPECT_EQ(read, bytes);
  }
}

TEST(Writer, TheArchiveDoesNotDependOnThreadsNorTheDigestOnTheCodec) {
  WriteOptions options;
  options.chunk_bytes = 50;
  options.threads = 1;
  const auto one = write_sample(sample_files(), options);
  BBZ_ASSERT_OK(one);
  options.threads = 5;
  const auto five = write_sample(sample_files(), options);
  BBZ_ASSERT_OK(five);
  EXPECT_EQ(*one, *five);
}

// Read by the threads that encode, or at once if the digest's order asks for it.
TEST(Writer, TakesFromASourceWhatIsOtherwiseWritten) {
  std::vector<std::byte> bytes(1000);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * i >> 3);
  const auto write = [&](DigestKind digest, const std::function<Status(Writer&)>& rest) {
    WriteOptions options;
    options.chunk_bytes = 64;
    options.digest = digest;
    options.threads = 3;
    std::vector<std::byte> out;
    const auto run = [&]() -> Status {
      const auto sink = io::memory_sink(out);
      BBZ_ASSIGN(Writer writer, Writer::create(*sink, options));
      BBZ_TRY(writer.begin_file("a"));
      BBZ_TRY(writer.begin_tensor(TensorSpec::bytes(900)));
      BBZ_TRY(writer.write(Bytes(bytes).subspan(100, 10)));
      BBZ_TRY(rest(writer));
      BBZ_TRY(writer.end_tensor());
      BBZ_TRY(writer.end_file());
      BBZ_TRY(writer.finish());
      return {};
    };
    const Status status = run();
    if (!status.ok()) out.assign(1, static_cast<std::byte>(status.code()));
    return out;
  };
  // Takes all that is left of a source which ends at `size`.
  const auto take = [&](std::size_t size) {
    return [&bytes, size](Writer& writer) -> Status {
      const std::shared_ptr<io::Source> source = io::memory_source(Bytes(bytes).first(size));
      std::uint64_t offset = 110;
      while (true) {
        BBZ_ASSIGN(const std::uint64_t taken, writer.write_from(source, offset));
        if (taken == 0) return {};
        offset += taken;
      }
    };
  };
  for (const DigestKind digest : {DigestKind::kXxh3_128, DigestKind::kSha256}) {
    const auto expected =
        write(digest, [&](Writer& writer) { return writer.write(Bytes(bytes).subspan(110, 890)); });
    ASSERT_GT(expected.size(), 100u);
    EXPECT_EQ(write(digest, take(1000)), expected);
    const std::vector<std::byte> truncated(1, static_cast<std::byte>(Code::kTruncated));
    EXPECT_EQ(write(digest, take(600)), truncated);
  }
}

TEST(Writer, AFullDiskIsAnErrorWhereverItFills) {
  // Writes the sample into a sink that takes `most` bytes; gives what was taken.
  const auto run = [](std::uint64_t most, std::uint64_t& taken) -> Status {
    std::vector<std::byte> out;
    const auto inner = io::memory_sink(out);
    io::FailingSink sink(*inner, most);
    BBZ_ASSIGN(Writer writer, Writer::create(sink));
    for (const SampleFile& file : sample_files()) {
      BBZ_TRY(writer.begin_file(file.path, file.kind));
      for (const SampleTensor& t : file.tensors) {
        BBZ_TRY(writer.begin_tensor(t.spec));
        BBZ_TRY(writer.write(t.bytes));
        BBZ_TRY(writer.end_tensor());
      }
      BBZ_TRY(writer.end_file());
    }
    BBZ_TRY(writer.finish());
    taken = out.size();
    return sink.finish();
  };
  std::uint64_t size = 0;
  BBZ_ASSERT_OK(run(~std::uint64_t{0}, size));
  std::uint64_t ignored = 0;
  for (std::uint64_t most = 0; most < size; most += 97) {
    EXPECT_EQ(run(most, ignored).code(), Code::kIo) << most;
  }
}

TEST(Writer, CanBeMovedInTheMiddleOfAChunk) {
  const auto bytes = noise(1000, 1);
  const auto write = [&](bool moves) {
    std::vector<std::byte> archive;
    const auto sink = io::memory_sink(archive);
    WriteOptions options;
    options.chunk_bytes = 300;
    options.threads = 3;
    auto writer = Writer::create(*sink, options).value();
    const auto move = [&] {
      if (!moves) return;
      Writer other = std::move(writer);
      writer = Writer::measure().value();
      writer = std::move(other);
    };
    EXPECT_TRUE(writer.begin_file("a").ok());
    EXPECT_TRUE(writer.begin_tensor(TensorSpec::bytes(bytes.size())).ok());
    EXPECT_TRUE(writer.write(Bytes(bytes).first(450)).ok());
    move();
    EXPECT_TRUE(writer.write(Bytes(bytes).subspan(450)).ok());
    EXPECT_TRUE(writer.end_tensor().ok());
    EXPECT_TRUE(writer.end_file().ok());
    EXPECT_EQ(writer.options().chunk_bytes, 300u);
    EXPECT_TRUE(writer.finish().ok());
    return archive;
  };
  EXPECT_EQ(write(true), write(false));
}

// A source that must not be read.
class NoSource final : public io::Source {
 public:
  Result<std::size_t> read_at(std::uint64_t, MutableBytes) override {
    ADD_FAILURE() << "read";
    return std::size_t{0};
  }
  std::optional<std::uint64_t> size() const override { return {}; }
  bool seekable() const override { return true; }
};

TEST(WriterThatMeasures, ReadsNoSourceAndWantsCompleteCalls) {
  const auto bytes = noise(1000, 1);
  const auto begin = [&](Writer& writer) -> Status {
    BBZ_TRY(writer.begin_file("a"));
    return writer.begin_tensor(TensorSpec::bytes(bytes.size()));
  };
  const auto end = [](Writer& writer, const std::shared_ptr<io::Source>& source) -> Status {
    for (std::uint64_t offset = 0; true;) {
      BBZ_ASSIGN(const std::uint64_t taken, writer.write_from(source, offset));
      if (taken == 0) break;
      offset += taken;
    }
    BBZ_TRY(writer.end_tensor());
    return writer.end_file();
  };
  WriteOptions options;
  options.digest = DigestKind::kSha256;
  options.chunk_bytes = 64;
  std::vector<std::byte> archive;
  const auto sink = io::memory_sink(archive);
  auto writer = [&]() -> Result<Writer> {
    BBZ_ASSIGN(Writer measuring, Writer::measure(options));
    BBZ_TRY(begin(measuring));
    BBZ_TRY(end(measuring, std::make_shared<NoSource>()));
    return Writer::create_index_first(*sink, std::move(measuring));
  }();
  BBZ_ASSERT_OK(writer);
  BBZ_ASSERT_OK(begin(*writer));
  BBZ_ASSERT_OK(end(*writer, io::memory_source(Bytes(bytes))));
  BBZ_ASSERT_OK(writer->finish());
  ReadOptions front;
  front.use_front_index = true;
  BBZ_ASSERT_OK(Reader::open(io::memory_source(Bytes(archive)), front));

  auto unfinished = Writer::measure(options).value();
  BBZ_ASSERT_OK(begin(unfinished));
  EXPECT_EQ(Writer::create_index_first(*sink, std::move(unfinished)).code(),
            Code::kInvalidArgument);
  EXPECT_EQ(Writer::create_index_first(*sink, Writer::create(*sink).value()).code(),
            Code::kInvalidArgument);
  auto failed = Writer::measure(options).value();
  EXPECT_EQ(failed.begin_file("../a").code(), Code::kUnsafePath);
  EXPECT_EQ(Writer::create_index_first(*sink, std::move(failed)).code(), Code::kUnsafePath);
}

TEST(WriterThatMeasures, OtherCallsThanWereMeasuredAreAnError) {
  std::vector<std::byte> archive;
  const auto sink = io::memory_sink(archive);
  auto writer = Writer::create_index_first(*sink, Writer::measure().value()).value();
  BBZ_ASSERT_OK(writer.add_metadata("k", "v"));
  EXPECT_EQ(writer.finish().code(), Code::kInternal);
}

}  // namespace
}  // namespace bbz
