// Reads what a file of torch.save has around its tensors, so that it can be written anew with others of
// the same names.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bbz/files/torch/state_dict.h"

namespace bbz::torch {

// The pickle of a file without its tensors, in protocol 2, and the note beside it.
struct Frame {
  // What comes before each tensor, in the order of StateDict::tensors; the first begins the pickle.
  std::vector<std::string> before;
  std::string after;                // what follows the last tensor
  std::optional<std::string> note;  // the entry kNoteEntry
};

// The name of an entry of the zip archive that torch ignores, and that StateWriter writes.
inline constexpr std::string_view kNoteEntry = "bbz.symmetry";

// Reads the frame of a file from which `state` was read. All else that the file says is in it: what was
// shared by several places is written at each of them, and tensors lie in the main memory. Errors: those
// of read_state_dict; kUnsupported, with the reason, if that is not possible: because the file is not one
// zip archive of a pickle and storages, or because something in it is neither a plain tensor nor a dict,
// an OrderedDict, a list, a tuple, a text, a number, a bool, None or a dtype; kLimit if the frame has more
// than limits.pickle_bytes bytes.
Result<Frame> read_frame(io::Source& file, const StateDict& state, const Limits& limits = {});

}  // namespace bbz::torch
