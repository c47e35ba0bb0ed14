#include "bbz/symmetry/gauge/rotate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "bbz/symmetry/gauge/members.h"
#include "bbz/symmetry/linalg/convert.h"
#include "bbz/symmetry/linalg/product.h"
#include "models/models.h"
#include "symmetry/gauge/unpack_lower.h"

namespace bbz::gauge {
namespace {

using catalog::Form;
using junction::Role;
using linalg::Matrix;
using test_models::Model;
using test_models::Spec;
using testing::HasSubstr;

struct Rotated {
  Model model;  // as decoded
  std::vector<Output> outputs;
  std::vector<JunctionReport> reports;
};

Result<Rotated> rotated(const Model& model, bool polar, OnRefusal on_refusal = OnRefusal::kFail) {
  Rotated out{model, {}, {}};
  BBZ_ASSIGN(out.reports, rotate(
                              model.infos, junction::detect(model.infos),
                              {.polar = polar, .on_refusal = on_refusal},
                              [&](std::size_t t) { return model.bytes[t]; },
                              [&](Output&& output) {
                                out.model.bytes[output.tensor] = output.decoded;
                                out.outputs.push_back(std::move(output));
                                return Status();
                              }));
  return out;
}

// The products that the residual stream makes, which no rotation may change: for
// every tensor that writes at a junction and every one that reads there, or at the next junction
// through the shortcut, their product. A wrong sign, transpose or missing bias shows in it.
std::vector<Matrix> paths(const Model& model) {
  const junction::Detection detection = junction::detect(model.infos);
  std::vector<Matrix> all;
  std::vector<Matrix> carried;
  for (const junction::Junction& j : detection.junctions) {
    std::vector<Matrix> written;  // rows in the junction's basis
    Matrix leaving;
    for (const junction::Member& member : j.members) {
      const Matrix m = matrix(model, member.tensor);
      switch (member.role) {
        case Role::kEmbedding:
          written.push_back(m);
          break;
        case Role::kWrites:
        case Role::kBias:
          written.push_back(m.transpose());
          break;
        case Role::kShortcutIn:
          for (const Matrix& c : carried) written.push_back(linalg::product(c, m));
          break;
        case Role::kShortcutOut:
          leaving = m;
          break;
        case Role::kReads:
        case Role::kHead:
          for (const Matrix& w : written) all.push_back(linalg::product(w, m.transpose()));
          break;
      }
    }
    carried = std::move(written);
  }
  return all;
}

// The largest difference of the paths, relative to each path's largest entry.
double path_difference(const Model& a, const Model& b) {
  const auto pa = paths(a), pb = paths(b);
  EXPECT_EQ(pa.size(), pb.size());
  double worst = 0;
  for (std::size_t i = 0; i < std::min(pa.size(), pb.size()); ++i) {
    worst = std::max(worst, (pa[i] - pb[i]).cwiseAbs().maxCoeff() / pa[i].cwiseAbs().maxCoeff());
  }
  return worst;
}

void expect_unpacks(const Model& model, const Output& output) {
  const TensorInfo& info = model.infos[output.tensor];
  if (output.form == Form::kLower) {
    EXPECT_EQ(unpack_lower(output.packed, info.dtype, info.shape[0], info.shape[1]), output.decoded)
        << info.name;
  } else if (output.form == Form::kPolar) {
    std::vector<std::byte> back(output.decoded.size(), std::byte{0x55});
    ASSERT_TRUE(decode_polar(*output.polar, back).ok());
    EXPECT_EQ(back, output.decoded) << info.name;
  }
}

void expect_same_outputs(const std::vector<Output>& a, const std::vector<Output>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].tensor, b[i].tensor);
    EXPECT_EQ(a[i].form, b[i].form);
    EXPECT_EQ(a[i].decoded, b[i].decoded);
    EXPECT_EQ(a[i].packed, b[i].packed);
    EXPECT_EQ(a[i].polar, b[i].polar);
  }
}

struct Case {
  std::string family;
  DType dtype;
  bool polar;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const char* family : {"llama", "opt", "phi-2", "phi-3"}) {
    for (const DType dtype : {DType::kF16, DType::kBF16, DType::kF32}) {
      for (const bool polar : {false, true}) all.push_back({family, dtype, polar});
    }
  }
  return all;
}

