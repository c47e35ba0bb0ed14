// Archives from which bytes were lost, into which bytes were inserted, or that were put together of
// parts: every whole chunk comes back. A chunk is whole if its record and the record of its tensor
// are, and the file header, the trailer or an index is too.
#include <random>

#include "archive/sample.h"
#include "bbz/access/salvage/survey.h"
#include "bbz/format/chunk/chunk.h"
#include "support/assert.h"

namespace bbz::salvage {
namespace {

using Buffer = std::vector<std::byte>;

// A part of the archive that was kept.
struct Part {
  std::size_t begin = 0;
  std::size_t end = 0;
};

class Shifted : public testing::TestWithParam<std::tuple<DigestKind, std::uint64_t>> {
 protected:
  Shifted() {
    WriteOptions options;
    options.chunk_bytes = 48;
    options.digest = std::get<0>(GetParam());
    options.alignment = std::get<1>(GetParam());
    archive_ = *write_sample(files(), options);
    reader_ = *Reader::open(io::memory_source(Bytes(archive_)));
    const auto source = io::memory_source(Bytes(archive_));
    const Status scanned = container::scan_records(
        *source, reader_->catalog().header.id, {},
        [&](const container::RecordView& record) {
          const Part place{record.head.offset, record.head.end()};
          if (record.head.type == container::RecordType::kTensor) tensors_.push_back(place);
          if (record.head.has_chunk()) chunks_.push_back(place);
          records_.push_back(place);
          if (record.head.type == container::RecordType::kIndex ||
              record.head.type == container::RecordType::kTrailer) {
            with_id_.push_back(place);
          }
          return Status();
        },
        [](const container::Gap&) {});
    EXPECT_TRUE(scanned.ok());
    EXPECT_EQ(tensors_.size(), reader_->catalog().tensors.size());
    EXPECT_EQ(chunks_.size(), reader_->catalog().chunks.size());
    with_id_.push_back({0, container::kFileHeaderSize});
  }

  // The sample, and two files whose tensors are small, and are the same.
  static std::vector<SampleFile> files() {
    std::vector<SampleFile> files = sample_files();
    for (const char* const path : {"small", "copy"}) {
      SampleFile file{path, catalog::FileKind::kRegular, {}};
      file.tensors.push_back(sample_bytes("a header"));
      for (unsigned i = 0; i < 6; ++i) {
        file.tensors.push_back(sample_tensor("t" + std::to_string(i), DType::kU8, {i * i}, i));
      }
      // The file is stored from here on in another order.
      file.tensors[5].spec.place = TensorSpec::At{8 + 1 + 4 + 9 + 25};
      file.tensors[6].spec.place = TensorSpec::At{8 + 1 + 4 + 9};
      files.push_back(std::move(file));
    }
    return files;
  }

  // Returns whether two offsets are both at the beginning of a record, or equally far into its sync
  // bytes.
  bool in_same_place(std::size_t first, std::size_t second) const {
    const auto begins = [&](std::size_t offset) {
      return std::ranges::find(records_, offset, &Part::begin) != records_.end();
    };
    for (std::size_t i = 0; i <= 3; ++i) {
      if (begins(first - i) && begins(second - i)) return true;
    }
    return false;
  }

  // Bytes of the archive from one that is lost or repeated to the next, if not all are: of every record
  // several, in all of its fields.
  static constexpr std::size_t kSome = 7;

  static bool is_whole(const Part& place, const std::vector<Part>& parts) {
    return std::ranges::any_of(parts, [&](const Part& part) {
      return part.begin <= place.begin && place.end <= part.end;
    });
  }

  // Returns whether a whole record lies in what another one claims to be its payload, behind which a
  // record follows: as many bytes of that payload were lost as the records in it have.
  bool is_hidden(const Part& place, const std::vector<Part>& parts, Bytes bytes) const {
    std::uint64_t at = 0;  // where the record lies now
    for (const Part& part : parts) {
      if (part.begin <= place.begin && place.end <= part.end) {
        at += place.begin - part.begin;
        break;
      }
      at += part.end - part.begin;
    }
    std::vector<Part> found;
    const Status scanned = container::scan_records(
        *io::memory_source(bytes), reader_->catalog().header.id, {},
        [&](const container::RecordView& record) {
          found.push_back({record.head.offset, record.head.end()});
          return Status();
        },
        [](const container::Gap&) {});
    EXPECT_TRUE(scanned.ok());
    return std::ranges::any_of(found, [&](const Part& other) {
      return other.begin < at && at < other.end &&
             std::ranges::find(found, other.end, &Part::begin) != found.end();
    });
  }

