// Damaged archives in which chunks repeat others (codec same).
#include <deque>

#include "archive/sample.h"
#include "bbz/access/salvage/salvage.h"
#include "bbz/format/container/index.h"
#include "format/container/raw_archive.h"
#include "support/assert.h"
#include "support/bytes.h"
#include "support/temp_dir.h"

namespace bbz::salvage {
namespace {

constexpr std::size_t kChunk = 100;

SampleTensor chunks(const std::string& name, const std::vector<unsigned>& seeds) {
  SampleTensor t = sample_tensor(name, DType::kU8, {seeds.size(), kChunk}, 0);
  t.bytes.clear();
  for (const unsigned seed : seeds) {
    const auto part = noise(kChunk, seed);
    t.bytes.insert(t.bytes.end(), part.begin(), part.end());
  }
  return t;
}

class SalvagedRepeats : public testing::TestWithParam<DigestKind> {
 protected:
  SalvagedRepeats() {
    files_.push_back({"one", catalog::FileKind::kRegular, {}});
    files_[0].tensors = {chunks("a", {101, 102, 103, 101}), chunks("b", {102, 104, 101}),
                         chunks("c", {105})};
    files_.push_back({"two", catalog::FileKind::kRegular, {}});
    files_[1].tensors = {chunks("d", {101, 102, 103, 101}), chunks("e", {105}),
                         chunks("f", {103, 106})};
    WriteOptions options;
    options.chunk_bytes = kChunk;
    options.digest = GetParam();
    archive_ = *write_sample(files_, options);
    reader_ = *Reader::open(io::memory_source(Bytes(archive_)));
    const auto opened = container::open_by_index(*io::memory_source(Bytes(archive_)), {}, false);
    index_at_ = opened->trailer->index_offset();
  }

  Result<Report> run(Bytes bytes) {
    const auto source = io::memory_source(bytes);
    BBZ_ASSIGN(auto tree, io::OutputTree::open(out_ / "rescued"));
    Options options;
    options.replace = true;
    options.sync = false;
    return salvage::salvage(*source, tree, options);
  }

  // The recovered bytes of each tensor, by name.
  static std::map<std::string, std::uint64_t> recovered(const Report& report) {
    std::map<std::string, std::uint64_t> all;
    for (const FileReport& file : report.files) {
      for (const TensorReport& tensor : file.tensors) all[tensor.name] += tensor.recovered;
    }
    return all;
  }

  // Checks that every file that was written has the right bytes, or zeros in place of lost ones.
  // Files of tensors that lost their place are left out.
  void check_written(const Report& report) {
    for (const FileReport& file : report.files) {
      const auto sample = std::ranges::find(files_, file.path, &SampleFile::path);
      if (sample == files_.end()) continue;
      const std::vector<std::byte> expected = sample->bytes();
      for (const std::string& path : file.written) {
        if (path.ends_with(".safetensors")) continue;
        const std::string text = io::read_text(out_ / ("rescued/" + path));
        ASSERT_LE(text.size(), expected.size());
        std::uint64_t right = 0;
        for (std::size_t at = 0; at < text.size(); at += kChunk) {
          const std::string part = text.substr(at, kChunk);
          const auto* const begin = reinterpret_cast<const char*>(expected.data()) + at;
          if (part == std::string(begin, part.size())) {
            right += part.size();
          } else {
            EXPECT_EQ(part, std::string(part.size(), '\0')) << path << " at " << at;
          }
        }
        EXPECT_EQ(right, file.recovered) << path;
      }
    }
  }

