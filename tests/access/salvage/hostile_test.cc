// Archives that mean harm, and names and directories that are in the way.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "archive/sample.h"
#include "bbz/access/salvage/salvage.h"
#include "bbz/base/format.h"
#include "bbz/format/container/record_writer.h"
#include "support/assert.h"
#include "support/temp_dir.h"

namespace bbz::salvage {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// An archive of records that no writer makes.
class Records {
 public:
  Records() { EXPECT_TRUE(records_.begin().ok()); }

  void file(const std::string& path) {
    catalog::FileMeta meta;
    meta.number = file_;
    meta.path = path;
    append(container::RecordType::kFile, meta);
  }
  // Bytes at this offset of the file, in one chunk that is stored as it is.
  void bytes(std::uint64_t offset, std::string_view text) {
    tensor(offset, text.size(), text.size(), text);
  }
  // Bytes in chunks of this size, of which only the first one is there.
  void tensor(std::uint64_t offset, std::uint64_t size, std::uint64_t chunk_size,
              std::string_view text) {
    catalog::TensorRecord record;
    catalog::TensorMeta& meta = record.tensor;
    meta.number = tensor_;
    meta.file = file_;
    meta.offset = offset;
    meta.dtype = DType::kU8;
    meta.stored_elements = size;
    meta.chunk_elements = chunk_size;
    meta.shape = {size};
    record.moved = offset != file_end_;
    record.chunk.emplace().decoded_checksum = xxh3_64(as_bytes(text));
    append(container::RecordType::kTensor, record, as_bytes(text), container::kFlagPayload);
    file_end_ = offset + size;
    ++tensor_;
    ++in_file_;
  }
  void end(std::uint64_t size) {
    append(container::RecordType::kFileEnd, catalog::FileEndMeta{file_, in_file_, size, true, {}});
    ++file_;
    in_file_ = 0;
    file_end_ = 0;
  }
  const std::vector<std::byte>& take() {
    EXPECT_TRUE(records_.finish({}).ok());
    return out_;
  }

 private:
  static Bytes as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

  template <class Meta>
  void append(container::RecordType type, const Meta& meta, Bytes payload = {},
              std::uint8_t flags = 0) {
    std::vector<std::byte> encoded;
    catalog::encode_meta(meta, encoded);
    EXPECT_TRUE(records_.append(type, encoded, payload, flags).ok());
  }

  std::vector<std::byte> out_;
  std::unique_ptr<io::Sink> sink_ = io::memory_sink(out_);
  container::RecordWriter records_{*sink_, {}};
  std::uint32_t file_ = 0;
  std::uint32_t tensor_ = 0;
  std::uint32_t in_file_ = 0;
  std::uint64_t file_end_ = 0;  // where the last tensor of the open file ends
};

class HostileArchive : public testing::Test {
 protected:
  Report run(Bytes bytes, bool replace = false, const Limits& limits = {}) {
    const auto source = io::memory_source(bytes);
    auto tree = std::move(io::OutputTree::open(out_ / "rescued")).value();
    Options options;
    options.replace = replace;
    options.limits = limits;
    auto report = salvage::salvage(*source, tree, options);
    EXPECT_TRUE(report.ok()) << report.error().message;
    return report.ok() ? std::move(*report) : Report();
  }

  std::string written(const std::string& path) { return io::read_text(out_ / ("rescued/" + path)); }
  struct stat status_of(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::stat((out_ / ("rescued/" + path)).c_str(), &status), 0) << path;
    return status;
  }
  std::set<std::string> names() {
    std::set<std::string> names;
    for (const std::string& name : out_.entries()) {
      if (name.starts_with("rescued/")) names.insert(name.substr(8));
    }
    return names;
  }

  io::TempDir out_;
};

// A few bytes that claim to be at the far end of a file.
TEST_F(HostileArchive, NoZerosAreWrittenForWhatNoRecordGivesBack) {
  for (const std::uint64_t offset :
       {std::uint64_t{1} << 45, std::uint64_t{1} << 40, std::uint64_t{1} << 30,
        std::uint64_t{1} << 50, (std::uint64_t{1} << 50) - 1, (std::uint64_t{1} << 63) - 1}) {
    for (const bool ended : {true, false}) {
      Records records;
      records.file("far");
      records.bytes(offset, "x");
      if (ended) records.end(offset + 1);
      if (!ended) records.end(0);
      records.file("near");
      records.bytes(0, "text");
      records.end(4);
      const Report report = run(records.take(), true);
      EXPECT_FALSE(report.whole());
      EXPECT_THAT(names(), ElementsAre("near")) << offset;
      EXPECT_EQ(written("near"), "text");
      std::filesystem::remove_all(out_ / "rescued");
    }
  }
}

