#include "bbz/compare/pairs.h"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "bbz/base/format.h"
#include "bbz/base/tensor_text.h"
#include "bbz/compare/internal/product_distance.h"
#include "bbz/symmetry/gauge/members.h"
#include "bbz/symmetry/linalg/convert.h"
#include "bbz/symmetry/pair/find.h"

namespace bbz::compare {
namespace {

using linalg::Index;
using linalg::Matrix;
using pair::Pair;

// The multiplications that a byte of the models may cost. The pairs of the widest models have a quarter
// of this. The free part takes less than a second.
constexpr double kMostPerByte = 32768, kFree = 1 << 30;

// The pairs of a model, and where to find what else may stand for one.
struct Inventory {
  explicit Inventory(const model::Model& of) : model(of), pairs(pair::find_pairs(of.tensors)) {
    for (std::size_t t = 0; t < of.tensors.size(); ++t) tensors.emplace(of.tensors[t].name, t);
    for (const Pair& one : pairs) {
      stems.emplace(std::pair(one.family->name, one.stem), &one);
      for (const std::string_view whole : one.family->wholes) {
        wholes.emplace(fmt::format("{}{}", one.stem, whole), &one);
      }
    }
  }

  // Returns the pair that belongs to one of another model, or nullptr.
  const Pair* counterpart(const Pair& other) const {
    const auto stem = stems.find(std::pair(other.family->name, other.stem));
    if (stem != stems.end()) return stem->second;
    for (const std::string_view suffix : other.family->wholes) {
      const auto whole = wholes.find(fmt::format("{}{}", other.stem, suffix));
      if (whole != wholes.end()) return whole->second;
    }
    return nullptr;
  }

  // Returns the matrix for which a pair of another model stands.
  std::optional<std::size_t> matrix(const Pair& other) const {
    for (const std::string_view suffix : other.family->wholes) {
      const auto found = tensors.find(fmt::format("{}{}", other.stem, suffix));
      if (found != tensors.end()) return found->second;
    }
    return std::nullopt;
  }

  const model::Model& model;
  std::vector<Pair> pairs;
  std::map<std::pair<std::string_view, std::string>, const Pair*> stems;
  std::map<std::string, const Pair*> wholes;
  std::map<std::string_view, std::size_t> tensors;
};

// What one model has: a pair, or a matrix.
struct Operand {
  const Pair* pair = nullptr;
  std::size_t matrix = 0;

  std::uint64_t rank() const { return pair == nullptr ? 0 : pair->rank; }
};

class PairComparison {
 public:
  PairComparison(const model::Model& first, const model::Model& second)
      : first_(first), second_(second) {}

  Result<std::vector<PairDistance>> run() {
    find_matches();
    if (matches_.empty()) return std::move(out_);
    for (const Inventory* side : {&first_, &second_}) BBZ_TRY(model::check_expansion(side->model));
    BBZ_TRY(check_work());
    for (const Match& match : matches_) BBZ_TRY(measure(match));
    return std::move(out_);
  }

 private:
  struct Match {
    std::size_t place = 0;  // in out_
    std::uint64_t out = 0, in = 0;
    Operand first, second;
  };

  void find_matches() {
    std::set<const Pair*> taken;
    for (const Pair& pair : first_.pairs) {
      const Pair* const other = second_.counterpart(pair);
      if (other != nullptr) taken.insert(other);
      add(pair, other == nullptr ? second_.matrix(pair) : std::nullopt, {&pair, 0}, {other, 0},
          second_);
    }
    for (const Pair& pair : second_.pairs) {
      if (taken.contains(&pair)) continue;
      add(pair, first_.matrix(pair), {}, {&pair, 0}, first_);
    }
  }

  // Adds a pair and what the other model has: another pair, a matrix, or nothing.
  void add(const Pair& pair, std::optional<std::size_t> matrix, Operand first, Operand second,
           const Inventory& of_matrix) {
    PairDistance& distance = out_.emplace_back();
    distance.name = pair.stem;
    for (const Operand* operand : {&first, &second}) {
      if (operand->pair != nullptr) note(distance, operand->pair->refusal);
    }
    const bool two = first.pair != nullptr && second.pair != nullptr;
    if (matrix) {
      const TensorInfo& info = of_matrix.model.tensors[*matrix];
      (first.pair == nullptr ? first : second).matrix = *matrix;
      if (!linalg::is_float(info.dtype)) note(distance, tensor_text(info));
      if (info.shape != Shape{pair.out, pair.in}) note(distance, "another shape");
    } else if (!two) {
      note(distance, first.pair == nullptr ? "only in the second" : "only in the first");
    } else if (first.pair->out != second.pair->out || first.pair->in != second.pair->in) {
      note(distance, "another shape");
    }
    distance.first_rank = first.rank();
    distance.second_rank = second.rank();
    if (distance.note.empty())
      matches_.push_back({out_.size() - 1, pair.out, pair.in, first, second});
  }