  // Puts parts together, and expects all of their whole chunks of what the survey finds, but those
  // that are hidden.
  void expect_whole_chunks(const std::vector<Part>& parts) {
    Buffer bytes;
    for (const Part& part : parts) {
      const Bytes kept = Bytes(archive_).subspan(part.begin, part.end - part.begin);
      bytes.insert(bytes.end(), kept.begin(), kept.end());
    }
    const bool known =
        std::ranges::any_of(with_id_, [&](const Part& place) { return is_whole(place, parts); });
    const auto source = io::memory_source(Bytes(bytes));
    const auto found = survey(*source, {});
    if (!known && !found.ok()) return;
    BBZ_ASSERT_OK(found);
    const catalog::Catalog& catalog = reader_->catalog();
    expect_right_places(*found);
    if (testing::Test::HasFatalFailure()) return;
    for (std::size_t i = 0; i < chunks_.size(); ++i) {
      const catalog::Chunk& expected = catalog.chunks[i];
      const Part& tensor = tensors_[expected.meta.tensor];
      if (!is_whole(chunks_[i], parts) || !is_whole(tensor, parts)) continue;
      ++whole_;
      if (decodes(*found, expected, bytes)) continue;
      ++hidden_;
      ASSERT_TRUE(is_hidden(tensor, parts, bytes) || is_hidden(chunks_[i], parts, bytes))
          << expected.meta.tensor << " " << i;
    }
  }

  void expect_losses_cost_one_record(std::size_t step) {
    std::size_t lost = 0;
    for (std::size_t at = 0; at < archive_.size(); at += step, ++lost) {
      expect_whole_chunks({{0, at}, {at + 1, archive_.size()}});
      if (HasFatalFailure()) FAIL() << "byte " << at;
    }
    EXPECT_GT(whole_, lost * (chunks_.size() - 20));
    EXPECT_EQ(hidden_, 0u);
    EXPECT_EQ(unplaced_, 0u);  // the index tells all places
  }

  // A single place where bytes are lost costs the places of few tensors.
  void expect_losses_with_the_index_cost_one_record(std::size_t step) {
    const std::size_t end = records_[records_.size() - 2].begin;
    std::size_t lost = 0;
    for (std::size_t at = 0; at < end; at += step, ++lost) {
      expect_whole_chunks({{0, at}, {at + 1, end}});
      if (HasFatalFailure()) FAIL() << "byte " << at;
    }
    EXPECT_GT(whole_, (lost - 32 / step - 1) * (chunks_.size() - 20));
    EXPECT_EQ(hidden_, 0u);
    EXPECT_GT(unplaced_, 0u);
    EXPECT_LT(unplaced_, lost * 4);
  }

  void expect_repeats_cost_one_record(std::size_t step) {
    for (std::size_t at = 0; at < archive_.size(); at += step) {
      expect_whole_chunks({{0, at + 1}, {at, archive_.size()}});
      if (HasFatalFailure()) FAIL() << "byte " << at;
    }
    EXPECT_EQ(hidden_, 0u);
  }

  // Expects that every tensor that has a number or a place has the right one.
  void expect_right_places(const Survey& found) {
    const catalog::Catalog& catalog = reader_->catalog();
    for (const auto& [number, tensor] : found.tensors) {
      const catalog::TensorMeta& meta = tensor.meta;
      const bool placed = meta.file != kUnknownFile;
      if (!placed) ++unplaced_;
      if (number > kUnknownFile) {  // nobody knows it, but perhaps the place
        ASSERT_TRUE(!placed || std::ranges::any_of(catalog.tensors, [&](const auto& other) {
          return other.meta.name == meta.name && other.meta.shape == meta.shape &&
                 other.meta.file == meta.file && other.meta.offset == meta.offset;
        })) << meta.name;
        continue;
      }
      ASSERT_LT(number, catalog.tensors.size());
      const catalog::TensorMeta& expected = catalog.tensors[number].meta;
      ASSERT_EQ(meta.name, expected.name) << number;
      ASSERT_EQ(meta.shape, expected.shape) << number;
      if (!placed) continue;
      ASSERT_EQ(meta.file, expected.file) << number;
      ASSERT_EQ(meta.offset, expected.offset) << number;
    }
  }