TEST_F(HostileArchive, AllHolesTogetherAreBounded) {
  constexpr int kFiles = 40;
  Records records;
  for (int i = 0; i < kFiles; ++i) {
    records.file(std::to_string(i));
    records.bytes(20 << 20, "x");
    records.end(0);
  }
  const auto& archive = records.take();
  const Report report = run(archive);
  ASSERT_TRUE(report.problem.has_value());
  EXPECT_EQ(report.problem->code, Code::kLimit);
  std::uint64_t longest = 0;
  for (const std::string& name : names()) {
    longest += static_cast<std::uint64_t>(status_of(name).st_size);
  }
  EXPECT_LE(longest, (64u << 20) + 1024 * archive.size() + kFiles);
  EXPECT_GE(longest, 60u << 20);
}

TEST_F(HostileArchive, AHoleTakesNoRoom) {
  Records records;
  records.file("file");
  records.bytes(32 << 20, "text");
  records.end(0);
  run(records.take());
  EXPECT_THAT(names(), ElementsAre("file.partial"));
  const struct stat status = status_of("file.partial");
  EXPECT_EQ(status.st_size, (32 << 20) + 4);
  EXPECT_LT(status.st_blocks * 512, 1 << 20);
  EXPECT_EQ(written("file.partial").substr(32 << 20), "text");
}

TEST_F(HostileArchive, NoMoreComesOutThanTheLimitSays) {
  Records records;
  for (const char* const name : {"a", "b", "c"}) {
    records.file(name);
    records.bytes(0, std::string(1000, *name));
    records.end(1000);
  }
  Limits limits;
  limits.unpacked_bytes = 2500;
  const Report report = run(records.take(), false, limits);
  ASSERT_TRUE(report.problem.has_value());
  EXPECT_EQ(report.problem->code, Code::kLimit);
  EXPECT_THAT(names(), ElementsAre("a", "b"));
}

// What is put together walks over all chunks that a tensor has.
TEST_F(HostileArchive, ATensorHasNoMoreChunksThanTheArchiveHasRoomFor) {
  Records records;
  records.file("file");
  records.tensor(0, std::uint64_t{1} << 40, 1, "x");
  records.end(std::uint64_t{1} << 40);
  records.file("good");
  records.bytes(0, "text");
  records.end(4);
  const Report report = run(records.take());
  EXPECT_THAT(names(), ElementsAre("good"));
  ASSERT_EQ(report.files.size(), 2u);
  EXPECT_THAT(report.files[0].tensors, IsEmpty());  // it is not believed at all
}

TEST_F(HostileArchive, WhatStandsInTheWayCostsNoOtherFile) {
  Records records;
  for (const char* const name : {"a", "b/c", "d", "e"}) {
    records.file(name);
    records.bytes(0, name);
    records.end(std::string_view(name).size());
  }
  const auto& archive = records.take();
  std::filesystem::create_directories(out_ / "rescued/d");
  io::write_text(out_ / "rescued/a", "old");
  std::filesystem::create_symlink("elsewhere", out_ / "rescued/b");
  const Report report = run(archive);
  EXPECT_FALSE(report.whole());
  ASSERT_TRUE(report.problem.has_value());
  EXPECT_EQ(report.problem->code, Code::kExists);
  EXPECT_EQ(written("a"), "old");
  EXPECT_EQ(written("e"), "e");
  std::vector<Outcome> outcomes;
  for (const FileReport& file : report.files) {
    outcomes.push_back(file.outcome);
    EXPECT_EQ(file.problems.size(), file.outcome == Outcome::kUnwritten ? 1u : 0u);
  }
  EXPECT_THAT(outcomes, ElementsAre(Outcome::kUnwritten, Outcome::kUnwritten, Outcome::kUnwritten,
                                    Outcome::kWhole));
}

// Each of them can be only one of the two.
TEST_F(HostileArchive, AFileAndAFolderOfOneNameCostNoOther) {
  Records records;
  for (const char* const name : {"a", "a/b", "a/b/c", "z"}) {
    records.file(name);
    records.bytes(0, name);
    records.end(std::string_view(name).size());
  }
  const Report report = run(records.take(), true);
  EXPECT_TRUE(report.problem.has_value());
  EXPECT_FALSE(report.whole());
  EXPECT_TRUE(names().contains("a"));
  EXPECT_EQ(written("z"), "z");
}

TEST_F(HostileArchive, TwoFilesOfOnePathAreBothSaved) {
  Records records;
  for (const char* const text : {"first", "second", "third"}) {
    records.file("folder/same");
    records.bytes(0, text);
    records.end(std::string_view(text).size());
  }
  run(records.take(), true);
  EXPECT_THAT(names(), ElementsAre("folder", "folder/file-1", "folder/file-2", "folder/same"));
  EXPECT_EQ(written("folder/same"), "first");
  EXPECT_EQ(written("folder/file-1"), "second");
  EXPECT_EQ(written("folder/file-2"), "third");
}

TEST_F(HostileArchive, ASuffixThatIsAnothersNameIsAvoided) {
  Records records;
  records.file("a");
  records.bytes(1, "damaged");  // the byte before it is lost
  records.end(8);
  for (const char* const name : {"a.partial", "file-0.partial/x", "z"}) {
    records.file(name);
    records.bytes(0, name);
    records.end(std::string_view(name).size());
  }
  const Report report = run(records.take(), true);
  EXPECT_FALSE(report.problem.has_value());
  EXPECT_THAT(names(), ElementsAre("a.partial", "file-0-2.partial", "file-0.partial",
                                   "file-0.partial/x", "z"));
  EXPECT_EQ(written("a.partial"), "a.partial");
  EXPECT_EQ(written("file-0-2.partial"), std::string(1, '\0') + "damaged");
}

