// read_stream: reads an archive front to back, from a pipe or a file.
#pragma once

#include <functional>

#include "bbz/archive/base.h"
#include "bbz/archive/visitor.h"
#include "bbz/base/threads.h"
#include "bbz/io/source.h"

namespace bbz {

// Options of read_stream().
struct StreamOptions {
  unsigned threads = kAllCores;  // the number of threads that decode
  bool decode = true;  // otherwise only check payload checksums, and never call Visitor::data()
  // Selects the tensors to decode, if it is set. Visitor::data() is not called for other tensors,
  // and their decoded checksums are not checked. Does not apply to operands. A view is gathered,
  // by Visitor::recall() of its base, only if this is set and selects it. If this is not set, only
  // the form of a view is checked; if it does not select a view, that is not checked either.
  std::function<bool(const catalog::File&, const catalog::Tensor&)> wants;
  Limits limits;  // an archive beyond them is refused with kLimit
  // Where the tensors are on which those of the archive lean. Without it, a chunk that leans is
  // passed to Visitor::damaged() with kUnsupported, and its payload is checked.
  std::shared_ptr<Base> base{};
  // Called at each record with the number of bytes before it, and at the end with the length of the
  // archive, if it is set.
  std::function<void(std::uint64_t)> progress;
};

// The result of reading an archive to its end.
struct StreamSummary {
  catalog::Catalog catalog;         // complete
  Digest root;                      // equal to that in the trailer
  std::uint64_t archive_bytes = 0;  // length of the archive
};

// Reads every byte of an archive once and calls the visitor for every file and tensor, in archive
// order. Checks every checksum and every rule, that the index and the trailer agree with the
// records, and that no bytes follow. Decoded checksums are checked only for decoded tensors.
// `source` may be a pipe.
//
// Memory holds a few chunks for each thread, and the catalog. For an archive with symmetry groups,
// it also holds the newest group of each method with its tensors, and one derived tensor.
//
// Errors: those of the visitor; those of Reader::open() and of its methods that read; kTruncated if
// the archive ends early.
Result<StreamSummary> read_stream(io::Source& source, const StreamOptions& options,
                                  Visitor& visitor);

}  // namespace bbz
