// A build without BBZ_BITS_BACK: what needs it is refused and says so, and the rest works.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bbz/archive/reader.h"
#include "bbz/io/source.h"
#include "bbz/symmetry/bitsback/bitsback.h"
#include "ops/rotation/packed.h"

namespace bbz {
namespace {

using testing::HasSubstr;

TEST(WithoutBitsBack, NamesTheOption) {
  const Status built = bitsback::check_built();
  ASSERT_EQ(built.code(), Code::kUnsupported);
  EXPECT_THAT(built.error().message, HasSubstr("BBZ_BITS_BACK"));
}

// The vector has tensors that carry and one that rides in their rotation.
TEST(WithoutBitsBack, ReadsAllButTheRiders) {
  auto source = io::map_file(BBZ_VECTORS "/valid/form-rider.bbz", io::Access::kRandom);
  ASSERT_TRUE(source.ok()) << source.error().message;
  const auto reader = Reader::open(*std::move(source), {});
  ASSERT_TRUE(reader.ok()) << reader.error().message;
  int riders = 0, others = 0;
  for (const catalog::Tensor& tensor : reader->catalog().tensors) {
    std::vector<std::byte> out(tensor.byte_size);
    const Status read = reader->read_tensor(tensor.meta.number, out);
    if (tensor.meta.form == catalog::Form::kRider) {
      ++riders;
      ASSERT_EQ(read.code(), Code::kUnsupported);
      EXPECT_THAT(read.error().message, HasSubstr("BBZ_BITS_BACK"));
    } else {
      ++others;
      EXPECT_TRUE(read.ok()) << read.error().message;
    }
  }
  EXPECT_GT(riders, 0);
  EXPECT_GT(others, 0);
}

TEST(WithoutBitsBack, PacksByTheOtherMethods) {
  test_models::Spec spec;
  spec.widths = {48};
  const std::vector<std::byte> file = rotation::file_of(test_models::sliced_model(spec));
  const auto refused = rotation::pack_file(file, rotation::RequestedMethod::kBitsBack);
  ASSERT_EQ(refused.code(), Code::kUnsupported);
  EXPECT_THAT(refused.error().message, HasSubstr("BBZ_BITS_BACK"));
  const auto packed = rotation::pack_file(file, rotation::RequestedMethod::kTriangular);
  EXPECT_TRUE(packed.ok()) << packed.error().message;
}

}  // namespace
}  // namespace bbz