  std::vector<SampleFile> files_;
  std::vector<std::byte> archive_;
  std::optional<Reader> reader_;
  std::uint64_t index_at_ = 0;
  io::TempDir out_;
};
INSTANTIATE_TEST_SUITE_P(Kinds, SalvagedRepeats,
                         testing::Values(DigestKind::kXxh3_128, DigestKind::kSha256));

TEST_P(SalvagedRepeats, AWholeArchiveComesBackWhole) {
  std::size_t repeats = 0;
  for (const auto& chunk : reader_->catalog().chunks) repeats += chunk.same_as ? 1 : 0;
  ASSERT_EQ(repeats, 9u);
  for (const bool index : {true, false}) {
    const auto report = run(Bytes(archive_).first(index ? archive_.size() : index_at_));
    BBZ_ASSERT_OK(report);
    EXPECT_TRUE(report->whole());
    EXPECT_EQ(report->had_index, index);
    for (const FileReport& file : report->files) EXPECT_EQ(file.outcome, Outcome::kWhole);
    for (const SampleFile& file : files_) {
      const auto bytes = file.bytes();
      EXPECT_EQ(io::read_text(out_ / ("rescued/" + file.path)),
                std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    }
  }
}

// Each record of a chunk in turn is lost: its head, its payload, or both. With the index, only
// payloads can be lost; without it, a head costs what it says.
TEST_P(SalvagedRepeats, EachRecordInTurnIsLost) {
  const catalog::Catalog& catalog = reader_->catalog();
  // Where the record of a chunk lies: that of one that repeats another is not at its payload.
  std::vector<io::ByteRange> records(catalog.chunks.size());
  const auto opened = container::open_by_index(*io::memory_source(Bytes(archive_)), {}, false);
  BBZ_ASSERT_OK(opened);
  std::size_t next = 0;
  BBZ_ASSERT_OK(container::for_each_record(opened->index, {}, [&](const auto& record) {
    if (record.head.has_chunk()) {
      records.at(next++) = {record.head.offset, record.head.end() - record.head.offset};
    }
    return Status();
  }));
  ASSERT_EQ(next, records.size());
  for (std::size_t lost = 0; lost < records.size(); ++lost) {
    const catalog::Chunk& victim = catalog.chunks[lost];
    for (const bool head : {true, false}) {
      for (const bool payload : {true, false}) {
        for (const bool index : {true, false}) {
          if (!head && (!payload || victim.same_as)) continue;  // nothing is lost
          SCOPED_TRACE(testing::Message() << lost << head << payload << index);
          std::vector<std::byte> bytes = archive_;
          const std::uint64_t own_payload = victim.same_as ? 0 : victim.payload.length;
          const std::uint64_t own_head = records[lost].size - own_payload;
          const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(records[lost].offset);
          if (head) std::fill_n(begin, own_head, std::byte{0});
          if (payload) {
            std::fill_n(begin + static_cast<std::ptrdiff_t>(own_head), own_payload, std::byte{0});
          }
          if (!index) bytes.resize(index_at_);
          const auto report = run(bytes);
          BBZ_ASSERT_OK(report);
          std::map<std::string, std::uint64_t> expected;
          const auto is_lost = [&](std::uint64_t chunk) {
            const catalog::Chunk& c = catalog.chunks[chunk];
            const bool listed = index || !head;
            // Without its head, a tensor's record takes its further chunks along.
            const bool of_victim = c.meta.tensor == victim.meta.tensor;
            if (!listed && (chunk == lost || (of_victim && victim.meta.number == 0))) return true;
            return chunk == lost && payload && !victim.same_as;
          };
          for (const catalog::Tensor& tensor : catalog.tensors) {
            std::uint64_t sum = 0;
            bool named = false;
            for (std::uint64_t i = 0; i < tensor.chunk_count; ++i) {
              const std::uint64_t chunk = tensor.first_chunk + i;
              const auto& same_as = catalog.chunks[chunk].same_as;
              if (!is_lost(chunk) && !(same_as && is_lost(*same_as))) sum += kChunk;
              named = named || index || !head || victim.meta.number != 0 ||
                      victim.meta.tensor != tensor.meta.number;
            }
            if (named) expected[tensor.meta.name] = sum;
          }
          EXPECT_EQ(recovered(*report), expected);
          EXPECT_FALSE(report->whole());
          check_written(*report);
          if (HasFailure()) return;
        }
      }
    }
  }
}

// A part of a tensor whose payload is nowhere is told.
TEST_P(SalvagedRepeats, SayWhatTheyMiss) {
  const catalog::Chunk& first = reader_->catalog().chunks[0];
  std::vector<std::byte> bytes = archive_;
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(first.payload.record().offset),
              first.payload.record().size, std::byte{0});
  bytes.resize(index_at_);
  const auto report = run(bytes);
  BBZ_ASSERT_OK(report);
  std::string all;
  for (const FileReport& file : report->files) {
    for (const TensorReport& tensor : file.tensors) {
      for (const std::string& sentence : tensor.damage) all += sentence + "\n";
    }
  }
  EXPECT_NE(all.find("repeats another, and none with its bytes is left"), std::string::npos) << all;
}

// Records put together by hand: tensors of one chunk of the same ten bytes in one file.
class SalvagedRepeatsByHand : public testing::Test {
 protected:
  // Adds a tensor; `codec` 5 repeats.
  raw::Record& add(const raw::TensorFields& fields, std::uint8_t codec, bool intact = true) {
    raw::TensorFields t = fields;
    t.stored = t.chunk = kData.size();
    if (t.shape.empty()) t.shape = {kData.size()};
    t.number = count_;
    t.offset = t.file == raw::kNone ? 0 : size_;
    t.name = names_.emplace_back(1, static_cast<char>('a' + count_));
    ++count_;
    if (t.file != raw::kNone) size_ += kData.size();
    std::vector<std::byte> payload = codec == 5 ? raw::Buffer() : kData;
    records_.push_back(raw::tensor(t));
    records_.push_back(raw::chunk({.codec = codec}, kData, payload));
    if (!intact) {
      records_.back().says_payload_check = check32(payload);
      records_.back().payload[0] ^= std::byte{1};
    }
    return records_.back();
  }

