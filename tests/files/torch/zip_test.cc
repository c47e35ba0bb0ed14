#include "bbz/files/torch/internal/zip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bbz/base/format.h"
#include "files/torch/make_files.h"
#include "files/torch/reading.h"

namespace bbz::torch {
namespace {

using testing::HasSubstr;

const ZipFiles kFiles = {{"m/data.pkl", "pickled"}, {"m/data/0", ""}, {"m/data/1", "01234567"}};

const std::string kA = "a/data.pkl", kB = "b/data.pkl";

Result<std::vector<ZipEntry>> entries_of(const std::string& file, const Limits& limits = {}) {
  BBZ_ASSIGN(ZipArchive archive, read_zip(*source_of(file), file.size(), limits));
  if (archive.begin != 0) return make_error(Code::kMalformed, "bytes before the archive");
  return std::move(archive.entries);
}

std::string zip_refusal(const std::string& file, const Limits& limits = {}) {
  const auto entries = entries_of(file, limits);
  if (entries.ok()) return "no error";
  return std::string(code_name(entries.code())) + ": " + entries.error().message;
}

void expect_files(const std::string& zip) {
  const auto entries = entries_of(zip);
  ASSERT_TRUE(entries.ok()) << entries.error().message;
  ASSERT_EQ(entries->size(), kFiles.size());
  for (std::size_t i = 0; i < kFiles.size(); ++i) {
    const ZipEntry& entry = (*entries)[i];
    EXPECT_EQ(entry.name, kFiles[i].first);
    EXPECT_EQ(zip.substr(entry.offset, entry.size), kFiles[i].second);
  }
}

std::string replaced(std::string text, std::string_view from, std::string_view to, bool last) {
  const auto at = last ? text.rfind(from) : text.find(from);
  EXPECT_NE(at, std::string::npos);
  return text.replace(at, from.size(), to);
}

TEST(Zip, FindsEntries) {
  expect_files(make_zip(kFiles));
}

TEST(Zip, FindsEntriesBehindExtraFields) {
  ZipForm form;
  form.extra = std::string("FB\x03\0ZZZ", 7);
  expect_files(make_zip(kFiles, form));
}

TEST(Zip, FindsEntriesOfZip64) {
  ZipForm form;
  form.zip64 = true;
  expect_files(make_zip(kFiles, form));
}

TEST(Zip, FindsEntriesBeforeCommentThatLooksLikeAnEnd) {
  ZipForm form;
  form.comment = "see " + little(0x06054b50, 4) + std::string(30, '!');
  expect_files(make_zip(kFiles, form));
}

TEST(Zip, ListsCompressedAndEncryptedEntriesAndRefusesTheirData) {
  const auto refusal_of_first = [](const ZipForm& form) {
    const auto entries = entries_of(make_zip(kFiles, form));
    EXPECT_TRUE(entries.ok()) << entries.error().message;
    const Status status = check_stored((*entries)[0]);
    if (status.ok()) return std::string("no error");
    return std::string(code_name(status.code())) + ": " + status.error().message;
  };
  EXPECT_EQ(refusal_of_first({}), "no error");
  ZipForm form;
  form.method = 8;
  EXPECT_THAT(refusal_of_first(form),
              HasSubstr("unsupported: zip archive: the entry \"m/data.pkl\" is compressed"));
  form = {};
  form.flags = 1;
  EXPECT_THAT(refusal_of_first(form),
              HasSubstr("unsupported: zip archive: the entry \"m/data.pkl\" is encrypted"));
}

TEST(Zip, FindsArchivesInARow) {
  for (const bool zip64 : {false, true}) {
    ZipForm form;
    form.zip64 = zip64;
    // Of the same size, so that an offset in one is that of the same record in the other.
    const std::string first = make_zip({{kA, "0123"}}, form);
    const std::string second = make_zip({{kB, "4567"}}, form);
    const std::string file = first + second;
    const auto last = read_zip(*source_of(file), file.size(), {});
    ASSERT_TRUE(last.ok()) << last.error().message;
    EXPECT_EQ(last->begin, first.size());
    EXPECT_EQ(file.substr(last->entries.at(0).offset, 4), "4567");
    const auto before = read_zip(*source_of(file), last->begin, {});
    ASSERT_TRUE(before.ok()) << before.error().message;
    EXPECT_EQ(before->begin, 0u);
    EXPECT_EQ(before->entries.at(0).name, kA);
  }
  // Only the last may have a comment.
  ZipForm form;
  form.comment = "a comment";
  const std::string file = make_zip(kFiles, form) + make_zip(kFiles);
  EXPECT_FALSE(read_zip(*source_of(file), file.size() / 2 + 4, {}).ok());
}

TEST(Zip, RefusesEveryFileThatIsCut) {
  for (const bool zip64 : {false, true}) {
    ZipForm form;
    form.zip64 = zip64;
    const std::string zip = make_zip(kFiles, form);
    for (std::size_t size = 0; size < zip.size(); ++size) {
      EXPECT_NE(zip_refusal(zip.substr(0, size)), "no error") << size;
      EXPECT_NE(zip_refusal(zip.substr(zip.size() - size)), "no error") << size;
    }
  }
}

TEST(Zip, RefusesHeadersThatDiffer) {
  const std::string zip = make_zip(kFiles);
  EXPECT_THAT(zip_refusal(replaced(zip, "m/data/1", "m/data/2", false)),
              HasSubstr("the local header differs from the central directory"));
  ZipForm form;
  form.flags = 0x800;  // the local header knows the size
  const std::string sized = make_zip(kFiles, form);
  expect_files(sized);
  const std::string size = little(8, 4) + little(8, 4) + little(8, 2);
  EXPECT_THAT(zip_refusal(replaced(sized, size, little(7, 4) + little(7, 4) + little(8, 2), false)),
              HasSubstr("the local header differs from the central directory"));
}

TEST(Zip, RefusesEntriesThatOverlap) {
  // The list of the file with the first entry twice.
  const std::string zip = make_zip({{kA, "0123"}, {kA, "0123"}});
  const std::string second_offset = little(30 + kA.size() + 4, 4) + kA;
  EXPECT_THAT(zip_refusal(replaced(zip, second_offset, little(0, 4) + kA, true)),
              HasSubstr("two entries overlap"));
}

TEST(Zip, RefusesAnEntryWithinAnothersData) {
  const std::string inner = make_zip({{kB, "0123"}}).substr(0, 30 + kA.size() + 4);
  const std::string zip = make_zip({{kA, inner}, {kB, "0123"}});
  EXPECT_EQ(zip_refusal(zip), "no error");
  // The list of the file gives the place of the second entry's copy in the first one.
  const std::string second_offset = little(30 + kA.size() + inner.size(), 4) + kB;
  EXPECT_THAT(zip_refusal(replaced(zip, second_offset, little(30 + kA.size(), 4) + kB, true)),
              HasSubstr("two entries overlap"));
}

TEST(Zip, RefusesDataThatReachesIntoTheDirectory) {
  ZipForm form;
  const std::string zip = make_zip({{kA, "0123"}}, form);
  const std::string size = little(4, 4) + little(4, 4) + little(kA.size(), 2);
  EXPECT_THAT(
      zip_refusal(replaced(zip, size, little(5, 4) + little(5, 4) + little(kA.size(), 2), true)),
      HasSubstr("an entry's data does not end before the central directory"));
}

TEST(Zip, RefusesDirectoriesOverTheLimits) {
  Limits limits;
  limits.entries = 2;
  EXPECT_THAT(zip_refusal(make_zip(kFiles), limits), HasSubstr("limit: zip archive: 3 entries"));
  limits = {};
  limits.directory_bytes = 100;
  EXPECT_THAT(zip_refusal(make_zip(kFiles), limits), HasSubstr("limit: zip archive: 3 entries"));
}

TEST(Zip, RefusesCountsThatAreNotTheDirectorys) {
  const std::string zip = make_zip(kFiles);
  const std::string count = little(3, 2) + little(3, 2);
  EXPECT_THAT(zip_refusal(replaced(zip, count, little(2, 2) + little(2, 2), true)),
              HasSubstr("bytes after its entries"));
  EXPECT_THAT(zip_refusal(replaced(zip, count, little(4, 2) + little(4, 2), true)),
              HasSubstr("zip archive"));
  EXPECT_THAT(zip_refusal(replaced(zip, count, little(2, 2) + little(3, 2), true)),
              HasSubstr("several parts"));
}

TEST(Zip, RefusesEndRecordsThatDiffer) {
  ZipForm form;
  form.zip64 = true;
  const std::string zip = make_zip(kFiles, form);
  EXPECT_THAT(zip_refusal(replaced(zip, little(0xffff, 2) + little(0xffff, 2),
                                   little(2, 2) + little(2, 2), true)),
              HasSubstr("the two end records differ"));
}

// Their local headers are not read: a document or a package may have very many.
TEST(Zip, ArchivesWithoutAPickleAreKnownByTheirDirectory) {
  ZipFiles files = {{"a/one.txt", "1"}, {"a/two.txt", "2"}, {"a/b/data.pkl", "3"}};
  const auto broken = [&] {
    std::string zip = make_zip(files);
    zip.replace(zip.find("PK\x03\x04", 4), 4, "????");  // the second local header
    return zip;
  };
  EXPECT_EQ(refusal(broken()), "malformed: test.pt: " + std::string(kNoPickle));
  files.emplace_back("a/data.pkl", pickle("}"));
  EXPECT_THAT(refusal(broken()), HasSubstr("no local header"));
}

}  // namespace
}  // namespace bbz::torch