TEST_F(HostileArchive, ANameThatASuffixMakesTooLongIsReplaced) {
  for (const std::size_t size : {247u, 248u, 255u, 256u, 300u}) {
    const std::string name(size, 'n');
    Records records;
    records.file("below/" + name);
    records.bytes(1, "damaged");
    records.end(8);
    records.file("z");
    records.bytes(0, "z");
    records.end(1);
    const Report report = run(records.take(), true);
    EXPECT_FALSE(report.problem.has_value()) << size;
    // A path that no file system takes is not believed: only the file's number is left.
    const std::string expected = size > 255   ? "file-0.partial"
                                 : size > 247 ? "below/file-0.partial"
                                              : "below/" + name + ".partial";
    EXPECT_EQ(written(expected), std::string(1, '\0') + "damaged");
    EXPECT_EQ(written("z"), "z");
    std::filesystem::remove_all(out_ / "rescued");
  }
}

TEST_F(HostileArchive, PathsDoNotExhaustTheInodes) {
  Records records;
  std::string deep;
  for (int i = 0; i < 900; ++i) deep += "a/";
  for (int i = 0; i < 4; ++i) {
    records.file(std::to_string(i) + "/" + deep + "x");
    records.end(0);
  }
  records.file("z");
  records.bytes(0, "z");
  records.end(1);
  const Report report = run(records.take());
  ASSERT_TRUE(report.problem.has_value());
  EXPECT_EQ(report.problem->code, Code::kLimit);
  EXPECT_EQ(written("z"), "z");
  EXPECT_LE(names().size(), 1024 + 5 * 16 + 5 + 5);
  EXPECT_GE(names().size(), 900u);  // one such path does no harm
}

// All chunks decode, so that nothing but the digest of the file tells that one is another file's.
TEST_F(HostileArchive, AFileThatIsNotWhatItsDigestSaysIsNotCalledWhole) {
  WriteOptions options;
  options.digest = DigestKind::kSha256;
  std::vector<std::byte> archive = *write_sample(sample_files(), options);
  const auto reader = Reader::open(io::memory_source(Bytes(archive)));
  const catalog::File& file = reader->catalog().files[0];
  catalog::FileEndMeta meta{0, static_cast<std::uint32_t>(file.tensors.size()), file.size, true,
                            file.digest};
  std::vector<std::byte> right, wrong;
  catalog::encode_meta(meta, right);
  meta.digest->bytes[5] ^= std::byte{1};
  catalog::encode_meta(meta, wrong);
  // The same record with the other digest, and no index that contradicts it.
  std::vector<std::byte> forged;
  const auto sink = io::memory_sink(forged);
  container::FileHeader header;
  header.digest_kind = DigestKind::kSha256;
  container::RecordWriter records(*sink, header);
  ASSERT_TRUE(records.begin().ok());
  const auto source = io::memory_source(Bytes(archive));
  bool done = false;
  BBZ_ASSERT_OK(container::scan_records(
      *source, *container::find_id(*source).value(), {},
      [&](const container::RecordView& record) -> Status {
        const auto type = record.head.type;
        if (done || type == container::RecordType::kIndex) return {};
        std::vector<std::byte> payload(record.head.payload_length);
        BBZ_TRY(io::read_exactly(*source, record.head.payload_offset(), payload));
        done = type == container::RecordType::kFileEnd;
        return records.append(
                          type, done ? Bytes(wrong) : record.meta, payload,
                          record.head.flags & (container::kFlagPayload | container::kFlagExtended))
                       .ok()
                   ? Status()
                   : error_with_message(Code::kInternal, "append");
      },
      [](const container::Gap&) {}));
  const Report report = run(forged);
  ASSERT_EQ(report.files.size(), 1u);
  EXPECT_EQ(report.files[0].path, "config.json");
  EXPECT_EQ(report.files[0].recovered, file.size);
  EXPECT_EQ(report.files[0].outcome, Outcome::kPartial);
  EXPECT_THAT(names(), ElementsAre("config.json.partial"));
}

// A group with other records between it and the first tensor that belongs to it.
TEST_F(HostileArchive, AGroupThatStandsApartIsFound) {
  const std::string text = io::read_text(BBZ_VECTORS "/valid/form-rider-group-apart.bbz");
  const Bytes archive = std::as_bytes(std::span(text));
  ASSERT_FALSE(archive.empty());
  const Report report = run(archive);
  EXPECT_TRUE(report.whole());
  for (const FileReport& file : report.files) {
    EXPECT_EQ(file.outcome, Outcome::kWhole) << file.path;
    for (const TensorReport& tensor : file.tensors) EXPECT_THAT(tensor.damage, IsEmpty());
  }
}

}  // namespace
}  // namespace bbz::salvage
