// The symmetry coder's mathematics on real models, if they are at hand.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "bbz/compare/forward/score.h"
#include "bbz/compare/orbit.h"
#include "bbz/files/safetensors/header.h"
#include "bbz/symmetry/gauge/rotate.h"
#include "bbz/symmetry/linalg/convert.h"
#include "bbz/symmetry/linalg/product.h"
#include "models/models.h"
#include "ops/rotation/packed.h"

namespace bbz::compare {
namespace {

using test_models::Model;

struct Real {
  const char* file;
  const char* tokens;
  std::uint64_t heads, kv_heads, hidden;
  std::size_t length, sequences;
  double nll;         // by an independent implementation, in double
  double triangular;  // least share of the entries saved; 0: not a sliced model
  double polar;
};

std::ostream& operator<<(std::ostream& out, const Real& real) {
  return out << real.file;
}

std::vector<std::byte> read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const Bytes bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

Model model_in(Bytes file) {
  const auto header = safetensors::parse(file, file.size());
  EXPECT_TRUE(header.ok());
  Model model;
  for (const safetensors::Tensor& t : header->tensors) {
    model.infos.push_back({t.name, t.dtype, t.shape});
    const Bytes data = file.subspan(header->header_size + t.begin, t.size());
    model.bytes.emplace_back(data.begin(), data.end());
  }
  return model;
}

Model in_double(const Model& model) {
  Model out = model;
  for (std::size_t t = 0; t < model.infos.size(); ++t) {
    const DType dtype = model.infos[t].dtype;
    const auto count = model.bytes[t].size() * 8 / dtype_info(dtype).bits;
    std::vector<double> values(count);
    linalg::load(model.bytes[t], dtype, values);
    out.infos[t].dtype = DType::kF64;
    out.bytes[t].assign(std::as_bytes(std::span(values)).begin(),
                        std::as_bytes(std::span(values)).end());
  }
  return out;
}

class RealModel : public testing::TestWithParam<Real> {
 protected:
  void SetUp() override {
    linalg::set_threads(1);  // tests run side by side
    const std::filesystem::path folder = BBZ_SHARED_DATA;
    if (!std::filesystem::exists(folder / GetParam().file)) {
      GTEST_SKIP() << "no " << (folder / GetParam().file);
    }
    file_ = read(folder / GetParam().file);
    model_ = model_in(file_);
    const auto bytes = read(folder / GetParam().tokens);
    for (std::size_t i = 0; i < GetParam().length * GetParam().sequences; ++i) {
      tokens_.push_back(static_cast<std::uint32_t>(bytes[2 * i]) |
                        static_cast<std::uint32_t>(bytes[2 * i + 1]) << 8);
    }
  }

  double nll(const Model& model) const {
    forward::Hints hints;
    hints.heads = GetParam().heads;
    hints.kv_heads = GetParam().kv_heads;
    hints.hidden = GetParam().hidden;
    const auto config = forward::infer_config(model.infos, hints);
    const auto loaded =
        forward::Model::load(model.infos, *config, [&](std::size_t t) { return model.bytes[t]; });
    EXPECT_TRUE(loaded.ok()) << loaded.error().message;
    const auto score = forward::score(*loaded, tokens_, GetParam().length);
    EXPECT_TRUE(score.ok());
    return score->nll;
  }

  // The rotated model, and the share of its entries that need not be stored.
  std::pair<Model, double> rotated(const Model& model, bool polar) const {
    Model out = model;
    const auto reports = gauge::rotate(
        model.infos, junction::detect(model.infos), {.polar = polar},
        [&](std::size_t t) { return model.bytes[t]; },
        [&](gauge::Output&& output) {
          out.bytes[output.tensor] = std::move(output.decoded);
          return Status();
        });
    EXPECT_TRUE(reports.ok()) << reports.error().message;
    std::uint64_t saved = 0, all = 0;
    for (const gauge::JunctionReport& r : *reports) saved += r.entries_saved;
    for (const TensorInfo& info : model.infos) all += *element_count(info.shape);
    return {std::move(out), static_cast<double>(saved) / static_cast<double>(all)};
  }

