#include "bbz/symmetry/gauge/rotate.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/symmetry/gauge/lower.h"
#include "bbz/symmetry/linalg/convert.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::gauge {
namespace {

using catalog::Form;
using junction::Junction;
using junction::Member;
using junction::Role;
using linalg::Index;
using linalg::Matrix;

class Walk {
 public:
  Walk(std::span<const TensorInfo> tensors, const RotateOptions& options, const LoadTensor& load,
       const Emit& emit)
      : tensors_(tensors), options_(options), load_(load), emit_(emit) {}

  Result<JunctionReport> pass(const Junction& junction) {
    JunctionReport report;
    const Member& entering = junction.members.front();
    if (leaving_ && leaving_ != entering.tensor) BBZ_TRY(finish());
    Result<Entered> entered = entering.role == Role::kShortcutIn
                                  ? enter_by_shortcut(entering.tensor, report)
                                  : enter_by_embedding(entering.tensor, report);
    if (entered.ok() && options_.on_refusal == OnRefusal::kLeaveAlone) {
      const Status others = check_others(junction, entered->u);
      if (!others.ok()) entered = others.error();
    }
    if (!entered.ok()) {
      // A tensor that could not be loaded is an error in any case.
      const bool numbers = entered.code() == Code::kUnsupported && loaded_;
      if (!numbers || options_.on_refusal == OnRefusal::kFail) return entered.error();
      BBZ_TRY(finish());  // for the junction before, this shortcut leaves into none
      report = {};
      report.refused = true;
      report.note = entered.error().message;
      return report;
    }
    leaving_.reset();
    u_ = std::move(entered->u);
    BBZ_TRY(emit_(std::move(entered->output)));
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

  // Emits the shortcut that leaves the last junction but enters none.
  Status finish() {
    if (leaving_) {
      Rounding ignored;
      BBZ_TRY(turn(*leaving_, Role::kShortcutOut, ignored));
    }
    leaving_.reset();
    u_.reset();
    return {};
  }

 private:
  // The tensor that enters a junction, and the rotation that it fixes, or nothing for the identity.
  struct Entered {
    Output output;
    std::optional<Matrix> u;
  };

  Result<std::vector<std::byte>> load(std::size_t tensor) {
    auto bytes = load_(tensor);
    loaded_ = bytes.ok();
    if (bytes.ok()) BBZ_TRY(check_finite(tensors_[tensor], *bytes));
    return bytes;
  }

  Status check_others(const Junction& junction, const std::optional<Matrix>& u) {
    for (const Member& member : std::span(junction.members).subspan(1)) {
      BBZ_ASSIGN(const std::vector<std::byte> bytes, load(member.tensor));
      if (u) BBZ_TRY(check_rotation(tensors_[member.tensor], member.role, bytes, *u));
    }
    return {};
  }

  Status turn(std::size_t tensor, Role role, Rounding& rounding) {
    Output out{tensor, Form::kDense, {}, {}, {}};
    BBZ_ASSIGN(out.decoded, load(tensor));
    if (u_) {
      BBZ_ASSIGN(out.decoded,
                 rotate_member(tensors_[tensor], role, out.decoded, *u_, options_.floor, rounding));
    }
    return emit_(std::move(out));
  }

  Result<Choice> choose_for(const TensorInfo& info, const Matrix& s, std::optional<Bytes> bytes,
                            bool polar, JunctionReport& report) {
    Result<Choice> choice = choose(s, bytes, info.dtype, polar);
    if (!choice.ok()) {
      return make_error(choice.code(), "{}: {}", quoted(info.name), choice.error().message);
    }
    report.gauge = choice->gauge;
    report.note = choice->note;
    report.shortcut = choice->deviation;
    return choice;
  }

  Result<Entered> enter_by_shortcut(std::size_t tensor, JunctionReport& report) {
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
    const auto as_stored = turned ? std::nullopt : std::optional<Bytes>(bytes);
    BBZ_ASSIGN(Choice choice, choose_for(info, s, as_stored, options_.polar, report));
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
    return Entered{std::move(out), std::move(choice.u)};
  }

  Result<Entered> enter_by_embedding(std::size_t tensor, JunctionReport& report) {
    const TensorInfo& info = tensors_[tensor];
    Output out{tensor, Form::kLower, {}, {}, {}};
    BBZ_ASSIGN(out.decoded, load(tensor));
    const std::uint64_t rows = std::min(info.shape[0], info.shape[1]);
    const Bytes top = Bytes(out.decoded).first(out.decoded.size() / info.shape[0] * rows);
    const Matrix s = linalg::load_matrix(top, info.dtype, static_cast<Index>(rows),
                                         static_cast<Index>(info.shape[1]));
    BBZ_ASSIGN(Choice choice, choose_for(info, s, top, false, report));
    if (choice.u) {
      std::vector<std::byte> turned(out.decoded.size());
      BBZ_TRY(
          rotate_rows(info, out.decoded, rows, *choice.u, options_.floor, turned, report.members));
      std::ranges::copy(choice.stored, turned.begin());
      out.decoded = std::move(turned);
    }
    BBZ_TRY(pack(info, out, report));
    return Entered{std::move(out), std::move(choice.u)};
  }

  static Status pack(const TensorInfo& info, Output& out, JunctionReport& report) {
    const std::uint64_t rows = info.shape[0], cols = info.shape[1];
    const std::uint64_t kept = lower_count(rows, cols);
    report.entries_saved = rows * cols - kept;
    out.packed.resize(out.decoded.size() / (rows * cols) * kept);
    return pack_lower(out.decoded, info.dtype, rows, cols, out.packed);
  }

  std::span<const TensorInfo> tensors_;
  const RotateOptions& options_;
  const LoadTensor& load_;
  const Emit& emit_;
  bool loaded_ = true;                  // whether the last load succeeded
  std::optional<std::size_t> leaving_;  // the shortcut that leaves the last junction
  std::optional<Matrix> u_;             // rotation of the last junction; nothing for the identity
};

// Returns why a junction might not be rotated, or an empty string if it certainly is.
Result<std::string> why_not(std::span<const TensorInfo> tensors, const Junction& junction,
                            const LoadTensor& load) {
  for (const Member& member : junction.members) {
    const TensorInfo& info = tensors[member.tensor];
    BBZ_ASSIGN(const std::vector<std::byte> bytes, load(member.tensor));
    const Status finite = check_finite(info, bytes);
    if (finite.code() == Code::kUnsupported) return finite.error().message;
    BBZ_TRY(finite);
    // Treats a shortcut, which is rotated from both sides, as one column: its length bounds every
    // entry.
    TensorInfo whole = info;
    const bool shortcut = member.role == Role::kShortcutIn || member.role == Role::kShortcutOut;
    if (shortcut) whole.shape = {info.shape[0] * info.shape[1], 1};
    if (!fits_when_rotated(whole, shortcut ? Role::kShortcutOut : member.role, bytes)) {
      return fmt::format("{}: its entries are near the largest value of {}", quoted(info.name),
                         dtype_info(info.dtype).name);
    }
  }
  return std::string();
}

}  // namespace

Result<std::string> why_none_fits(std::span<const TensorInfo> tensors,
                                  const junction::Detection& detection, const LoadTensor& load) {
  std::string first;
  for (const Junction& junction : detection.junctions) {
    if (!junction.proven()) continue;
    BBZ_ASSIGN(const std::string reason, why_not(tensors, junction, load));
    if (reason.empty()) return reason;
    if (first.empty()) first = fmt::format("{}: {}", junction.name, reason);
  }
  return first;
}

Result<std::vector<JunctionReport>> rotate(std::span<const TensorInfo> tensors,
                                           const junction::Detection& detection,
                                           const RotateOptions& options, const LoadTensor& load,
                                           const Emit& emit) {
  std::vector<JunctionReport> reports;
  Walk walk(tensors, options, load, emit);
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
