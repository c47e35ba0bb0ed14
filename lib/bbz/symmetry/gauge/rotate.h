// Brings a model into the triangular or polar gauge, junction by junction in residual order.
#pragma once

#include <functional>

#include "bbz/format/catalog/form.h"
#include "bbz/symmetry/gauge/choose.h"
#include "bbz/symmetry/gauge/members.h"
#include "bbz/symmetry/junction/detect.h"

namespace bbz::gauge {

// A tensor of the rotated model. If its junction is not rotated, it is the original tensor.
struct Output {
  std::size_t tensor = 0;  // index into the list given to detect()
  catalog::Form form{};    // in which it is stored: kDense, kLower (lower.h) or kPolar (polar.h)
  std::vector<std::byte> decoded;  // all its entries, as unpacking restores them
  std::vector<std::byte> packed;   // kLower: the entries that are stored instead
  std::optional<PolarForm> polar;  // kPolar: the form that is stored instead
};

// The result for one junction.
struct JunctionReport {
  std::size_t junction = 0;         // index into Detection::junctions
  Gauge gauge{};                    // of the shortcut (or embedding) that enters it
  bool rotated = false;             // false if the model was in this gauge before: U = I
  bool refused = false;             // whether its members were left alone; the note says why
  std::uint64_t rank = 0;           // columns of F
  std::uint64_t entries_saved = 0;  // number of entries that are not stored
  Rounding members;                 // of all tensors that are rotated and rounded
  Deviation shortcut;               // of the tensor that fixes the gauge; from S U
  std::string note;                 // why polar was asked for but is not possible
};

// Says what rotate() does if a junction cannot be rotated, because a member has an infinity or a NaN
// or an entry overflows its type: fail, or leave the junction's members alone.
enum class OnRefusal { kFail, kLeaveAlone };

// Options of rotate().
struct RotateOptions {
  bool polar = true;           // polar where it is possible; else triangular
  Floor floor = Floor::kNone;  // of members that are rounded again and stored whole
  OnRefusal on_refusal = OnRefusal::kFail;
};

// Receives a tensor of the rotated model. Called on the thread that called rotate().
using Emit = std::function<Status(Output&&)>;

// Rotates every proven junction of the model and emits each of its members once: first the shortcut
// (or embeddings) that enters, then the projections that write, then those that read. A shortcut
// that leaves is emitted by the next junction. Tensors that touch no proven junction are neither
// loaded nor emitted. With options.polar, a junction is polar if possible, else triangular; the first
// junction, which only embeddings enter, is always triangular.
//
// Rotating a model that was decoded from the output gives the same output again, bit for bit.
//
// With kLeaveAlone, tensors are loaded more than once, and no member of a junction is emitted
// before all of them are known to allow the rotation. Members of a junction that is left alone are
// not emitted, except a shortcut that also belongs to a neighbouring junction which is rotated.
//
// Holds the rotations of two neighbouring junctions and two tensors with their results, beside
// blocks of some tens of megabytes. Errors: those of `load` and `emit`; with kFail, kUnsupported if
// a member has an infinity or a NaN or a rotated entry overflows its type, naming the tensor.
Result<std::vector<JunctionReport>> rotate(std::span<const TensorInfo> tensors,
                                           const junction::Detection& detection,
                                           const RotateOptions& options, const LoadTensor& load,
                                           const Emit& emit);

// Returns why rotate() might rotate none of the proven junctions, or an empty string if it
// certainly rotates one. Loads members until such a junction is found. Errors: those of `load`.
Result<std::string> why_none_fits(std::span<const TensorInfo> tensors,
                                  const junction::Detection& detection, const LoadTensor& load);

}  // namespace bbz::gauge
