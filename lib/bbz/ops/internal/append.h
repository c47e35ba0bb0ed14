// Appending: whole tensors at the end of an output. Internal to the room.
#pragma once

#include <span>

#include "bbz/archive/reader.h"
#include "bbz/ops/pack.h"

namespace bbz::ops {

// Appends tensors one after the other, with all of the reader's threads: where the sink can place,
// each writes what it has decoded; elsewhere the calling thread writes in order. `written` is told
// how many bytes of the tensors are there. Errors: those of reading and of the sink.
Status append_tensors(const Reader& reader, std::span<const std::uint32_t> tensors, io::Sink& sink,
                      const Progress& written = {});

}  // namespace bbz::ops
