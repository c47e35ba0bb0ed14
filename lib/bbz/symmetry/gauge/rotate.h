// A model put into the triangular or polar gauge, junction by junction in residual order.
#pragma once

#include <functional>

#include "bbz/symmetry/gauge/choose.h"
#include "bbz/symmetry/gauge/members.h"
#include "bbz/symmetry/junction/detect.h"

namespace bbz::gauge {

// How a tensor that touches a junction is stored.
enum class Form : std::uint8_t {
  kFull,   // all its entries
  kLower,  // the entries on and left of the diagonal: lower.h
  kPolar,  // derived from a factor: polar.h
};

// A tensor of the rotated model, final. Where nothing is to be rotated, that is the tensor itself.
struct Output {
  std::size_t tensor = 0;  // index into the list given to detect()
  Form form = Form::kFull;
  std::vector<std::byte> decoded;  // all its entries, as unpacking gives them
  std::vector<std::byte> packed;   // kLower: what is stored instead
  std::optional<PolarForm> polar;  // kPolar: what is stored instead
};

// What was done at one junction, and measured.
struct JunctionReport {
  std::size_t junction = 0;         // index into Detection::junctions
  Method method{};                  // of the shortcut (or embedding) that enters it
  bool rotated = false;             // false where the model was in this gauge before: U = I
  bool refused = false;             // its members were left alone; the note says why
  std::uint64_t rank = 0;           // columns of F
  std::uint64_t entries_saved = 0;  // entries of the model less entries stored
  Deviation members;                // of all tensors that are rotated and rounded
  Deviation shortcut;               // of the tensor that fixes the gauge; from S U
  std::string note;                 // where polar was wanted and is not had: why
};

// What to do about a junction whose numbers do not allow to rotate it: a member has an infinity or
// NaN, or an entry overflows its type.
enum class OnRefusal { kFail, kLeaveAlone };

using junction::Load;
using Emit = std::function<Status(Output&&)>;

// Rotates every proven junction of the model and emits each of its members once: first the
// shortcut (or embeddings) that enters, then the projections that write, then those that read; a
// shortcut that leaves is emitted by the next junction. Tensors that touch no proven junction are
// neither loaded nor emitted. `polar`: polar where possible, else triangular; the first junction,
// which only embeddings enter, is always triangular.
//
// Rotating what was decoded from this function's output gives the same output again, bit for bit.
//
// With kLeaveAlone, each tensor is loaded twice, and no member of a junction is emitted before all
// of them are known to allow the rotation. Members of a junction that is left alone are not
// emitted; a shortcut that leaves it into another junction is that one's.
//
// Holds at any time: the rotations of two neighbouring junctions and two tensors with their
// results, beside blocks of some tens of megabytes. Errors: with kFail, kUnsupported for an
// infinity or NaN in a member and for a rotated entry that overflows its type, naming the tensor;
// whatever load and emit return.
Result<std::vector<JunctionReport>> rotate(std::span<const TensorInfo> tensors,
                                           const junction::Detection& detection, bool polar,
                                           const Load& load, const Emit& emit,
                                           OnRefusal on_refusal = OnRefusal::kFail);

// Returns why none of the proven junctions is certain to be rotated by rotate(), or nothing if one
// is. Reads members only until one is found. Errors: whatever load returns.
Result<std::string> why_none_fits(std::span<const TensorInfo> tensors,
                                  const junction::Detection& detection, const Load& load);

}  // namespace bbz::gauge