class Rotate : public testing::TestWithParam<Case> {};

TEST_P(Rotate, KeepsTheFunctionUnpacksAndIsAFixedPoint) {
  const Case& c = GetParam();
  for (const std::vector<std::uint64_t>& widths :
       {std::vector<std::uint64_t>{48}, {46, 50, 50, 44, 48}, {64}}) {
    Spec spec;
    spec.family = c.family;
    spec.dtype = c.dtype;
    spec.widths = widths;
    const Model model = test_models::sliced_model(spec);
    const auto first = rotated(model, c.polar);
    ASSERT_TRUE(first.ok()) << first.error().message;
    const double unit = std::ldexp(1.0, -dtype_info(c.dtype).layout.mantissa_bits);
    EXPECT_LT(path_difference(model, first->model), 16 * unit);
    EXPECT_GT(path_difference(model, first->model), 0.0);
    std::size_t polar = 0;
    for (const Output& output : first->outputs) {
      expect_unpacks(model, output);
      polar += output.form == Form::kPolar;
    }
    EXPECT_EQ(polar > 0, c.polar);
    for (const JunctionReport& report : first->reports) {
      EXPECT_TRUE(report.rotated);
      EXPECT_GT(report.entries_saved, 0u);
      EXPECT_GT(report.members.stored.count, 0u);
    }
    const auto second = rotated(first->model, c.polar);
    ASSERT_TRUE(second.ok()) << second.error().message;
    expect_same_outputs(first->outputs, second->outputs);
    for (const JunctionReport& report : second->reports) {
      EXPECT_FALSE(report.rotated);
      EXPECT_EQ(report.members.stored.largest, 0.0);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Rotate, testing::ValuesIn(cases()), [](const auto& row) {
  std::string name = row.param.family + "_" + std::string(dtype_info(row.param.dtype).name) +
                     (row.param.polar ? "_polar" : "_triangular");
  std::erase(name, '-');
  return name;
});

TEST(Rotate, InDoubleKeepsTheFunctionExactly) {
  for (const char* family : {"llama", "opt", "phi-2", "phi-3"}) {
    Spec spec;
    spec.family = family;
    spec.dtype = DType::kF64;
    spec.widths = {40, 44, 36};
    const Model model = test_models::sliced_model(spec);
    const auto out = rotated(model, true);
    ASSERT_TRUE(out.ok());
    EXPECT_LT(path_difference(model, out->model), 1e-12) << family;
    EXPECT_THAT(out->reports[1].note, HasSubstr("found F64"));
  }
}

TEST(Rotate, RoundsEveryEntryToANeighbourOfTheExactRotation) {
  Spec spec;
  spec.widths = {48};
  const Model model = test_models::sliced_model(spec);
  const auto out = rotated(model, false);
  ASSERT_TRUE(out.ok());
  double largest = 0;
  for (const JunctionReport& report : out->reports) {
    EXPECT_GT(report.members.stored.root_mean_square(), 0.0);
    EXPECT_LT(report.members.stored.root_mean_square(), report.members.stored.largest);
    largest = std::max({largest, report.members.stored.largest, report.shortcut.largest});
  }
  double entry = 0;
  for (std::size_t t = 0; t < model.infos.size(); ++t) {
    entry = std::max(entry, matrix(out->model, t).cwiseAbs().maxCoeff());
  }
  EXPECT_LE(largest, linalg::ulp(DType::kF16, entry) / 2);
}

TEST(Rotate, EmitsEachMemberOnceAndNothingElse) {
  Spec spec;
  spec.family = "opt";
  spec.widths = {48};
  Model model = test_models::sliced_model(spec);
  const auto out = rotated(model, true);
  ASSERT_TRUE(out.ok());
  std::vector<std::size_t> seen;
  for (const Output& output : out->outputs) seen.push_back(output.tensor);
  std::vector<std::size_t> members;
  for (const auto& j : junction::detect(model.infos).junctions) {
    for (const auto& member : j.members) members.push_back(member.tensor);
  }
  std::ranges::sort(members);
  members.erase(std::unique(members.begin(), members.end()), members.end());
  EXPECT_THAT(seen, testing::UnorderedElementsAreArray(members));
  // Biases of input projections do not see the rotation.
  EXPECT_FALSE(
      testing::Value(seen, testing::Contains(model.find("model.decoder.layers.0.fc1.bias"))));
}

TEST(Rotate, ARefusedJunctionIsPassedAndItsNeighboursAreRotated) {
  Spec spec;
  spec.widths = {48};
  spec.dtype = DType::kF32;
  Model model = test_models::sliced_model(spec);
  const std::string norm = "model.layers.1.input_layernorm.weight";
  model.infos.push_back({norm, DType::kF32, {48}});
  model.bytes.emplace_back(48 * 4);
  const auto out = rotated(model, true);
  ASSERT_TRUE(out.ok());
  ASSERT_EQ(out->reports.size(), 4u);
  EXPECT_EQ(out->reports[2].junction, 3u);
  const std::string q = "model.layers.1.self_attn.q_proj.weight";
  EXPECT_EQ(out->model.get(q), model.get(q));
  EXPECT_LT(path_difference(model, out->model), 1e-5);
  const Matrix before = matrix(model, model.find("model.layers.0.mlp.up_proj.weight")) *
                        matrix(model, model.find("model.layers.0.mlp_shortcut_Q"));
  const Matrix after = matrix(out->model, model.find("model.layers.0.mlp.up_proj.weight")) *
                       matrix(out->model, model.find("model.layers.0.mlp_shortcut_Q"));
  EXPECT_LT((before - after).cwiseAbs().maxCoeff(), 1e-5);
}

TEST(Rotate, RefusesInfinitiesNaNsAndOverflowsByName) {
  Spec spec;
  spec.widths = {48};
  const Model model = test_models::sliced_model(spec);
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    for (const char* name :
         {"model.layers.0.mlp.down_proj.weight", "model.layers.1.attn_shortcut_Q",
          "model.embed_tokens.weight", "lm_head.weight"}) {
      Model broken = model;
      auto& bytes = broken.bytes[broken.find(name)];
      linalg::store({&bad, 1}, DType::kF16, MutableBytes(bytes).subspan(2 * 7, 2));
      const auto out = rotated(broken, true);
      ASSERT_EQ(out.code(), Code::kUnsupported);
      EXPECT_THAT(out.error().message, HasSubstr(name));
      EXPECT_THAT(out.error().message, HasSubstr("element 7"));
    }
  }
  Model large = model;
  const std::string name = "model.layers.0.self_attn.q_proj.weight";
  Matrix m = matrix(large, large.find(name));
  m.row(0).setConstant(60000.0);
  linalg::store_matrix(m, DType::kF16, large.bytes[large.find(name)]);
  const auto out = rotated(large, false);
  ASSERT_EQ(out.code(), Code::kUnsupported);
  EXPECT_THAT(out.error().message, HasSubstr(name));
}

// If a member is broken, every junction that the tensor touches is left alone, all others are
// rotated, and the function stays.
TEST(Rotate, LeavesAloneWhatItsNumbersDoNotAllow) {
  Spec spec;
  spec.widths = {48, 40, 44, 40, 36};
  spec.dtype = DType::kF32;
  const Model model = test_models::sliced_model(spec);
  const auto detection = junction::detect(model.infos);
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(),
                           -std::numeric_limits<double>::infinity(), 3.4e38}) {
    for (const char* name : {"model.embed_tokens.weight", "model.layers.0.mlp.down_proj.weight",
                             "model.layers.0.self_attn.q_proj.weight",
                             "model.layers.1.attn_shortcut_Q", "lm_head.weight"}) {
      SCOPED_TRACE(testing::Message() << name << " " << bad);
      Model broken = model;
      const std::size_t victim = broken.find(name);
      // All of it: a single large entry is only made smaller.
      Matrix m = matrix(broken, victim);
      m.setConstant(bad);
      linalg::store_matrix(m, DType::kF32, broken.bytes[victim]);
      const auto out = rotated(broken, true, OnRefusal::kLeaveAlone);
      ASSERT_TRUE(out.ok()) << out.error().message;
      ASSERT_EQ(out->reports.size(), detection.junctions.size());
      std::vector<bool> may_change(model.infos.size(), false);
      for (const JunctionReport& report : out->reports) {
        const auto& members = detection.junctions[report.junction].members;
        const bool touched =
            std::ranges::find(members, victim, &junction::Member::tensor) != members.end();
        if (!std::isfinite(bad)) {
          EXPECT_EQ(report.refused, touched);
        }
        EXPECT_EQ(report.refused, !report.note.empty() && !report.rotated);
        if (report.refused) {
          EXPECT_THAT(report.note, HasSubstr(name));
          continue;
        }
        EXPECT_TRUE(report.rotated);
        for (const auto& member : members) may_change[member.tensor] = true;
      }
      EXPECT_TRUE(std::ranges::any_of(out->reports, &JunctionReport::refused));
      EXPECT_FALSE(std::ranges::all_of(out->reports, &JunctionReport::refused));
      std::vector<int> emitted(model.infos.size(), 0);
      for (const Output& output : out->outputs) ++emitted[output.tensor];
      for (std::size_t t = 0; t < model.infos.size(); ++t) {
        EXPECT_EQ(emitted[t], may_change[t] ? 1 : 0) << model.infos[t].name;
        if (!may_change[t]) {
          EXPECT_EQ(out->model.bytes[t], broken.bytes[t]) << model.infos[t].name;
        }
      }
      if (std::isfinite(bad)) {
        EXPECT_LT(path_difference(broken, out->model), 1e-4);
      }
    }
  }
}

