#include "bbz/base/block_type.h"

#include <gtest/gtest.h>

#include "bbz/base/tensor_info.h"

namespace bbz {
namespace {

BlockType of(std::vector<BlockField> fields) {
  return {"b", 1, std::move(fields)};
}
Code code_of(const BlockType& type) {
  return check_block_type(type).code();
}
BlockField bits(std::uint8_t bits, std::uint64_t count) {
  BlockField field = BlockField::of("f", static_cast<DType>(200), count);
  field.element_bits = bits;
  return field;
}

TEST(BlockType, HasTheBytesOfItsFields) {
  const BlockType type = {
      "Q4_0",
      32,
      {BlockField::of("d", DType::kF16, 1), BlockField::of("qs", BlockField::kNoDType, 16)}};
  EXPECT_TRUE(check_block_type(type).ok());
  EXPECT_EQ(type.bytes(), 18u);
  EXPECT_EQ(of({bits(3, 5), BlockField::of("g", DType::kF4, 1), bits(5, 1)}).bits(), 24u);
}

TEST(BlockType, IsCheckedFieldByField) {
  EXPECT_EQ(code_of(of({bits(8, 65536)})), Code::kOk);
  EXPECT_EQ(code_of(of({bits(8, 65537)})), Code::kLimit);
  EXPECT_EQ(code_of(of({bits(1, 524288)})), Code::kOk);
  EXPECT_EQ(code_of(of({bits(1, 524289)})), Code::kLimit);
  EXPECT_EQ(code_of(of({bits(8, ~std::uint64_t{0})})), Code::kLimit);
  EXPECT_EQ(code_of(of({bits(8, 0)})), Code::kMalformed);
  EXPECT_EQ(code_of(of({bits(0, 8)})), Code::kMalformed);
  EXPECT_EQ(code_of(of({bits(3, 5)})), Code::kMalformed);
  EXPECT_EQ(code_of(of({})), Code::kMalformed);
  BlockField wrong = BlockField::of("f", DType::kF16, 1);
  wrong.element_bits = 8;
  EXPECT_EQ(code_of(of({wrong})), Code::kMalformed);
  EXPECT_EQ(code_of(of({BlockField::of("f", DType::kBlock, 1)})), Code::kMalformed);
  EXPECT_EQ(code_of(of({bits(8, 1), bits(8, 1)})), Code::kMalformed);  // of one name
  std::vector<BlockField> many;
  for (int i = 0; i < 64; ++i) {
    many.push_back(BlockField::of(std::to_string(i), DType::kU8, 1));
  }
  EXPECT_EQ(code_of(of(many)), Code::kOk);
  many.push_back(BlockField::of("one more", DType::kU8, 1));
  EXPECT_EQ(code_of(of(many)), Code::kLimit);
}

TEST(BlockType, HasNamesAndValues) {
  BlockType type = of({bits(8, 1)});
  for (const std::string& name : {std::string(), std::string(256, 'n'), std::string("\xFF")}) {
    type.name = name;
    EXPECT_EQ(code_of(type), Code::kMalformed) << name;
    type.name = "b";
    type.fields[0].name = name;
    EXPECT_EQ(code_of(type), Code::kMalformed) << name;
    type.fields[0].name = "f";
  }
  type.name = type.fields[0].name = std::string(255, 'n');
  EXPECT_EQ(code_of(type), Code::kOk);
  type.values = 0;
  EXPECT_EQ(code_of(type), Code::kMalformed);
}

TEST(BlockType, TheSameBlocksHaveEqualTypes) {
  const auto a = std::make_shared<const BlockType>(of({bits(8, 1)}));
  const auto b = std::make_shared<const BlockType>(of({bits(8, 1)}));
  const auto c = std::make_shared<const BlockType>(of({bits(8, 2)}));
  EXPECT_TRUE(same_blocks(a, b));
  EXPECT_FALSE(same_blocks(a, c));
  EXPECT_FALSE(same_blocks(a, nullptr));
  EXPECT_FALSE(same_blocks(nullptr, a));
  EXPECT_TRUE(same_blocks(nullptr, nullptr));
}

TEST(BlockType, AShapeOfBlocksIsOneOfValues) {
  EXPECT_EQ(*shape_in_values({3, 2}, 32), (Shape{3, 64}));
  const auto blocks = std::make_shared<const BlockType>(BlockType{"b", 32, {}});
  EXPECT_EQ(*shape_in_values(TensorInfo{"w", DType::kBlock, {3, 2}, blocks}), (Shape{3, 64}));
  EXPECT_EQ(*shape_in_values(TensorInfo{"w", DType::kF32, {3, 2}}), (Shape{3, 2}));
  EXPECT_EQ(*shape_in_values({0}, 32), (Shape{0}));
  EXPECT_EQ(shape_in_values({}, 32).code(), Code::kMalformed);
  constexpr std::uint64_t kHalf = std::uint64_t{1} << 63;
  EXPECT_EQ(*shape_in_values({kHalf - 1}, 2), (Shape{2 * (kHalf - 1)}));
  EXPECT_EQ(shape_in_values({kHalf}, 2).code(), Code::kMalformed);
  EXPECT_EQ(shape_in_values({0, kHalf}, 2).code(), Code::kMalformed);
  EXPECT_EQ(shape_in_values({2, kHalf / 2}, 2).code(), Code::kMalformed);
}

}  // namespace
}  // namespace bbz
