// Packing up to symmetry: a folder or file whose model is written by the symmetry coder, the rest
// exactly.
#pragma once

#include "bbz/ops/pack.h"
#include "bbz/ops/rotation/pack.h"

namespace bbz::ops {

struct SymmetrySummary {
  PackSummary packed;
  std::optional<rotation::Record> record;  // of the model; nothing where it was packed exactly
  std::string reason;                      // why it was packed exactly
};

// Packs what files::open has opened. The one file of it that holds a model, of safetensors
// or torch.save, becomes a rotated safetensors file if junctions are found in it; everything else,
// and a model without junctions or spread over several files, is packed as pack() does; so is, with
// kAuto, a model that does not allow a rotation (rotation::check_work, why_none_fits). Errors:
// those of pack() and rotation::pack(); kInvalidArgument for a stream, and for an index at the
// front.
Result<SymmetrySummary> pack_symmetric(files::FileSequence& files, io::Sink& sink,
                                       const PackOptions& options, rotation::Method method);

}  // namespace bbz::ops
