#include "symmetry/shapes.h"

#include <array>

namespace bbz::bench {
namespace {

test_models::Spec opt(std::uint32_t layers, std::uint64_t hidden) {
  test_models::Spec spec;
  spec.family = "opt";
  spec.layers = layers;
  spec.hidden = hidden;
  spec.heads = spec.kv_heads = 32;
  spec.inner = 4 * hidden;
  spec.vocabulary = 50272;
  spec.positions = 2050;
  return spec;
}

test_models::Spec llama(std::uint32_t layers, std::uint64_t hidden, std::uint64_t heads,
                        std::uint64_t inner) {
  test_models::Spec spec;
  spec.family = "llama";
  spec.layers = layers;
  spec.hidden = hidden;
  spec.heads = spec.kv_heads = heads;
  spec.inner = inner;
  spec.vocabulary = 32000;
  return spec;
}

}  // namespace

std::span<const Shape> shapes() {
  static const std::array<Shape, 4> all = {{{"OPT-1.3B", opt(24, 2048)},
                                            {"OPT-6.7B", opt(32, 4096)},
                                            {"Llama-2-7B", llama(32, 4096, 32, 11008)},
                                            {"Llama-2-13B", llama(40, 5120, 40, 13824)}}};
  return all;
}

std::uint64_t sliced_width(std::uint64_t hidden, unsigned percent) {
  return hidden * (100 - percent) / 100 / 8 * 8;
}

test_models::Spec sliced(const test_models::Spec& spec, std::uint64_t width) {
  test_models::Spec out = spec;
  out.widths = {width};
  return out;
}

std::uint64_t entries_of(const test_models::Spec& spec) {
  std::uint64_t entries = 0;
  for (const TensorInfo& info : test_models::sliced_infos(spec)) {
    entries += *element_count(info.shape);
  }
  return entries;
}

}  // namespace bbz::bench
