// Models whose tensors share memory: which are the same, what they take, and how they are read.
#include <gmock/gmock.h>

#include "archive/viewing.h"
#include "bbz/access/model/model.h"
#include "bbz/files/torch/elements.h"
#include "files/torch/make_files.h"
#include "support/temp_dir.h"

namespace bbz::model {
namespace {

using torch::View;

class ModelOfSharedMemory : public testing::Test {
 protected:
  // Opens a file of torch.save of these tensors and storages.
  Result<Model> open_torch(const std::vector<std::pair<std::string, View>>& tensors,
                           const std::vector<std::string>& storages) const {
    torch::PickleDict dict;
    for (const auto& [name, view] : tensors) dict.emplace_back(name, torch::pickle_view(view));
    io::write_text(path_, torch::make_torch(torch::pickle(torch::pickle_dict(dict)), storages));
    return open(path_);
  }

  const io::TempDir dir_;
  const std::string path_ = dir_ / "m.pt";
};

TEST_F(ModelOfSharedMemory, KnowsWhichTensorsAreTheSame) {
  const auto model = open_torch({{"a", {"FloatStorage", "0", 12, 0, {3, 4}, {4, 1}}},
                                 {"tied", {"FloatStorage", "0", 12, 0, {3, 4}, {4, 1}}},
                                 {"turned", {"FloatStorage", "0", 12, 0, {4, 3}, {1, 4}}},
                                 {"flat", {"FloatStorage", "0", 12, 0, {12}, {1}}},
                                 {"turned again", {"FloatStorage", "0", 12, 0, {4, 3}, {1, 4}}},
                                 {"row", {"FloatStorage", "0", 12, 0, {1, 4}, {99, 1}}},
                                 {"same row", {"FloatStorage", "0", 12, 0, {1, 4}, {4, 1}}},
                                 {"other row", {"FloatStorage", "0", 12, 4, {1, 4}, {4, 1}}},
                                 {"column", {"FloatStorage", "0", 12, 1, {3, 1}, {4, 9}}},
                                 {"same column", {"FloatStorage", "0", 12, 1, {3, 1}, {4, 1}}}},
                                {torch::counting_bytes(48)});
  ASSERT_TRUE(model.ok()) << model.error().message;
  EXPECT_THAT(model->firsts, testing::ElementsAre(0, 0, 2, 3, 2, 5, 5, 7, 8, 8));

  const std::vector<std::byte> archive = write_viewed();
  const auto archived = open(io::memory_source(Bytes(archive)), "m.bbz");
  ASSERT_TRUE(archived.ok()) << archived.error().message;
  ASSERT_EQ(archived->tensors[0].name, "w");
  ASSERT_EQ(archived->tensors[1].name, "tied");
  EXPECT_THAT(archived->firsts, testing::ElementsAre(0, 0, 2, 3, 4, 5, 6, 7, 8));
}

// Strides of 0 repeat one element: the file has a few hundred bytes, whatever the tensor's shape.
TEST_F(ModelOfSharedMemory, StandsForFewTimesTheFile) {
  // A tensor of this many elements, and others of one more each.
  const auto file = [this](std::uint64_t extent, std::uint64_t tensors) {
    std::vector<std::pair<std::string, View>> all;
    for (std::uint64_t i = 0; i < tensors; ++i) {
      all.emplace_back("w" + std::to_string(i), View{"FloatStorage", "0", 1, 0, {extent + i}, {0}});
    }
    return open_torch(all, {torch::counting_bytes(4)});
  };
  const auto small = file(1'000'000, 1);
  ASSERT_TRUE(small.ok()) << small.error().message;
  EXPECT_EQ(small->load(0)->size(), 4'000'000u);
  EXPECT_TRUE(check_expansion(*small).ok());
  for (const auto& refused :
       {file(2'000'000, 1), file(1'000'000, 2), file(std::uint64_t{1} << 41, 1)}) {
    ASSERT_EQ(refused.code(), Code::kLimit);
    EXPECT_NE(refused.error().message.find("m.pt: the tensors take more than "), std::string::npos);
  }
}

// A tensor of many names is no reason to refuse a file, but for who loads each of them.
TEST_F(ModelOfSharedMemory, CountsATensorOfManyNamesOnce) {
  constexpr std::uint64_t kElements = 1'000'000;
  std::vector<std::pair<std::string, View>> all;
  for (int i = 0; i < 8; ++i) {
    all.emplace_back("w" + std::to_string(i),
                     View{"FloatStorage", "0", kElements, 0, {kElements}, {1}});
  }
  const auto model = open_torch(all, {torch::counting_bytes(4 * kElements)});
  ASSERT_TRUE(model.ok()) << model.error().message;
  const Status every_name = check_expansion(*model);
  ASSERT_EQ(every_name.code(), Code::kLimit);
  EXPECT_NE(every_name.error().message.find("tensor \"w5\" uses elements of others"),
            std::string::npos)
      << every_name.error().message;
}

// Tensors of any strides, some of several parts, are read as the definition of strides says.
TEST_F(ModelOfSharedMemory, GivesTensorsOfAnyStrides) {
  constexpr std::uint64_t kRows = 6000, kColumns = 7000;  // of 2 bytes: 80 MiB
  constexpr std::uint64_t kCount = kRows * kColumns;
  const std::string data = torch::counting_bytes(2 * kCount);
  const std::vector<std::pair<std::string, View>> views = {
      {"turned", {"HalfStorage", "0", kCount, 0, {kColumns, kRows}, {1, kColumns}}},
      {"half", {"HalfStorage", "0", kCount, 3, {kRows, kColumns / 2}, {kColumns, 1}}},
      {"repeated", {"HalfStorage", "0", kCount, 5, {2, kRows, 100}, {0, kColumns, 3}}},
      {"windows", {"HalfStorage", "0", kCount, 0, {1000, 1000}, {7, 9}}},
      // Its axes overlap, and it spans more than is held in memory.
      {"overlapping", {"HalfStorage", "0", kCount, 1, {4000, 3}, {kColumns, 5000 * 1000}}}};
  const auto model = open_torch(views, {data});
  ASSERT_TRUE(model.ok()) << model.error().message;
  const auto file = io::open_file(path_).value();
  const auto state = torch::read_state_dict(*file).value();
  for (std::size_t i = 0; i < views.size(); ++i) {
    SCOPED_TRACE(views[i].first);
    const auto source = torch::element_source(*file, state, state.tensors[i]).value();
    std::vector<std::byte> expected(*source->size());
    ASSERT_TRUE(io::read_exactly(*source, 0, expected).ok());
    EXPECT_TRUE(*model->load(i) == expected);
    std::vector<std::byte> all;
    int parts = 0;
    while (true) {
      const auto part = model->load_part(i, all.size());
      ASSERT_TRUE(part.ok()) << part.error().message;
      if (part->empty()) break;
      all.insert(all.end(), part->begin(), part->end());
      ++parts;
    }
    EXPECT_TRUE(all == expected);
    EXPECT_EQ(parts, i < 2 ? 2 : 1);
    EXPECT_GE(model->reads[i], std::min<std::uint64_t>(expected.size(), 30'000));
  }
  EXPECT_LE(model->reads[0], 2 * data.size() + (1 << 20));  // of two parts
}

}  // namespace
}  // namespace bbz::model
