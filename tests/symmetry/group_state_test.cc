// A group whose rotation is wrong costs one decode of it, however many chunks ask for its riders.
#include "bbz/symmetry/group_state.h"

#include <gtest/gtest.h>

#include "symmetry/bitsback/junctions.h"

namespace bbz::symmetry {
namespace {

TEST(GroupState, DecodesAWrongRotationOnce) {
  constexpr std::uint64_t kWidth = 192;
  constexpr std::uint64_t kRows = 400;
  const auto carrier = bitsback::tensor_of(DType::kF16, bitsback::normal_values(1, kRows, kWidth));
  const bitsback::Carrier carriers[] = {{DType::kF16, carrier}};
  const auto plan = bitsback::plan_junction(kWidth, carriers);
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  auto drawn = bitsback::encode(*plan, carriers, bitsback::random_bytes(2, 64));
  ASSERT_TRUE(drawn.ok()) << drawn.error().message;
  drawn->record[16] ^= std::byte{1};  // the riders' checksum, which is looked at last

  catalog::Catalog catalog;
  catalog::Group& group = catalog.groups.emplace_back();
  group.meta.method = GroupMethod::kBitsBack;
  catalog::Tensor& tensor = catalog.tensors.emplace_back();
  tensor.meta.file = 0;
  tensor.meta.kind = catalog::TensorKind::kTensor;
  tensor.meta.dtype = DType::kF16;
  tensor.meta.shape = {kRows, kWidth};
  tensor.byte_size = tensor.stored_bytes = carrier.size();
  const auto payload =
      encode_group(BitsBackGroup{static_cast<std::uint32_t>(kWidth), 1, drawn->record});
  const auto state = GroupState::make(group, payload, DigestKind::kXxh3_128);
  ASSERT_TRUE(state.ok());
  (*state)->add(tensor, std::move(drawn->carriers.front()));

  const auto ask = [&] { return (*state)->decode_carried(catalog, {}, {}, {}, {}); };
  const std::uint64_t before = (*state)->held_bytes();
  const Status first = ask();
  ASSERT_EQ(first.code(), Code::kChecksum);
  // The carriers are gone, so nothing can be decoded again: what follows is the error that was kept.
  EXPECT_LE((*state)->held_bytes(), before - kRows * kWidth * 2);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask().error().message, first.error().message);
}

}  // namespace
}  // namespace bbz::symmetry
