#include "bbz/access/salvage/salvage.h"

#include "archive/sample.h"
#include "bbz/files/safetensors/header.h"
#include "bbz/format/container/index.h"
#include "support/assert.h"
#include "support/bytes.h"
#include "support/temp_dir.h"

namespace bbz::salvage {
namespace {

class SalvageTest : public testing::TestWithParam<DigestKind> {
 protected:
  SalvageTest() {
    WriteOptions options;
    options.chunk_bytes = 128;
    options.digest = GetParam();
    archive_ = *write_sample(files_, options);
    reader_ = *Reader::open(io::memory_source(Bytes(archive_)));
  }

  Result<Report> run(Bytes bytes, std::optional<std::uint64_t> id = std::nullopt) {
    const auto source = io::memory_source(bytes);
    BBZ_ASSIGN(auto tree, io::OutputTree::open(out_ / "rescued"));
    Options options;
    options.replace = true;
    options.id = id;
    return salvage::salvage(*source, tree, options);
  }

  std::string written(const std::string& path) { return io::read_text(out_ / ("rescued/" + path)); }

  static std::string text(const std::vector<std::byte>& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  const catalog::Tensor& tensor(std::string_view name) {
    return reader_->catalog().tensors[reader_->catalog().find_tensors(name).at(0)];
  }

  // The sample with `name`'s bytes [begin, end) of its file zeroed.
  std::string with_hole(std::uint64_t begin, std::uint64_t end) {
    std::string all = text(files_[3].bytes());
    std::fill(all.begin() + static_cast<std::ptrdiff_t>(begin),
              all.begin() + static_cast<std::ptrdiff_t>(end), '\0');
    return all;
  }

  std::vector<SampleFile> files_ = sample_files();
  std::vector<std::byte> archive_;
  std::optional<Reader> reader_;
  io::TempDir out_;
};

TEST_P(SalvageTest, AWholeArchiveComesBackWhole) {
  const auto report = run(archive_);
  BBZ_ASSERT_OK(report);
  EXPECT_TRUE(report->whole());
  EXPECT_TRUE(report->had_index);
  for (const SampleFile& file : files_) {
    if (file.kind == catalog::FileKind::kDirectory) continue;
    EXPECT_EQ(written(file.path), text(file.bytes()));
  }
  EXPECT_TRUE(std::filesystem::is_directory(out_ / "rescued/folder/below"));
}

TEST_P(SalvageTest, WithoutFileHeaderIndexAndTrailerNothingIsLost) {
  std::vector<std::byte> bytes = archive_;
  const catalog::Payload& last = reader_->catalog().chunks.back().payload;
  std::fill_n(bytes.begin(), container::kFileHeaderSize, std::byte{0});
  // The file end behind the last chunk stays.
  const catalog::File& file = reader_->catalog().files[3];
  std::vector<std::byte> end;
  catalog::encode_meta(catalog::FileEndMeta{3, static_cast<std::uint32_t>(file.tensors.size()),
                                            file.size, true, file.digest},
                       end);
  bytes.resize(last.offset + last.length + container::kLeastRecord + end.size());
  EXPECT_EQ(run(bytes).code(), Code::kNotAnArchive);
  const auto report = run(bytes, reader_->catalog().header.id);  // only its owner knows the id
  BBZ_ASSERT_OK(report);
  EXPECT_EQ(report->gaps.size(), 1u);
  EXPECT_EQ(report->gaps.at(0).end, container::kFileHeaderSize);
  EXPECT_FALSE(report->had_index);
  for (const FileReport& entry : report->files) EXPECT_EQ(entry.outcome, Outcome::kWhole);
  EXPECT_EQ(written("model"), text(files_[3].bytes()));
}

TEST_P(SalvageTest, ADamagedPayloadCostsItsChunkOnly) {
  const catalog::Tensor& victim = tensor("embed");
  const catalog::Chunk& chunk = reader_->catalog().chunks_of(victim)[1];
  std::vector<std::byte> bytes = archive_;
  bytes[chunk.payload.offset + 3] ^= std::byte{0x10};
  const auto report = run(bytes);
  BBZ_ASSERT_OK(report);
  EXPECT_FALSE(report->whole());
  const FileReport& model = report->files.at(3);
  EXPECT_EQ(model.outcome, Outcome::kPartial);
  EXPECT_EQ(model.recovered, files_[3].bytes().size() - chunk.decoded_bytes);
  EXPECT_EQ(model.tensors[1].name, "embed");
  ASSERT_EQ(model.tensors[1].damage.size(), 1u);
  EXPECT_NE(model.tensors[1].damage[0].find("chunk 1 at offset"), std::string::npos);
  const std::uint64_t begin = victim.meta.offset + chunk.first_element * 4;
  EXPECT_EQ(written("model.partial"), with_hole(begin, begin + chunk.decoded_bytes));
  EXPECT_FALSE(std::filesystem::exists(out_ / "rescued/model"));

  const std::string rescued = written("model.rescued.safetensors");
  const auto header = safetensors::parse(std::as_bytes(std::span(rescued)), rescued.size());
  BBZ_ASSERT_OK(header);
  std::set<std::string> names;
  for (const safetensors::Tensor& t : header->tensors) {
    names.insert(t.name);
    for (const SampleTensor& sample : files_[3].tensors) {
      if (sample.spec.name != t.name) continue;
      EXPECT_EQ(rescued.substr(header->header_size + t.begin, t.size()), text(sample.bytes));
    }
  }
  EXPECT_EQ(names, (std::set<std::string>{"layers.0.w", "layers.0.none", "layers.1.w",
                                          "layers.1.scale", "packed"}));
}

TEST_P(SalvageTest, ADamagedHeadIsMadeGoodByTheIndex) {
  std::vector<std::byte> bytes = archive_;
  for (const catalog::Chunk& chunk : reader_->catalog().chunks) {
    bytes[chunk.payload.offset - 1] ^= std::byte{1};  // the end of its meta
  }
  const auto report = run(bytes);
  BBZ_ASSERT_OK(report);
  EXPECT_EQ(written("model"), text(files_[3].bytes()));
  EXPECT_FALSE(report->gaps.empty());
}

// The index does not say where its first record lies: its entries' lengths do.
TEST_P(SalvageTest, TheIndexIsOfUseWithoutFileHeaderAndTrailer) {
  std::vector<std::byte> bytes = archive_;
  std::fill_n(bytes.begin(), container::kFileHeaderSize, std::byte{0});
  bytes.resize(bytes.size() - container::kTrailerSize);
  for (const catalog::Chunk& chunk : reader_->catalog().chunks) {
    if (chunk.meta.number != 0) bytes[chunk.payload.offset - 1] ^= std::byte{1};
  }
  const auto report = run(bytes);
  BBZ_ASSERT_OK(report);
  EXPECT_TRUE(report->had_index);
  EXPECT_EQ(written("model"), text(files_[3].bytes()));
}

TEST_P(SalvageTest, ChunksWhoseTensorIsLostAreCounted) {
  const catalog::Tensor& victim = tensor("embed");
  ASSERT_GT(victim.chunk_count, 1u);
  std::vector<std::byte> bytes = archive_;
  bytes[reader_->catalog().chunks_of(victim)[0].payload.offset - 1] ^= std::byte{1};
  bytes.resize(bytes.size() - 200);  // the index ends behind there
  const auto report = run(bytes);
  BBZ_ASSERT_OK(report);
  EXPECT_FALSE(report->had_index);
  EXPECT_EQ(report->orphans, victim.chunk_count - 1);
  EXPECT_FALSE(report->whole());
}

// Tensors whose records state no place, between places where bytes are lost, without an index.
TEST_P(SalvageTest, ATensorOfWhichNobodyKnowsWhereItBelongsIsSavedAllTheSame) {
  std::vector<SampleFile> files;
  for (const char* const path : {"a", "b", "c"}) {
    SampleFile file{path, catalog::FileKind::kRegular, {}};
    for (unsigned i = 0; i < 6; ++i) {
      file.tensors.push_back(sample_tensor("t" + std::to_string(i), DType::kU8, {10}, i));
    }
    files.push_back(std::move(file));
  }
  WriteOptions options;
  options.digest = GetParam();
  std::vector<std::byte> bytes = *write_sample(files, options);
  const auto reader = Reader::open(io::memory_source(Bytes(bytes)));
  BBZ_ASSERT_OK(reader);
  for (const std::size_t file : {0u, 2u}) {
    for (const std::size_t neighbour : {2u, 4u}) {
      const auto& number = reader->catalog().files[file].tensors[neighbour];
      const auto& chunk = reader->catalog().chunks_of(reader->catalog().tensors[number])[0];
      bytes[chunk.payload.offset - 1] ^= std::byte{1};
    }
  }
  bytes.resize(bytes.size() - container::kTrailerSize - 20);
  const auto report = run(bytes);
  BBZ_ASSERT_OK(report);
  EXPECT_FALSE(report->whole());
  ASSERT_EQ(report->files.size(), 4u);
  EXPECT_EQ(report->files[0].outcome, Outcome::kPartial);
  EXPECT_EQ(report->files[1].outcome, Outcome::kWhole);
  EXPECT_EQ(report->files[2].outcome, Outcome::kPartial);
  const FileReport& unknown = report->files[3];
  EXPECT_EQ(unknown.path, "file-unknown");
  EXPECT_EQ(unknown.outcome, Outcome::kPartial);
  EXPECT_EQ(unknown.recovered, 20u);
  EXPECT_EQ(unknown.written,
            (std::vector<std::string>{"file-unknown.partial", "file-unknown.rescued.safetensors"}));
  const std::string t3 = text(files[0].tensors[3].bytes);
  EXPECT_EQ(written("file-unknown.partial"), t3 + t3);
  const std::string rescued = written("file-unknown.rescued.safetensors");
  const auto header = safetensors::parse(std::as_bytes(std::span(rescued)), rescued.size());
  BBZ_ASSERT_OK(header);
  ASSERT_EQ(header->tensors.size(), 2u);
  EXPECT_EQ(header->tensors[0].name, "t3");
  EXPECT_EQ(header->tensors[1].name, "t3 (2)");
  for (const safetensors::Tensor& tensor : header->tensors) {
    EXPECT_EQ(rescued.substr(header->header_size + tensor.begin, tensor.size()), t3);
  }
  // What is beside it is where it was.
  std::string a = text(files[0].bytes());
  for (std::size_t i = 20; i < 50; ++i) a[i] = '\0';
  EXPECT_EQ(written("a.partial"), a);
  EXPECT_EQ(written("c.partial"), a);
}

// As many bytes of a payload are lost as the records behind it have, so that another record begins
// where its head says that it ends.
TEST_P(SalvageTest, WhereAnotherRecordSeemsToFollowNothingIsMisplaced) {
  SampleFile file{"file", catalog::FileKind::kRegular, {}};
  file.tensors.push_back(sample_tensor("large", DType::kU8, {2000}, 100));
  for (unsigned i = 0; i < 9; ++i) {
    file.tensors.push_back(sample_tensor("t" + std::to_string(i), DType::kU8, {10}, i));
  }
  WriteOptions options;
  options.digest = GetParam();
  std::vector<std::byte> bytes = *write_sample({file}, options);
  const auto reader = Reader::open(io::memory_source(Bytes(bytes)));
  BBZ_ASSERT_OK(reader);
  const auto payload = [&](std::size_t tensor) { return reader->catalog().chunks[tensor].payload; };
  ASSERT_EQ(payload(0).length, 2000u);
  const auto at = [&](std::uint64_t offset) {
    return bytes.begin() + static_cast<std::ptrdiff_t>(offset);
  };
  *at(payload(8).offset - 1) ^= std::byte{1};  // the head of t7
  bytes.resize(bytes.size() - container::kTrailerSize - 20);
  // As many as the records of t0 to t3 have.
  const std::uint64_t lost = payload(5).record().offset - payload(1).record().offset;
  bytes.erase(at(payload(0).offset), at(payload(0).offset + lost));
  const auto report = run(bytes);
  BBZ_ASSERT_OK(report);
  std::vector<std::string> unknown;
  for (const FileReport& entry : report->files) {
    for (const TensorReport& tensor : entry.tensors) {
      const bool large = tensor.name == "large";
      if (large) {
        EXPECT_EQ(tensor.outcome(), Outcome::kLost);
      }
      if (large || entry.path == "file-unknown") {
        unknown.push_back(tensor.name);
      } else {
        EXPECT_EQ(tensor.name, "t8");  // from the file end
        EXPECT_EQ(tensor.offset, 2080u);
      }
    }
  }
  EXPECT_EQ(unknown, (std::vector<std::string>{"large", "t4", "t5", "t6"}));
}

// The second time, nothing tells the tensor's number, and its place is taken.
TEST_P(SalvageTest, ATensorThatIsThereTwiceCostsItsFileNothing) {
  SampleFile file{"file", catalog::FileKind::kRegular, {}};
  for (unsigned i = 0; i < 3; ++i) {
    file.tensors.push_back(sample_tensor("t" + std::to_string(i), DType::kU8, {10}, i));
  }
  WriteOptions options;
  options.digest = GetParam();
  std::vector<std::byte> bytes = *write_sample({file}, options);
  const auto reader = Reader::open(io::memory_source(Bytes(bytes)));
  BBZ_ASSERT_OK(reader);
  const io::ByteRange last = reader->catalog().chunks[2].payload.record();
  const auto opened = container::open_by_index(*io::memory_source(Bytes(bytes)), {}, false);
  BBZ_ASSERT_OK(opened);
  bytes.resize(opened->trailer->index_offset());
  std::vector<std::byte> again(bytes.begin() + static_cast<std::ptrdiff_t>(last.offset),
                               bytes.end());
  bytes.push_back(std::byte{0});
  bytes.insert(bytes.end(), again.begin(), again.end());
  const auto report = run(bytes);
  BBZ_ASSERT_OK(report);
  ASSERT_EQ(report->files.size(), 2u);
  EXPECT_EQ(report->files[0].outcome, Outcome::kWhole);
  EXPECT_EQ(written("file"), text(file.bytes()));
  EXPECT_EQ(report->files[1].path, "file-unknown");
  EXPECT_EQ(report->files[1].recovered, 10u);
}

TEST_P(SalvageTest, EveryCutKeepsWhatStandsBeforeIt) {
  const catalog::Tensor& first = tensor("embed");
  const catalog::Chunk& end = reader_->catalog().chunks_of(first).back();
  std::uint64_t last = 0;
  for (std::size_t size = container::kFileHeaderSize; size <= archive_.size(); size += 211) {
    const auto report = run(Bytes(archive_).first(size));
    if (!report.ok()) {
      EXPECT_EQ(report.code(), Code::kNotAnArchive);
      continue;
    }
    std::uint64_t recovered = 0;
    for (const FileReport& file : report->files) recovered += file.recovered;
    EXPECT_GE(recovered, last);
    last = recovered;
    if (size >= end.payload.offset + end.payload.length) {
      EXPECT_EQ(report->files.at(3).tensors.at(1).outcome(), Outcome::kWhole) << size;
    }
  }
  EXPECT_GT(last, reader_->catalog().unpacked_bytes / 2);
}

TEST_P(SalvageTest, BytesThatAreNoArchiveAreRefused) {
  const auto bytes = noise(100'000, 9);
  EXPECT_EQ(run(bytes).code(), Code::kNotAnArchive);
  EXPECT_EQ(run({}).code(), Code::kNotAnArchive);
}

INSTANTIATE_TEST_SUITE_P(Kinds, SalvageTest,
                         testing::Values(DigestKind::kXxh3_128, DigestKind::kSha256));

}  // namespace
}  // namespace bbz::salvage
