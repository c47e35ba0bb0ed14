// Trained models, if they are at hand: ../shared/data beside the project, or BBZ_SHARED_DATA.
#include <fstream>
#include <iterator>

#include "ops/rotation/packed.h"

namespace bbz::rotation {
namespace {

class RealModel : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string path = std::string(BBZ_SHARED_DATA) + "/" + GetParam() + ".safetensors";
    std::ifstream in(path, std::ios::binary);
    if (!in) GTEST_SKIP() << "no real models here: " << path << " is missing";
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    const Bytes bytes = std::as_bytes(std::span(text));
    file_.assign(bytes.begin(), bytes.end());
  }

  // The share of all entries that are not stored.
  double share(const Record& record) const {
    std::uint64_t entries = 0;
    std::uint64_t saved = 0;
    const auto model = model_of(file_);
    for (const TensorInfo& info : model->tensors) {
      entries += *element_count(info.shape);
    }
    for (const JunctionRecord& junction : record.junctions) saved += junction.entries_saved;
    return static_cast<double>(saved) / static_cast<double>(entries);
  }

  std::vector<std::byte> file_;
};

TEST_P(RealModel, SavesWhatItsShapesPromise) {
  const bool small = std::string_view(GetParam()).starts_with("stories");
  const auto triangular = pack_file(file_, RequestedMethod::kTriangular);
  ASSERT_TRUE(triangular.ok()) << triangular.error().message;
  EXPECT_GE(share(triangular->record), 0.059);
  const auto polar = pack_file(file_, RequestedMethod::kPolar);
  ASSERT_TRUE(polar.ok()) << polar.error().message;
  EXPECT_GE(share(polar->record), small ? 0.100 : 0.090);
  EXPECT_LT(polar->archive.size(), triangular->archive.size());
  const auto unpacked = unpack_by_index(polar->archive);
  EXPECT_EQ(pack_file(*unpacked, RequestedMethod::kPolar)->archive, polar->archive);
}

TEST_P(RealModel, BitsBackBeatsThePublishedScheme) {
  const auto packed = pack_file(file_, RequestedMethod::kBitsBack);
  ASSERT_TRUE(packed.ok()) << packed.error().message;
  for (const JunctionRecord& junction : packed->record.junctions) {
    if (junction.name.find("mlp") == std::string::npos) continue;
    const double freedom = static_cast<double>(junction.width * (junction.width - 1)) / 2;
    EXPECT_GE(static_cast<double>(junction.bits_saved) / freedom, 11.0) << junction.name;
  }
  const auto unpacked = unpack_stream(packed->archive);
  ASSERT_TRUE(unpacked.ok()) << unpacked.error().message;
}

INSTANTIATE_TEST_SUITE_P(All, RealModel,
                         testing::Values("stories260k-sliced56", "docs10m-sliced304"),
                         [](const auto& file) {
                           std::string name = file.param;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace bbz::rotation
