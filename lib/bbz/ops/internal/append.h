// Appends whole tensors to an output.
#pragma once

#include <span>

#include "bbz/archive/reader.h"
#include "bbz/ops/pack.h"

namespace bbz::ops {

// Appends tensors one after the other, with all of the reader's threads. If the sink can place,
// each thread writes what it has decoded; else the calling thread writes in order. `written` is
// called with the number of bytes of the tensors that are there. Errors: those of reading and of
// the sink.
Status append_tensors(const Reader& reader, std::span<const std::uint32_t> tensors, io::Sink& sink,
                      const Progress& written = {});

}  // namespace bbz::ops