TEST(Rotate, SaysWhyNoJunctionFits) {
  Spec spec;
  spec.widths = {48};
  Model model = test_models::sliced_model(spec);
  const auto detection = junction::detect(model.infos);
  const auto load = [&](std::size_t t) -> Result<std::vector<std::byte>> { return model.bytes[t]; };
  EXPECT_EQ(*why_none_fits(model.infos, detection, load), "");
  // Of each junction one member; the last remains until its turn comes.
  std::string expected;
  for (const junction::Junction& junction : detection.junctions) {
    EXPECT_EQ(*why_none_fits(model.infos, detection, load), "");
    const std::size_t victim = junction.members.back().tensor;
    Matrix m = matrix(model, victim);
    m.setConstant(expected.empty() ? 20000.0 : std::nan(""));
    linalg::store_matrix(m, DType::kF16, model.bytes[victim]);
    if (expected.empty()) expected = model.infos[victim].name;
  }
  EXPECT_THAT(*why_none_fits(model.infos, detection, load), HasSubstr(expected));
}

TEST(Members, ErrorsAreFitForATerminal) {
  const TensorInfo info{"w\x1b[2J", DType::kF16, {2, 2}};
  const std::vector<std::byte> infinite(8, std::byte{0x7C});
  for (const Status& status : {check_finite(info, infinite), check_finite(info, {})}) {
    ASSERT_FALSE(status.ok());
    EXPECT_THAT(status.error().message, testing::StartsWith("\"w\\x1b[2J\": "));
  }
  const std::vector<double> large(4, 60000.0);
  std::vector<std::byte> bytes(8);
  linalg::store(large, DType::kF16, bytes);
  Rounding rounding;
  Matrix u(2, 2);
  u << 1, -1, 1, 1;
  const auto overflows = rotate_member(info, Role::kReads, bytes, u, Floor::kNone, rounding);
  ASSERT_EQ(overflows.code(), Code::kUnsupported);
  EXPECT_THAT(overflows.error().message, testing::StartsWith("\"w\\x1b[2J\": "));
}

TEST(Rotate, PassesErrorsOfItsCallbacksOn) {
  Spec spec;
  spec.widths = {48};
  const Model model = test_models::sliced_model(spec);
  const auto detection = junction::detect(model.infos);
  const auto load = [&](std::size_t t) -> Result<std::vector<std::byte>> { return model.bytes[t]; };
  const auto stop = rotate(model.infos, detection, {}, load, [](Output&&) -> Status {
    return error_with_message(Code::kCancelled, "stop");
  });
  EXPECT_EQ(stop.code(), Code::kCancelled);
  const auto shorter = [&](std::size_t t) -> Result<std::vector<std::byte>> {
    auto bytes = model.bytes[t];
    bytes.pop_back();
    return bytes;
  };
  EXPECT_EQ(rotate(model.infos, detection, {}, shorter, [](Output&&) { return Status(); }).code(),
            Code::kMalformed);
}

}  // namespace
}  // namespace bbz::gauge
