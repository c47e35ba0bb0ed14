#include "bbz/compare/forward/internal/weights.h"

#include <set>
#include <string_view>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/symmetry/linalg/convert.h"
#include "bbz/symmetry/pair/find.h"

namespace bbz::forward {

using linalg::Index;
using linalg::Matrix;

std::vector<TensorInfo> with_products(std::span<const TensorInfo> tensors) {
  std::vector<TensorInfo> all(tensors.begin(), tensors.end());
  std::set<std::string> names;
  for (const TensorInfo& info : tensors) names.insert(info.name);
  for (const pair::Pair& pair : pair::find_pairs(tensors)) {
    if (!pair.proven()) continue;
    for (const std::string_view whole : pair.family->wholes) {
      const auto [name, is_new] = names.insert(fmt::format("{}{}", pair.stem, whole));
      if (is_new) all.push_back({*name, tensors[pair.a].dtype, {pair.out, pair.in}});
    }
  }
  return all;
}

std::string refusal_of(std::span<const TensorInfo> tensors, std::string_view matrix) {
  for (const pair::Pair& pair : pair::find_pairs(tensors)) {
    for (const std::string_view whole : pair.family->wholes) {
      if (!pair.proven() && fmt::format("{}{}", pair.stem, whole) == matrix) return pair.refusal;
    }
  }
  return "";
}

Result<Weights> Weights::load(std::span<const TensorInfo> tensors, const LoadTensor& load) {
  Weights weights;
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    const TensorInfo& info = tensors[t];
    if (!linalg::is_float(info.dtype) || info.shape.empty() || info.shape.size() > 2) continue;
    BBZ_ASSIGN(const std::vector<std::byte> bytes, load(t));
    BBZ_ASSIGN(const std::uint64_t count, element_count(info.shape));
    BBZ_ASSIGN(const std::uint64_t size, byte_size(info.dtype, count));
    if (bytes.size() != size) {
      return make_error(Code::kMalformed, "{}: expected {} bytes, found {}", bbz::quoted(info.name),
                        size, bytes.size());
    }
    const bool vector = info.shape.size() == 1;
    weights.weights_[info.name] =
        linalg::load_matrix(bytes, info.dtype, vector ? 1 : static_cast<Index>(info.shape[0]),
                            static_cast<Index>(info.shape.back()));
  }
  weights.note_pairs(tensors);
  return weights;
}

void Weights::note_pairs(std::span<const TensorInfo> tensors) {
  for (const pair::Pair& pair : pair::find_pairs(tensors)) {
    const std::string& a = tensors[pair.a].name;
    if (pair.family->wholes.empty()) added_.emplace(pair.stem, a);
    Factors factors{a, "", a.substr(0, a.rfind('.')) + ".bias", pair.refusal};
    if (pair.proven()) factors.b = tensors[pair.b].name;
    for (const std::string_view whole : pair.family->wholes) {
      // A proven pair comes before a refused one.
      const auto [found, is_new] =
          factored_.try_emplace(fmt::format("{}{}", pair.stem, whole), factors);
      if (!is_new && pair.proven()) found->second = factors;
    }
  }
}

const Matrix* Weights::find(const std::string& name) const {
  const auto found = weights_.find(name);
  return found == weights_.end() ? nullptr : &found->second;
}

const Matrix& Weights::get(const std::string& name) const {
  return weights_.at(name);
}

bool Weights::has_linear(const std::string& name) const {
  return weights_.contains(name + ".weight") || factored_.contains(name + ".weight") ||
         added_.contains(name);
}

Result<Linear> Weights::linear(const std::string& name) const {
  const std::string weight = name + ".weight";
  const Matrix* const whole = find(weight);
  const auto pair = factored_.find(weight);
  const bool factored = pair != factored_.end() && pair->second.refusal.empty();
  if (const auto added = added_.find(name); added != added_.end()) {
    return make_error(
        Code::kUnsupported,
        "{}: expected a layer without an adapter, whose scale is not among the tensors, "
        "found {}",
        bbz::quoted(weight), bbz::quoted(added->second));
  }
  if (factored && whole != nullptr) {
    return make_error(Code::kMalformed, "{}: expected a matrix or its factors, found both, with {}",
                      bbz::quoted(weight), bbz::quoted(pair->second.a));
  }
  if (factored) {
    const Factors& names = pair->second;
    return Linear{&get(names.a), &get(names.b), find(names.bias), names.bias};
  }
  if (whole != nullptr) return Linear{whole, nullptr, find(name + ".bias"), name + ".bias"};
  if (pair != factored_.end()) {
    return make_error(Code::kMalformed, "{}: expected a matrix or its factors, found none: {}",
                      bbz::quoted(weight), pair->second.refusal);
  }
  return make_error(Code::kMalformed, "{}: expected a float tensor, found none",
                    bbz::quoted(weight));
}

}  // namespace bbz::forward
