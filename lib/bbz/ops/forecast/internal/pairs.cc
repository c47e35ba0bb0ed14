#include <cmath>

#include "bbz/base/format.h"
#include "bbz/ops/forecast/internal/rotated.h"
#include "bbz/symmetry/pair/pivot.h"

namespace bbz::forecast {
namespace {

// Of pairs of the same kind, one in so many is pivoted, but at least and at most so many.
constexpr std::size_t kEveryPair = 5, kLeastPairs = 3, kMostPairs = 12;

// Pairs of the same shapes and types.
struct Alike {
  std::vector<std::size_t> pairs;
  Sizes bytes{};    // of both factors after pivoting with each floor, of those that were pivoted
  Sizes squares{};  // of these
  Sizes seconds{};
  double tried = 0;
  double fits = 0;  // pairs that could be pivoted
};

class Pivoting {
 public:
  explicit Pivoting(const Work& work) : work_(work), pairs_(work.detection.pairs) {}

  Result<Change> run() {
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      if (work_.estimate.pairs[i].note.empty()) alike_[key_of(pairs_[i])].pairs.push_back(i);
    }
    for (auto& [key, alike] : alike_) {
      const std::size_t count = alike.pairs.size();
      const std::size_t sampled =
          work_.whole ? count
                      : std::min(count, std::clamp(count / kEveryPair, kLeastPairs, kMostPairs));
      // In the middle of each part, because pairs change from layer to layer.
      for (std::size_t i = 0; i < sampled; ++i) {
        BBZ_TRY(pivot(pairs_[alike.pairs[count * (2 * i + 1) / (2 * sampled)]], alike));
      }
      sum_up(alike);
    }
    for (double& error : change_.error) error = 2 * std::sqrt(error);
    return change_;
  }

 private:
  std::string key_of(const pair::Pair& pair) const {
    return fmt::format("{} {} {} {} {}", pair.out, pair.rank, pair.in,
                       static_cast<int>(work_.model.tensors[pair.a].dtype),
                       static_cast<int>(work_.model.tensors[pair.b].dtype));
  }

  // Pivots a pair with each floor, as packing does.
  Status pivot(const pair::Pair& pair, Alike& alike) {
    const TensorInfo& a_info = work_.model.tensors[pair.a];
    const TensorInfo& b_info = work_.model.tensors[pair.b];
    ++alike.tried;
    Sizes sizes{};
    double begin = now();
    BBZ_ASSIGN(const std::vector<std::byte> a, work_.model.load(pair.a));
    BBZ_ASSIGN(const std::vector<std::byte> b, work_.model.load(pair.b));
    auto found = pair::find_pivots(a_info, a, b_info, b);
    const double loading = now() - begin;
    // As they are, they need not be encoded.
    double plain = 0;
    BBZ_TRY(work_.pace.encode(dense_spec(a_info.dtype, pair.out, pair.rank), a, plain));
    BBZ_TRY(work_.pace.encode(dense_spec(b_info.dtype, pair.rank, pair.in), b, plain));
    for (double& seconds : alike.seconds) seconds += loading - plain;
    if (found) {
      double encoding = 0;
      BBZ_ASSIGN(sizes[0], pivoted_bytes(a_info, a, b_info, b, *found, encoding));
      sizes.fill(sizes[0]);
      for (double& seconds : alike.seconds) seconds += encoding;
    }
    for (std::size_t f = 0; f < kFloors.size() && !found; ++f) {
      begin = now();
      const auto pivoted = pair::pivot(a_info, a, b_info, b, kFloors[f]);
      alike.seconds[f] += now() - begin;
      if (!pivoted.ok()) {
        if (pivoted.code() != Code::kUnsupported) return pivoted.error();
        return {};  // stored exactly
      }
      BBZ_ASSIGN(sizes[f], pivoted_bytes(a_info, pivoted->a, b_info, pivoted->b, pivoted->pivots,
                                         alike.seconds[f]));
    }
    ++alike.fits;
    for (std::size_t f = 0; f < sizes.size(); ++f) {
      alike.bytes[f] += sizes[f];
      alike.squares[f] += sizes[f] * sizes[f];
    }
    return {};
  }

  // Returns the bytes that a pair takes, and adds to `seconds` what encoding it takes.
  Result<double> pivoted_bytes(const TensorInfo& a_info, Bytes a, const TensorInfo& b_info, Bytes b,
                               const catalog::Pivots& pivots, double& seconds) const {
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
      BBZ_ASSIGN(const double coded, work_.pace.encode(spec, stored, seconds));
      sum += coded;
      return {};
    };
    BBZ_TRY(add(a_info, a, 0));
    BBZ_TRY(add(b_info, b, 1));
    return sum;
  }

  // Adds pairs of a kind to the change, and the variance of their sizes to its error.
  void sum_up(const Alike& alike) {
    // The least relative difference of pairs of which few were pivoted.
    constexpr double kSpread = 0.004;
    const auto count = static_cast<double>(alike.pairs.size());
    double exact = 0;
    for (const std::size_t i : alike.pairs) {
      exact += work_.exact_bytes(pairs_[i].a) + work_.exact_bytes(pairs_[i].b);
    }
    const double share = alike.fits / alike.tried;  // of pairs that can be pivoted
    for (std::size_t f = 0; f < kFloors.size(); ++f) {
      change_.seconds[f] += alike.seconds[f] / alike.tried * count;
      if (alike.fits == 0) continue;
      const double mean = alike.bytes[f] / alike.fits;
      change_.bytes[f] += share * (mean * count - exact);
      const double rest = count - alike.tried;
      double variance = std::pow(kSpread * mean, 2);
      if (alike.fits > 1) {
        const double spread = alike.squares[f] / alike.fits - mean * mean;
        variance = std::max(variance, spread * alike.fits / (alike.fits - 1));
      }
      change_.error[f] += variance * (rest * rest / alike.fits + rest);
    }
    change_.fits = change_.fits || alike.fits > 0;
  }

  const Work& work_;
  const std::vector<pair::Pair>& pairs_;
  std::map<std::string, Alike> alike_;
  Change change_;
};

}  // namespace

Result<Change> change_pairs(const Work& work) {
  return Pivoting(work).run();
}

}  // namespace bbz::forecast
