#include "bbz/access/model/model.h"

#include <gtest/gtest.h>

#include "bbz/archive/writer.h"
#include "bbz/files/gguf/header.h"
#include "files/gguf/make_file.h"
#include "files/torch/make_files.h"
#include "io/changes.h"
#include "support/temp_dir.h"

namespace bbz::model {
namespace {

using io::TempDir;
using io::write_text;

// An archive of a config.json of this many bytes.
std::vector<std::byte> with_config(std::uint64_t size) {
  std::vector<std::byte> archive;
  const auto sink = io::memory_sink(archive);
  auto writer = Writer::create(*sink).value();
  EXPECT_TRUE(writer.begin_file("config.json").ok());
  EXPECT_TRUE(writer.begin_tensor(TensorSpec::bytes(size)).ok());
  EXPECT_TRUE(writer.write(std::vector<std::byte>(size, std::byte{' '})).ok());
  EXPECT_TRUE(writer.end_tensor().ok());
  EXPECT_TRUE(writer.end_file().ok());
  EXPECT_TRUE(writer.finish().ok());
  return archive;
}

TEST(ModelOfAnArchive, TakesNoConfigOfMoreThanTheLimit) {
  constexpr std::uint64_t kMost = 16 << 20;
  for (const std::uint64_t size : {std::uint64_t{100}, kMost, kMost + 1}) {
    const auto archive = with_config(size);
    const auto model = open(io::memory_source(Bytes(archive)), "a.bbz");
    ASSERT_TRUE(model.ok()) << model.error().message;
    EXPECT_EQ(model->config.size(), size > kMost ? 0 : size);
  }
}

TEST(ModelOfAFile, IsReadByTheFormatOfItsContentWhateverItsName) {
  const std::string pickled =
      torch::pickle(torch::pickle_dict({{"w", torch::pickle_view(torch::kMatrix)}}));
  const std::string zip = torch::make_torch(pickled, {torch::counting_bytes(24)});
  std::vector<safetensors::Tensor> tensors = {{"w", DType::kF32, {2, 3}, 0, 0}};
  const auto header = safetensors::build(tensors, {}).value();
  const std::string plain = std::string(as_text(header)) + torch::counting_bytes(24);
  for (const std::string& text : {zip, plain}) {
    for (const char* name : {"m", "m.pt", "m.safetensors", "m.zip"}) {
      const auto model = open(io::memory_source(std::as_bytes(std::span(text))), name);
      ASSERT_TRUE(model.ok()) << name << ": " << model.error().message;
      ASSERT_EQ(model->tensors.size(), 1u) << name;
      EXPECT_EQ(model->load(0)->size(), 24u) << name;
    }
  }
  const std::string pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n";
  const auto refused = open(io::memory_source(std::as_bytes(std::span(pointer))), "m.safetensors");
  ASSERT_EQ(refused.code(), Code::kInvalidArgument);
  EXPECT_NE(refused.error().message.find("git lfs pull"), std::string::npos);
}

// A GGUF file, and an archive that has it, after a file of another format.
std::vector<std::byte> archive_of_gguf(Bytes file, std::uint64_t header, std::string_view format) {
  std::vector<std::byte> archive;
  const auto sink = io::memory_sink(archive);
  auto writer = Writer::create(*sink).value();
  EXPECT_TRUE(writer.begin_file("a.txt").ok());
  EXPECT_TRUE(writer.add_metadata("format", "bytes").ok());
  EXPECT_TRUE(writer.end_file().ok());
  EXPECT_TRUE(writer.begin_file("m.gguf").ok());
  EXPECT_TRUE(writer.add_metadata("format", format).ok());
  for (const Bytes part : {file.first(header), file.subspan(header)}) {
    EXPECT_TRUE(writer.begin_tensor(TensorSpec::bytes(part.size())).ok());
    EXPECT_TRUE(writer.write(part).ok());
    EXPECT_TRUE(writer.end_tensor().ok());
  }
  EXPECT_TRUE(writer.end_file().ok());
  EXPECT_TRUE(writer.finish().ok());
  return archive;
}

// Whoever compares models must not think that the tensors which are listed are all.
TEST(ModelOfAGgufFile, IsRefusedIfATensorIsOfAnUnknownType) {
  for (const bool unknown : {false, true}) {
    std::vector<gguf::Made> made = {{"known", {4}, 0, 16}};
    if (unknown) made.push_back({"odd", {256, 2}, 16, 132});
    const auto file = gguf::file_of(made, {.vocabulary = 20'000});
    const std::uint64_t header = gguf::parse(file, file.size())->size;
    const auto refused = [](Bytes bytes, const char* name) {
      const auto model = open(io::memory_source(bytes), name);
      if (model.ok()) return std::string();
      EXPECT_EQ(model.code(), Code::kUnsupported);
      return model.error().message;
    };
    const std::string of_file = refused(file, "m.gguf");
    const std::string of_archive = refused(archive_of_gguf(file, header, "gguf"), "m.bbz");
    EXPECT_EQ(refused(archive_of_gguf(file, header, "bytes"), "m.bbz"), "");
    if (unknown) {
      const char* const what = "tensor \"odd\" is of type 16, which is not known";
      EXPECT_NE(of_file.find(what), std::string::npos) << of_file;
      EXPECT_NE(of_archive.find(what), std::string::npos) << of_archive;
      EXPECT_NE(of_archive.find("file \"m.gguf\""), std::string::npos) << of_archive;
    } else {
      EXPECT_EQ(of_file, "");
      EXPECT_EQ(of_archive, "");
    }
  }
}

// The tensor of a model as its parts give it, of which there must be this many.
std::vector<std::byte> by_parts(const Model& model, std::size_t expected) {
  std::vector<std::byte> all;
  std::size_t parts = 0;
  while (true) {
    const auto part = model.load_part(0, all.size());
    EXPECT_TRUE(part.ok()) << part.error().message;
    if (!part.ok() || part->empty()) break;
    all.insert(all.end(), part->begin(), part->end());
    ++parts;
  }
  EXPECT_EQ(parts, expected);
  return all;
}

// In every file format, the parts of a tensor have the bytes of the whole.
TEST(ModelOfAFile, GivesTensorsInParts) {
  constexpr std::uint64_t kRows = 5 << 12, kColumns = 1 << 10;  // of 2 bytes: 40 MiB
  const std::string data = torch::counting_bytes(kRows * kColumns * 2);
  const Bytes bytes = std::as_bytes(std::span(data));
  const TempDir dir;
  write_text(dir / "m.pt",
             torch::make_torch(
                 torch::pickle(torch::pickle_dict({{"w", torch::pickle_view({"HalfStorage",
                                                                             "0",
                                                                             kRows * kColumns,
                                                                             0,
                                                                             {kRows, kColumns},
                                                                             {kColumns, 1}})}})),
                 {data}));
  std::vector<safetensors::Tensor> listed = {{"w", DType::kF16, {kRows, kColumns}, 0, 0}};
  const auto header = safetensors::build(listed, {}).value();
  write_text(dir / "m.safetensors", std::string(as_text(header)) + data);
  {
    std::vector<std::byte> archive;
    const auto sink = io::memory_sink(archive);
    WriteOptions options;
    options.chunk_bytes = 3 << 20;
    Writer writer = Writer::create(*sink, options).value();
    ASSERT_TRUE(writer.begin_file("m").ok());
    TensorSpec spec;
    spec.name = "w";
    spec.dtype = DType::kF16;
    spec.shape = {kRows, kColumns};
    ASSERT_TRUE(writer.begin_tensor(spec).ok());
    ASSERT_TRUE(writer.write(bytes).ok());
    ASSERT_TRUE(writer.end_tensor().ok());
    ASSERT_TRUE(writer.end_file().ok());
    ASSERT_TRUE(writer.finish().ok());
    write_text(dir / "m.bbz", std::string(as_text(archive)));
  }
  for (const char* name : {"m.pt", "m.safetensors", "m.bbz"}) {
    const auto model = open(dir / name);
    ASSERT_TRUE(model.ok()) << name << ": " << model.error().message;
    EXPECT_TRUE(std::ranges::equal(by_parts(*model, 2), bytes)) << name;
    EXPECT_TRUE(std::ranges::equal(*model->load(0), bytes)) << name;
  }
}

// Which files of a directory hold a model is what `bbz pack` takes them for.
TEST(ModelOfAFolder, IsInAFileOfAnySuffixOfPyTorch) {
  const std::string text = torch::make_torch(
      torch::pickle(torch::pickle_dict(
          {{"w", torch::pickle_view({"HalfStorage", "0", 4, 0, {2, 2}, {2, 1}})}})),
      {torch::counting_bytes(8)});
  for (const char* name : {"m.pt", "m.pth", "pytorch_model.bin", "m.ckpt"}) {
    const TempDir dir;
    write_text(dir / name, text);
    write_text(dir / "other.bin", "no model");
    write_text(dir / "arguments.bin",
               torch::make_torch(torch::pickle(torch::pickle_global("os", "system") + ")R"), {}));
    const auto model = open(dir.path());
    ASSERT_TRUE(model.ok()) << name << ": " << model.error().message;
    ASSERT_EQ(model->tensors.size(), 1u) << name;
    EXPECT_EQ(model->tensors[0].name, "w");
  }
}

TEST(ModelOfAFolder, DamagedFilesAreNotPassedOver) {
  const std::string text = torch::make_torch(
      torch::pickle(torch::pickle_dict(
          {{"w", torch::pickle_view({"HalfStorage", "0", 4, 0, {2, 2}, {2, 1}})}})),
      {torch::counting_bytes(8)});
  const TempDir dir;
  write_text(dir / "a.bin", text);
  write_text(dir / "b.bin", text.substr(0, text.size() - 9));
  EXPECT_FALSE(open(dir.path()).ok());
}

// In every file format, no tensor is given after the file has changed.
TEST(ModelOfAFile, IsNotReadFurtherWhenItHasChanged) {
  const std::string pickled =
      torch::pickle(torch::pickle_dict({{"w", torch::pickle_view(torch::kMatrix)}}));
  const std::string torch_file = torch::make_torch(pickled, {torch::counting_bytes(24)});
  std::vector<safetensors::Tensor> tensors = {{"w", DType::kF32, {2, 3}, 0, 0}};
  const auto header = safetensors::build(tensors, {}).value();
  const std::string plain(reinterpret_cast<const char*>(header.data()), header.size());
  const std::vector<std::pair<std::string, std::string>> files = {
      {"m.pt", torch_file}, {"m.safetensors", plain + torch::counting_bytes(24)}};
  for (const auto& [name, text] : files) {
    for (const io::Change change : io::kChanges) {
      const TempDir dir;
      write_text(dir / name, text);
      for (const bool folder : {false, true}) {
        write_text(dir / name, text);
        const auto model = open(folder ? dir.path().string() : dir / name);
        ASSERT_TRUE(model.ok()) << model.error().message;
        EXPECT_TRUE(model->load(0).ok());
        EXPECT_TRUE(check_unchanged(*model).ok());
        io::change_file(dir / name, change);
        const auto bytes = model->load(0);
        EXPECT_EQ(bytes.code(), Code::kIo);
        EXPECT_NE(bytes.error().message.find(dir / name), std::string::npos);
        EXPECT_EQ(check_unchanged(*model).code(), Code::kIo);
      }
    }
  }
}

}  // namespace
}  // namespace bbz::model
