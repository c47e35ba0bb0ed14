#include "bbz/compare/orbit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bbz/symmetry/gauge/rotate.h"
#include "bbz/symmetry/linalg/convert.h"
#include "models/models.h"

namespace bbz::compare {
namespace {

using test_models::Model;
using test_models::Spec;

Side side(const Model& model) {
  return {model.infos, [&model](std::size_t t) { return model.bytes[t]; }};
}

Model rotated(const Model& model, bool polar) {
  Model out = model;
  const auto done = gauge::rotate(
      model.infos, junction::detect(model.infos), {.polar = polar},
      [&](std::size_t t) { return model.bytes[t]; },
      [&](gauge::Output&& output) {
        out.bytes[output.tensor] = std::move(output.decoded);
        return Status();
      });
  EXPECT_TRUE(done.ok());
  return out;
}

TEST(Orbit, OfARotatedModelIsRoundingOnly) {
  for (const char* family : {"llama", "opt", "phi-2", "phi-3"}) {
    Spec spec;
    spec.family = family;
    spec.widths = {48, 52};
    const Model model = test_models::sliced_model(spec);
    const auto itself = orbit_distances(side(model), side(model));
    ASSERT_TRUE(itself.ok()) << itself.error().message;
    for (const OrbitDistance& d : *itself) {
      EXPECT_LT(d.plain, 1e-14);
      EXPECT_LT(d.rotated, 1e-12);
    }
    const Model other = rotated(model, true);
    const auto distances = orbit_distances(side(model), side(other));
    ASSERT_TRUE(distances.ok()) << distances.error().message;
    ASSERT_EQ(distances->size(), junction::detect(model.infos).junctions.size());
    for (const OrbitDistance& d : *distances) {
      EXPECT_GT(d.plain, 0.5);
      EXPECT_LT(d.rotated, 4e-4) << family << ' ' << d.junction;
      EXPECT_GT(d.rotated, 0.0);
    }
  }
}

TEST(Orbit, SeesAChangedSignRowBiasOrScaleThatARotationCannotHide) {
  Spec spec;
  spec.family = "opt";
  spec.widths = {48};
  const Model model = test_models::sliced_model(spec);
  const Model other = rotated(model, true);
  for (const char* name :
       {"model.decoder.layers.0.fc2.bias", "model.decoder.layers.1.attn_shortcut_Q",
        "model.decoder.layers.0.self_attn.q_proj.weight", "model.decoder.embed_positions.weight",
        "lm_head.weight"}) {
    Model broken = other;
    const std::size_t t = broken.find(name);
    // The first half of the entries with the other sign.
    for (std::size_t b = 1; b < broken.bytes[t].size() / 2; b += 2) {
      broken.bytes[t][b] ^= std::byte{0x80};
    }
    const auto distances = orbit_distances(side(model), side(broken));
    ASSERT_TRUE(distances.ok());
    double worst = 0;
    for (const OrbitDistance& d : *distances) worst = std::max(worst, d.rotated);
    EXPECT_GT(worst, 1e-2) << name;
  }
}

TEST(Orbit, RefusesModelsOfOtherFamiliesAndShapes) {
  Spec spec;
  spec.widths = {48};
  const Model a = test_models::sliced_model(spec);
  spec.widths = {40};
  const Model b = test_models::sliced_model(spec);
  spec.family = "phi-3";
  const Model c = test_models::sliced_model(spec);
  EXPECT_EQ(orbit_distances(side(a), side(b)).code(), Code::kInvalidArgument);
  EXPECT_EQ(orbit_distances(side(a), side(c)).code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace bbz::compare
