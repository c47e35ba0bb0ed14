// Writes the values of a pickle again, without its tensors.
#pragma once

#include "bbz/files/torch/frame.h"
#include "bbz/files/torch/internal/unpickler.h"

namespace bbz::torch {

// Returns the frame of a value of `pickle`, without a note. `tensors` are those below it, as Naming names
// them, in its order. Errors: kUnsupported and kLimit as read_frame() says, without the file's name.
Result<Frame> frame_of(const Unpickler& pickle, ValueId root, std::span<const Tensor> tensors,
                       const Limits& limits);

// Reads the frame of a zip archive. Errors: those of read_frame, whose messages do not name the file.
Result<Frame> read_zip_frame(io::Source& file, const StateDict& state, const Limits& limits);

}  // namespace bbz::torch
