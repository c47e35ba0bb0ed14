// Whatever is changed in an archive with any record, form and extension, a check in full finds it, and says where.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "bbz/archive/reader.h"
#include "bbz/format/container/constants.h"
#include "bbz/ops/verify.h"
#include "support/temp_dir.h"

namespace bbz::ops {
namespace {

namespace fs = std::filesystem;

const fs::path kVectors = BBZ_VECTORS;
constexpr std::size_t kSmall = 4096;  // bytes of an archive of which every bit is changed
constexpr std::size_t kSteps = 400;   // places at which a larger one is changed

std::vector<std::byte> read_archive(const fs::path& path) {
  const std::string text = io::read_text(path.string());
  const Bytes bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

VerifyReport check(Bytes archive) {
  VerifyOptions options;
  options.threads = 1;
  auto report = verify(*io::memory_source(archive), options);
  EXPECT_TRUE(report.ok());
  return std::move(*report);
}

// An archive that is whole, perhaps with something in it that this version does not know.
class DamagedArchive : public testing::TestWithParam<fs::path> {
 protected:
  DamagedArchive() : bytes_(read_archive(GetParam())) {
    const Status sound = check(bytes_).outcome();
    known_ = sound.ok();
    EXPECT_TRUE(known_ || sound.code() == Code::kUnsupported);
  }

  // The damage is worse than what this version does not know, and its place is known: an offset, a chunk or a file.
  void expect_found(const VerifyReport& report) const {
    const Status outcome = report.outcome();
    ASSERT_FALSE(outcome.ok());
    if (!known_ && !report.broken) {
      ASSERT_NE(outcome.code(), Code::kUnsupported) << outcome.error().message;
    }
    const std::string& message = outcome.error().message;
    const bool placed =
        message.find(" at offset ") != std::string::npos ||
        message.find("bytes at ") != std::string::npos ||
        std::ranges::any_of(report.damages, [](const Damage& damage) {
          return damage.archive_offset != 0 || !damage.file.empty() || !damage.tensor.empty();
        });
    ASSERT_TRUE(placed) << message;
  }

  std::size_t step() const {
    return bytes_.size() <= kSmall ? 1 : (bytes_.size() + kSteps - 1) / kSteps;
  }

  std::vector<std::byte> bytes_;

 private:
  bool known_ = false;
};

TEST_P(DamagedArchive, EveryBitAndEveryCutIsFoundWithItsPlace) {
  for (std::size_t at = 0; at < bytes_.size(); at += step()) {
    SCOPED_TRACE(testing::Message() << "byte " << at);
    for (int bit = 0; bit < 8; ++bit) {
      bytes_[at] ^= static_cast<std::byte>(1 << bit);
      const VerifyReport report = check(bytes_);
      if (at < container::kMagic.size()) {
        ASSERT_EQ(report.outcome().code(), Code::kNotAnArchive);
      } else {
        ASSERT_NO_FATAL_FAILURE(expect_found(report)) << "bit " << bit;
      }
      bytes_[at] ^= static_cast<std::byte>(1 << bit);
    }
    const Bytes cut = Bytes(bytes_).first(at);
    ASSERT_EQ(check(cut).outcome().code(), at == 0 ? Code::kNotAnArchive : Code::kTruncated);
    ASSERT_FALSE(Reader::open(io::memory_source(cut)).ok());
  }
}

// Those of the specification, and the frozen ones that are not among them.
std::vector<fs::path> archives() {
  std::vector<fs::path> found;
  std::set<fs::path> names;
  for (const fs::path& folder : {kVectors / "valid", kVectors.parent_path() / "frozen"}) {
    for (const auto& entry : fs::directory_iterator(folder)) {
      const fs::path& path = entry.path();
      if (path.extension() == ".bbz" && names.insert(path.filename()).second) found.push_back(path);
    }
  }
  std::ranges::sort(found);
  return found;
}

std::string name_of(const testing::TestParamInfo<fs::path>& info) {
  std::string name = info.param.stem().string();
  std::ranges::replace(name, '-', '_');
  std::ranges::replace(name, '.', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(OfEach, DamagedArchive, testing::ValuesIn(archives()), name_of);

}  // namespace
}  // namespace bbz::ops
