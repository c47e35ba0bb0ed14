// Packs a model up to symmetry: the symmetry coder writes the model, and everything else is packed
// exactly.
#pragma once

#include "bbz/ops/pack.h"
#include "bbz/ops/rotation/pack.h"

namespace bbz::ops {

// The outcome of pack_symmetric().
struct SymmetrySummary {
  PackSummary packed;
  std::optional<rotation::Record> record;  // of the model; nullopt if it was packed exactly
  std::string reason;                      // why it was packed exactly
};

// Packs what files::open() has opened, and reads each file once. If exactly one file holds a model, of safetensors or
// torch.save, and junctions are found in it, it becomes a rotated safetensors file. Everything else
// is packed as by pack(), including a model without junctions or in several files. With kAuto, so
// is a model that does not allow a rotation (rotation::check_work(), rotation::why_none_fits()).
// Errors: those of pack(), model::open() and rotation::pack(); kInvalidArgument for a stream, and
// for an index at the front.
Result<SymmetrySummary> pack_symmetric(files::FileSequence& files, io::Sink& sink,
                                       const PackOptions& options,
                                       rotation::RequestedMethod method);

}  // namespace bbz::ops
