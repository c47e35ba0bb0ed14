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
  std::shared_ptr<Base>
      base{};  // where the tensors are on which those of the archive lean, if known
};

}  // namespace bbz::ops
