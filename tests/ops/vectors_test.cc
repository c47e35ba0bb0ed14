// The archives of format-spec/vectors, checked in full.
#include "bbz/ops/verify.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bbz/io/file_source.h"
#include "bbz/ops/unpack.h"
#include "support/temp_dir.h"

namespace bbz::ops {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path kVectors = BBZ_VECTORS;

json read_json(const fs::path& path) {
  std::ifstream in(path);
  return json::parse(in);
}

std::string_view outcome(const fs::path& archive) {
  const auto source = io::open_file(archive.string());
  EXPECT_TRUE(source.ok()) << archive;
  VerifyOptions options;
  options.threads = 1;
  const auto report = verify(**source, options);
  EXPECT_TRUE(report.ok());
  return code_name(report->outcome().code());
}

TEST(VerifiedVectors, ValidOnesAreWholeOrPartlyUnknown) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator(kVectors / "valid")) {
    if (entry.path().extension() != ".bbz") continue;
    SCOPED_TRACE(entry.path());
    ++count;
    const json expected = read_json(fs::path(entry.path()).replace_extension("json"));
    bool unknown = false;
    for (const char* const kind : {"files", "tensors", "metadata"}) {
      for (const json& said : expected[kind]) unknown = unknown || said.contains("error");
    }
    EXPECT_EQ(outcome(entry.path()), unknown ? "unsupported" : "ok");
  }
  EXPECT_GT(count, 30);
}

TEST(VerifiedVectors, InvalidOnesAreRefused) {
  const json manifest = read_json(kVectors / "invalid" / "manifest.json");
  EXPECT_GT(manifest.size(), 200u);
  for (const auto& [file, expected] : manifest.items()) {
    SCOPED_TRACE(file);
    EXPECT_EQ(outcome(kVectors / "invalid" / file), expected["verify"]);
  }
}

// The faults that do not keep an archive from being unpacked are those that the text lists.
TEST(VerifiedVectors, WhatIsUnpackedAllTheSameIsMarked) {
  const json manifest = read_json(kVectors / "invalid" / "manifest.json");
  UnpackOptions options;
  options.sync = false;
  int marked = 0;
  for (const auto& [file, expected] : manifest.items()) {
    SCOPED_TRACE(file);
    const io::TempDir dir;
    const bool in_full = expected.contains("in-full");
    if (in_full) ++marked;
    const std::string path = (kVectors / "invalid" / file).string();
    const auto reader = Reader::open(io::open_file(path).value());
    bool unpacked = reader.ok();
    if (unpacked) {
      io::OutputTree out = io::OutputTree::open(dir / "by-index").value();
      unpacked = unpack(*reader, out, options).ok();
    }
    EXPECT_EQ(unpacked, in_full);
    const auto source = io::open_file(path);
    io::OutputTree out = io::OutputTree::open(dir / "streamed").value();
    const bool streamed = unpack_stream({**source}, out, options).ok();
    EXPECT_TRUE(in_full || !streamed);
  }
  EXPECT_GT(marked, 20);
}

}  // namespace
}  // namespace bbz::ops
