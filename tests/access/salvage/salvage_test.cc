#include "bbz/access/salvage/salvage.h"

#include "archive/sample.h"
#include "bbz/files/safetensors/header.h"
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

  Result<Report> run(Bytes bytes) {
    const auto source = io::memory_source(bytes);
    BBZ_ASSIGN(auto tree, io::OutputTree::open(out_ / "rescued"));
    Options options;
    options.replace = true;
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
                                            file.size, file.digest},
                       end);
  bytes.resize(last.offset + last.length + container::kHeadSize + end.size());
  const auto report = run(bytes);
  BBZ_ASSERT_OK(report);
  EXPECT_TRUE(report->whole());
  EXPECT_FALSE(report->had_index);
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
  const std::uint64_t begin = victim.meta.offset + chunk.meta.first_element * 4;
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
