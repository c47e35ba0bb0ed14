#include "bbz/compare/models.h"

#include <gmock/gmock.h>

#include <cstring>
#include <map>

namespace bbz::compare {
namespace {

// A model in memory of tensors of four F32, which counts how often each is loaded.
struct Made {
  struct Tensor {
    std::string name;
    float value = 0;
    std::size_t first = 0;
  };

  explicit Made(std::vector<Tensor> all) : tensors(std::move(all)) {
    for (const Tensor& tensor : tensors) {
      model.tensors.push_back({tensor.name, DType::kF32, {4}});
      model.firsts.push_back(tensor.first);
      model.reads.push_back(16);
    }
    model.file_bytes = model.stored_bytes = 16 * tensors.size();
    model.load_part = [this](std::size_t i, std::uint64_t) -> Result<std::vector<std::byte>> {
      ++loads[i];
      std::vector<std::byte> bytes(16);
      for (std::size_t at = 0; at < 16; at += 4) {
        std::memcpy(bytes.data() + at, &tensors[i].value, 4);
      }
      return bytes;
    };
  }

  std::vector<Tensor> tensors;
  model::Model model;
  std::map<std::size_t, int> loads;
};

TEST(CompareModels, ListsWhatBothHaveAndWhatOneHas) {
  Made a({{"x", 1, 0}, {"only a", 2, 1}, {"shaped", 3, 2}, {"y", 4, 3}});
  Made b({{"only b", 1, 0}, {"y", 5, 1}, {"shaped", 3, 2}, {"x", 1, 3}});
  b.model.tensors[2].shape = {2, 2};
  const auto rows = compare_models(a.model, b.model);
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  std::vector<std::string> found;
  for (const ComparedTensor& row : *rows) found.push_back(row.name + ": " + row.state);
  EXPECT_THAT(found,
              testing::ElementsAre("x: ", "only a: only in the first", "shaped: another shape",
                                   "y: ", "only b: only in the second"));
  EXPECT_TRUE((*rows)[0].difference.identical);
  EXPECT_EQ((*rows)[3].difference.largest, 1);
}

TEST(CompareModels, ReadsWhatIsTiedInBothOnce) {
  Made a({{"x", 1, 0}, {"tied", 1, 0}, {"y", 1, 0}});
  Made b({{"tied", 1, 0}, {"x", 1, 0}, {"y", 3, 2}});
  const auto rows = compare_models(a.model, b.model);
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  EXPECT_TRUE((*rows)[0].difference.identical);
  EXPECT_TRUE((*rows)[1].difference.identical);
  EXPECT_EQ((*rows)[2].difference.largest, 2);
  EXPECT_THAT(a.loads, testing::ElementsAre(testing::Pair(0, 2)));
  EXPECT_THAT(b.loads, testing::ElementsAre(testing::Pair(0, 1), testing::Pair(2, 1)));
}

TEST(CompareModels, RefusesToReadManyTimesTheFiles) {
  constexpr std::uint64_t kFree = std::uint64_t{4} << 30;
  Made a({{"x", 1, 0}, {"y", 1, 1}}), b({{"x", 1, 0}, {"y", 1, 1}});
  a.model.reads = {kFree, 16 * 64 - 32};
  EXPECT_TRUE(compare_models(a.model, b.model).ok());
  a.loads.clear();
  a.model.reads[1] += 1;
  const auto refused = compare_models(a.model, b.model);
  ASSERT_EQ(refused.code(), Code::kLimit);
  EXPECT_NE(
      refused.error().message.find("the tensors up to \"y\" take reading more than 4294968320"),
      std::string::npos)
      << refused.error().message;
  EXPECT_TRUE(a.loads.empty());
  // However many names there are, what is tied in both counts once.
  a.model.firsts = b.model.firsts = {0, 0};
  EXPECT_TRUE(compare_models(a.model, b.model).ok());
  a.model.reads = {~std::uint64_t{0}, ~std::uint64_t{0}};
  EXPECT_EQ(compare_models(a.model, b.model).code(), Code::kLimit);
}

}  // namespace
}  // namespace bbz::compare
