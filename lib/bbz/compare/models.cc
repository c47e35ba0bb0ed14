#include "bbz/compare/models.h"

#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "bbz/base/checked.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz::compare {
namespace {

// What has to be read may be this many times the bytes of the files, and this many bytes more.
constexpr std::uint64_t kMostReads = 16;
constexpr std::uint64_t kFreeReads = std::uint64_t{4} << 30;

// Two tensors, by the first names of their elements.
using FirstsPair = std::pair<std::size_t, std::size_t>;

std::uint64_t sum_of(std::uint64_t a, std::uint64_t b) {
  return checked_add(a, b).value_or(UINT64_MAX);
}

// Returns whether a tensor has the same shape in both models, however its elements are coded.
Result<bool> same_shape(const TensorInfo& first, const TensorInfo& second) {
  BBZ_ASSIGN(const Shape shape, shape_in_values(first));
  BBZ_ASSIGN(const Shape other, shape_in_values(second));
  return shape == other;
}

class Comparison {
 public:
  Comparison(const model::Model& first, const model::Model& second)
      : first_(first), second_(second) {}

  Result<std::vector<ComparedTensor>> run() {
    BBZ_TRY(find_pairs());
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      if (!compared_[i].state.empty()) continue;
      const auto [found, added] = differences_.try_emplace(pairs_[i]);
      if (added) {
        BBZ_ASSIGN(found->second, compare(pairs_[i]));
      }
      compared_[i].difference = found->second;
    }
    return std::move(compared_);
  }

 private:
  // Lists the tensors, and sums up what has to be read.
  Status find_pairs() {
    std::map<std::string_view, std::size_t> places;
    for (std::size_t i = 0; i < second_.tensors.size(); ++i) places[second_.tensors[i].name] = i;
    const std::uint64_t files = sum_of(first_.file_bytes, second_.file_bytes);
    const std::uint64_t most =
        sum_of(checked_mul(files, kMostReads).value_or(UINT64_MAX), kFreeReads);
    std::uint64_t reads = 0;
    std::set<FirstsPair> known;
    for (std::size_t i = 0; i < first_.tensors.size(); ++i) {
      const TensorInfo& info = first_.tensors[i];
      ComparedTensor& tensor = compared_.emplace_back(ComparedTensor{info.name, "", {}});
      FirstsPair& pair = pairs_.emplace_back();
      const auto found = places.find(info.name);
      if (found == places.end()) {
        tensor.state = "only in the first";
        continue;
      }
      BBZ_ASSIGN(const bool comparable, same_shape(info, second_.tensors[found->second]));
      if (!comparable) tensor.state = "another shape";
      pair = {first_.firsts[i], second_.firsts[found->second]};
      places.erase(found);
      if (!comparable || !known.insert(pair).second) continue;
      reads = sum_of(reads, sum_of(first_.reads[pair.first], second_.reads[pair.second]));
      if (reads > most) return too_much(info.name, most, files);
    }
    for (const auto& [name, place] : places) {
      compared_.push_back({std::string(name), "only in the second", {}});
    }
    return {};
  }

  static Error too_much(std::string_view name, std::uint64_t most, std::uint64_t files) {
    return make_error(Code::kLimit,
                      "the tensors up to {} take reading more than {} bytes, too many for {} bytes "
                      "of files: too many of them are views of the same memory, or of its elements "
                      "in another order",
                      quoted(name), most, files);
  }

  Result<TensorDifference> compare(const FirstsPair& pair) const {
    const auto part_of = [](const model::Model& model, std::size_t tensor) {
      return [&model, tensor](std::uint64_t offset) { return model.load_part(tensor, offset); };
    };
    return compare_tensors(first_.tensors[pair.first], part_of(first_, pair.first),
                           second_.tensors[pair.second], part_of(second_, pair.second));
  }

  const model::Model& first_;
  const model::Model& second_;
  std::vector<ComparedTensor> compared_;
  std::vector<FirstsPair> pairs_;  // of the first of them
  std::map<FirstsPair, TensorDifference> differences_;
};

}  // namespace

Result<std::vector<ComparedTensor>> compare_models(const model::Model& first,
                                                   const model::Model& second) {
  return Comparison(first, second).run();
}

}  // namespace bbz::compare
