// read_stream: reads an archive front to back, from a pipe as well as from a file.
#pragma once

#include <functional>

#include "bbz/archive/visitor.h"
#include "bbz/io/source.h"

namespace bbz {

struct StreamOptions {
  unsigned threads = 0;  // that decode; 0: all cores
  bool decode = true;    // false: check payload checksums only, and call no Visitor::data
  // Where it is set: the tensors that are decoded. The others are treated as if `decode` was false.
  std::function<bool(const catalog::File&, const catalog::Tensor&)> wants;
  Limits limits;
  // Called now and then with the bytes of the archive that have been read.
  std::function<void(std::uint64_t)> progress;
};

// What reading an archive to its end has shown.
struct StreamSummary {
  catalog::Catalog catalog;
  Digest root;
  std::uint64_t archive_bytes = 0;
};

// Reads every byte of an archive once, checks every checksum and rule, that index and trailer agree
// with the records, and that nothing follows; and calls the visitor for every file and tensor, in
// archive order. Memory: a few chunks a thread, and the record heads. `source` may be a pipe.
// Errors: as Reader::open and its methods, with place; kTruncated where the archive ends early.
Result<StreamSummary> read_stream(io::Source& source, const StreamOptions& options,
                                  Visitor& visitor);

}  // namespace bbz
