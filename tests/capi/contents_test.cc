#include <array>

#include "capi/support.h"

namespace bbz::capi {
namespace {

using testing::ElementsAre;

class CContents : public CInterface {
 protected:
  Owned<bbz_reader> reader_ = open();

  bbz_tensor_info tensor(std::string_view name) {
    auto info = sized<bbz_tensor_info>();
    EXPECT_EQ(bbz_reader_tensor(reader_.get(), find(*reader_, name), &info, error_.get()), BBZ_OK)
        << message();
    return info;
  }

  bbz_code select(const bbz_selection* selection) {
    std::size_t count = 0;
    const bbz_code code =
        bbz_reader_select(reader_.get(), selection, nullptr, 0, &count, error_.get());
    selected_.assign(count, BBZ_NONE);
    if (code != BBZ_OK) return code;
    return bbz_reader_select(reader_.get(), selection, selected_.data(), count, &count,
                             error_.get());
  }

  std::vector<std::string> selected_names() {
    std::vector<std::string> names;
    for (const std::uint32_t number : selected_) {
      auto info = sized<bbz_tensor_info>();
      EXPECT_EQ(bbz_reader_tensor(reader_.get(), number, &info, error_.get()), BBZ_OK);
      names.emplace_back(info.name, info.name_length);
    }
    return names;
  }