  std::vector<std::byte> file_;
  Model model_;
  std::vector<std::uint32_t> tokens_;
};

TEST_P(RealModel, HasTheLikelihoodOfTheReference) {
  EXPECT_NEAR(nll(model_), GetParam().nll, 1e-6);
}

TEST_P(RealModel, GaugesSaveWhatTheyShouldAndKeepTheFunction) {
  if (GetParam().triangular == 0) {
    EXPECT_FALSE(junction::detect(model_.infos).refusal.empty());
    return;
  }
  const double before = nll(model_);
  for (const bool polar : {false, true}) {
    const auto [after, saved] = rotated(model_, polar);
    EXPECT_GE(saved, polar ? GetParam().polar : GetParam().triangular);
    EXPECT_LT(std::abs(nll(after) - before), 2e-4);
    const auto distances = orbit_distances(
        {model_.infos, [&](std::size_t t) { return model_.bytes[t]; }},
        {after.infos, [&, &after = after](std::size_t t) { return after.bytes[t]; }});
    ASSERT_TRUE(distances.ok()) << distances.error().message;
    for (const OrbitDistance& d : *distances) EXPECT_LT(d.rotated, 5e-4) << d.junction;
    const auto [again, saved_again] = rotated(after, polar);
    EXPECT_EQ(again.bytes, after.bytes);
    EXPECT_EQ(saved_again, saved);
    RecordProperty(polar ? "polar" : "triangular", std::to_string(saved));
  }
}

TEST_P(RealModel, BitsBackKeepsTheFunction) {
  if (GetParam().triangular == 0) return;
  const auto packed = rotation::pack_file(file_, rotation::RequestedMethod::kBitsBack);
  ASSERT_TRUE(packed.ok()) << packed.error().message;
  const auto unpacked = rotation::unpack_by_index(packed->archive);
  ASSERT_TRUE(unpacked.ok()) << unpacked.error().message;
  const Model after = model_in(*unpacked);
  const double change = nll(after) - nll(model_);
  EXPECT_LT(std::abs(change), 2e-4);
  EXPECT_NE(change, 0.0);
  RecordProperty("change_of_nll", std::to_string(change));
  const auto distances =
      orbit_distances({model_.infos, [&](std::size_t t) { return model_.bytes[t]; }},
                      {after.infos, [&](std::size_t t) { return after.bytes[t]; }});
  ASSERT_TRUE(distances.ok()) << distances.error().message;
  for (const OrbitDistance& d : *distances) EXPECT_LT(d.rotated, 5e-4) << d.junction;
}

TEST_P(RealModel, TriangularInDoubleChangesNothing) {
  if (GetParam().triangular == 0) return;
  const Model exact = in_double(model_);
  EXPECT_NEAR(nll(rotated(exact, false).first), nll(exact), 1e-9);
}

INSTANTIATE_TEST_SUITE_P(
    All, RealModel,
    testing::Values(Real{"docs10m-asvd80.safetensors", "docs10m-tokens.u16", 6, 6, 384, 257, 2,
                         0.818699149, 0, 0},
                    Real{"docs10m-svdllm60-bf16.safetensors", "docs10m-tokens.u16", 6, 6, 384, 257,
                         2, 0.820659158, 0, 0},
                    Real{"stories260k.safetensors", "stories260k-tokens.u16", 8, 4, 64, 129, 16,
                         1.283164434, 0, 0},
                    Real{"stories260k-sliced56.safetensors", "stories260k-tokens.u16", 8, 4, 64,
                         129, 64, 1.710468476, 0.0593, 0.1009},
                    Real{"docs10m.safetensors", "docs10m-tokens.u16", 6, 6, 384, 257, 2,
                         0.817561542, 0, 0},
                    Real{"docs10m-sliced304.safetensors", "docs10m-tokens.u16", 6, 6, 384, 257, 2,
                         0.818725957, 0.0634, 0.0986}),
    [](const auto& row) {
      std::string name = row.param.file;
      name.resize(name.find('.'));
      std::erase(name, '-');
      return name;
    });

}  // namespace
}  // namespace bbz::compare
