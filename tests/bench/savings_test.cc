// That the bytes of two layers, taken as often as there are layers, are those of a whole archive,
// and that the table's figures follow from the shapes.
#include "symmetry/savings.h"

#include <gtest/gtest.h>

#include "symmetry/shapes.h"

namespace bbz::bench {
namespace {

using rotation::RequestedMethod;

test_models::Spec small(const std::string& family) {
  test_models::Spec spec;
  spec.family = family;
  spec.layers = 5;
  spec.hidden = 96;
  spec.widths = {72};
  spec.inner = 256;
  spec.vocabulary = 200;
  return spec;
}

void expect_whole(const test_models::Spec& spec, std::optional<RequestedMethod> method) {
  const auto savings = measure(spec, method);
  ASSERT_TRUE(savings.ok()) << savings.error().message;
  const test_models::LargeModel large(spec);
  const auto sink = io::null_sink();
  const auto whole = pack(model_of(large), method, *sink);
  ASSERT_TRUE(whole.ok()) << whole.error().message;
  const auto bytes = static_cast<double>(whole->archive_bytes);
  EXPECT_NEAR(savings->archive_bytes, bytes, 0.005 * bytes);
  const auto saved = static_cast<double>(whole->record.bits_saved()) / 16;
  if (method == RequestedMethod::kBitsBack) {
    EXPECT_NEAR(savings->entries_saved, saved, 0.02 * saved);
  } else {
    EXPECT_EQ(savings->entries_saved, method ? saved : 0);
  }
}

TEST(Savings, TwoLayersTellOfTheWholeModel) {
  for (const std::string family : {"llama", "opt"}) {
    SCOPED_TRACE(family);
    expect_whole(small(family), std::nullopt);
    expect_whole(small(family), RequestedMethod::kTriangular);
    expect_whole(small(family), RequestedMethod::kPolar);
  }
  expect_whole(small("llama"), RequestedMethod::kBitsBack);
}

TEST(Savings, FollowFromTheShape) {
  for (const std::string family : {"llama", "opt"}) {
    const ByShape expected = by_shape(small(family), 11);
    EXPECT_EQ(measure(small(family), RequestedMethod::kTriangular)->entries_saved,
              expected.triangular);
    EXPECT_EQ(measure(small(family), RequestedMethod::kPolar)->entries_saved, expected.polar);
  }
}

TEST(Savings, ShapesAreThoseOfTheModels) {
  // Parameters of the published models, before slicing, without norms.
  const auto millions = [](std::string_view name) {
    for (const Shape& shape : shapes()) {
      if (shape.name != name) continue;
      test_models::Spec spec = shape.spec;
      std::uint64_t shortcuts = 2 * spec.layers * spec.hidden * spec.hidden;
      return static_cast<double>(entries_of(spec) - shortcuts) * 1e-6;
    }
    return 0.0;
  };
  EXPECT_NEAR(millions("Llama-2-7B"), 6738, 2);
  EXPECT_NEAR(millions("Llama-2-13B"), 13016, 3);
  // With a head of its own, which OPT ties to its embedding.
  EXPECT_NEAR(millions("OPT-1.3B"), 1316 + 103, 2);
  EXPECT_NEAR(millions("OPT-6.7B"), 6658 + 206, 3);
  EXPECT_EQ(sliced_width(4096, 20), 3272U);
}

}  // namespace
}  // namespace bbz::bench