  std::vector<std::uint32_t> selected_;
};

TEST_F(CContents, TheArchive) {
  auto info = sized<bbz_archive_info>();
  ASSERT_EQ(bbz_reader_info(reader_.get(), &info, error_.get()), BBZ_OK) << message();
  const auto same = Reader::open(io::memory_source(Bytes(archive_)));
  EXPECT_EQ(info.format_major, 1u);
  EXPECT_EQ(info.format_minor, 0u);
  EXPECT_EQ(info.file_count, 4u);
  EXPECT_EQ(info.tensor_count, same->catalog().tensors.size());
  EXPECT_EQ(info.metadata_count, 1u);
  EXPECT_EQ(info.exact, 1u);
  EXPECT_EQ(info.chunk_count, same->catalog().chunks.size());
  EXPECT_EQ(info.archive_bytes, archive_.size());
  EXPECT_EQ(info.unpacked_bytes, files_[0].bytes().size() + files_[3].bytes().size());
  EXPECT_EQ(info.stored_bytes, same->catalog().stored_bytes);
  EXPECT_EQ(info.root, same->root().to_string());
}

TEST_F(CContents, Files) {
  std::uint32_t number = 0;
  ASSERT_EQ(bbz_reader_find_file(reader_.get(), "model", 5, &number, error_.get()), BBZ_OK);
  auto file = sized<bbz_file_info>();
  ASSERT_EQ(bbz_reader_file(reader_.get(), number, &file, error_.get()), BBZ_OK) << message();
  EXPECT_STREQ(file.path, "model");
  EXPECT_EQ(file.path_length, 5u);
  EXPECT_EQ(file.size, files_[3].bytes().size());
  EXPECT_EQ(file.tensor_count, 7u);
  EXPECT_EQ(file.is_directory, 0u);
  EXPECT_EQ(file.tensors[1], find(*reader_, "embed"));
  ASSERT_NE(file.sha256, nullptr);
  const Digest digest = digest_of(DigestKind::kSha256, files_[3].bytes());
  EXPECT_TRUE(std::ranges::equal(std::as_bytes(std::span(file.sha256, 32)), digest.view()));

  ASSERT_EQ(bbz_reader_find_file(reader_.get(), "folder/below/more", 12, &number, error_.get()),
            BBZ_OK);
  ASSERT_EQ(bbz_reader_file(reader_.get(), number, &file, error_.get()), BBZ_OK) << message();
  EXPECT_EQ(file.is_directory, 1u);
  EXPECT_EQ(file.sha256, nullptr);

  EXPECT_EQ(bbz_reader_find_file(reader_.get(), "absent", 6, &number, error_.get()),
            BBZ_ERROR_NOT_FOUND);
  EXPECT_EQ(bbz_reader_file(reader_.get(), 4, &file, error_.get()), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(message(), "file 4: expected a number below 4");
}

TEST_F(CContents, WhatIsRecordedOfFiles) {
  archive_.clear();
  const auto sink = io::memory_sink(archive_);
  auto writer = Writer::create(*sink).value();
  const auto add = [&](const char* path, const io::FileAttributes& attributes) {
    ASSERT_TRUE(writer.begin_file(path, catalog::FileKind::kRegular, attributes).ok());
    ASSERT_TRUE(writer.end_file().ok());
  };
  add("none", {});
  add("both", {.mode = 0640, .time = io::FileTime{-5, 7}});
  add("mode", {.mode = 0, .time = {}});
  add("time", {.mode = {}, .time = io::FileTime{0, 0}});
  ASSERT_TRUE(writer.finish().ok());
  const auto reader = open();
  const auto file = [&](std::uint32_t number) {
    auto info = sized<bbz_file_info>();
    EXPECT_EQ(bbz_reader_file(reader.get(), number, &info, error_.get()), BBZ_OK) << message();
    return info;
  };
  EXPECT_EQ(file(0).recorded, 0u);
  const bbz_file_info both = file(1);
  EXPECT_EQ(both.recorded, BBZ_RECORDED_MODE | BBZ_RECORDED_TIME);
  EXPECT_EQ(both.mode, 0640u);
  EXPECT_EQ(both.modified_seconds, -5);
  EXPECT_EQ(both.modified_nanoseconds, 7u);
  EXPECT_EQ(file(2).recorded, BBZ_RECORDED_MODE);
  EXPECT_EQ(file(3).recorded, BBZ_RECORDED_TIME);
  // A caller of the first version has no room for it.
  auto small = sized<bbz_file_info>();
  small.struct_size = offsetof(bbz_file_info, recorded);
  small.recorded = small.mode = 77;
  ASSERT_EQ(bbz_reader_file(reader.get(), 1, &small, error_.get()), BBZ_OK) << message();
  EXPECT_STREQ(small.path, "both");
  EXPECT_EQ(small.recorded, 77u);
  EXPECT_EQ(small.mode, 77u);
}

TEST_F(CContents, FilesWithoutADigest) {
  archive_ = *write_sample(files_, {});
  const auto reader = open();
  auto file = sized<bbz_file_info>();
  ASSERT_EQ(bbz_reader_file(reader.get(), 3, &file, error_.get()), BBZ_OK) << message();
  EXPECT_EQ(file.sha256, nullptr);
}

TEST_F(CContents, StoredBytesAreThoseOfPayloads) {
  SampleTensor zeros = sample_tensor("zeros", DType::kF32, {3, 100}, 1);
  std::ranges::fill(zeros.bytes, std::byte{0});
  archive_ = *write_sample({{"model", catalog::FileKind::kRegular, {zeros}}}, {});
  reader_ = open();
  const bbz_tensor_info info = tensor("zeros");
  EXPECT_EQ(info.byte_size, 1200u);
  EXPECT_EQ(info.stored_bytes, 4u);
  auto archive = sized<bbz_archive_info>();
  ASSERT_EQ(bbz_reader_info(reader_.get(), &archive, error_.get()), BBZ_OK) << message();
  EXPECT_EQ(archive.unpacked_bytes, 1200u);
  EXPECT_EQ(archive.stored_bytes, 4u + std::string_view("tests").size());  // and the metadata
}

TEST_F(CContents, Tensors) {
  const bbz_tensor_info w = tensor("layers.0.w");
  EXPECT_STREQ(w.name, "layers.0.w");
  EXPECT_EQ(w.name_length, 10u);
  EXPECT_EQ(w.kind, std::uint32_t{BBZ_KIND_TENSOR});
  EXPECT_EQ(w.dtype, std::uint32_t{BBZ_DTYPE_BF16});
  EXPECT_EQ(w.element_bits, 16u);
  EXPECT_THAT(std::span(w.shape, w.rank), ElementsAre(16u, 20u));
  EXPECT_EQ(w.element_count, 320u);
  EXPECT_EQ(w.byte_size, 640u);
  EXPECT_EQ(w.chunk_count, 16u);
  EXPECT_GT(w.stored_bytes, 0u);
  EXPECT_EQ(w.file, 3u);
  EXPECT_EQ(w.file_offset, files_[3].tensors[0].bytes.size() + files_[3].tensors[1].bytes.size());
  EXPECT_EQ(w.layer, 0u);

  EXPECT_EQ(tensor("embed").layer, BBZ_NONE);
  EXPECT_EQ(tensor("layers.1.scale").rank, 0u);
  EXPECT_EQ(tensor("layers.1.scale").element_count, 1u);
  EXPECT_EQ(tensor("layers.0.none").element_count, 0u);
  EXPECT_EQ(tensor("packed").element_bits, 4u);
  EXPECT_EQ(tensor("packed").byte_size, 12u);

  auto bytes = sized<bbz_tensor_info>();
  ASSERT_EQ(bbz_reader_tensor(reader_.get(), 0, &bytes, error_.get()), BBZ_OK) << message();
  EXPECT_EQ(bytes.kind, std::uint32_t{BBZ_KIND_BYTES});
  EXPECT_STREQ(bytes.name, "");
  EXPECT_EQ(bbz_reader_tensor(reader_.get(), 1000, &bytes, error_.get()),
            BBZ_ERROR_INVALID_ARGUMENT);
}

TEST_F(CContents, TensorsOfBlocks) {
  archive_ = *write_sample(block_files(), {});
  reader_ = open();
  const bbz_tensor_info q = tensor("layers.0.q");
  EXPECT_EQ(q.dtype, std::uint32_t{BBZ_DTYPE_BLOCK});
  EXPECT_EQ(q.element_bits, 18 * 8u);
  EXPECT_THAT(std::span(q.shape, q.rank), ElementsAre(5u, 4u));
  EXPECT_STREQ(q.block_type, "Q4_0");
  EXPECT_EQ(q.block_type_length, 4u);
  EXPECT_EQ(q.block_values, 32u);
  const bbz_tensor_info norm = tensor("norm");
  EXPECT_EQ(norm.block_type, nullptr);
  EXPECT_EQ(norm.block_type_length, 0u);
  EXPECT_EQ(norm.block_values, 0u);
}

TEST_F(CContents, ATensorInfoOfTheFirstVersion) {
  bbz_tensor_info info;
  std::memset(&info, 0xFF, sizeof info);
  info.struct_size = offsetof(bbz_tensor_info, layer) + sizeof info.layer;
  ASSERT_EQ(bbz_reader_tensor(reader_.get(), 0, &info, error_.get()), BBZ_OK) << message();
  EXPECT_EQ(info.block_values, 0xFFFFFFFF);  // is behind it
  --info.struct_size;
  EXPECT_EQ(bbz_reader_tensor(reader_.get(), 0, &info, error_.get()), BBZ_ERROR_INVALID_ARGUMENT);
}

TEST_F(CContents, TensorsByName) {
  std::uint32_t number = 0;
  EXPECT_EQ(bbz_reader_find_tensor(reader_.get(), "embed", 4, BBZ_NONE, &number, error_.get()),
            BBZ_ERROR_NOT_FOUND);
  EXPECT_EQ(message(), "no tensor is called \"embe\"");
  EXPECT_EQ(bbz_reader_find_tensor(reader_.get(), "embed", 5, 3, &number, error_.get()), BBZ_OK);
  EXPECT_EQ(bbz_reader_find_tensor(reader_.get(), "embed", 5, 0, &number, error_.get()),
            BBZ_ERROR_NOT_FOUND);
  EXPECT_EQ(bbz_reader_find_tensor(reader_.get(), "embed", 5, 4, &number, error_.get()),
            BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(message(), "file 4: expected a number below 4");
  // Bytes that are no tensor have no name to be found by.
  EXPECT_EQ(bbz_reader_find_tensor(reader_.get(), "", 0, BBZ_NONE, &number, error_.get()),
            BBZ_ERROR_NOT_FOUND);
}

TEST_F(CContents, ANameInTwoFilesNeedsTheFile) {
  files_.push_back(files_[3]);
  files_.back().path = "another";
  archive_ = *write_sample(files_, {});
  const auto reader = open();
  std::uint32_t number = 0;
  EXPECT_EQ(bbz_reader_find_tensor(reader.get(), "embed", 5, BBZ_NONE, &number, error_.get()),
            BBZ_ERROR_INVALID_ARGUMENT);
  ASSERT_EQ(bbz_reader_find_tensor(reader.get(), "embed", 5, 4, &number, error_.get()), BBZ_OK);
  auto info = sized<bbz_tensor_info>();
  ASSERT_EQ(bbz_reader_tensor(reader.get(), number, &info, error_.get()), BBZ_OK);
  EXPECT_EQ(info.file, 4u);
}

TEST_F(CContents, Selections) {
  EXPECT_EQ(select(nullptr), BBZ_OK) << message();
  EXPECT_EQ(selected_.size(), 6u);

  auto selection = sized<bbz_selection>();
  const bbz_layers layers[] = {{1, 7}};
  selection.layers = layers;
  selection.layer_count = 1;
  ASSERT_EQ(select(&selection), BBZ_OK) << message();
  EXPECT_THAT(selected_names(), ElementsAre("layers.1.w", "layers.1.scale"));

  const char* const patterns[] = {"*.w", "emb?d"};
  selection = sized<bbz_selection>();
  selection.tensors = patterns;
  selection.tensor_count = 2;
  ASSERT_EQ(select(&selection), BBZ_OK) << message();
  EXPECT_THAT(selected_names(), ElementsAre("embed", "layers.0.w", "layers.1.w"));

  const char* const excluded[] = {"layers.0.*"};
  selection.excluded = excluded;
  selection.excluded_count = 1;
  ASSERT_EQ(select(&selection), BBZ_OK) << message();
  EXPECT_THAT(selected_names(), ElementsAre("embed", "layers.1.w"));

  const char* const files[] = {"config*"};
  selection.files = files;
  selection.file_count = 1;
  EXPECT_EQ(select(&selection), BBZ_ERROR_NOT_FOUND);
  EXPECT_TRUE(selected_.empty());
}

TEST_F(CContents, ASelectionThatDoesNotFitTellsItsSize) {
  std::array<std::uint32_t, 5> room{};
  std::size_t count = 0;
  EXPECT_EQ(
      bbz_reader_select(reader_.get(), nullptr, room.data(), room.size(), &count, error_.get()),
      BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(count, 6u);
  EXPECT_EQ(message(), "an array of 5 numbers, expected 6 for the selected tensors");
}

TEST_F(CContents, MetadataEntries) {
  auto info = sized<bbz_metadata_info>();
  ASSERT_EQ(bbz_reader_metadata(reader_.get(), 0, &info, error_.get()), BBZ_OK) << message();
  EXPECT_STREQ(info.key, "made-for");
  EXPECT_EQ(info.key_length, 8u);
  EXPECT_EQ(info.value_length, 5u);
  EXPECT_EQ(info.file, BBZ_NONE);
  EXPECT_EQ(bbz_reader_metadata(reader_.get(), 1, &info, error_.get()), BBZ_ERROR_INVALID_ARGUMENT);
  std::string value(5, ' ');
  EXPECT_EQ(bbz_reader_read_metadata(reader_.get(), 0, value.data(), 5, error_.get()), BBZ_OK);
  EXPECT_EQ(value, "tests");
  EXPECT_EQ(bbz_reader_read_metadata(reader_.get(), 0, value.data(), 4, error_.get()),
            BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(bbz_reader_read_metadata(reader_.get(), 1, value.data(), 5, error_.get()),
            BBZ_ERROR_INVALID_ARGUMENT);
}

// A caller that was compiled with an interface of more, or of fewer, fields than the library has.
TEST_F(CContents, StructsOfOtherVersions) {
  struct Later {
    bbz_archive_info known;
    std::uint64_t unknown;
  } later{};
  later.unknown = 7;
  later.known.struct_size = sizeof later;
  ASSERT_EQ(bbz_reader_info(reader_.get(), &later.known, error_.get()), BBZ_OK) << message();
  EXPECT_EQ(later.known.struct_size, sizeof later);
  EXPECT_EQ(later.known.file_count, 4u);
  EXPECT_EQ(later.unknown, 0u);

  auto smaller = sized<bbz_archive_info>();
  smaller.struct_size = offsetof(bbz_archive_info, base_count) - 8;
  EXPECT_EQ(bbz_reader_info(reader_.get(), &smaller, error_.get()), BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(message(), "bbz_archive_info: struct_size 136, expected at least 144");

  struct LaterSelection {
    bbz_selection known;
    std::uint64_t unknown;
  } selection{};
  selection.known.struct_size = sizeof selection;
  std::size_t count = 0;
  EXPECT_EQ(bbz_reader_select(reader_.get(), &selection.known, nullptr, 0, &count, error_.get()),
            BBZ_OK)
      << message();
  selection.unknown = 1;
  EXPECT_EQ(bbz_reader_select(reader_.get(), &selection.known, nullptr, 0, &count, error_.get()),
            BBZ_ERROR_UNSUPPORTED);
}

TEST_F(CContents, NullsAreArgumentErrors) {
  const bbz_reader* r = reader_.get();
  bbz_error* e = error_.get();
  auto archive = sized<bbz_archive_info>();
  auto file = sized<bbz_file_info>();
  auto tensor = sized<bbz_tensor_info>();
  auto metadata = sized<bbz_metadata_info>();
  std::uint32_t n = 0;
  std::size_t count = 0;
  constexpr bbz_code kRefused = BBZ_ERROR_INVALID_ARGUMENT;
  EXPECT_EQ(bbz_reader_info(nullptr, &archive, e), kRefused);
  EXPECT_EQ(message(), "reader is null");
  EXPECT_EQ(bbz_reader_info(r, nullptr, e), kRefused);
  EXPECT_EQ(message(), "info is null");
  EXPECT_EQ(bbz_reader_file(nullptr, 0, &file, e), kRefused);
  EXPECT_EQ(bbz_reader_file(r, 0, nullptr, e), kRefused);
  EXPECT_EQ(bbz_reader_tensor(nullptr, 0, &tensor, e), kRefused);
  EXPECT_EQ(bbz_reader_tensor(r, 0, nullptr, e), kRefused);
  EXPECT_EQ(bbz_reader_metadata(nullptr, 0, &metadata, e), kRefused);
  EXPECT_EQ(bbz_reader_metadata(r, 0, nullptr, e), kRefused);
  EXPECT_EQ(bbz_reader_find_file(nullptr, "", 0, &n, e), kRefused);
  EXPECT_EQ(bbz_reader_find_file(r, nullptr, 0, &n, e), kRefused);
  EXPECT_EQ(bbz_reader_find_file(r, "", 0, nullptr, e), kRefused);
  EXPECT_EQ(bbz_reader_find_tensor(nullptr, "", 0, 0, &n, e), kRefused);
  EXPECT_EQ(bbz_reader_find_tensor(r, nullptr, 0, 0, &n, e), kRefused);
  EXPECT_EQ(bbz_reader_find_tensor(r, "", 0, 0, nullptr, e), kRefused);
  EXPECT_EQ(bbz_reader_select(nullptr, nullptr, nullptr, 0, &count, e), kRefused);
  EXPECT_EQ(bbz_reader_select(r, nullptr, nullptr, 9, &count, e), kRefused);
  EXPECT_EQ(bbz_reader_select(r, nullptr, nullptr, 0, nullptr, e), kRefused);
  auto selection = sized<bbz_selection>();
  selection.layer_count = 1;
  EXPECT_EQ(bbz_reader_select(r, &selection, nullptr, 0, &count, e), kRefused);
  EXPECT_EQ(message(), "layers is null");
  const char* const patterns[] = {nullptr};
  selection = sized<bbz_selection>();
  selection.tensor_count = 1;
  EXPECT_EQ(bbz_reader_select(r, &selection, nullptr, 0, &count, e), kRefused);
  selection.tensors = patterns;
  EXPECT_EQ(bbz_reader_select(r, &selection, nullptr, 0, &count, e), kRefused);
}

}  // namespace
}  // namespace bbz::capi
