// The archives of format-spec/vectors, checked in full.
#include "bbz/ops/verify.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bbz/io/file_source.h"

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

}  // namespace
}  // namespace bbz::ops
