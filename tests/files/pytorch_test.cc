#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "bbz/files/source_file.h"
#include "files/make_files.h"
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
    lines.push_back(line + (extent.storage ? " storage" : ""));
  }
  for (const View& view : layout.views) {
    std::string line = view.name + " " + std::string(dtype_info(view.dtype).name);
    for (const std::uint64_t length : view.shape) line += " " + std::to_string(length);
    const Extent& extent = layout.extents.at(view.extent);
    line += " of " + (extent.kind == Extent::Kind::kBytes ? "bytes" : extent.name) + " at " +
            std::to_string(view.offset) + " by";
    for (const std::uint64_t stride : view.strides) line += " " + std::to_string(stride);
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

TEST(Pytorch, TensorsThatShareAStorageAreViewsOfIt) {
  const std::vector<std::string> storages = {counting_bytes(24)};
  const std::string part = pickle_view({"FloatStorage", "0", 6, 0, {3}, {1}});
  const std::string turned = pickle_view({"FloatStorage", "0", 6, 0, {3, 2}, {1, 3}});
  const auto laid_out = [&](const torch::PickleDict& dict) {
    return layout_of(make_torch(pickle(pickle_dict(dict)), storages));
  };
  const std::string later = pickle_view({"FloatStorage", "0", 6, 4, {1, 2}, {7, 1}});
  const std::string none = pickle_view({"FloatStorage", "0", 6, 6, {0, 2}, {2, 1}});
  EXPECT_THAT(
      laid_out({{"a", part}, {"b", part}}),
      ElementsAre("pytorch", "a F32 3", "data/0:12 F32 3 storage", "b F32 3 of a at 0 by 1"));
  EXPECT_THAT(laid_out({{"a", turned}}),
              ElementsAre("pytorch", "data/0 F32 6 storage", "a F32 3 2 of data/0 at 0 by 1 3"));
  EXPECT_THAT(laid_out({{"a", later}, {"b", pickle_view(kMatrix)}, {"c", pickle_view(kMatrix)}}),
              ElementsAre("pytorch", "b F32 2 3", "a F32 1 2 of b at 16 by 7 1",
                          "c F32 2 3 of b at 0 by 3 1"));
  EXPECT_THAT(
      laid_out({{"data/0", turned}}),
      ElementsAre("pytorch", "data/0~2 F32 6 storage", "data/0 F32 3 2 of data/0~2 at 0 by 1 3"));
  EXPECT_THAT(laid_out({{"a", part}, {"b", none}}),
              ElementsAre("pytorch", "b F32 0 2", "a F32 3", "data/0:12 F32 3 storage"));
}

// Keys that are no good names do not make names long, however many there are.
TEST(Pytorch, PartsOfStoragesWithBadKeysHaveTheirNumbers) {
  const auto turned = [](const std::string& key) {
    return pickle_view({"ByteStorage", key, 6, 0, {3, 2}, {1, 3}});
  };
  const std::string endless(3000, 'k');
  torch::ZipFiles more;
  for (const std::string& key : {std::string("\xff"), endless, std::string("#1")}) {
    more.emplace_back("model/data/" + key, counting_bytes(6));
  }
  EXPECT_THAT(layout_of(make_torch(
                  pickle(pickle_dict(
                      {{"data/#0", turned("\xff")}, {"b", turned(endless)}, {"c", turned("#1")}})),
                  {}, {}, more)),
              ElementsAre("pytorch", "data/#0~2 U8 6 storage", "data/#1 U8 6 storage",
                          "data/#1~2 U8 6 storage", "data/#0 U8 3 2 of data/#0~2 at 0 by 1 3",
                          "b U8 3 2 of data/#1 at 0 by 1 3", "c U8 3 2 of data/#1~2 at 0 by 1 3"));
}

// Slices of a flat storage are tensors like any others; what none of them has is joined to a part that
// has no name, if there is one beside it.
TEST(Pytorch, PartsOfAStorageThatOverlapAreOneExtent) {
  const std::vector<std::string> storages = {counting_bytes(80)};
  const auto slice = [](std::uint64_t offset, const std::vector<std::uint64_t>& shape,
                        const std::vector<std::uint64_t>& strides) {
    return pickle_view({"FloatStorage", "0", 20, offset, shape, strides});
  };
  const auto laid_out = [&](const torch::PickleDict& dict) {
    return layout_of(make_torch(pickle(pickle_dict(dict)), storages));
  };
  EXPECT_THAT(laid_out({{"b", slice(8, {12}, {1})}, {"a", slice(0, {2, 4}, {4, 1})}}),
              ElementsAre("pytorch", "a F32 2 4", "b F32 12"));
  EXPECT_THAT(laid_out({{"a", slice(2, {4}, {1})}, {"b", slice(5, {2, 2}, {2, 1})}}),
              ElementsAre("pytorch", "data/0 F32 20 storage", "a F32 4 of data/0 at 8 by 1",
                          "b F32 2 2 of data/0 at 20 by 2 1"));
  EXPECT_THAT(
      laid_out({{"a", slice(2, {4}, {1})}, {"b", slice(8, {2}, {3})}, {"c", slice(16, {2}, {1})}}),
      ElementsAre("pytorch", "data/0 F32 2 storage", "a F32 4", "data/0:24 F32 10 storage",
                  "c F32 2", "data/0:72 F32 2 storage", "b F32 2 of data/0:24 at 8 by 3"));
  EXPECT_THAT(
      laid_out({{"rows", slice(0, {4, 4}, {5, 1})}}),
      ElementsAre("pytorch", "data/0 F32 20 storage", "rows F32 4 4 of data/0 at 0 by 5 1"));
}

TEST(Pytorch, TensorsOfSeveralTypesShareAStorage) {
  const torch::View half{"", "0", 24, 0, {6}, {1}};
  EXPECT_THAT(
      layout_of(make_torch(pickle(pickle_dict({{"a", torch::pickle_view_v3(half, "float16")},
                                               {"b", torch::pickle_view_v3(half, "bfloat16")}})),
                           {counting_bytes(24)})),
      ElementsAre("pytorch", "a F16 6", "data/0:12 F16 6 storage", "b BF16 6 of a at 0 by 1"));
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

// A stream that gives as few bytes as a pipe may, and fails at a place if there is one.
class Pipe final : public io::Source {
 public:
  explicit Pipe(std::string text, std::size_t fails_at = std::string::npos)
      : text_(std::move(text)), fails_at_(fails_at) {}
  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    EXPECT_EQ(offset, position_);
    if (offset >= fails_at_) return Error{Code::kIo, "the pipe breaks"};
    const auto from = std::as_bytes(std::span(text_)).subspan(offset);
    const std::size_t n = std::min({from.size(), out.size(), std::size_t{1000}});
    std::copy_n(from.begin(), n, out.begin());
    position_ += n;
    return n;
  }
  std::optional<std::uint64_t> size() const override { return std::nullopt; }
  bool seekable() const override { return false; }

 private:
  std::string text_;
  std::size_t fails_at_;
  std::uint64_t position_ = 0;
};

// The layout of a stream's file, whose bytes must come back: its format, why it is bytes, and its
// tensors.
std::vector<std::string> layout_of_stream(const std::string& text, const Options& options) {
  auto files = open_stream(std::make_unique<Pipe>(text), options);
  if (!files.ok()) return {files.error().message};
  auto file = (*files)->next().value().value();
  EXPECT_TRUE(read_file(file).value() == text);
  std::vector<std::string> lines = tensors_of(file.layout);
  if (!file.layout.why_bytes.empty()) lines.insert(lines.begin(), file.layout.why_bytes);
  lines.insert(lines.begin(), file.path + " " + std::string(file.layout.format));
  return lines;
}

const std::string kLegacy =
    torch::make_legacy(pickle_dict({{"w", pickle_view({"ByteStorage", "7", 5, 0, {5}, {1}})}}),
                       {{"7", "ByteStorage", 5, "12345"}});
const std::string kOldTar =
    torch::make_old_tar(pickle_dict({{"w", torch::pickle_text("8") + "Q"}}),
                        {{"7", "ByteStorage", 5, "12345"}}, {}, {{8, 7, 0, {5}, {1}}});

TEST(Pytorch, StreamsAreCopiedBecauseTheirEndIsReadFirst) {
  const TempDir dir;
  const Options options{.temporary_folder = dir.path()};
  const std::string large = counting_bytes(1'000'000);
  const std::string text = make_torch(
      pickle(pickle_view({"ByteStorage", "0", large.size(), 0, {1000, 1000}, {1000, 1}})), {large});
  EXPECT_THAT(layout_of_stream(text, options),
              ElementsAre("stdin.pt pytorch", "tensor U8 1000 1000"));
  EXPECT_THAT(layout_of_stream(kLegacy, options), ElementsAre("stdin.pt pytorch", "w U8 5"));
  EXPECT_THAT(layout_of_stream(kOldTar, options), ElementsAre("stdin.pt pytorch", "w U8 5"));
  // Nothing stays.
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
  // Other zip archives are not copied.
  const Options nowhere{.temporary_folder = dir / "nowhere"};
  EXPECT_THAT(layout_of_stream(torch::make_zip({{"a.txt", "b"}}), nowhere),
              ElementsAre("stdin bytes"));
  EXPECT_THAT(layout_of_stream(make_torch("no pickle", {}), options),
              ElementsAre("stdin bytes", HasSubstr("a torch.save file, but data.pkl: byte 0")));
}

// Any tar may begin with a member of the name that PyTorch 0.1 began with.
TEST(Pytorch, TarsThatOnlyBeginLikeOldFilesAreTars) {
  const TempDir dir;
  const std::string tar = tar_member("sys_info", "x") + tar_member("pickle", "y") +
                          tar_member("other", "z") + tar_end();
  const std::vector<Found> members = {
      {"sys_info", "bytes", "x"}, {"pickle", "bytes", "y"}, {"other", "bytes", "z"}};
  for (const Options& options : {Options{.temporary_folder = dir.path()}, Options{},
                                 Options{.temporary_folder = dir.path(), .copied_bytes = 600},
                                 Options{.temporary_folder = dir.path(), .copied_bytes = 2000}}) {
    const auto files = open_stream(std::make_unique<Pipe>(tar), options).value();
    EXPECT_EQ(read_all(*files).value(), members);
    EXPECT_TRUE(files->check_unchanged().ok());
  }
}

TEST(Pytorch, StreamsThatCannotBeCopiedArePlainBytes) {
  const std::string large = counting_bytes(1'000'000);
  const std::string text = make_torch(
      pickle(pickle_view({"ByteStorage", "0", large.size(), 0, {large.size()}, {1}})), {large});
  const TempDir dir;
  const std::string begin = "a torch.save file, but in a stream it is read from a copy, and ";
  EXPECT_THAT(layout_of_stream(text, {}),
              ElementsAre("stdin bytes", begin + "there is no directory for a copy"));
  EXPECT_THAT(layout_of_stream(text, {.temporary_folder = dir / "nowhere"}),
              ElementsAre("stdin bytes", HasSubstr(begin + "a copy of it fails: ")));
  EXPECT_THAT(layout_of_stream(text, {.temporary_folder = "/dev"}), testing::SizeIs(2));
  for (const std::uint64_t limit : {0, 1000, 500'000, 999'999}) {
    EXPECT_THAT(layout_of_stream(text, {.temporary_folder = dir.path(), .copied_bytes = limit}),
                ElementsAre("stdin bytes",
                            begin + "a copy of it may take " + std::to_string(limit) + " bytes"));
  }
  EXPECT_THAT(layout_of_stream(text, {.temporary_folder = dir.path(), .copied_bytes = text.size()}),
              testing::SizeIs(2));
  EXPECT_THAT(layout_of_stream(text, {.opaque = true, .temporary_folder = dir / "nowhere"}),
              ElementsAre("stdin bytes"));
}

TEST(Pytorch, AStreamThatFailsWhileItIsCopiedIsAnError) {
  const TempDir dir;
  const auto files =
      open_stream(std::make_unique<Pipe>(kLegacy, 1000), {.temporary_folder = dir.path()});
  EXPECT_EQ(files.code(), Code::kOk) << "the file is shorter";
  const std::string text =
      make_torch(pickle(pickle_view(kMatrix)), {counting_bytes(24)}) + std::string(5000, 'x');
  EXPECT_EQ(
      open_stream(std::make_unique<Pipe>(text, 3000), {.temporary_folder = dir.path()}).code(),
      Code::kIo);
}

TEST(Pytorch, MembersOfTarsAreTakenApart) {
  const TempDir dir;
  const std::string text = make_torch(pickle(pickle_view(kMatrix)), {counting_bytes(24)});
  const std::string tar = tar_member("a/m.pt", text) + tar_member("b", kLegacy) +
                          tar_member("notes.txt", "text") + tar_member("c", "", '1', "b") +
                          tar_member("d.bin", kOldTar) + tar_end();
  const auto found =
      read_all(open_stream(std::make_unique<Pipe>(tar), {.temporary_folder = dir.path()}));
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_THAT(*found,
              ElementsAre(Found{"a/m.pt", "pytorch", text}, Found{"b", "pytorch", kLegacy},
                          Found{"notes.txt", "bytes", "text"}, Found{"c", "pytorch", kLegacy},
                          Found{"d.bin", "pytorch", kOldTar}));
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

TEST(Pytorch, FilesOfTorchBesideTheProjectAreTakenApart) {
  const std::filesystem::path folder = BBZ_SHARED_DATA "/torch";
  if (!std::filesystem::is_directory(folder)) GTEST_SKIP() << folder << " is not there";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string path = entry.path().string();
    SCOPED_TRACE(path);
    auto file = open(path).value()->next().value().value();
    EXPECT_EQ(file.layout.format, "pytorch");
    EXPECT_TRUE(read_file(file).value() == io::read_text(path));
    // Little is left that no tensor has.
    std::uint64_t plain = 0, all = 0;
    for (const Extent& extent : file.layout.extents) {
      all += *extent.length;
      if (extent.kind == Extent::Kind::kBytes) plain += *extent.length;
    }
    EXPECT_LT(plain, all / 5);
  }
}

}  // namespace
}  // namespace bbz::files
