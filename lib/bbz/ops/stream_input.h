// StreamInput: an archive that is read front to back, as from a pipe.
#pragma once

#include "bbz/archive/stream.h"

namespace bbz::ops {

// An archive that is read front to back, and how to read it. The functions for streams take one in
// place of a Reader.
struct StreamInput {
  io::Source& source;            // not owned; may be a pipe
  unsigned threads = kAllCores;  // the number of threads that decode
  Limits limits{};               // an archive beyond them is refused with kLimit
  // Where the tensors are on which those of the archive lean, if known.
  std::shared_ptr<Base> base{};

  // Returns the options of reading it, of all content.
  StreamOptions options() const {
    StreamOptions stream;
    stream.threads = threads;
    stream.limits = limits;
    stream.base = base;
    return stream;
  }
  // Adds the files of the base as inputs of a sink, as Base::add_inputs() does.
  Status add_base_inputs(io::Sink& sink) const {
    return base == nullptr ? Status() : base->add_inputs(sink);
  }
};

}  // namespace bbz::ops
