// No rotation of a junction changes the products across it. A wrong sign, transpose or bias does.
#include "bbz/symmetry/linalg/convert.h"
#include "bbz/symmetry/linalg/product.h"
#include "ops/rotation/packed.h"

namespace bbz::rotation {
namespace {

using junction::Role;
using linalg::Matrix;

// The tensors of a file as matrices in double; a vector is a column.
std::map<std::string, Matrix> matrices(Bytes file) {
  const auto model = model_of(file);
  std::map<std::string, Matrix> all;
  for (std::size_t i = 0; i < model->tensors.size(); ++i) {
    const TensorInfo& info = model->tensors[i];
    const auto rows = static_cast<linalg::Index>(info.shape[0]);
    const auto cols = static_cast<linalg::Index>(info.shape.size() == 2 ? info.shape[1] : 1);
    all[info.name] = linalg::load_matrix(*model->load(i), info.dtype, rows, cols);
  }
  return all;
}

// For every junction: each tensor that reads it times each that enters it; and the embeddings
// through all shortcuts so far times each that reads. A tensor that enters is brought to the form
// [.., d], one that leaves to [d, ..].
std::map<std::string, Matrix> invariants(Bytes file) {
  const auto model = model_of(file);
  const auto detection = detect(*model).junctions;
  const auto tensor = matrices(file);
  std::map<std::string, Matrix> products;
  for (const junction::Junction& junction : detection.junctions) {
    EXPECT_TRUE(junction.proven()) << junction.refusal;
    std::map<std::string, Matrix> enters;
    std::map<std::string, Matrix> leaves;
    for (const junction::Member& member : junction.members) {
      const std::string& name = model->tensors[member.tensor].name;
      const Matrix& w = tensor.at(name);
      switch (member.role) {
        case Role::kEmbedding:
          enters[name] = w;
          break;
        case Role::kWrites:
        case Role::kBias:
          enters[name] = w.transpose();
          break;
        case Role::kReads:
        case Role::kHead:
          leaves[name] = w.transpose();
          break;
        default:
          break;
      }
    }
    for (const auto& [in, a] : enters) {
      for (const auto& [out, b] : leaves) products[in + " -> " + out] = linalg::product(a, b);
    }
  }
  // Along the residual: embedding, every shortcut, head.
  Matrix stream;
  for (const junction::Junction& junction : detection.junctions) {
    for (const junction::Member& member : junction.members) {
      const std::string& name = model->tensors[member.tensor].name;
      if (member.role == Role::kEmbedding && stream.size() == 0) stream = tensor.at(name);
      if (member.role == Role::kShortcutIn) stream = linalg::product(stream, tensor.at(name));
      if (member.role == Role::kReads || member.role == Role::kHead) {
        products["residual -> " + name] = linalg::product(stream, tensor.at(name).transpose());
      }
    }
  }
  return products;
}

class Invariants : public testing::TestWithParam<std::tuple<std::string_view, RequestedMethod>> {};

TEST_P(Invariants, ProductsAcrossEveryJunctionStay) {
  const auto [family, method] = GetParam();
  const auto source =
      file_of(test_models::sliced_model(small_spec(std::string(family), DType::kF32)));
  const auto packed = pack_file(source, method);
  ASSERT_TRUE(packed.ok()) << packed.error().message;
  const auto unpacked = unpack_by_index(packed->archive);
  const auto before = invariants(source);
  const auto after = invariants(*unpacked);
  ASSERT_EQ(before.size(), after.size());
  EXPECT_GE(before.size(), 10u);
  for (const auto& [name, product] : before) {
    // Rounding to 24 bits, over a few dozen terms and a handful of factors.
    EXPECT_LT((product - after.at(name)).norm(), 3e-6 * product.norm()) << name;
  }
  // The gauge is another one, so that the test says something.
  const auto model = model_of(source);
  EXPECT_NE(*model->load(0), *model_of(*unpacked)->load(0));
}

INSTANTIATE_TEST_SUITE_P(
    All, Invariants,
    testing::Combine(testing::ValuesIn(family_names()),
                     testing::Values(RequestedMethod::kTriangular, RequestedMethod::kPolar,
                                     RequestedMethod::kBitsBack)),
    [](const auto& row) {
      return test_name({std::get<0>(row.param), method_name(std::get<1>(row.param))});
    });

}  // namespace
}  // namespace bbz::rotation
