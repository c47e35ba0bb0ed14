#include "bbz/access/salvage/survey.h"

#include <gtest/gtest.h>

#include "bbz/format/container/record_writer.h"

namespace bbz::salvage {
namespace {

using container::RecordType;

template <class Meta>
void append(container::RecordWriter& records, RecordType type, const Meta& meta,
            std::string_view payload = {}) {
  std::vector<std::byte> encoded;
  catalog::encode_meta(meta, encoded);
  ASSERT_TRUE(records.append(type, encoded, std::as_bytes(std::span(payload))).ok());
}

TEST(Survey, KeepsMetadataWhoseFileComesLater) {
  catalog::FileMeta file;
  file.path = "model";
  catalog::MetadataMeta format;
  format.file = 0;
  format.key = "format";
  catalog::MetadataMeta nobodys = format;
  nobodys.file = 7;
  for (const bool file_first : {true, false}) {
    std::vector<std::byte> archive;
    const auto sink = io::memory_sink(archive);
    container::RecordWriter records(*sink, {}, 1);
    ASSERT_TRUE(records.begin().ok());
    if (file_first) append(records, RecordType::kFile, file);
    append(records, RecordType::kMetadata, format, "safetensors");
    append(records, RecordType::kMetadata, format, "the second of its key");
    append(records, RecordType::kMetadata, nobodys, "safetensors");
    if (!file_first) append(records, RecordType::kFile, file);
    const auto found = survey(*io::memory_source(Bytes(archive)), {});
    ASSERT_TRUE(found.ok()) << found.error().message;
    ASSERT_EQ(found->files.size(), 1u);
    const auto& metadata = found->files.at(0).metadata;
    ASSERT_TRUE(metadata.contains("format"));
    EXPECT_EQ(metadata.at("format").place.length, 11u);
  }
}

}  // namespace
}  // namespace bbz::salvage
