#include <cmath>

#include "bbz/base/format.h"
#include "bbz/ops/forecast/internal/rotated.h"
#include "bbz/symmetry/pair/pivot.h"

namespace bbz::forecast {
namespace {

// One pair in so many is pivoted.
constexpr std::size_t kEveryPair = 2;
// How far the sum may be off besides, as a share: predictions of sampled pairs were 0.6 % too small for a
// model of F16, and 2 % for one of BF16.
constexpr double kBias = 0.012;

// Pairs of the same shapes and types.
struct Alike {
  double bytes = 0;  // of both factors after pivoting, without a floor
  double squares = 0;
  double count = 0;
  Sizes floored{};  // of the pairs that were pivoted with each floor
  double seconds = 0;
  double fits = 0;  // pairs that could be pivoted
};

class Pivoting {
 public:
  explicit Pivoting(const Work& work) : work_(work), pairs_(work.detection.pairs) {}

  Result<Change> run() {
    rotation::Detection only;
    only.pairs = pairs_;
    BBZ_ASSIGN(const rotation::Estimate estimate,
               rotation::estimate(work_.model, only, work_.threads));
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      if (!estimate.pairs[i].note.empty()) continue;
      if (work_.whole || i % kEveryPair == 0 || !alike_.contains(key_of(pairs_[i]))) {
        BBZ_TRY(pivot(pairs_[i]));
      }
    }
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      if (estimate.pairs[i].note.empty()) sum_up(pairs_[i]);
    }
    change_.error = 2 * std::sqrt(variance_) + (work_.whole ? 0 : kBias * bytes_);
    return change_;
  }

 private:
  std::string key_of(const pair::Pair& pair) const {
    return fmt::format("{} {} {} {} {}", pair.out, pair.rank, pair.in,
                       static_cast<int>(work_.model.tensors[pair.a].dtype),
                       static_cast<int>(work_.model.tensors[pair.b].dtype));
  }

  Status pivot(const pair::Pair& pair) {
    Alike& alike = alike_[key_of(pair)];
    const TensorInfo& a_info = work_.model.tensors[pair.a];
    const TensorInfo& b_info = work_.model.tensors[pair.b];
    BBZ_ASSIGN(const std::vector<std::byte> a, work_.model.load(pair.a));
    BBZ_ASSIGN(const std::vector<std::byte> b, work_.model.load(pair.b));
    const bool floors = work_.whole || alike.fits == 0;
    alike.count += 1;
    Sizes sizes{};
    for (std::size_t f = 0; f < (floors ? kFloors.size() : 1); ++f) {
      const double begin = now();
      if (const auto pivots = pair::find_pivots(a_info, a, b_info, b)) {
        BBZ_ASSIGN(sizes[f], pivoted_bytes(a_info, a, b_info, b, *pivots));
        continue;
      }
      const auto pivoted = pair::pivot(a_info, a, b_info, b, kFloors[f]);
      if (!pivoted.ok()) {
        if (pivoted.code() != Code::kUnsupported) return pivoted.error();
        return {};  // stored exactly
      }
      if (f == 0) alike.seconds += now() - begin;
      BBZ_ASSIGN(sizes[f], pivoted_bytes(a_info, pivoted->a, b_info, pivoted->b, pivoted->pivots));
    }
    alike.fits += 1;
    alike.bytes += sizes[0];
    alike.squares += sizes[0] * sizes[0];
    if (floors) {
      for (std::size_t f = 0; f < sizes.size(); ++f) alike.floored[f] += sizes[f];
    }
    return {};
  }

  static Result<double> pivoted_bytes(const TensorInfo& a_info, Bytes a, const TensorInfo& b_info,
                                      Bytes b, const catalog::Pivots& pivots) {
    // The bitmap of the pivots is in the tensor's record, and in the index.
    double sum = 2 * static_cast<double>(pivots.bitmap_bytes());
    const auto add = [&](const TensorInfo& info, Bytes bytes, unsigned axis) -> Status {
      TensorSpec spec = dense_spec(info.dtype, info.shape[0], info.shape[1]);
      std::vector<std::byte> stored(bytes.begin(), bytes.end());
      if (axis == pivots.axis()) {
        stored = gauge::pack_pivot(bytes, info.dtype, info.shape[0], info.shape[1], pivots);
        spec.stored = {.form = catalog::Form::kPivot,
                       .elements = stored.size() / element_bytes(info.dtype),
                       .pivots = std::make_shared<const catalog::Pivots>(pivots)};
      }
      BBZ_ASSIGN(const double coded, coded_bytes(spec, stored));
      sum += coded;
      return {};
    };
    BBZ_TRY(add(a_info, a, 0));
    BBZ_TRY(add(b_info, b, 1));
    return sum;
  }

  // Adds a pair to the change.
  void sum_up(const pair::Pair& pair) {
    const Alike& alike = alike_.at(key_of(pair));
    change_.seconds += alike.seconds / alike.count;
    if (alike.fits == 0) return;
    bytes_ += alike.bytes / alike.count;
    const double share = alike.fits / alike.count;  // of pairs that can be pivoted
    const double mean = alike.bytes / alike.fits;
    const double exact = work_.exact_bytes(pair.a) + work_.exact_bytes(pair.b);
    for (std::size_t f = 0; f < change_.bytes.size(); ++f) {
      change_.bytes[f] += share * (mean * alike.floored[f] / alike.floored[0] - exact);
    }
    if (!work_.whole) {
      // One pair alone says little of how much pairs differ.
      const double spread =
          alike.fits < 2 ? 0.01 * mean
                         : std::sqrt(std::max(alike.squares / alike.fits - mean * mean, 0.0));
      variance_ += spread * spread;
    }
    change_.fits = true;
  }

  const Work& work_;
  const std::vector<pair::Pair>& pairs_;
  std::map<std::string, Alike> alike_;
  Change change_;
  double variance_ = 0;
  double bytes_ = 0;  // of all pairs after pivoting
};

}  // namespace

Result<Change> change_pairs(const Work& work) {
  return Pivoting(work).run();
}

}  // namespace bbz::forecast
