// Models small enough to be computed by hand.
#pragma once

#include <string>

#include "bbz/compare/forward/score.h"
#include "models/models.h"

namespace bbz::forward {

inline test_models::Spec small(const std::string& family) {
  test_models::Spec spec;
  spec.family = family;
  spec.hidden = 24;
  spec.heads = 4;
  spec.kv_heads = family == "opt" ? 4 : 2;
  spec.head_size = 8;
  spec.inner = 40;
  spec.vocabulary = 31;
  spec.dtype = DType::kF64;
  return spec;
}

inline test_models::Model plain(const test_models::Spec& spec) {
  return spec.family == "opt" ? test_models::plain_opt(spec) : test_models::plain_llama(spec);
}

inline Result<Model> loaded(const test_models::Model& model, std::uint64_t heads = 4) {
  Hints hints;
  hints.heads = heads;
  BBZ_ASSIGN(const Config config, infer_config(model.infos, hints));
  return Model::load(model.infos, config, [&](std::size_t t) { return model.bytes[t]; });
}

}  // namespace bbz::forward
