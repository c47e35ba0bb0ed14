// What predictions refuse for the work that it would take.
#include "bbz/ops/forecast/internal/costs.h"

#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "tools/hostile.h"
#include "tools/sliced_model.h"

namespace bbz::forecast {
namespace {

constexpr std::uint64_t kFree = std::uint64_t{1} << 28;

TEST(CostsOfReading, AreInProportionToWhatIsStored) {
  model::Model model;
  model.stored_bytes = 1000;
  model.file_bytes = 256 * 1000 + kFree;
  model.reads = {kFree, 256 * 1000};
  EXPECT_EQ(why_unread(model), "");
  ++model.reads[1];
  EXPECT_EQ(why_unread(model), "its 1000 stored bytes are 268691457 once all tensors are decoded");
  --model.reads[1];
  ++model.file_bytes;
  EXPECT_EQ(why_unread(model), "its 1000 stored bytes stand for 268691457");
}

class CostsOfRotating : public testing::Test {
 protected:
  // A sliced model of constant chunks.
  CostsOfRotating() {
    const std::string path = dir_ / "model.bbz";
    tools::Forgery archive(path);
    archive.file("model.safetensors");
    for (const auto& [name, shape] : tools::wide_model(1024)) {
      archive.tensor(name, DType::kF16, shape, std::uint64_t{1} << 19);
      archive.constant_chunks();
    }
    archive.end_file();
    archive.finish();
    model_ = model::open(path).value();
  }

  // Returns why no rotation is predicted if so many bytes are stored.
  std::string why(std::uint64_t stored_bytes, double share) {
    model_.stored_bytes = stored_bytes;
    return why_unrotated(model_, rotation::detect(model_), share);
  }

  io::TempDir dir_;
  model::Model model_;
};

TEST_F(CostsOfRotating, AreInProportionToWhatIsStored) {
  EXPECT_NE(why(1000, 0.1), "");
  EXPECT_EQ(why(model_.file_bytes, 0.1), "");
  // There is a size from which on it is predicted, and that grows with the share of the rows.
  const auto least = [&](double share) {
    std::uint64_t refused = 0, predicted = 16 * model_.file_bytes;
    while (predicted - refused > 1) {
      const std::uint64_t middle = (refused + predicted) / 2;
      (why(middle, share).empty() ? predicted : refused) = middle;
    }
    return predicted;
  };
  EXPECT_LT(least(0.1), least(1));
  EXPECT_LT(least(1), 16 * model_.file_bytes);
}

TEST_F(CostsOfRotating, AreThoseOfArchivesOnly) {
  model_.archive = nullptr;
  EXPECT_EQ(why(1000, 1), "");
}

}  // namespace
}  // namespace bbz::forecast
