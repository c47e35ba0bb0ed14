// GGUF files as they are laid out to be packed.
#include <gmock/gmock.h>

#include "files/gguf/make_file.h"
#include "files/make_files.h"
#include "files/reading.h"
#include "support/faulty.h"
#include "support/temp_dir.h"

namespace bbz::files {
namespace {

using testing::HasSubstr;

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Owns a text and gives it without its size and front to back.
class GgufPipe final : public io::Source {
 public:
  explicit GgufPipe(const std::vector<std::byte>& bytes) : bytes_(bytes) {}
  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    return sequential_.read_at(offset, out);
  }
  std::optional<std::uint64_t> size() const override { return std::nullopt; }
  bool seekable() const override { return false; }
  std::string_view name() const override { return "pipe"; }

 private:
  std::vector<std::byte> bytes_;
  std::unique_ptr<io::Source> memory_ = io::memory_source(Bytes(bytes_));
  io::SequentialSource sequential_{*memory_};
};

class Gguf : public testing::Test {
 protected:
  Result<SourceFile> opened(const std::vector<std::byte>& bytes, const std::string& name) {
    io::write_text(dir_ / name, text_of(bytes));
    BBZ_ASSIGN(const auto files, open(dir_ / name));
    BBZ_ASSIGN(auto file, files->next());
    return std::move(*file);
  }

  const io::TempDir dir_;
};

TEST_F(Gguf, IsDividedIntoItsTensorsWhateverItsName) {
  const auto made = gguf::every_type();
  const auto bytes = gguf::file_of(made);
  for (const std::string name : {"m.gguf", "model"}) {
    auto file = opened(bytes, name);
    ASSERT_TRUE(file.ok()) << file.error().message;
    EXPECT_EQ(file->layout.format, "gguf");
    EXPECT_EQ(file->layout.why_bytes, "");
    std::size_t tensors = 0;
    for (const Extent& extent : file->layout.extents) {
      if (extent.kind == Extent::Kind::kBytes) continue;
      EXPECT_EQ(extent.name, made[tensors].name);
      EXPECT_EQ(extent.length, made[tensors].size);
      EXPECT_EQ(extent.dtype == DType::kBlock, extent.block != nullptr);
      EXPECT_EQ(extent.shape, (Shape{2, 3}));
      ++tensors;
    }
    EXPECT_EQ(tensors, made.size() - 1);
    EXPECT_EQ(*read_file(*file), text_of(bytes));
  }
}

TEST_F(Gguf, IsDividedInAStreamToo) {
  for (const bool padded : {true, false}) {
    auto made = gguf::every_type();
    made.pop_back();
    const auto bytes = gguf::file_of(made, {.padded = padded});
    const auto files = open_stream(std::make_unique<GgufPipe>(bytes));
    ASSERT_TRUE(files.ok());
    auto file = (*files)->next();
    ASSERT_TRUE(file.ok() && *file) << file.error().message;
    EXPECT_EQ((*file)->path, "stdin.gguf");
    EXPECT_EQ((*file)->layout.format, "gguf");
    EXPECT_EQ(*read_file(**file), text_of(bytes));
  }
}

TEST_F(Gguf, WithoutTensorsIsBytes) {
  const auto bytes = gguf::file_of({});
  auto file = opened(bytes, "vocabulary.gguf");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->layout.format, "gguf");
  ASSERT_EQ(file->layout.extents.size(), 1u);
  EXPECT_EQ(*read_file(*file), text_of(bytes));
}

TEST_F(Gguf, ThatBreaksARuleIsBytesWithTheReason) {
  const auto file = opened(gguf::file_of({}, {.version = 1}), "m.gguf");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->layout.format, "bytes");
  EXPECT_EQ(file->layout.why_bytes, "a GGUF file, but version 1, expected 2 or 3");
  auto cut = gguf::file_of({{"w", {64}, 0, 256}});
  cut.resize(cut.size() - 1);
  EXPECT_THAT(opened(cut, "cut.gguf")->layout.why_bytes,
              HasSubstr("a GGUF file, but tensor \"w\": 256 bytes"));
}

}  // namespace
}  // namespace bbz::files
