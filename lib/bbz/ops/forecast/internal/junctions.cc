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

using junction::Junction;
using junction::Member;
using junction::Role;
using linalg::Index;
using linalg::Matrix;

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
      BBZ_TRY(rotate(junctions[j], refused_[j]));
      if (!change_.failure.empty()) return change_;
    }
    for (std::size_t j = 0; j < junctions.size(); ++j) {
      if (junctions[j].proven() && !refused_[j]) sum_up(j);
    }
    change_.error = 2 * std::sqrt(variance_);
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

  Status rotate(const Junction& junction, bool& refused) {
    const Member& first = junction.members.front();
    const TensorInfo& info = work_.model.tensors[first.tensor];
    BBZ_ASSIGN(const std::vector<std::byte> bytes, work_.model.load(first.tensor));
    const Status finite = gauge::check_finite(info, bytes);
    if (!finite.ok()) {
      refuse(finite, refused);
      return {};
    }
    const double begin = now();
    Status entered = first.role == Role::kEmbedding ? enter_by_embedding(info, bytes)
                                                    : enter_by_shortcut(info, bytes);
    if (!entered.ok()) {
      if (entered.code() != Code::kUnsupported) return entered;
      refuse(entered, refused);
      return {};
    }
    const auto d = static_cast<double>(junction.width);
    chosen_seconds_ += now() - begin;
    chosen_cubes_ += d * d * d;
    for (const Member& member : std::span(junction.members).subspan(1)) {
      if (member.role == Role::kBias || member.role == Role::kShortcutOut) continue;
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
    BBZ_ASSIGN(const std::vector<std::byte> bytes, work_.model.load(member.tensor));
    const Status finite = gauge::check_finite(info, bytes);
    if (!finite.ok()) {
      refuse(finite, refused);
      return {};
    }
    const auto sizes = rotated_bytes(info, member.role, bytes, *u_, work_.share);
    if (!sizes.ok()) {
      if (sizes.code() != Code::kUnsupported) return sizes.error();
      refuse(sizes.error(), refused);
      return {};
    }
    rates_.add(info, member.role, *sizes);
    return measure_pace(info, member.role, bytes);
  }

  // Measures once how long it takes to rotate a tensor as pack() does.
  Status measure_pace(const TensorInfo& info, Role role, Bytes bytes) {
    if (pace_ > 0 || role != Role::kReads) return {};
    TensorInfo some = info;
    some.shape[0] = std::min<std::uint64_t>(some.shape[0], 512);
    const Bytes part = bytes.first(bytes.size() / info.shape[0] * some.shape[0]);
    const double begin = now();
    gauge::Rounding ignored;
    const auto rotated = gauge::rotate_member(some, role, part, *u_, gauge::Floor::kNone, ignored);
    if (!rotated.ok()) return {};
    const auto width = static_cast<double>(info.shape[1]);
    pace_ = (now() - begin) / (static_cast<double>(some.shape[0]) * width * width);
    return {};
  }

  Status enter_by_shortcut(const TensorInfo& info, Bytes bytes) {
    Matrix s = linalg::load_matrix(bytes, info.dtype, static_cast<Index>(info.shape[0]),
                                   static_cast<Index>(info.shape[1]));
    // In a sample, the rotation of another junction stands in for that of the one before.
    const bool turned = u_ && u_->rows() == s.rows();
    if (turned) {
      Matrix left(s.rows(), s.cols());
      linalg::multiply(*u_, linalg::Op::kTransposed, s, linalg::Op::kPlain, left);
      s = std::move(left);
    }
    BBZ_ASSIGN(gauge::Choice choice,
               gauge::choose(s, turned ? std::nullopt : std::optional(bytes), info.dtype, polar_));
    double size = 0;
    if (choice.polar) {
      BBZ_ASSIGN(size, polar_bytes(choice));
    } else {
      BBZ_ASSIGN(size, lower_bytes(info, choice.stored));
    }
    rates_.add(info, Role::kShortcutIn, {size, size, size});
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
    BBZ_ASSIGN(gauge::Choice choice, gauge::choose(s, top, info.dtype, false));
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
    return {};
  }

  // Adds the members of a junction to the change.
  void sum_up(std::size_t j) {
    const Junction& junction = work_.detection.junctions.junctions[j];
    const auto d = static_cast<double>(junction.width);
    if (chosen_cubes_ > 0) change_.seconds += chosen_seconds_ / chosen_cubes_ * d * d * d;
    for (const Member& member : junction.members) {
      if (member.role == Role::kBias || member.role == Role::kShortcutOut) continue;
      const TensorInfo& info = work_.model.tensors[member.tensor];
      double error = 0;
      const auto sizes = rates_.of(info, member.role, error);
      if (!sizes) continue;
      for (std::size_t f = 0; f < sizes->size(); ++f) {
        change_.bytes[f] += (*sizes)[f] - work_.exact_bytes(member.tensor);
      }
      if (!is_sampled(j)) variance_ += error * error;
      const auto elements = static_cast<double>(info.shape[0] * info.shape[1]);
      if (member.role != Role::kShortcutIn) change_.seconds += pace_ * elements * d;
    }
    change_.fits = true;
  }

  const Work& work_;
  const bool polar_;
  const bool lenient_;
  std::deque<bool> refused_;  // junctions
  std::optional<Matrix> u_;   // of the junction that was rotated last
  Rates rates_;
  Change change_;
  double variance_ = 0;
  double chosen_seconds_ = 0, chosen_cubes_ = 0;
  double pace_ = 0;  // seconds for a product of entries
};

}  // namespace

Result<Change> change_junctions(const Work& work, bool polar, bool lenient) {
  return Walk(work, polar, lenient).run();
}

}  // namespace bbz::forecast
