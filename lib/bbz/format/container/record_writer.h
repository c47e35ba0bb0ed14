// RecordWriter: writes records to a sink, and keeps their entries for the index.
#pragma once

#include <vector>

#include "bbz/format/container/header.h"
#include "bbz/format/container/index.h"
#include "bbz/format/container/record.h"
#include "bbz/io/sink.h"

namespace bbz::container {

// Writes one archive: the header, then records in order, then index and trailer. RecordReader is
// its mirror image. Not thread-safe.
class RecordWriter {
 public:
  // Writes to `sink`, which must outlive the writer. If `header` has kFeatureIndexFirst, space for
  // an index at the front is reserved, which finish() fills in; `front_index_bytes` is the exact
  // length of its payload, and the sink must be able to patch.
  RecordWriter(io::Sink& sink, const FileHeader& header, std::uint64_t front_index_bytes = 0);

  // Writes the file header and reserves the space of the front index. Call it first.
  // Errors: those of the sink; kInvalidArgument if a front index is asked of a sink that cannot
  // patch.
  Status begin();

  // Appends one record with the flags that its type demands, and returns its head as written.
  // Errors: those of the sink; kLimit if `meta` has more than 65,535 bytes, or if the index would
  // exceed the default limit of readers.
  Result<RecordHead> append(RecordType type, Bytes meta, Bytes payload);

  // Writes the index, the trailer, and the front index into its reserved space. Does not finish the
  // sink. Errors: those of the sink; kInternal if the front index does not have the promised size.
  Status finish(const Digest& root);

  // Returns the offset of the next record, which is the number of bytes written so far.
  std::uint64_t offset() const { return offset_; }
  // Returns the size of the index's payload, before compression, for the records so far.
  std::uint64_t index_bytes() const { return list_.size(); }

 private:
  Status write(Bytes bytes);
  // Writes a record and leaves its head and meta in scratch_.
  Result<RecordHead> write_record(RecordType type, Bytes meta, Bytes payload);
  // Writes the front index into its reserved space. `index` is the meta of the index at the end.
  Status write_front(IndexMeta index);

  io::Sink& sink_;
  FileHeader header_;
  std::uint64_t front_index_bytes_;
  std::uint64_t offset_ = 0;
  std::uint64_t count_ = 0;
  std::vector<std::byte> list_;     // entries of the records so far
  std::vector<std::byte> scratch_;  // one head and meta
};

}  // namespace bbz::container
