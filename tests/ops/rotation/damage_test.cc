// Damaged archives of rotated models give errors, never wrong weights.
#include "ops/rotation/packed.h"

namespace bbz::rotation {
namespace {

class RotationDamage : public testing::TestWithParam<RequestedMethod> {
 protected:
  RotationDamage() {
    test_models::Spec spec = small_spec("llama", DType::kF16);
    spec.layers = 1;
    packed_ = *pack_file(file_of(test_models::sliced_model(spec)), GetParam(),
                         DigestKind::kXxh3_128, 512);
    reader_ = *Reader::open(io::memory_source(Bytes(packed_.archive)));
  }
  Packed packed_;
  std::optional<Reader> reader_;
};

TEST_P(RotationDamage, FlippedBitsAreFound) {
  std::vector<std::byte> bytes = packed_.archive;
  for (std::size_t at = 8; at < bytes.size(); at += 97) {
    const std::byte flip{static_cast<unsigned char>(1u << (at % 8))};
    bytes[at] ^= flip;
    EXPECT_FALSE(unpack_stream(bytes).ok()) << at;
    bytes[at] ^= flip;
  }
}

TEST_P(RotationDamage, CutArchivesAreFound) {
  for (std::size_t size = 0; size < packed_.archive.size(); size += 211) {
    EXPECT_FALSE(unpack_stream(Bytes(packed_.archive).first(size)).ok()) << size;
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, RotationDamage,
                         testing::Values(RequestedMethod::kTriangular, RequestedMethod::kPolar,
                                         RequestedMethod::kBitsBack),
                         [](const auto& row) { return test_name({method_name(row.param)}); });

}  // namespace
}  // namespace bbz::rotation