  // Returns whether a chunk was found in its tensor or, if not all is known of that, in one that has
  // the same content, and is whole.
  static bool decodes(const Survey& found, const catalog::Chunk& expected, Bytes bytes) {
    return std::ranges::any_of(found.tensors, [&](const auto& entry) {
      const FoundTensor& tensor = entry.second;
      if (entry.first != expected.meta.tensor && entry.first <= kUnknownFile &&
          tensor.meta.file != kUnknownFile) {
        return false;
      }
      const auto at = tensor.chunks.find(expected.meta.number);
      if (at == tensor.chunks.end()) return false;
      const catalog::Chunk& chunk = at->second;
      if (chunk.meta.decoded_checksum != expected.meta.decoded_checksum ||
          chunk.payload.length != expected.payload.length ||
          chunk.payload.offset + chunk.payload.length > bytes.size()) {
        return false;
      }
      const Bytes payload = bytes.subspan(chunk.payload.offset, chunk.payload.length);
      Buffer plain(expected.decoded_bytes);
      return chunk::decode(tensor.meta, chunk, payload, plain, chunk::Check::kPayload).ok();
    });
  }

  Buffer archive_;
  std::optional<Reader> reader_;
  std::vector<Part> tensors_;
  std::vector<Part> chunks_;
  std::vector<Part> with_id_;
  std::vector<Part> records_;
  std::size_t whole_ = 0;     // chunks that were expected
  std::size_t hidden_ = 0;    // and those of them that were not found
  std::size_t unplaced_ = 0;  // tensors of which nobody knows where they belong
};

TEST_P(Shifted, AByteThatIsLostCostsOneRecord) {
  expect_losses_cost_one_record(kSome);
}

TEST_P(Shifted, AByteThatIsLostCostsOneRecordExhaustive) {
  expect_losses_cost_one_record(1);
}

TEST_P(Shifted, AByteThatIsLostWithTheIndexCostsOneRecord) {
  expect_losses_with_the_index_cost_one_record(kSome);
}

TEST_P(Shifted, AByteThatIsLostWithTheIndexCostsOneRecordExhaustive) {
  expect_losses_with_the_index_cost_one_record(1);
}

// Nothing but what the records say tells that others were between them.
TEST_P(Shifted, WhereWholeRecordsAreMissingNothingIsMisplaced) {
  const std::size_t index = records_.size() - 2;
  for (const bool has_index : {true, false}) {
    const std::size_t end = has_index ? archive_.size() : records_[index].begin;
    for (std::size_t first = 0; first < index; ++first) {
      for (std::size_t last = first; last < index; ++last) {
        expect_whole_chunks({{0, records_[first].begin}, {records_[last].end, end}});
        if (HasFatalFailure()) FAIL() << "records " << first << " to " << last;
      }
    }
  }
  EXPECT_EQ(hidden_, 0u);
}

TEST_P(Shifted, AByteThatComesTwiceCostsOneRecord) {
  expect_repeats_cost_one_record(kSome);
}

TEST_P(Shifted, AByteThatComesTwiceCostsOneRecordExhaustive) {
  expect_repeats_cost_one_record(1);
}

TEST_P(Shifted, PartsThatArePutTogetherHoldTheirRecords) {
  std::minstd_rand random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<Part> parts;
    std::size_t at = round % 2 == 0 ? 0 : random() % 200;
    while (at < archive_.size()) {
      const std::size_t end = std::min<std::size_t>(at + 1 + random() % 700, archive_.size());
      parts.push_back({at, end});
      at = end + 1 + random() % 200;
      // Between two places where bytes are lost, nothing tells that whole records are missing. They
      // are, too, if one begins with the sync bytes of another.
      while (in_same_place(end, at)) ++at;
    }
    if (round % 3 == 0)
      parts.push_back({archive_.size() - container::kTrailerSize, archive_.size()});
    expect_whole_chunks(parts);
    if (HasFatalFailure()) FAIL() << "round " << round;
  }
  EXPECT_GT(whole_, 200u);
  EXPECT_LT(hidden_, whole_ / 100);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Shifted,
                         testing::Combine(testing::Values(DigestKind::kXxh3_128,
                                                          DigestKind::kSha256),
                                          testing::Values(0u, 16u)));

}  // namespace
}  // namespace bbz::salvage
