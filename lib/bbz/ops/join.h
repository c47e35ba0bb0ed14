// Join: makes one archive of several, without coding anything again.
#pragma once

#include <memory>
#include <span>

#include "bbz/base/hash.h"
#include "bbz/format/container/limits.h"
#include "bbz/io/sink.h"
#include "bbz/io/source.h"
#include "bbz/ops/pack.h"

namespace bbz::ops {

// Options of join().
struct JoinOptions {
  // Writes an index at the front as well. The parts are read twice for it, so they must be able to
  // seek, and the sink must be able to patch.
  bool index_first = false;
  // Whether chunks that repeat those of earlier parts become references to them, up to the first group.
  bool dedup = true;
  Limits limits{};      // on each part, and on the whole
  Progress progress{};  // called with the bytes of the parts that were copied, if it is set
};

// The outcome of join().
struct JoinSummary {
  Digest root;                      // root digest of the whole
  std::uint64_t files = 0;          // including empty directories
  std::uint64_t tensors = 0;        // of kind tensor
  std::uint64_t archive_bytes = 0;  // length of the whole
};

// Writes the files of all parts into one archive, in the order of the parts. Payloads are copied as
// they are, but for those that earlier ones repeat, and numbers in metas are counted anew. What packing
// all files at once would write is written byte for byte, if the files come in the same order and no
// index is at the front.
//
// Every part is checked as it is read: its structure, the checks of all payloads, and its root
// digest. Nothing is decoded. Metadata of the archive that several parts have with the same value is
// written once. The alignment is that of the first part. `sink` is not finished, and every part is an
// input of it.
//
// Errors, naming the part: those of the sources, of the sink and of reading an archive;
// kInvalidArgument if there are no parts, if their digest kinds differ, if two of them have a file, a
// directory of one, an operand or metadata of the archive in different ways; kUnsupported if a part
// has what only a later version can count anew: an unknown record or form, a required extension that
// is not known, or a private number with another name than in a part before it.
Result<JoinSummary> join(std::span<const std::shared_ptr<io::Source>> parts, io::Sink& sink,
                         const JoinOptions& options = {});

}  // namespace bbz::ops
