#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "bbz/files/source_file.h"
#include "files/reading.h"
#include "files/torch/make_old_files.h"
#include "support/temp_dir.h"

namespace bbz::files {
namespace {

using io::TempDir;
using io::write_text;
using testing::ElementsAre;
using testing::HasSubstr;
using torch::counting_bytes;
using torch::make_torch;
using torch::pickle;
using torch::pickle_dict;
using torch::pickle_view;

const torch::View kMatrix{"FloatStorage", "0", 6, 0, {2, 3}, {3, 1}};

// A tensor of a layout in one line: its name, dtype and shape, and where its bytes are in `file`.
std::vector<std::string> tensors_of(const Layout& layout) {
  std::vector<std::string> lines;
  for (const Extent& extent : layout.extents) {
    if (extent.kind != Extent::Kind::kTensor) continue;
    std::string line = extent.name + " " + std::string(dtype_info(extent.dtype).name);
    for (const std::uint64_t length : extent.shape) line += " " + std::to_string(length);
    lines.push_back(line);
  }
  return lines;
}

// The layout of a file of this name, whose bytes must come back; its format comes first.
std::vector<std::string> layout_of(const std::string& text, const std::string& name = "m.pt",
                                   const Options& options = {}) {
  const TempDir dir;
  write_text(dir / name, text);
  const auto files = open(dir / name, options).value();
  auto file = files->next().value().value();
  EXPECT_TRUE(read_file(file).value() == text);
  std::vector<std::string> lines = tensors_of(file.layout);
  lines.insert(lines.begin(), std::string(file.layout.format));
  return lines;
}

TEST(Pytorch, StoragesAreTensorsAndTheRestBytes) {
  const std::string first = counting_bytes(24);
  const std::string text =
      make_torch(pickle(pickle_dict({{"h.0.w", pickle_view({"HalfStorage", "1", 4, 0, {4}, {1}})},
                                     {"h.1.w", pickle_view(kMatrix)}})),
                 {first, counting_bytes(8), "of no tensor"});
  for (const char* name : {"m.pt", "m.pth.tar", "pytorch_model.bin", "M.CKPT", "m.pkl", "m.npz"}) {
    EXPECT_THAT(layout_of(text, name), ElementsAre("pytorch", "h.1.w F32 2 3", "h.0.w F16 4"));
  }
  EXPECT_THAT(layout_of(text, "m.pt", {.opaque = true}), ElementsAre("bytes"));

  const TempDir dir;
  write_text(dir / "m.pt", text);
  auto file = open(dir / "m.pt").value()->next().value().value();
  ASSERT_EQ(file.layout.extents.size(), 5u);
  EXPECT_EQ(text.substr(file.layout.extents[1].offset, *file.layout.extents[1].length), first);
}

TEST(Pytorch, SharedAndStridedStoragesAreTensorsOfOneAxis) {
  const std::vector<std::string> storages = {counting_bytes(24)};
  const std::string part = pickle_view({"FloatStorage", "0", 6, 0, {3}, {1}});
  const std::string turned = pickle_view({"FloatStorage", "0", 6, 0, {3, 2}, {1, 3}});
  const auto laid_out = [&](const torch::PickleDict& dict) {
    return layout_of(make_torch(pickle(pickle_dict(dict)), storages));
  };
  EXPECT_THAT(laid_out({{"a", part}, {"b", part}}), ElementsAre("pytorch", "data/0 F32 6"));
  EXPECT_THAT(laid_out({{"a", turned}}), ElementsAre("pytorch", "data/0 F32 6"));
  EXPECT_THAT(laid_out({{"a", part}, {"b", pickle_view(kMatrix)}, {"c", pickle_view(kMatrix)}}),
              ElementsAre("pytorch", "b F32 2 3"));
  EXPECT_THAT(laid_out({{"data/0", turned}}), ElementsAre("pytorch"));
}

TEST(Pytorch, StoragesOfSeveralTypesAreBytes) {
  const torch::View half{"", "0", 24, 0, {6}, {1}};
  EXPECT_THAT(
      layout_of(make_torch(pickle(pickle_dict({{"a", torch::pickle_view_v3(half, "float16")},
                                               {"b", torch::pickle_view_v3(half, "bfloat16")}})),
                           {counting_bytes(24)})),
      ElementsAre("pytorch"));
}

TEST(Pytorch, OlderFormatsAreTakenApart) {
  const std::vector<torch::OldStorage> storages = {{"7", "FloatStorage", 6, counting_bytes(24)}};
  const std::string value =
      pickle_dict({{"w", pickle_view({"FloatStorage", "7", 6, 0, {2, 3}, {3, 1}})}});
  EXPECT_THAT(layout_of(torch::make_legacy(value, storages), "m"),
              ElementsAre("pytorch", "w F32 2 3"));
  EXPECT_THAT(layout_of(torch::make_old_tar(pickle_dict({{"w", torch::pickle_text("8") + "Q"}}),
                                            storages, {}, {{8, 7, 0, {2, 3}, {3, 1}}}),
                        "m"),
              ElementsAre("pytorch", "w F32 2 3"));
}

TEST(Pytorch, EmptyTensorsKeepTheirNames) {
  const torch::View empty{"FloatStorage", "0", 0, 0, {0, 3}, {3, 1}};
  EXPECT_THAT(layout_of(make_torch(pickle(pickle_dict({{"a", pickle_view(empty)}})), {""})),
              ElementsAre("pytorch", "a F32 0 3"));
}

TEST(Pytorch, WhatIsNotUnderstoodIsPlainBytes) {
  EXPECT_THAT(layout_of(make_torch(pickle(pickle_view(kMatrix)), {})), ElementsAre("bytes"));
  EXPECT_THAT(layout_of(torch::make_zip({{"a.txt", "b"}}), "a.zip"), ElementsAre("bytes"));
  EXPECT_THAT(layout_of("PK\x03\x04 and no more of a zip archive"), ElementsAre("bytes"));
  EXPECT_THAT(layout_of("weights of another kind", "m.bin"), ElementsAre("bytes"));
  EXPECT_THAT(layout_of("", "m.pt"), ElementsAre("bytes"));
}

TEST(Pytorch, StreamsArePlainBytes) {
  class Pipe final : public io::Source {
   public:
    explicit Pipe(std::string text) : text_(std::move(text)) {}
    Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
      const auto from = std::as_bytes(std::span(text_)).subspan(offset);
      const std::size_t n = std::min(from.size(), out.size());
      std::copy_n(from.begin(), n, out.begin());
      return n;
    }
    std::optional<std::uint64_t> size() const override { return std::nullopt; }
    bool seekable() const override { return false; }

   private:
    std::string text_;
  };
  const std::string text = make_torch(pickle(pickle_view(kMatrix)), {counting_bytes(24)});
  const auto found = read_all(open_stream(std::make_unique<Pipe>(text), {.stream_name = "m.pt"}));
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_THAT(*found, ElementsAre(Found{"m.pt", "bytes", text}));
}

TEST(Pytorch, ModelBesideTheProjectIsTiledByItsTensors) {
  const std::string path = BBZ_SHARED_DATA "/stories260k-sliced56.pt";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there";
  auto file = open(path).value()->next().value().value();
  EXPECT_EQ(file.layout.format, "pytorch");
  EXPECT_TRUE(read_file(file).value() == io::read_text(path));
  const auto lines = tensors_of(file.layout);
  EXPECT_EQ(lines.size(), 47u);
  EXPECT_THAT(lines, testing::Contains("model.embed_tokens.weight F16 512 56"));
  EXPECT_THAT(lines, testing::Each(testing::Not(HasSubstr("data/"))));
}

}  // namespace
}  // namespace bbz::files
