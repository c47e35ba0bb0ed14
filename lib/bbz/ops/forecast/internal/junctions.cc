#include <algorithm>
#include <cmath>
#include <deque>
#include <optional>

#include "bbz/ops/forecast/internal/rotated.h"
#include "bbz/symmetry/form.h"
#include "bbz/symmetry/gauge/choose.h"
#include "bbz/symmetry/gauge/lower.h"
#include "bbz/symmetry/gauge/members.h"
#include "bbz/symmetry/group.h"
#include "bbz/symmetry/linalg/convert.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::forecast {
namespace {

// One junction in so many is rotated: an odd number, so that those of both sub-blocks are.
constexpr std::size_t kEvery = 5;
// What a record of an operand and its entry in the index take.
constexpr double kOperandRecord = 160;

// Walks over the junctions as gauge::rotate() does, but rotates some only, and of their members some rows.
class Walk {
 public:
  Walk(const Work& work, bool polar, bool lenient)
      : work_(work), polar_(polar), lenient_(lenient) {}

  Result<Change> run() {
    const auto& junctions = work_.detection.junctions.junctions;
    refused_.resize(junctions.size());
    for (std::size_t j = 0; j < junctions.size(); ++j) {
      if (!junctions[j].proven() || !is_sampled(j)) continue;
      BBZ_TRY(rotate(j, refused_[j]));
      if (!change_.failure.empty()) return change_;
    }
    for (std::size_t j = 0; j < junctions.size(); ++j) {
      if (junctions[j].proven() && !refused_[j]) sum_up(j);
    }
    change_.error = rates_.error();
    for (double& error : change_.error) error *= 2;
    return change_;
  }

 private:
  bool is_sampled(std::size_t j) const {
    return work_.whole || j == 0 || j % kEvery == 1 ||
           work_.detection.junctions.junctions.size() <= 4;
  }

  // Notes why a junction cannot be rotated: a reason for pack() to fail, unless it is lenient.
  void refuse(const Status& status, bool& refused) {
    refused = true;
    if (!lenient_) change_.failure = status.error().message;
    u_.reset();
  }

  // Loads a tensor. If its numbers forbid a rotation, it is refused, and there are no bytes.
  Result<std::vector<std::byte>> load(std::size_t tensor, bool& refused) {
    auto bytes = work_.pace.load(work_.model, tensor);
    if (bytes.ok() || bytes.code() != Code::kUnsupported) return bytes;
    refuse(bytes.error(), refused);
    return std::vector<std::byte>();
  }

  Status rotate(std::size_t j, bool& refused) {
    const Junction& junction = work_.detection.junctions.junctions[j];
    const Member& first = junction.members.front();
    const TensorInfo& info = work_.model.tensors[first.tensor];
    BBZ_ASSIGN(const std::vector<std::byte> bytes, load(first.tensor, refused));
    if (refused) return {};
    const auto d = static_cast<double>(junction.width);
    chosen_cubes_ += d * d * d;
    Status entered = first.role == Role::kEmbedding ? enter_by_embedding(info, bytes)
                                                    : enter_by_shortcut(j, info, bytes);
    if (!entered.ok()) {
      if (entered.code() != Code::kUnsupported) return entered;
      refuse(entered, refused);
      return {};
    }
    for (const Member& member : std::span(junction.members).subspan(1)) {
      if (!is_counted(member)) continue;
      BBZ_TRY(turn(member, refused));
      if (refused) return {};
    }
    return {};
  }

  Status turn(const Member& member, bool& refused) {
    const TensorInfo& info = work_.model.tensors[member.tensor];
    if (!u_) {
      const double exact = work_.exact_bytes(member.tensor);
      rates_.add(info, member.role, {exact, exact, exact});
      return {};
    }
    BBZ_ASSIGN(const std::vector<std::byte> bytes, load(member.tensor, refused));
    if (refused) return {};
    const auto sizes = rotated_bytes(info, member.role, bytes, *u_, work_.share);
    if (!sizes.ok()) {
      if (sizes.code() != Code::kUnsupported) return sizes.error();
      refuse(sizes.error(), refused);
      return {};
    }
    rates_.add(info, member.role, *sizes);
    work_.pace.measure(info, member.role, bytes, *u_);
    return {};
  }

  // Returns the entries of the tensor that enters a junction as they are stored: those of a factor have their
  // own type.
  TensorInfo entering(std::size_t j, const TensorInfo& info) const {
    const rotation::Estimate::Junction& estimate = work_.estimate.junctions[j];
    TensorInfo stored = info;
    const bool factor = polar_ && estimate.polar_entries != estimate.triangular_entries;
    if (factor) stored.dtype = gauge::factor_dtype(info.dtype).value_or(info.dtype);
    stored.shape = {info.shape[0] * info.shape[1] -
                    (factor ? estimate.polar_entries : estimate.triangular_entries)};
    return stored;
  }

