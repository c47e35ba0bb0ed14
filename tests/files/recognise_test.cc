#include "bbz/files/recognise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bbz/base/hash.h"
#include "bbz/base/names.h"
#include "bbz/base/stand_in.h"
#include "bbz/files/source_file.h"
#include "files/make_files.h"
#include "files/reading.h"
#include "files/torch/make_old_files.h"
#include "support/faulty.h"
#include "support/temp_dir.h"

namespace bbz::files {
namespace {

using testing::HasSubstr;

const std::string kPointer =
    "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4976698672\n";
const std::string kLegacyFile = torch::make_legacy(
    torch::pickle_dict({{"w", torch::pickle_view({"FloatStorage", "7", 6, 0, {2, 3}, {3, 1}})}}),
    {{"7", "FloatStorage", 6, torch::counting_bytes(24)}});
const std::string kOldTarFile = torch::make_old_tar(
    torch::pickle_dict({{"w", torch::pickle_text("8") + "Q"}}),
    {{"7", "FloatStorage", 6, torch::counting_bytes(24)}}, {}, {{8, 7, 0, {6}, {1}}});

// A file of torch.save that is not read.
std::string big_endian() {
  return torch::make_torch(
      torch::pickle(torch::pickle_dict({{"w", torch::pickle_view(torch::kMatrix)}})),
      {torch::counting_bytes(24)}, {}, {{"model/byteorder", "big"}});
}

std::string plain_torch() {
  return torch::make_torch(
      torch::pickle(torch::pickle_dict({{"w", torch::pickle_view(torch::kMatrix)}})),
      {torch::counting_bytes(24)});
}

// Returns the note about a file of this name and content on disk.
std::string said(const std::string& name, const std::string& text, const Options& options = {}) {
  const io::TempDir dir;
  io::write_text(dir / name, text);
  const auto files = open(dir / name, options).value();
  const auto file = files->next().value().value();
  if (file.layout.format != "bytes") return "split into tensors";
  return file.layout.why_bytes;
}

TEST(Recognise, FormatsAreThoseOfTheContentAndOtherwiseOfTheName) {
  const std::string archive =
      "\x89"
      "BBZ\r\n\x1a\n";
  const std::string safetensors = make_safetensors({{"w", DType::kF32, {8}, 0, 0}});
  const struct {
    const char* name;
    std::string text;
    FileFormat expected;
  } cases[] = {
      {"m.bbz", archive, FileFormat::kArchive},
      {"m.safetensors", archive, FileFormat::kArchive},
      {"m.bbz", archive.substr(0, 7), FileFormat::kBytes},
      {"m.bbz", "", FileFormat::kBytes},
      {"m.pt", plain_torch(), FileFormat::kPytorch},
      {"m", plain_torch(), FileFormat::kPytorch},
      {"m", kLegacyFile, FileFormat::kPytorch},
      {"m", kOldTarFile, FileFormat::kPytorch},
      {"m.safetensors", plain_torch(), FileFormat::kPytorch},
      {"m.pt", "no zip archive", FileFormat::kBytes},
      {"m", safetensors, FileFormat::kSafetensors},
      {"m", "GGUF\x03", FileFormat::kGguf},
      {"m.gguf", "GGML", FileFormat::kBytes},
      {"m.pt", safetensors, FileFormat::kSafetensors},
      {"m.safetensors", "{}", FileFormat::kSafetensors},
      {"m", safetensors.substr(0, 8), FileFormat::kBytes},
      {"config.json", "{}", FileFormat::kBytes},
  };
  for (const auto& one : cases) {
    const Bytes all = std::as_bytes(std::span(one.text));
    EXPECT_EQ(recognise(one.name, all.first(std::min(all.size(), kRecognisedBytes))), one.expected)
        << one.name << ": " << to_hex(all.first(std::min<std::size_t>(all.size(), 9)));
  }
}

TEST(Recognise, NamesShowTheUsualFormat) {
  for (const char* name :
       {"a.pt", "a.pth", "a.bin", "a.ckpt", "a.PT", "a.pth.tar", "__0_0.distcp"}) {
    EXPECT_EQ(usual_format(name), FileFormat::kPytorch) << name;
  }
  EXPECT_EQ(usual_format("dir/a.safetensors"), FileFormat::kSafetensors);
  for (const char* name : {"a.bbz", "a.tar", "pt", "a.safetensors.index.json", ""}) {
    EXPECT_EQ(usual_format(name), FileFormat::kBytes) << name;
  }
}

TEST(Recognise, WhatLooksLikeAModelIsNamedWithTheReason) {
  const struct {
    const char* name;
    std::string text;
    const char* expected;
  } cases[] = {
      {"m.pt", plain_torch(), "split into tensors"},
      {"m.pth.tar", plain_torch(), "split into tensors"},
      {"M.PT", plain_torch(), "split into tensors"},
      {"m.pkl", plain_torch(), "split into tensors"},
      {"0123abcd", plain_torch(), "split into tensors"},
      {"__0_0.distcp", plain_torch() + plain_torch(), "split into tensors"},
      {"m.pth", big_endian(), "a torch.save file, but its byte order is \"big\""},
      {"m", big_endian(), "a torch.save file, but its byte order is \"big\""},
      {"m.bin", torch::make_zip({{"a.txt", "b"}}), "but zip archive: no entry"},
      {"m", torch::make_zip({{"m/version", "x"}, {"m/data.pkl", "N."}}),
       "a torch.save file, but its version is \"x\""},
      {"m.npz", torch::make_zip({{"w.npy", "b"}}), "NumPy arrays (.npz), which are not"},
      {"m.npy", "\x93NUMPY\x01", "a NumPy array, which is not split into tensors"},
      {"blob", "GGUF\x03", "a GGUF file, but the header is not complete after 5 bytes"},
      {"m.h5", "\x89HDF\r\n\x1a\n..", "an HDF5 file, which is not split into tensors"},
      {"m.onnx", "\x08\x07\x12\x07pytorch", "an ONNX model"},
      {"__0_0.distcp", "anything", "a part of a distributed PyTorch checkpoint"},
      {"legacy.pth", kLegacyFile, "split into tensors"},
      {"no suffix", kLegacyFile, "split into tensors"},
      {"old", kOldTarFile, "split into tensors"},
      {"no suffix", kLegacyFile.substr(0, 20),
       "a file of PyTorch before 1.6, but the version: byte"},
      {"old.pth", tar_member("sys_info", "x") + tar_end(),
       "a file of PyTorch 0.1, which is a tar, but tar: no member pickle"},
      {"m.pkl", "\x80\x04]\x94.", "a pickle that torch.save did not write"},
      {"m.gguf", "no magic", "named like a GGUF file, but is not one"},
      {"m", make_safetensors({{"w", DType::kF32, {8}, 0, 0}}).substr(0, 70),
       "a safetensors file by its first bytes, but "},
      {"m.bin", kPointer, "git lfs pull"},
      {"m.gguf", "\n <!DOCTYPE HTML><html>", "a web page: download the file again"},
  };
  for (const auto& one : cases) {
    const std::string found = said(one.name, one.text);
    EXPECT_THAT(found, HasSubstr(one.expected)) << one.name;
    EXPECT_LE(found.size(), 300u);
  }
}

TEST(Recognise, OtherFilesAreNotSpokenOf) {
  for (const auto& [name, text] : {std::pair<std::string, std::string>{"tokens.bin", "\x01\x02"},
                                   {"a.tar", tar_member("a", "x") + tar_end()},
                                   {"a.zip", torch::make_zip({{"a.txt", "b"}})},
                                   {"a.zip", torch::make_zip({{"app/version", "1"}})},
                                   {"a.zip", torch::make_zip({{"app/data/a.csv", "b"}})},
                                   {"a.whl", torch::make_zip({{"app/code/a.py", "b"}})},
                                   {"index.html", "<html>"},
                                   {"pointer.txt", kPointer},
                                   {"config.json", "{}"},
                                   {"empty", ""}}) {
    EXPECT_EQ(said(name, text), "") << name;
  }
  EXPECT_EQ(said("m.pth", big_endian(), {.opaque = true}), "");
}

TEST(Recognise, ReasonsAreShortAndFitForATerminal) {
  const std::string key = "\x1b[2J" + std::string(4000, 'n');
  const std::string text = torch::make_torch(
      torch::pickle(torch::pickle_view({"FloatStorage", key, 6, 0, {2, 3}, {3, 1}})), {});
  const std::string found = said("m.pt", text);
  EXPECT_THAT(found, HasSubstr("\\x1b[2J"));
  EXPECT_LE(found.size(), 300u);
  EXPECT_TRUE(is_utf8(found));
}

TEST(Recognise, PointersAndPagesAreNoSafetensors) {
  const io::TempDir dir;
  for (const auto& [text, advice] :
       {std::pair<std::string, std::string>{kPointer, "git lfs pull"},
        {"<!doctype html><html>gated</html>", "download the file again"},
        {"\xEF\xBB\xBF\r\n<HTML>", "licence"}}) {
    io::write_text(dir / "m.safetensors", text);
    const auto opened = read_all(open(dir / "m.safetensors"));
    ASSERT_FALSE(opened.ok());
    EXPECT_THAT(opened.error().message, HasSubstr(advice));
    EXPECT_THAT(opened.error().message, HasSubstr("m.safetensors: it is a"));
    EXPECT_THAT(opened.error().message, testing::Not(HasSubstr("opaque")));
  }
  EXPECT_EQ(stand_in(std::as_bytes(std::span(std::string_view("<htm")))), "");
  EXPECT_EQ(stand_in({}), "");
  EXPECT_EQ(stand_in(std::as_bytes(std::span(std::string_view("\x1F\x8B\x08...")))),
            "compressed with gzip");
}

}  // namespace
}  // namespace bbz::files
