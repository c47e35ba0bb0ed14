#include "bbz/gauge/rotate.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/gauge/lower.h"
#include "bbz/linalg/convert.h"
#include "bbz/linalg/product.h"

namespace bbz::gauge {
namespace {

using junction::Junction;
using junction::Member;
using junction::Role;
using junction::TensorInfo;
using linalg::Index;
using linalg::Matrix;

class Walk {
 public:
  Walk(std::span<const TensorInfo> tensors, bool polar, const Load& load, const Emit& emit)
      : tensors_(tensors), polar_(polar), load_(load), emit_(emit) {}

  Result<JunctionReport> pass(const Junction& junction) {
    JunctionReport report;
    const Member& entering = junction.members.front();
    if (leaving_ && leaving_ != entering.tensor) BBZ_TRY(finish());
    BBZ_TRY(entering.role == Role::kShortcutIn ? enter_by_shortcut(entering.tensor, report)
                                               : enter_by_embedding(entering.tensor, report));
    for (const Member& member : std::span(junction.members).subspan(1)) {
      if (member.role == Role::kShortcutOut) {
        leaving_ = member.tensor;
      } else {
        BBZ_TRY(turn(member.tensor, member.role, report.members));
      }
    }
    report.rotated = u_.has_value();
    return report;
  }

  // Emits the shortcut that left the last junction into none.
  Status finish() {
    if (!leaving_) return {};
    Deviation ignored;
    BBZ_TRY(turn(*leaving_, Role::kShortcutOut, ignored));
    leaving_.reset();
    u_.reset();
    return {};
  }

 private:
  Result<std::vector<std::byte>> load(std::size_t tensor) {
    BBZ_ASSIGN(std::vector<std::byte> bytes, load_(tensor));
    BBZ_TRY(check_finite(tensors_[tensor], bytes));
    return bytes;
  }

  Status turn(std::size_t tensor, Role role, Deviation& deviation) {
    Output out{tensor, Form::kFull, {}, {}, {}};
    BBZ_ASSIGN(out.decoded, load(tensor));
    if (u_) {
      BBZ_ASSIGN(out.decoded, rotate_member(tensors_[tensor], role, out.decoded, *u_, deviation));
    }
    return emit_(std::move(out));
  }

  Result<Choice> choose_for(const TensorInfo& info, const Matrix& s, std::optional<Bytes> bytes,
                            bool polar, JunctionReport& report) {
    Result<Choice> choice = choose(s, bytes, info.dtype, polar);
    if (!choice.ok()) {
      return make_error(choice.code(), "{}: {}", quoted(info.name), choice.error().message);
    }
    report.method = choice->method;
    report.note = choice->note;
    report.shortcut = choice->deviation;
    return choice;
  }

  Status enter_by_shortcut(std::size_t tensor, JunctionReport& report) {
    const TensorInfo& info = tensors_[tensor];
    BBZ_ASSIGN(const std::vector<std::byte> bytes, load(tensor));
    Matrix s = linalg::load_matrix(bytes, info.dtype, static_cast<Index>(info.shape[0]),
                                   static_cast<Index>(info.shape[1]));
    const bool turned = leaving_ && u_;
    if (turned) {
      Matrix left(s.rows(), s.cols());
      linalg::multiply(*u_, linalg::Op::kTransposed, s, linalg::Op::kPlain, left);
      s = std::move(left);
    }
    leaving_.reset();
    u_.reset();
    const auto as_stored = turned ? std::nullopt : std::optional<Bytes>(bytes);
    BBZ_ASSIGN(Choice choice, choose_for(info, s, as_stored, polar_, report));
    u_ = std::move(choice.u);
    Output out{tensor, Form::kLower, std::move(choice.stored), {}, {}};
    if (choice.polar) {
      out.form = Form::kPolar;
      out.polar = std::move(choice.polar);
      report.rank = out.polar->rank();
      report.entries_saved =
          info.shape[0] * info.shape[1] - factor_count(out.polar->rows, report.rank);
    } else {
      BBZ_TRY(pack(info, out, report));
    }
    return emit_(std::move(out));
  }

  Status enter_by_embedding(std::size_t tensor, JunctionReport& report) {
    leaving_.reset();
    u_.reset();
    const TensorInfo& info = tensors_[tensor];
    Output out{tensor, Form::kLower, {}, {}, {}};
    BBZ_ASSIGN(out.decoded, load(tensor));
    const std::uint64_t rows = std::min(info.shape[0], info.shape[1]);
    const Bytes top = Bytes(out.decoded).first(out.decoded.size() / info.shape[0] * rows);
    const Matrix s = linalg::load_matrix(top, info.dtype, static_cast<Index>(rows),
                                         static_cast<Index>(info.shape[1]));
    BBZ_ASSIGN(Choice choice, choose_for(info, s, top, false, report));
    u_ = std::move(choice.u);
    if (u_) {
      std::vector<std::byte> turned(out.decoded.size());
      BBZ_TRY(rotate_rows(info, out.decoded, rows, *u_, turned, report.members));
      std::ranges::copy(choice.stored, turned.begin());
      out.decoded = std::move(turned);
    }
    BBZ_TRY(pack(info, out, report));
    return emit_(std::move(out));
  }

  static Status pack(const TensorInfo& info, Output& out, JunctionReport& report) {
    const std::uint64_t rows = info.shape[0], cols = info.shape[1];
    const std::uint64_t kept = lower_count(rows, cols);
    report.entries_saved = rows * cols - kept;
    out.packed.resize(out.decoded.size() / (rows * cols) * kept);
    return pack_lower(out.decoded, info.dtype, rows, cols, out.packed);
  }

  std::span<const TensorInfo> tensors_;
  bool polar_;
  const Load& load_;
  const Emit& emit_;
  std::optional<std::size_t> leaving_;  // the shortcut that leaves the junction behind
  std::optional<Matrix> u_;             // that junction's rotation; nothing for the identity
};

}  // namespace

Result<std::vector<JunctionReport>> rotate(std::span<const TensorInfo> tensors,
                                           const junction::Detection& detection, bool polar,
                                           const Load& load, const Emit& emit) {
  std::vector<JunctionReport> reports;
  Walk walk(tensors, polar, load, emit);
  for (std::size_t j = 0; j < detection.junctions.size(); ++j) {
    const Junction& junction = detection.junctions[j];
    if (!junction.proven()) {
      BBZ_TRY(walk.finish());
      continue;
    }
    BBZ_ASSIGN(JunctionReport report, walk.pass(junction));
    report.junction = j;
    reports.push_back(std::move(report));
  }
  BBZ_TRY(walk.finish());
  return reports;
}

}  // namespace bbz::gauge