  Status enter_by_shortcut(std::size_t j, const TensorInfo& info, Bytes bytes) {
    Matrix s = linalg::load_matrix(bytes, info.dtype, static_cast<Index>(info.shape[0]),
                                   static_cast<Index>(info.shape[1]));
    const double begin = now();
    // In a sample, the rotation of another junction stands in for that of the one before.
    const bool turned = u_ && u_->rows() == s.rows();
    if (turned) {
      Matrix left(s.rows(), s.cols());
      linalg::multiply(*u_, linalg::Op::kTransposed, s, linalg::Op::kPlain, left);
      s = std::move(left);
    }
    BBZ_ASSIGN(gauge::Choice choice,
               gauge::choose(s, turned ? std::nullopt : std::optional(bytes), info.dtype, polar_));
    chosen_seconds_ += now() - begin;
    double size = 0;
    const TensorInfo stored = entering(j, info);
    if (choice.polar) {
      BBZ_ASSIGN(size, polar_bytes(choice));
    } else {
      BBZ_ASSIGN(size, lower_bytes(info, choice.stored));
    }
    rates_.add(stored, Role::kShortcutIn, {size, size, size});
    u_ = std::move(choice.u);
    return {};
  }

  static Result<double> polar_bytes(const gauge::Choice& choice) {
    const gauge::PolarForm& form = *choice.polar;
    symmetry::PolarGroup group;
    group.pivots = form.pivots;
    TensorSpec spec;
    spec.kind = catalog::TensorKind::kTensor;
    spec.name = "factor";
    spec.dtype = *gauge::factor_dtype(form.dtype);
    spec.shape = {form.factor.size() / element_bytes(spec.dtype)};
    double coded = 0;
    if (!form.factor.empty()) {
      BBZ_ASSIGN(coded, coded_bytes(spec, form.factor));
    }
    return coded + static_cast<double>(symmetry::encode_group(group).size()) + kOperandRecord;
  }

  static Result<double> lower_bytes(const TensorInfo& info, Bytes dense) {
    const std::uint64_t rows = info.shape[0], cols = info.shape[1];
    const std::uint64_t kept = gauge::lower_count(rows, cols);
    std::vector<std::byte> packed(kept * element_bytes(info.dtype));
    BBZ_TRY(gauge::pack_lower(dense, info.dtype, rows, cols, packed));
    TensorSpec spec = dense_spec(info.dtype, rows, cols);
    spec.stored = {.form = catalog::Form::kLower, .elements = kept};
    return coded_bytes(spec, packed);
  }

  Status enter_by_embedding(const TensorInfo& info, Bytes bytes) {
    const std::uint64_t rows = std::min(info.shape[0], info.shape[1]);
    const Bytes top = bytes.first(bytes.size() / info.shape[0] * rows);
    const Matrix s = linalg::load_matrix(top, info.dtype, static_cast<Index>(rows),
                                         static_cast<Index>(info.shape[1]));
    const double begin = now();
    BBZ_ASSIGN(gauge::Choice choice, gauge::choose(s, top, info.dtype, false));
    chosen_seconds_ += now() - begin;
    u_ = std::move(choice.u);
    Sizes sizes{};
    for (std::size_t f = 0; f < kFloors.size(); ++f) {
      std::vector<std::byte> turned(bytes.begin(), bytes.end());
      gauge::Rounding ignored;
      if (u_) BBZ_TRY(gauge::rotate_rows(info, bytes, rows, *u_, kFloors[f], turned, ignored));
      std::ranges::copy(choice.stored, turned.begin());
      BBZ_ASSIGN(sizes[f], lower_bytes(info, turned));
    }
    rates_.add(info, Role::kEmbedding, sizes);
    if (u_) work_.pace.measure(info, Role::kEmbedding, bytes, *u_);
    return {};
  }

  // Adds a junction to the change.
  void sum_up(std::size_t j) {
    const Junction& junction = work_.detection.junctions.junctions[j];
    const Member& first = junction.members.front();
    std::optional<TensorInfo> stored;
    if (first.role == Role::kShortcutIn) {
      stored = entering(j, work_.model.tensors[first.tensor]);
    }
    add_members(work_, junction, stored ? &*stored : nullptr, is_sampled(j), rates_, change_);
    const auto d = static_cast<double>(junction.width);
    const double choosing = chosen_cubes_ > 0 ? chosen_seconds_ / chosen_cubes_ * d * d * d : 0;
    for (double& seconds : change_.seconds) seconds += choosing;
    for (const Member& member : junction.members) {
      const TensorInfo& info = work_.model.tensors[member.tensor];
      const bool enters = member.role == Role::kShortcutIn;
      if (!is_counted(member)) continue;
      const Sizes rotating = work_.pace.rotating(info, member.role, enters ? 0 : junction.width);
      for (std::size_t f = 0; f < rotating.size(); ++f) change_.seconds[f] += rotating[f];
    }
  }

  const Work& work_;
  const bool polar_;
  const bool lenient_;
  std::deque<bool> refused_;  // junctions
  std::optional<Matrix> u_;   // of the junction that was rotated last
  Rates rates_;
  Change change_;
  double chosen_seconds_ = 0, chosen_cubes_ = 0;
};

}  // namespace

Result<Change> change_junctions(const Work& work, bool polar, bool lenient) {
  return Walk(work, polar, lenient).run();
}

}  // namespace bbz::forecast
