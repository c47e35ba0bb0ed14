#include "bbz/symmetry/pair/find.h"

#include <fmt/format.h>
#include <algorithm>
#include <numeric>
#include <utility>

#include "bbz/base/names.h"
#include "bbz/base/tensor_text.h"
#include "bbz/symmetry/linalg/convert.h"

namespace bbz::pair {
namespace {

constexpr std::string_view kWeight = "weight";

// Returns the row whose A a name is, or nullptr.
const Family* family_of(std::string_view name) {
  for (const Family& family : families()) {
    if (!name.ends_with(family.a)) continue;
    const std::string_view stem = name.substr(0, name.size() - family.a.size());
    if (!stem.empty() && stem.back() != '.') return &family;
  }
  return nullptr;
}

// The name of a module: that of its weight without "weight".
std::string_view module_of(std::string_view weight) {
  return weight.substr(0, weight.size() - kWeight.size());
}

// Builds one pair after another. Each check_* checks conditions; the first that fails becomes the refusal.
class Prover {
 public:
  explicit Prover(std::span<const TensorInfo> tensors)
      : tensors_(tensors), sorted_(tensors.size()) {
    std::iota(sorted_.begin(), sorted_.end(), std::size_t{0});
    std::ranges::stable_sort(sorted_, {}, [&](std::size_t t) { return name_of(t); });
  }

  Pair prove(std::size_t a, const Family& family) {
    const std::string_view name = name_of(a);
    pair_ = {};
    pair_.stem = name.substr(0, name.size() - family.a.size());
    pair_.family = &family;
    pair_.a = a;
    const std::string name_b = fmt::format("{}{}", pair_.stem, family.b);
    only(name);
    pair_.b = only(name_b);
    for (const std::size_t factor : {pair_.a, pair_.b}) {
      if (factor != Pair::kNone) check_matrix(tensors_[factor]);
    }
    if (pair_.proven()) check_shapes(tensors_[pair_.a], tensors_[pair_.b]);
    if (pair_.proven()) check_between(module_of(name), name_b);
    if (!pair_.proven()) pair_.out = pair_.in = pair_.rank = 0;
    return std::move(pair_);
  }

 private:
  std::string_view name_of(std::size_t tensor) const { return tensors_[tensor].name; }

  // Returns the tensors whose names begin so, by name.
  std::span<const std::size_t> beginning(std::string_view prefix) const {
    const auto first =
        std::ranges::lower_bound(sorted_, prefix, {}, [&](std::size_t t) { return name_of(t); });
    const auto last = std::partition_point(
        first, sorted_.end(), [&](std::size_t t) { return name_of(t).starts_with(prefix); });
    return {first, last};
  }

  // Returns the one tensor of this name, or kNone, which is refused.
  std::size_t only(std::string_view name) {
    const std::span<const std::size_t> found = beginning(name);
    if (found.empty() || name_of(found[0]) != name) {
      refuse(fmt::format("{}: expected a matrix, the other factor of {}, found none", quoted(name),
                         quoted(name_of(pair_.a))));
      return Pair::kNone;
    }
    if (found.size() > 1 && name_of(found[1]) == name) {
      refuse(fmt::format("{}: expected one tensor of this name, found two", quoted(name)));
    }
    return found[0];
  }

  void check_matrix(const TensorInfo& info) {
    if (!linalg::is_float(info.dtype)) {
      refuse(fmt::format("{}: expected F16, BF16, F32 or F64, found {}", quoted(info.name),
                         tensor_text(info)));
    } else if (info.shape.size() != 2 || std::ranges::count(info.shape, 0u) != 0) {
      refuse(fmt::format("{}: expected a matrix with no empty axis, found {}", quoted(info.name),
                         tensor_text(info)));
    }
  }

  void check_shapes(const TensorInfo& a, const TensorInfo& b) {
    pair_.out = a.shape[0];
    pair_.rank = a.shape[1];
    pair_.in = b.shape[1];
    if (b.shape[0] != pair_.rank) {
      refuse(fmt::format("{}: expected {} rows, as many as {} has columns, found {}",
                         quoted(b.name), pair_.rank, quoted(a.name), tensor_text(b)));
    } else if (const std::uint64_t most = std::min({kMaxRank, pair_.out, pair_.in});
               pair_.rank > most) {
      refuse(fmt::format("{}: expected a rank of at most {}, found {} beside {}", quoted(a.name),
                         most, tensor_text(a), tensor_text(b)));
    }
  }

  // Checks that nothing stands between the factors.
  void check_between(std::string_view module_a, std::string_view name_b) {
    for (const std::size_t t : beginning(module_of(name_b))) {
      if (t == pair_.b) continue;
      return refuse(fmt::format("{}: expected nothing between the factors {} and {}, found {}",
                                quoted(name_of(t)), quoted(name_of(pair_.a)), quoted(name_b),
                                tensor_text(tensors_[t])));
    }
    const std::string bias = fmt::format("{}bias", module_a);
    for (const char next : pair_.family->below) {
      for (const std::size_t t : beginning(pair_.stem + next)) {
        const TensorInfo& info = tensors_[t];
        if (t == pair_.a || t == pair_.b || !has_axis(info, pair_.rank)) continue;
        if (info.name == bias && info.shape == Shape{pair_.out}) continue;
        return refuse(fmt::format(
            "{}: expected no tensor with an axis of the rank {} between the factors {} and {}, found {}",
            quoted(info.name), pair_.rank, quoted(name_of(pair_.a)), quoted(name_b),
            tensor_text(info)));
      }
    }
  }

  // Returns whether a tensor has such an axis, in elements or in values.
  static bool has_axis(const TensorInfo& info, std::uint64_t extent) {
    const Result<Shape> values = shape_in_values(info);
    return std::ranges::count(info.shape, extent) != 0 ||
           (values.ok() && std::ranges::count(*values, extent) != 0);
  }

  void refuse(std::string why) {
    if (pair_.refusal.empty()) pair_.refusal = std::move(why);
  }

  std::span<const TensorInfo> tensors_;
  std::vector<std::size_t> sorted_;  // by name
  Pair pair_;
};

}  // namespace

std::vector<Pair> find_pairs(std::span<const TensorInfo> tensors) {
  std::vector<Pair> pairs;
  Prover prover(tensors);
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    if (const Family* const family = family_of(tensors[t].name)) {
      pairs.push_back(prover.prove(t, *family));
    }
  }
  return pairs;
}

}  // namespace bbz::pair
