// Models of low-rank pairs, packed up to the choice of their factors.
#include <map>

#include "bbz/symmetry/gauge/pivot.h"
#include "bbz/symmetry/linalg/convert.h"
#include "models/factored.h"
#include "ops/rotation/packed.h"

namespace bbz::rotation {
namespace {

using gauge::Floor;
using linalg::Matrix;

test_models::Spec small_factored_spec(const std::string& family, DType dtype) {
  test_models::Spec spec;
  spec.family = family;
  spec.dtype = dtype;
  spec.hidden = 48;
  spec.inner = 96;
  spec.vocabulary = 40;
  return spec;
}

test_models::Model factored_model(const std::string& family, DType dtype, std::size_t row,
                                  double share = 0.8) {
  const test_models::Spec spec = small_factored_spec(family, dtype);
  const auto plain =
      family == "opt" ? test_models::plain_opt(spec) : test_models::plain_llama(spec);
  test_models::Factoring how;
  how.row = row;
  how.share = share;
  return test_models::factored(plain, spec, how);
}

std::map<std::string, Matrix> products_of(Bytes file) {
  const auto model = model_of(file);
  std::map<std::string, Matrix> products;
  for (const pair::Pair& pair : detect(*model).pairs) {
    EXPECT_TRUE(pair.proven()) << pair.refusal;
    const auto load = [&](std::size_t t) {
      const TensorInfo& info = model->tensors[t];
      return linalg::load_matrix(*model->load(t), info.dtype,
                                 static_cast<linalg::Index>(info.shape[0]),
                                 static_cast<linalg::Index>(info.shape[1]));
    };
    products[pair.stem] = load(pair.a) * load(pair.b);
  }
  return products;
}

struct FactoredCase {
  const char* family;
  DType dtype;
  std::size_t row;
};

class Pairs : public testing::TestWithParam<FactoredCase> {};

TEST_P(Pairs, KeepTheirProductsAndAFixedPoint) {
  const FactoredCase& c = GetParam();
  const auto source = file_of(factored_model(c.family, c.dtype, c.row));
  const auto before = products_of(source);
  ASSERT_FALSE(before.empty());
  std::map<std::string, double> plain;
  for (const Floor floor : {Floor::kNone, Floor::kHalf, Floor::kOne}) {
    const auto pack_it = [&](Bytes file, unsigned threads) {
      return pack_file(file, RequestedMethod::kPivot, DigestKind::kXxh3_128, 1 << 12, floor,
                       threads);
    };
    const auto packed = pack_it(source, 1);
    ASSERT_TRUE(packed.ok()) << packed.error().message;
    EXPECT_TRUE(packed->record.rotated);
    ASSERT_EQ(packed->record.pairs.size(), before.size());
    const auto unpacked = unpack_by_index(packed->archive);
    ASSERT_TRUE(unpacked.ok()) << unpacked.error().message;
    EXPECT_EQ(*unpack_stream(packed->archive), *unpacked);
    EXPECT_EQ(*unpack_in_places(packed->archive, 2), *unpacked);
    const auto after = products_of(*unpacked);
    const double unit = linalg::ulp(c.dtype, 1) / 2;
    for (const PairRecord& pair : packed->record.pairs) {
      EXPECT_EQ(pair.method, "pivot") << pair.note;
      EXPECT_EQ(pair.entries_saved, pair.rank * pair.rank);
      const Matrix& exact = before.at(pair.name);
      const double changed = (after.at(pair.name) - exact).norm() / exact.norm();
      EXPECT_NEAR(pair.product_difference, changed, 1e-3 * changed + 1e-12) << pair.name;
      EXPECT_LT(changed, 5 * unit) << pair.name;
      if (floor == Floor::kNone) plain[pair.name] = changed;
      EXPECT_LE(changed, gauge::accepted_growth(floor) * plain.at(pair.name) * 1.000001);
      EXPECT_NEAR(pair.growth, changed / plain.at(pair.name), 1e-3);
    }
    const auto again = pack_it(*unpacked, 2);
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_FALSE(again->record.rotated);
    EXPECT_TRUE(again->archive == packed->archive);
    EXPECT_TRUE(pack_it(source, 2)->archive == packed->archive);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Pairs,
    testing::Values(FactoredCase{"llama", DType::kF16, 0}, FactoredCase{"opt", DType::kF16, 1},
                    FactoredCase{"llama", DType::kBF16, 1}, FactoredCase{"opt", DType::kF32, 0}),
    [](const auto& row) {
      const FactoredCase& c = row.param;
      return test_name({c.family, dtype_info(c.dtype).name, pair::families()[c.row].name});
    });

TEST(Pairs, AutoTakesThem) {
  const auto source = file_of(factored_model("llama", DType::kF16, 0));
  const auto packed = pack_file(source, RequestedMethod::kAuto);
  ASSERT_TRUE(packed.ok()) << packed.error().message;
  EXPECT_TRUE(std::ranges::all_of(packed->record.pairs,
                                  [](const auto& pair) { return pair.method == "pivot"; }));
  EXPECT_NE(to_json(packed->record).find(R"("product_difference":)"), std::string::npos);
  EXPECT_LT(packed->archive.size(),
            pack_file(source, RequestedMethod::kPivot)->archive.size() + 64);
}

TEST(Pairs, SaveTheSquareOfTheRank) {
  const auto source = file_of(factored_model("llama", DType::kF16, 0));
  const auto model = model_of(source);
  const auto estimated = estimate(*model, detect(*model));
  ASSERT_TRUE(estimated.ok()) << estimated.error().message;
  const auto packed = pack_file(source, RequestedMethod::kPivot);
  ASSERT_EQ(estimated->pairs.size(), packed->record.pairs.size());
  for (std::size_t i = 0; i < estimated->pairs.size(); ++i) {
    EXPECT_EQ(estimated->pairs[i].pivot_entries, packed->record.pairs[i].entries_saved);
    EXPECT_EQ(estimated->pairs[i].name, packed->record.pairs[i].name);
  }
}

TEST(Pairs, OfASmallRankDoNotPay) {
  const test_models::Spec spec = small_factored_spec("llama", DType::kF16);
  test_models::Factoring how;
  how.row = 0;
  how.rank = 1;
  const auto source = file_of(test_models::factored(test_models::plain_llama(spec), spec, how));
  const auto packed = pack_file(source, RequestedMethod::kPivot);
  ASSERT_TRUE(packed.ok()) << packed.error().message;
  EXPECT_FALSE(packed->record.rotated);
  for (const PairRecord& pair : packed->record.pairs) {
    EXPECT_EQ(pair.method, "exact");
    EXPECT_EQ(pair.note.rfind("pivots would save 1 of its ", 0), 0u) << pair.note;
  }
}

TEST(Pairs, ThatCannotBePivotedAreLeftAlone) {
  test_models::Model model = factored_model("llama", DType::kF16, 0);
  const auto source = file_of(model);
  const auto pairs = detect(*model_of(source)).pairs;
  // A NaN in the first, and two factors of zeros in the second.
  linalg::store(std::vector<double>{std::nan("")}, DType::kF16,
                MutableBytes(model.bytes[pairs[0].b]).subspan(6, 2));
  std::ranges::fill(model.bytes[pairs[1].a], std::byte{0});
  std::ranges::fill(model.bytes[pairs[1].b], std::byte{0});
  const auto broken = file_of(model);
  const auto packed = pack_file(broken, RequestedMethod::kPivot);
  ASSERT_TRUE(packed.ok()) << packed.error().message;
  EXPECT_EQ(packed->record.pairs[0].method, "exact");
  EXPECT_NE(packed->record.pairs[0].note.find("element 3: expected a finite number"),
            std::string::npos)
      << packed->record.pairs[0].note;
  EXPECT_EQ(packed->record.pairs[1].method, "exact");
  EXPECT_EQ(packed->record.pairs[2].method, "pivot") << packed->record.pairs[2].note;
  const auto unpacked = unpack_by_index(packed->archive);
  const auto after = model_of(*unpacked);
  for (const std::size_t tensor : {pairs[0].a, pairs[0].b, pairs[1].a, pairs[1].b}) {
    EXPECT_TRUE(*after->load(tensor) == model.bytes[tensor]);
  }
}

TEST(Pairs, OneLayerReadsItsOwnChunksOnly) {
  const auto source = file_of(factored_model("llama", DType::kF16, 0));
  const auto packed = pack_file(source, RequestedMethod::kPivot);
  const auto reader = Reader::open(io::memory_source(packed->archive));
  ASSERT_TRUE(reader.ok());
  std::size_t pivots = 0;
  for (const catalog::Tensor& tensor : reader->catalog().tensors) {
    // Such a tensor needs no other: neither a group nor a base.
    EXPECT_EQ(tensor.meta.group, catalog::kNone);
    pivots += tensor.meta.form == catalog::Form::kPivot ? 1 : 0;
  }
  EXPECT_EQ(pivots, packed->record.pairs.size());
}

TEST(Pairs, AreRefusedByNameIfThereAreNone) {
  const auto source = file_of(test_models::plain_llama(small_factored_spec("llama", DType::kF16)));
  const auto model = model_of(source);
  const std::string why = detect(*model).refusal(RequestedMethod::kPivot);
  EXPECT_NE(why.find("low-rank pair"), std::string::npos) << why;
}

}  // namespace
}  // namespace bbz::rotation