  static void note(PairDistance& distance, const std::string& why) {
    if (distance.note.empty()) distance.note = why;
  }

  Status check_work() const {
    double work = 0;
    for (const Match& match : matches_) {
      work += static_cast<double>(match.out) * static_cast<double>(match.in) *
              static_cast<double>(match.first.rank() + match.second.rank());
    }
    const std::uint64_t bytes = first_.model.stored_bytes + second_.model.stored_bytes;
    if (work <= kMostPerByte * static_cast<double>(bytes) + kFree) return {};
    return make_error(Code::kLimit,
                      "the low-rank pairs are too wide for the {} stored bytes of both models: the "
                      "work is {:.2g}, the limit is {:.0f} for a byte",
                      bytes, work, kMostPerByte);
  }

  // A factor or matrix in double, and its bytes.
  struct Loaded {
    std::vector<std::byte> bytes;
    Matrix values;
  };

  // Loads a tensor; its bytes are kept if there may be others to compare with. Errors: those of the model;
  // kUnsupported if it is not finite.
  static Result<Loaded> load(const model::Model& model, std::size_t tensor) {
    const TensorInfo& info = model.tensors[tensor];
    Loaded loaded;
    BBZ_ASSIGN(loaded.bytes, model.load(tensor));
    BBZ_TRY(gauge::check_finite(info, loaded.bytes));
    loaded.values = linalg::load_matrix(loaded.bytes, info.dtype, static_cast<Index>(info.shape[0]),
                                        static_cast<Index>(info.shape[1]));
    return loaded;
  }

  static Result<Factors> load(const Inventory& side, const Operand& operand, Loaded& a, Loaded& b) {
    const auto& tensors = side.model.tensors;
    const std::size_t t = operand.pair == nullptr ? operand.matrix : operand.pair->a;
    BBZ_ASSIGN(a, load(side.model, t));
    if (operand.pair == nullptr) return Factors{&a.values, nullptr, tensors[t].dtype, {}};
    BBZ_ASSIGN(b, load(side.model, operand.pair->b));
    return Factors{&a.values, &b.values, tensors[t].dtype, tensors[operand.pair->b].dtype};
  }

  Status measure(const Match& match) {
    PairDistance& distance = out_[match.place];
    Loaded a, b, other_a, other_b;
    const auto first = load(first_, match.first, a, b);
    const auto second = first.ok() ? load(second_, match.second, other_a, other_b) : first;
    if (!second.ok()) {
      if (second.code() != Code::kUnsupported) return second.error();
      distance.note = second.error().message;
      return {};
    }
    const bool alike = match.first.pair != nullptr && match.second.pair != nullptr &&
                       match.first.rank() == match.second.rank();
    distance.plain = std::numeric_limits<double>::infinity();
    if (alike) {
      distance.identical = first->type_a == second->type_a && first->type_b == second->type_b &&
                           a.bytes == other_a.bytes && b.bytes == other_b.bytes;
      const double norm = other_a.values.squaredNorm() + other_b.values.squaredNorm();
      const double squares =
          (a.values - other_a.values).squaredNorm() + (b.values - other_b.values).squaredNorm();
      distance.plain = relative(std::sqrt(squares), std::sqrt(norm));
    }
    if (distance.identical) return {};
    const ProductDistance product = product_distance(*first, *second);
    // Of F64, the squares may leave the range of double.
    if (!std::isfinite(product.distance + product.norm + product.rounding) ||
        (product.distance == 0 && product.largest > 0)) {
      distance.note = "its products are too large or too small to be compared";
      return {};
    }
    distance.product = relative(product.distance, product.norm);
    distance.largest = product.largest;
    distance.rounding = relative(product.rounding, product.norm);
    distance.of_rounding = product.of_rounding;
    return {};
  }

  Inventory first_;
  Inventory second_;
  std::vector<Match> matches_;
  std::vector<PairDistance> out_;
};

}  // namespace

std::string_view PairDistance::verdict() const {
  if (!note.empty()) return "not compared";
  if (identical) return "identical";
  if (!same()) return "different matrices";
  return first_rank == 0 || second_rank == 0 ? "one matrix, whole and factored"
                                             : "one matrix, factored twice";
}

Result<std::vector<PairDistance>> pair_distances(const model::Model& first,
                                                 const model::Model& second) {
  return PairComparison(first, second).run();
}

}  // namespace bbz::compare
