#include "bbz/symmetry/form.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bbz/symmetry/gauge/lower.h"
#include "bbz/symmetry/junction/detect.h"

namespace bbz::symmetry {
namespace {

catalog::Tensor matrix(std::uint64_t rows, std::uint64_t cols, Form form) {
  catalog::Tensor tensor;
  tensor.meta.kind = catalog::TensorKind::kTensor;
  tensor.meta.dtype = DType::kF16;
  tensor.meta.element_bits = 16;
  tensor.meta.form = form;
  tensor.meta.shape = {rows, cols};
  tensor.meta.stored_elements = rows * cols;
  tensor.meta.name = "s";
  tensor.byte_size = rows * cols * 2;
  return tensor;
}

catalog::Catalog with_group(GroupMethod method) {
  catalog::Catalog catalog;
  catalog.groups.emplace_back().meta.method = method;
  catalog.groups.back().first_user = 0;
  return catalog;
}

TEST(Forms, LowerNeedsItsCountAndTwoAxes) {
  const catalog::Catalog catalog = with_group(GroupMethod::kPolar);
  catalog::Tensor tensor = matrix(5, 3, Form::kLower);
  EXPECT_EQ(check_form(catalog, tensor).code(), Code::kMalformed);
  tensor.meta.stored_elements = 1 + 2 + 3 + 3 + 3;
  EXPECT_TRUE(check_form(catalog, tensor).ok());
  tensor.meta.shape = {15};
  EXPECT_EQ(check_form(catalog, tensor).code(), Code::kMalformed);
  tensor.meta.shape = {1ull << 40, 3};
  EXPECT_EQ(check_form(catalog, tensor).code(), Code::kMalformed);
  tensor = matrix(1, junction::kMaxWidth, Form::kLower);
  tensor.meta.stored_elements = 1;
  EXPECT_TRUE(check_form(catalog, tensor).ok());
  tensor.meta.shape[1] += 1;
  EXPECT_EQ(check_form(catalog, tensor).code(), Code::kLimit);
}

TEST(Forms, PolarAndRiderNeedGroupsOfTheirMethod) {
  catalog::Tensor polar = matrix(4, 4, Form::kPolar);
  polar.meta.stored_elements = 0;
  catalog::Tensor rider = matrix(4, 4, Form::kRider);
  EXPECT_EQ(check_form(with_group(GroupMethod::kPolar), polar).code(), Code::kMalformed);
  polar.meta.group = rider.meta.group = 0;
  EXPECT_TRUE(check_form(with_group(GroupMethod::kPolar), polar).ok());
  polar.meta.shape = {16384, 32768};
  EXPECT_TRUE(check_form(with_group(GroupMethod::kPolar), polar).ok());
  polar.meta.shape = {16385, 32768};
  EXPECT_EQ(check_form(with_group(GroupMethod::kPolar), polar).code(), Code::kLimit);
  polar.meta.shape = {4, 4};
  polar.meta.number = rider.meta.number = 1;  // not the first that refers to the group
  EXPECT_EQ(check_form(with_group(GroupMethod::kPolar), polar).code(), Code::kMalformed);
  EXPECT_TRUE(check_form(with_group(GroupMethod::kBitsBack), rider).ok());
  polar.meta.number = 0;
  EXPECT_EQ(check_form(with_group(GroupMethod::kBitsBack), polar).code(), Code::kMalformed);
  EXPECT_EQ(check_form(with_group(GroupMethod::kPolar), rider).code(), Code::kMalformed);
  polar.meta.stored_elements = 16;
  EXPECT_EQ(check_form(with_group(GroupMethod::kPolar), polar).code(), Code::kMalformed);
  rider.meta.stored_elements = 15;
  EXPECT_EQ(check_form(with_group(GroupMethod::kBitsBack), rider).code(), Code::kMalformed);
  EXPECT_EQ(check_form(with_group(GroupMethod::kPolar), matrix(2, 2, Form{9})).code(),
            Code::kUnsupported);
}

// What is computed needs a dtype whose values are known, what is copied does not.
TEST(Forms, OfAnUnknownDtype) {
  const catalog::Catalog polar_group = with_group(GroupMethod::kPolar);
  const catalog::Catalog rider_group = with_group(GroupMethod::kBitsBack);
  const auto unknown = [](Form form, std::uint64_t stored, unsigned bits) {
    catalog::Tensor tensor = matrix(3, 3, form);
    tensor.meta.dtype = DType{99};
    tensor.meta.element_bits = static_cast<std::uint8_t>(bits);
    tensor.meta.stored_elements = stored;
    tensor.meta.group = 0;
    tensor.byte_size = 9 * bits / 8;
    return tensor;
  };
  EXPECT_TRUE(check_form(polar_group, unknown(Form::kDense, 9, 24)).ok());
  EXPECT_TRUE(check_form(polar_group, unknown(Form::kLower, 6, 24)).ok());
  EXPECT_TRUE(check_form(rider_group, unknown(Form::kRider, 9, 24)).ok());
  const Status polar = check_form(polar_group, unknown(Form::kPolar, 0, 24));
  EXPECT_EQ(polar.code(), Code::kUnsupported);
  // A rule that comes before: elements are whole bytes.
  EXPECT_EQ(check_form(polar_group, unknown(Form::kPolar, 0, 12)).code(), Code::kMalformed);
  EXPECT_EQ(check_form(polar_group, unknown(Form::kLower, 6, 12)).code(), Code::kMalformed);
  // One that comes after.
  EXPECT_EQ(check_form(polar_group, unknown(Form::kPolar, 9, 24)).code(), Code::kUnsupported);
}

TEST(Forms, ThatRequireAnUnknownExtension) {
  const catalog::Catalog catalog = with_group(GroupMethod::kPolar);
  for (const Form form : {Form::kDense, Form::kLower, Form::kPolar, Form{9}}) {
    catalog::Tensor tensor = matrix(3, 3, form);
    tensor.meta.group = 0;
    tensor.meta.extensions.unknown = true;
    EXPECT_EQ(check_form(catalog, tensor).code(), Code::kUnsupported);
  }
}

TEST(Rotation, IsWithinItsWidthAndWhatIsStored) {
  catalog::Group group;
  group.meta.number = 7;
  group.payload.length = 8 + 24;
  BitsBackGroup rotation;
  rotation.width = 8192;
  rotation.carriers = 2;
  rotation.record.resize(24);
  rotation.record[2] = std::byte{12};  // bits of a degree of freedom
  std::vector<catalog::Tensor> carriers(2, matrix(8192, 8192, Form::kDense));
  const std::uint64_t least = 8192ull * 8191 / 2 * 12 / 8;
  carriers[0].stored_bytes = 1000;
  carriers[1].stored_bytes = least - 1000 - group.payload.length;
  EXPECT_TRUE(check_rotation(group, rotation, carriers).ok());

  carriers[1].stored_bytes -= 1;
  const Status few = check_rotation(group, rotation, carriers);
  EXPECT_EQ(few.code(), Code::kLimit);
  EXPECT_THAT(few.error().message, testing::HasSubstr("group 7"));
  EXPECT_THAT(few.error().message, testing::HasSubstr(std::to_string(least)));
  EXPECT_THAT(few.error().message, testing::HasSubstr(std::to_string(least - 1)));

  // However few bits are drawn, the carriers are mixed by the rotation and take more than half of d^2
  // bytes.
  rotation.record[2] = std::byte{1};
  carriers[1].stored_bytes = 8192 * 8192 / 2 - 1000 - group.payload.length;
  EXPECT_TRUE(check_rotation(group, rotation, carriers).ok());
  --carriers[1].stored_bytes;
  EXPECT_EQ(check_rotation(group, rotation, carriers).code(), Code::kLimit);

  carriers[1].stored_bytes = least;
  rotation.width = 8193;
  const Status wide = check_rotation(group, rotation, carriers);
  EXPECT_EQ(wide.code(), Code::kLimit);
  EXPECT_THAT(wide.error().message, testing::HasSubstr("8193, the limit is 8192"));
}

TEST(Lower, ChunksOfAnySizeTileTheMatrix) {
  using Size = std::pair<std::uint64_t, std::uint64_t>;
  for (const auto& [rows, cols] : {Size{7, 7}, Size{9, 4}, Size{4, 9}, Size{1, 1}}) {
    catalog::Tensor tensor = matrix(rows, cols, Form::kLower);
    const std::uint64_t count = gauge::lower_count(rows, cols);
    tensor.meta.stored_elements = count;
    std::vector<std::uint16_t> full(rows * cols, 0);
    for (std::uint64_t i = 0; i < rows; ++i) {
      for (std::uint64_t j = 0; j <= std::min(i, cols - 1); ++j) {
        full[i * cols + j] = static_cast<std::uint16_t>(100 * i + j + 1);
      }
    }
    std::vector<std::uint16_t> kept;
    for (const std::uint16_t value : full) {
      if (value != 0) kept.push_back(value);
    }
    ASSERT_EQ(kept.size(), count);
    for (std::uint64_t step = 1; step <= count; ++step) {
      std::vector<std::uint16_t> put_together;
      for (std::uint64_t first = 0; first < count; first += step) {
        catalog::Chunk chunk;
        chunk.first_element = first;
        chunk.element_count = std::min(step, count - first);
        const DenseRange range = dense_range(tensor.meta, chunk);
        ASSERT_EQ(range.begin, put_together.size());
        std::vector<std::uint16_t> dense(range.end - range.begin, 0xFFFF);
        const Bytes stored = std::as_bytes(std::span(kept).subspan(first, chunk.element_count));
        expand_chunk(tensor.meta, chunk, stored, range.begin,
                     std::as_writable_bytes(std::span(dense)));
        // Any part of it comes out as it lies in the whole.
        for (std::size_t begin = 0; begin < dense.size(); ++begin) {
          for (std::size_t size = 1; size <= dense.size() - begin; ++size) {
            std::vector<std::uint16_t> part(size, 0xFFFF);
            expand_chunk(tensor.meta, chunk, stored, range.begin + begin,
                         std::as_writable_bytes(std::span(part)));
            ASSERT_TRUE(std::ranges::equal(part, std::span(dense).subspan(begin, size)));
          }
        }
        put_together.insert(put_together.end(), dense.begin(), dense.end());
      }
      EXPECT_EQ(put_together, full) << rows << "x" << cols << " by " << step;
    }
  }
}

TEST(Riders, MustLieWithinWhatWasRecovered) {
  const catalog::Tensor tensor = matrix(4, 4, Form::kRider);
  catalog::Chunk chunk;
  chunk.decoded_bytes = 32;
  chunk.meta.codec = codec::CodecId::kCarried;
  const std::vector<std::byte> riders(40, std::byte{7});
  const auto join = [&](std::uint32_t length, std::uint64_t offset, std::size_t tail) {
    std::vector<std::byte> payload;
    encode_carried_head({0, length, offset}, payload);
    payload.resize(payload.size() + tail, std::byte{9});
    return join_carried(tensor.meta, chunk, payload, riders);
  };
  const auto good = join(30, 10, 2);
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(good->payload.size(), 32u);
  EXPECT_EQ(good->payload[29], std::byte{7});
  EXPECT_EQ(good->payload[30], std::byte{9});
  EXPECT_EQ(good->chunk.meta.codec, codec::CodecId::kRaw);
  EXPECT_EQ(join(30, 11, 2).code(), Code::kMalformed);
  EXPECT_EQ(join(1, ~std::uint64_t{0}, 0).code(), Code::kMalformed);
  EXPECT_EQ(join(30, 0, 3).code(), Code::kMalformed);
  EXPECT_EQ(join_carried(tensor.meta, chunk, Bytes(), riders).code(), Code::kMalformed);
}

TEST(Polar, GarbageIsRefusedAndAWrongOperandIsFound) {
  catalog::Tensor tensor = matrix(3, 3, Form::kPolar);
  PolarGroup group;  // rank 0: the identity
  std::vector<std::byte> dense(18);
  EXPECT_EQ(derive_polar(tensor.meta, group, {}, dense).code(), Code::kChecksum);
  const std::vector<std::uint16_t> identity = {0x3C00, 0, 0, 0, 0x3C00, 0, 0, 0, 0x3C00};
  group.decoded_checksum = xxh3_64(std::as_bytes(std::span(identity)));
  ASSERT_TRUE(derive_polar(tensor.meta, group, {}, dense).ok());
  EXPECT_TRUE(std::ranges::equal(dense, std::as_bytes(std::span(identity))));
  group.pivots = {0, 0};
  EXPECT_FALSE(derive_polar(tensor.meta, group, Bytes(dense), dense).ok());
  group.pivots = {5};
  EXPECT_FALSE(derive_polar(tensor.meta, group, Bytes(dense), dense).ok());
}

TEST(Polar, IsHandedOutInPartsOfTheWholeOneAfterTheOther) {
  for (const std::uint64_t rows : {1u, 3u, 512u, 900u}) {  // one part to several, whole or not
    const catalog::Tensor tensor = matrix(rows, rows, Form::kPolar);
    const std::size_t size = 2 * rows * rows;
    PolarGroup group;
    std::vector<std::byte> dense(size), taken;
    const TakePart take = [&](std::uint64_t offset, Bytes part) -> Status {
      EXPECT_EQ(offset, taken.size());
      taken.insert(taken.end(), part.begin(), part.end());
      return {};
    };
    EXPECT_EQ(derive_polar(tensor.meta, group, {}, dense, nullptr, take).code(), Code::kChecksum);
    EXPECT_TRUE(taken == dense) << rows;
    group.decoded_checksum = xxh3_64(dense);
    taken.clear();
    EXPECT_TRUE(derive_polar(tensor.meta, group, {}, dense, nullptr, take).ok()) << rows;
    EXPECT_TRUE(taken == dense) << rows;
    const TakePart refuse = [](std::uint64_t, Bytes) {
      return error_with_message(Code::kCancelled, "enough");
    };
    EXPECT_EQ(derive_polar(tensor.meta, group, {}, dense, nullptr, refuse).code(),
              Code::kCancelled);
  }
}

TEST(GroupTensors, AreThoseThatFollowIt) {
  catalog::Catalog catalog = with_group(GroupMethod::kBitsBack);
  catalog.tensors.push_back(matrix(4, 4, Form::kDense));
  catalog.tensors.back().meta.file = 0;
  catalog.tensors.push_back(matrix(4, 4, Form::kRider));
  EXPECT_TRUE(group_tensors(catalog, catalog.groups[0], 1).ok());
  EXPECT_EQ(group_tensors(catalog, catalog.groups[0], 2).code(), Code::kMalformed);
  EXPECT_EQ(group_tensors(catalog, catalog.groups[0], 3).code(), Code::kMalformed);
  catalog.tensors[0].byte_size = kMaxGroupTensorBytes;
  EXPECT_TRUE(group_tensors(catalog, catalog.groups[0], 1).ok());
  catalog.tensors[0].byte_size += 1;
  EXPECT_EQ(group_tensors(catalog, catalog.groups[0], 1).code(), Code::kLimit);
  catalog.groups[0].meta.method = GroupMethod::kPolar;  // whose operand lies in no file
  EXPECT_EQ(group_tensors(catalog, catalog.groups[0], 1).code(), Code::kMalformed);
}

TEST(Lower, IsExpandedInSlicesHoweverFewElementsStandForIt) {
  // Row 0 stores one element of its 32,768, row 199 two hundred.
  catalog::Tensor tensor = matrix(200, 32768, Form::kLower);
  const std::uint64_t count = gauge::lower_count(200, 32768);
  tensor.meta.stored_elements = count;
  catalog::Chunk chunk;
  chunk.element_count = count;
  const std::vector<std::uint16_t> stored(count, 0x3C00);
  std::vector<std::byte> slice, all;
  const auto take = [&](std::uint64_t offset, Bytes part) -> Status {
    EXPECT_EQ(offset, all.size());
    EXPECT_LE(part.size(), kExpandSlice);
    all.insert(all.end(), part.begin(), part.end());
    return {};
  };
  ASSERT_TRUE(expand_chunk(tensor.meta, chunk, std::as_bytes(std::span(stored)), slice, take).ok());
  ASSERT_EQ(all.size(), 200u * 32768 * 2);
  EXPECT_LE(slice.capacity(), kExpandSlice);
  std::uint64_t ones = 0;
  for (std::uint64_t row = 0; row < 200; ++row) {
    for (std::uint64_t col = 0; col < 200; ++col) {
      const bool one = all[(row * 32768 + col) * 2 + 1] == std::byte{0x3C};
      ASSERT_EQ(one, col <= row) << row << ", " << col;
      ones += one ? 1 : 0;
    }
  }
  EXPECT_EQ(ones, count);
  const auto refuse = [](std::uint64_t, Bytes) -> Status {
    return error_with_message(Code::kCancelled, "enough");
  };
  EXPECT_EQ(
      expand_chunk(tensor.meta, chunk, std::as_bytes(std::span(stored)), slice, refuse).code(),
      Code::kCancelled);
}

TEST(Rotation, HasCarriersInProportionToWhatIsStored) {
  catalog::Group group;
  group.payload.length = 32;
  BitsBackGroup rotation;
  rotation.width = 16;
  rotation.carriers = 2;
  rotation.record.resize(24);
  std::vector<catalog::Tensor> carriers(2, matrix(1 << 20, 16, Form::kDense));
  carriers[0].byte_size = 40 << 10;
  carriers[1].byte_size = (24 << 10) + 16 * 2000;
  carriers[0].stored_bytes = 1000;
  carriers[1].stored_bytes = 1000 - 32;
  EXPECT_TRUE(check_rotation(group, rotation, carriers).ok());
  carriers[1].byte_size += 1;
  const Status refused = check_rotation(group, rotation, carriers);
  ASSERT_EQ(refused.code(), Code::kLimit);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("2000 stored bytes"));
  EXPECT_THAT(refused.error().message, testing::HasSubstr("at least 2001"));
}

TEST(Polar, CostsNoMoreThanItsBytesAllow) {
  catalog::Group group;
  group.payload.length = 18;
  PolarGroup polar;
  polar.pivots = {2};
  catalog::Tensor factor = matrix(1, 4096, Form::kDense);
  factor.meta.shape = {4096};
  factor.byte_size = 2 * 4096;
  const auto operand = std::span(&factor, 1);
  // 4096 rows of rank 1 are 2^24, which 64 bytes may ask for.
  factor.stored_bytes = 46;
  EXPECT_TRUE(check_cost(group, polar, operand, 1).ok());
  factor.stored_bytes = 45;
  const Status refused = check_cost(group, polar, operand, 1);
  ASSERT_EQ(refused.code(), Code::kLimit);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("63 stored bytes"));
  EXPECT_THAT(refused.error().message, testing::HasSubstr("at least 64"));
  // The operand, its factor as float64 and what is derived are 8 MiB and 192 bytes for each of 64.
  factor.stored_bytes = 46;
  const std::uint64_t most = (8 << 20) + 192 * 64 - 2 * 4096 - 8 * 4096;
  EXPECT_TRUE(check_cost(group, polar, operand, most).ok());
  EXPECT_EQ(check_cost(group, polar, operand, most + 1).code(), Code::kLimit);
  // Sizes of which no form can be made do not wrap.
  polar.pivots.assign(65535, 0);
  factor.byte_size = kMaxGroupTensorBytes;
  factor.stored_bytes = 0;
  EXPECT_EQ(check_cost(group, polar, operand, kMaxGroupTensorBytes).code(), Code::kLimit);
  // Tensors that are derived from no operand are bounded too. Up to 724 rows, the pivots are bytes
  // enough.
  EXPECT_TRUE(check_cost(group, PolarGroup(), {}, 1 << 20).ok());
  EXPECT_EQ(check_cost(group, PolarGroup(), {}, 1 << 27).code(), Code::kLimit);
  polar.pivots.assign(724, 0);
  group.payload.length = 16 + 2 * 724;
  factor.byte_size = 2 * (std::uint64_t{724} * 724 - 724 * 723 / 2);
  EXPECT_TRUE(check_cost(group, polar, operand, 2 * 724 * 724).ok());
}

}  // namespace
}  // namespace bbz::symmetry