  // Salvages, and says for each tensor whether it came back.
  std::string salvaged() {
    raw::Archive archive;
    std::vector<raw::Record> all = {raw::file(0, "file")};
    all.insert(all.end(), records_.begin(), records_.end());
    all.push_back(raw::file_end(0, count_, size_));
    archive.records = raw::join(all);
    const auto bytes = archive.bytes();
    const io::TempDir out;
    auto tree = io::OutputTree::open(out / "rescued");
    const auto report = salvage::salvage(*io::memory_source(Bytes(bytes)), *tree, {});
    EXPECT_TRUE(report.ok());
    std::string outcomes;
    for (const TensorReport& tensor : report->files.at(0).tensors) {
      outcomes += tensor.outcome() == Outcome::kWhole ? 'w' : '-';
    }
    return outcomes;
  }

  const raw::Buffer kData = raw::text("0123456789");
  std::vector<raw::Record> records_;
  std::deque<std::string> names_;
  std::uint32_t count_ = 0;
  std::uint64_t size_ = 0;
};

TEST_F(SalvagedRepeatsByHand, TakeAPayloadFromAnywhere) {
  add({}, 5);  // no reader would take that
  add({}, 0);
  EXPECT_EQ(salvaged(), "ww");
}

TEST_F(SalvagedRepeatsByHand, TakeTheOneThatIsIntact) {
  add({}, 0, false);
  add({}, 5);
  add({}, 0);
  add({}, 5);
  add({}, 0, false);
  EXPECT_EQ(salvaged(), "-www-");
}

TEST_F(SalvagedRepeatsByHand, TakeNoneOfAnotherShapeOrType) {
  add({.dtype = 3}, 0);       // I8
  add({.shape = {2, 5}}, 0);  // rows of another length
  add({}, 5);
  EXPECT_EQ(salvaged(), "ww-");
}

TEST_F(SalvagedRepeatsByHand, TakeNoneThatRequiresAnUnknownExtension) {
  add({}, 0);
  records_[0] = raw::extend(records_[0], {{.number = 90, .required = true}});
  add({}, 5);
  EXPECT_EQ(salvaged(), "--");
  add({}, 0);
  EXPECT_EQ(salvaged(), "-ww");
}

}  // namespace
}  // namespace bbz::salvage
