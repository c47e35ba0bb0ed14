// Writes records to a sink, and remembers their heads for the index.
#pragma once

#include <vector>

#include "bbz/format/container/header.h"
#include "bbz/format/container/index.h"
#include "bbz/format/container/record.h"
#include "bbz/io/sink.h"

namespace bbz::container {

// Writes one archive: the header, then records in order, then index and trailer.
// Reading back is RecordReader's, its mirror image.
class RecordWriter {
 public:
  // The sink must outlive the writer. With `front_index_bytes` (the payload's size, known
  // beforehand by the caller) room is left for an index at the front, which finish() fills in; the
  // sink must then be able to patch, and the header must have the feature bit.
  RecordWriter(io::Sink& sink, const FileHeader& header, std::uint64_t front_index_bytes = 0);

  // Writes the file header and leaves room for the front index. To be called first.
  // Errors: those of the sink; kInvalidArgument for a front index on a sink that cannot patch.
  Status begin();

  // Appends one record with the flags that its type demands. `meta` has at most 65,535 bytes.
  // The record's head as written is returned, for the root digest. Errors: those of the sink;
  // kLimit for a longer meta, and where the index would exceed the limit that readers apply.
  Result<RecordHead> append(RecordType type, Bytes meta, Bytes payload);

  // Writes index and trailer, and the front index into its room. Does not finish the sink.
  // Errors: kInternal where the front index does not have the promised size.
  Status finish(const Digest& root);

  std::uint64_t offset() const { return offset_; }

 private:
  Status write(Bytes bytes);
  // Writes a record and leaves its head and meta in scratch_.
  Result<RecordHead> write_record(RecordType type, Bytes meta, Bytes payload);
  // Puts the index, with the meta of the one at the end but for place and coding, into its room.
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
