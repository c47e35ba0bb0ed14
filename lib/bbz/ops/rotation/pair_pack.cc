#include "bbz/base/format.h"
#include "bbz/ops/rotation/internal/methods.h"
#include "bbz/symmetry/pair/pivot.h"

namespace bbz::rotation {
namespace {

// Writes a factor of a pair, without its pivots if it is the one that has them.
Status add_factor(const Model& model, std::size_t tensor, unsigned axis, Bytes bytes,
                  const catalog::Pivots& pivots, ModelFile& file) {
  if (axis != pivots.axis()) return file.add_dense(tensor, bytes);
  const TensorInfo& info = model.tensors[tensor];
  file.mark(tensor, bytes);
  TensorSpec spec = file.spec(tensor);
  const std::vector<std::byte> stored =
      gauge::pack_pivot(bytes, info.dtype, info.shape[0], info.shape[1], pivots);
  spec.stored = {.form = catalog::Form::kPivot,
                 .elements = stored.size() / element_bytes(info.dtype),
                 .pivots = std::make_shared<const catalog::Pivots>(pivots)};
  return file.add(spec, stored);
}

// Writes one pair, in the pivot gauge if that is possible, and fills its record.
Status pack_pair(const Model& model, const pair::Pair& pair, gauge::Floor floor, ModelFile& file,
                 PairRecord& record, bool& changed) {
  record.note = why_not_pivot(pair);
  if (!record.note.empty()) return {};
  const TensorInfo& a_info = model.tensors[pair.a];
  const TensorInfo& b_info = model.tensors[pair.b];
  BBZ_ASSIGN(std::vector<std::byte> a, model.load(pair.a));
  BBZ_ASSIGN(std::vector<std::byte> b, model.load(pair.b));
  auto pivots = pair::find_pivots(a_info, a, b_info, b);
  if (!pivots) {
    auto pivoted = pair::pivot(a_info, a, b_info, b, floor);
    if (!pivoted.ok()) {
      if (pivoted.code() != Code::kUnsupported) return pivoted.error();
      record.note = pivoted.error().message;
      return {};
    }
    changed = true;
    a = std::move(pivoted->a);
    b = std::move(pivoted->b);
    pivots = std::move(pivoted->pivots);
    record.largest_difference = pivoted->rounding.stored.largest;
    record.rms_difference = pivoted->rounding.stored.root_mean_square();
    record.product_difference = pivoted->product_difference;
    if (pivoted->plain_difference > 0) {
      record.growth = pivoted->product_difference / pivoted->plain_difference;
    }
  }
  record.method = method_name(RequestedMethod::kPivot);
  record.axis = static_cast<int>(pivots->axis());
  record.entries_saved = pair.rank * pair.rank;
  const DType saved = pivots->axis() == 0 ? a_info.dtype : b_info.dtype;
  record.bits_saved = static_cast<std::int64_t>(record.entries_saved * element_bits(saved));
  BBZ_TRY(add_factor(model, pair.a, 0, a, *pivots, file));
  return add_factor(model, pair.b, 1, b, *pivots, file);
}

}  // namespace

std::string why_not_pivot(const pair::Pair& pair) {
  constexpr std::uint64_t kLeastShare = 64;
  if (!pair.proven()) return pair.refusal;
  if (!pair::pivot_axis(pair.out, pair.in, pair.rank)) {
    return fmt::format("its rank {} is that of a matrix of {} x {}", pair.rank, pair.out, pair.in);
  }
  if (pair.rank * kLeastShare < pair.out + pair.in) {
    return fmt::format("pivots would save {} of its {} entries", pair.rank * pair.rank,
                       pair.rank * (pair.out + pair.in));
  }
  return {};
}

Status pack_pairs(const Model& model, std::span<const pair::Pair> pairs, gauge::Floor floor,
                  ModelFile& file, Record& record) {
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    bool changed = false;
    BBZ_TRY(pack_pair(model, pairs[i], floor, file, record.pairs[i], changed));
    record.rotated = record.rotated || changed;
  }
  return {};
}

}  // namespace bbz::rotation
