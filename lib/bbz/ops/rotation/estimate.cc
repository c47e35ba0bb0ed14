#include "bbz/ops/rotation/internal/methods.h"
#include "bbz/symmetry/bitsback/bitsback.h"
#include "bbz/symmetry/gauge/choose.h"
#include "bbz/symmetry/gauge/lower.h"
#include "bbz/symmetry/gauge/members.h"
#include "bbz/symmetry/linalg/convert.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::rotation {
namespace {

// Estimates the entries of the matrix that fixes the gauge which are not stored, for triangular and
// polar. A rotation of the junction before changes neither its shape nor its singular values.
Status estimate_gauge(const Model& model, std::size_t tensor, bool embedding,
                      Estimate::Junction& result) {
  const TensorInfo& info = model.tensors[tensor];
  const std::uint64_t rows = info.shape[0];
  const std::uint64_t cols = info.shape[1];
  const std::uint64_t lower = rows * cols - gauge::lower_count(rows, cols);
  result.triangular_entries = result.polar_entries = lower;
  if (embedding) return {};
  BBZ_ASSIGN(const std::vector<std::byte> bytes, model.load(tensor));
  const Status finite = gauge::check_finite(info, bytes);
  if (finite.code() == Code::kUnsupported) {
    result.note = finite.error().message;
    result.triangular_entries = result.polar_entries = 0;
    return {};
  }
  BBZ_TRY(finite);
  const linalg::Matrix s = linalg::load_matrix(bytes, info.dtype, static_cast<linalg::Index>(rows),
                                               static_cast<linalg::Index>(cols));
  const auto choice = gauge::choose(s, Bytes(bytes), info.dtype, true);
  if (!choice.ok()) {
    result.note = choice.error().message;
  } else if (choice->polar) {
    result.polar_entries = rows * cols - gauge::factor_count(rows, choice->polar->rank());
  } else {
    result.note = choice->note;
  }
  return {};
}

Status estimate_bits_back(const Model& model, const junction::Junction& junction,
                          Estimate::Junction& result) {
  std::vector<std::vector<std::byte>> bytes;
  std::vector<bitsback::Carrier> carriers;
  for (const junction::Member& member : junction.members) {
    if (member.role != junction::Role::kReads) continue;
    BBZ_ASSIGN(std::vector<std::byte> loaded, model.load(member.tensor));
    bytes.push_back(std::move(loaded));
    carriers.push_back({model.tensors[member.tensor].dtype, bytes.back()});
  }
  if (carriers.empty()) return {};
  const auto plan = bitsback::plan_junction(junction.width, carriers);
  if (plan.ok()) {
    result.bits_back_bits = bitsback::expected_net_bits(*plan);
  } else if (result.note.empty()) {
    result.note = plan.error().message;
  }
  return {};
}

}  // namespace

Result<Estimate> estimate(const Model& model, const Detection& detection, unsigned threads) {
  BBZ_TRY(check_work(model, detection));
  linalg::set_threads(threads);
  Estimate estimate;
  for (const TensorInfo& info : model.tensors) {
    BBZ_ASSIGN(const std::uint64_t elements, element_count(info.shape));
    estimate.entries += elements;
    estimate.bits += elements * bbz::element_bits(info);
  }
  for (const pair::Pair& pair : detection.pairs) {
    Estimate::Pair one{pair.stem, pair.rank, 0, why_not_pivot(pair)};
    if (one.note.empty()) one.pivot_entries = pair.rank * pair.rank;
    estimate.pairs.push_back(std::move(one));
  }
  for (const junction::Junction& junction : detection.junctions.junctions) {
    Estimate::Junction one;
    one.name = junction.name;
    one.width = junction.width;
    one.note = junction.refusal;
    if (junction.proven()) {
      const junction::Member& enters = junction.members.front();
      BBZ_TRY(estimate_gauge(model, enters.tensor, enters.role == junction::Role::kEmbedding, one));
      BBZ_TRY(estimate_bits_back(model, junction, one));
    }
    estimate.junctions.push_back(std::move(one));
  }
  return estimate;
}

}  // namespace bbz::rotation
