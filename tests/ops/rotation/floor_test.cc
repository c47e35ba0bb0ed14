// Sliced models with a noise floor.
#include "ops/rotation/packed.h"

namespace bbz::rotation {
namespace {

using gauge::Floor;

struct FloorCase {
  const char* family;
  DType dtype;
  RequestedMethod method;
};

class Floors : public testing::TestWithParam<FloorCase> {};

TEST_P(Floors, KeepAFixedPointAndTheirLimits) {
  const FloorCase& c = GetParam();
  const auto source = file_of(test_models::sliced_model(small_spec(c.family, c.dtype)));
  const auto plain = pack_file(source, c.method);
  ASSERT_TRUE(plain.ok()) << plain.error().message;
  for (const Floor floor : {Floor::kHalf, Floor::kOne}) {
    const auto packed = pack_file(source, c.method, DigestKind::kXxh3_128, 1 << 20, floor);
    ASSERT_TRUE(packed.ok()) << packed.error().message;
    EXPECT_LT(packed->archive.size(), plain->archive.size());
    bool grown = false;
    for (std::size_t j = 0; j < packed->record.junctions.size(); ++j) {
      const JunctionRecord& junction = packed->record.junctions[j];
      EXPECT_EQ(junction.method, plain->record.junctions[j].method);
      EXPECT_LT(junction.growth, gauge::accepted_growth(floor)) << junction.name;
      grown = grown || junction.growth > 1.01;
    }
    EXPECT_TRUE(grown);
    const auto unpacked = unpack_by_index(packed->archive);
    ASSERT_TRUE(unpacked.ok()) << unpacked.error().message;
    for (const Floor next : {floor, Floor::kNone, Floor::kOne}) {
      const auto again = pack_file(*unpacked, c.method, DigestKind::kXxh3_128, 1 << 20, next, 2);
      ASSERT_TRUE(again.ok()) << again.error().message;
      EXPECT_FALSE(again->record.rotated);
      EXPECT_TRUE(again->archive == packed->archive);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Floors,
    testing::Values(FloorCase{"llama", DType::kF16, RequestedMethod::kPolar},
                    FloorCase{"opt", DType::kBF16, RequestedMethod::kPolar},
                    FloorCase{"phi-2", DType::kF16, RequestedMethod::kTriangular},
                    FloorCase{"phi-3", DType::kBF16, RequestedMethod::kTriangular},
                    FloorCase{"llama", DType::kF32, RequestedMethod::kPolar}),
    [](const auto& row) {
      const FloorCase& c = row.param;
      return test_name({c.family, dtype_info(c.dtype).name, method_name(c.method)});
    });

TEST(Floor, IsRecordedOnlyIfThereIsOne) {
  const auto source = file_of(test_models::sliced_model(small_spec("llama", DType::kF16)));
  const auto json = [&](Floor floor) {
    return to_json(
        pack_file(source, RequestedMethod::kPolar, DigestKind::kXxh3_128, 1 << 20, floor)->record);
  };
  EXPECT_NE(json(Floor::kHalf).find(R"("floor":"0.5")"), std::string::npos);
  EXPECT_NE(json(Floor::kHalf).find(R"("growth":)"), std::string::npos);
  EXPECT_EQ(json(Floor::kNone).find(R"("floor")"), std::string::npos);
  EXPECT_EQ(json(Floor::kNone).find(R"("growth")"), std::string::npos);
}

}  // namespace
}  // namespace bbz::rotation
