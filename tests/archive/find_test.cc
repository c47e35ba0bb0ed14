// How a Reader is opened and moved, finds tensors by name, and writes them out.
#include "archive/sample.h"
#include "bbz/io/atomic_file.h"
#include "support/assert.h"
#include "support/temp_dir.h"

namespace bbz {
namespace {

// The sample, with its model twice: as "model" and as "other".
std::vector<std::byte> two_models() {
  auto files = sample_files();
  files.push_back(files[3]);
  files.back().path = "other";
  files.back().tensors.push_back(sample_tensor("alone", DType::kU8, {3}, 7));
  WriteOptions options;
  options.chunk_bytes = 64;
  return write_sample(files, options).value();
}

Reader open_in_memory(const std::vector<std::byte>& archive) {
  return *Reader::open(io::memory_source(Bytes(archive)));
}

TEST(Reader, IsAValueThatCanBeMoved) {
  const auto archive = two_models();
  Reader reader = open_in_memory(archive);
  const catalog::Catalog* const catalog = &reader.catalog();
  const Digest root = reader.root();
  const auto shared = std::make_shared<const Reader>(std::move(reader));
  EXPECT_EQ(&shared->catalog(), catalog);
  EXPECT_EQ(shared->root(), root);
  reader = open_in_memory(archive);  // what was moved from can be assigned to
  EXPECT_NE(&reader.catalog(), catalog);
  std::vector<std::byte> out(3);
  BBZ_ASSERT_OK(reader.read_tensor(*reader.find_tensor("alone"), out));
  EXPECT_EQ(out, sample_tensor("alone", DType::kU8, {3}, 7).bytes);
}

TEST(Reader, OpensAFileByItsPath) {
  const auto archive = two_models();
  const io::TempDir dir;
  EXPECT_EQ(Reader::open(dir / "model.bbz").code(), Code::kNotFound);
  const auto file = io::AtomicFile::create(dir / "model.bbz", {}).value();
  BBZ_ASSERT_OK(file->write(archive));
  BBZ_ASSERT_OK(file->finish());
  const auto reader = Reader::open(dir / "model.bbz");
  BBZ_ASSERT_OK(reader);
  EXPECT_EQ(reader->root(), open_in_memory(archive).root());
  EXPECT_EQ(reader->archive_bytes(), archive.size());
  ReadOptions options;
  options.limits.files = 1;
  EXPECT_EQ(Reader::open(dir / "model.bbz", options).code(), Code::kLimit);
}

TEST(Reader, FindsTensorsByName) {
  const auto archive = two_models();
  const Reader reader = open_in_memory(archive);
  const auto& files = reader.catalog().files;
  EXPECT_EQ(*reader.find_tensor("alone"), files[4].tensors.back());
  EXPECT_EQ(*reader.find_tensor("alone", 4), files[4].tensors.back());
  EXPECT_EQ(*reader.find_tensor("embed", 3), files[3].tensors[1]);
  EXPECT_EQ(*reader.find_tensor("embed", 4), files[4].tensors[1]);
  const auto in_other = [](const catalog::File& file) { return file.path == "other"; };
  EXPECT_EQ(*reader.find_tensor_in("embed", in_other), files[4].tensors[1]);

  const auto ambiguous = reader.find_tensor("embed");
  ASSERT_EQ(ambiguous.code(), Code::kInvalidArgument);
  EXPECT_EQ(ambiguous.error().message, "several files have a tensor \"embed\": choose one of them");
  EXPECT_EQ(ambiguous.error().remedy, Remedy::kChooseFile);
  const auto unknown = reader.find_tensor("embe");
  ASSERT_EQ(unknown.code(), Code::kNotFound);
  EXPECT_EQ(unknown.error().message, "no tensor is called \"embe\"");
  EXPECT_EQ(reader.find_tensor("alone", 3).code(), Code::kNotFound);
  EXPECT_EQ(reader.find_tensor("").code(), Code::kNotFound);  // bytes are no tensors
  const auto nowhere = reader.find_tensor("alone", 5);
  ASSERT_EQ(nowhere.code(), Code::kInvalidArgument);
  EXPECT_EQ(nowhere.error().message, "file 5: expected a number below 5");
  EXPECT_EQ(reader.find_tensor_in("alone", [](const auto&) { return false; }).code(),
            Code::kNotFound);
}

TEST(Reader, FindsFilesByPath) {
  const auto archive = two_models();
  const Reader reader = open_in_memory(archive);
  EXPECT_EQ(*reader.find_file("other"), 4u);
  EXPECT_EQ(*reader.find_file("folder/below"), 2u);
  const auto unknown = reader.find_file("folder");
  ASSERT_EQ(unknown.code(), Code::kNotFound);
  EXPECT_EQ(unknown.error().message, "no file is called \"folder\"");
}

TEST(Reader, ReadsRows) {
  const auto archive = two_models();
  const Reader reader = open_in_memory(archive);
  const auto read = [&](std::string_view name, std::uint64_t first, std::uint64_t count,
                        std::size_t size) -> Result<std::vector<std::byte>> {
    std::vector<std::byte> out(size);
    BBZ_TRY(reader.read_rows(*reader.find_tensor(name, 3), first, count, out));
    return out;
  };
  const auto bytes_of = [](std::size_t tensor, std::size_t from, std::size_t size) {
    const auto bytes = sample_files()[3].tensors[tensor].bytes;
    const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(from);
    return std::vector<std::byte>(begin, begin + static_cast<std::ptrdiff_t>(size));
  };
  EXPECT_EQ(*read("layers.0.w", 5, 3, 120), bytes_of(2, 200, 120));
  EXPECT_EQ(*read("layers.0.w", 0, 16, 640), bytes_of(2, 0, 640));
  EXPECT_EQ(*read("layers.1.scale", 0, 1, 8), bytes_of(5, 0, 8));  // rank 0 has one row
  EXPECT_EQ(*read("packed", 1, 2, 6), bytes_of(6, 3, 6));
  EXPECT_TRUE(read("layers.0.none", 0, 0, 0).ok());
  EXPECT_EQ(read("layers.0.w", 15, 2, 80).code(), Code::kInvalidArgument);
  EXPECT_EQ(read("layers.0.w", 1, ~std::uint64_t{0}, 80).code(), Code::kInvalidArgument);
  const auto short_buffer = read("layers.0.w", 5, 3, 119);
  ASSERT_EQ(short_buffer.code(), Code::kInvalidArgument);
  EXPECT_TRUE(
      short_buffer.error().message.ends_with("a buffer of 119 bytes for 3 rows, expected 120"));
  EXPECT_EQ(reader.read_rows(99, 0, 0, {}).code(), Code::kInvalidArgument);
}

// In order where the sink is memory, and each chunk at its place where it is a file.
TEST(Reader, WritesTensorsBehindOneAnother) {
  const auto archive = two_models();
  const Reader reader = open_in_memory(archive);
  const std::vector<std::uint32_t> tensors = {*reader.find_tensor("packed", 3),
                                              *reader.find_tensor("layers.0.w", 4)};
  auto expected = std::vector<std::byte>(4, std::byte{7});
  for (const std::size_t i : {6u, 2u}) {
    const auto bytes = sample_files()[3].tensors[i].bytes;
    expected.insert(expected.end(), bytes.begin(), bytes.end());
  }
  std::uint64_t done = 0;
  const auto written = [&](std::uint64_t now) { done = now; };

  std::vector<std::byte> out;
  const auto memory = io::memory_sink(out);
  BBZ_ASSERT_OK(memory->write(Bytes(expected).first(4)));
  BBZ_ASSERT_OK(reader.write_tensors(tensors, *memory, written));
  EXPECT_EQ(out, expected);
  EXPECT_EQ(done, expected.size() - 4);

  const io::TempDir dir;
  const auto file = io::AtomicFile::create(dir / "out", {}).value();
  ASSERT_TRUE(file->can_place());
  BBZ_ASSERT_OK(file->write(Bytes(expected).first(4)));
  done = 0;
  BBZ_ASSERT_OK(reader.write_tensors(tensors, *file, written));
  BBZ_ASSERT_OK(file->finish());
  EXPECT_EQ(done, expected.size() - 4);
  EXPECT_EQ(io::read_text(dir / "out"),
            std::string(reinterpret_cast<const char*>(expected.data()), expected.size()));

  const std::uint32_t unknown[] = {99};
  EXPECT_EQ(reader.write_tensors(unknown, *memory).code(), Code::kInvalidArgument);
  const auto other = io::AtomicFile::create(dir / "other", {}).value();
  EXPECT_EQ(reader.write_tensors(unknown, *other).code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace bbz
