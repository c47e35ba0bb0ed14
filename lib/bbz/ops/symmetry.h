// Packs a model up to symmetry: the symmetry coder writes the model, and everything else is packed
// exactly.
#pragma once

#include "bbz/ops/pack.h"
#include "bbz/ops/rotation/pack.h"

namespace bbz::ops {

// The format of a rotated model's files.
enum class OutputFormat {
  kSame,         // that of the model's files
  kSafetensors,  // safetensors, for a file of torch.save too
};

// How pack_symmetric() packs a model.
struct SymmetryOptions {
  rotation::RequestedMethod method = rotation::RequestedMethod::kAuto;
  gauge::Floor floor = gauge::Floor::kNone;
  OutputFormat format = OutputFormat::kSame;
  // The directory of a temporary file, for a model in several files.
  std::string spool_folder = "/tmp";
};

// The outcome of pack_symmetric().
struct SymmetrySummary {
  PackSummary packed;
  std::optional<rotation::Record> record;  // of the model; nullopt if it was packed exactly
  std::string reason;                      // why it was packed exactly
};

// Packs what files::open() has opened. If exactly one file holds a model, of safetensors or torch.save, or
// if the files that do are by their names the parts of one ("model-00001-of-00002.safetensors"), and
// junctions or low-rank pairs are found in it, its files become changed ones of the same names, types and
// shapes. Parts come at the place of the first, one after the other. With kSafetensors, a file of torch.save becomes one of
// safetensors, with that suffix,
// and so it is called in the "weight_map" of an index (*.index.json); otherwise its tensors become contiguous, and it must hold nothing that
// torch::read_frame() refuses. Everything else is packed as by pack(), including a model without any,
// and one in several files with bits-back. With kAuto, so is a model that does not allow a rotation
// (rotation::check_work(), rotation::why_none_fits()). Each file is read once, but for the headers of parts.
// Errors: those of pack(), model::open() and rotation::pack(); kInvalidArgument for a stream, and
// for an index at the front.
Result<SymmetrySummary> pack_symmetric(files::FileSequence& files, io::Sink& sink,
                                       const PackOptions& options, const SymmetryOptions& symmetry);

}  // namespace bbz::ops
