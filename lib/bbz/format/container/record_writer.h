// RecordWriter: writes records to a sink, and keeps their entries for the index.
#pragma once

#include <optional>
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
  // Writes to `sink`, which must outlive the writer. Without `id`, the archive's id is derived from
  // its first records: header and records are then held back until it is known, some 64 KiB and one
  // payload at most. The id in `header` is not used. If `header` has kFeatureIndexFirst, space for
  // an index at the front is reserved, which finish() fills in; `front_index_bytes` is the most that
  // its list can take, and the sink must be able to patch.
  RecordWriter(io::Sink& sink, const FileHeader& header,
               std::optional<std::uint64_t> id = std::nullopt, std::uint64_t front_index_bytes = 0);

  // Writes the file header, if the id is given, and reserves the space of the front index. Call it
  // first. Errors: those of the sink; kInvalidArgument if a front index is asked of a sink that
  // cannot patch.
  Status begin();

  // Appends one record with the flags that its type demands and those of `more`, as make_head()
  // does, and returns its head as written. Errors: those of the sink; kLimit if `meta`
  // has more than kMostMeta bytes, or if the index would exceed the default limit of readers.
  Result<RecordHead> append(RecordType type, Bytes meta, Bytes payload, std::uint8_t more = 0);
  // Counts the entry of a record in most_index_bytes() whose payload is not known, but has at most so
  // many bytes. Nothing is written. Returns a head with an empty payload. Errors: those of append().
  Result<RecordHead> measure(RecordType type, Bytes meta, std::uint64_t most_payload,
                             std::uint8_t more = 0);

  // Writes the index, the trailer, and the front index into its reserved space. Does not finish the
  // sink. Errors: those of the sink; kInternal if the front index is longer than promised.
  Status finish(const Digest& root);

  // Returns whether read() works: the sink can be read, and the archive begins with its first byte.
  bool can_read() const { return sink_.can_read() && at_front_; }
  // Reads bytes of the archive again that were written. Errors: those of the sink; kInvalidArgument
  // if not all of them were written, or if some are held back.
  Status read(std::uint64_t offset, MutableBytes out) const { return sink_.read(offset, out); }

  // Returns the offset of the next record, which is the number of bytes written so far, or held
  // back.
  std::uint64_t offset() const { return offset_; }
  // Returns the most bytes that the list of the index can have, for the records so far.
  std::uint64_t most_index_bytes() const { return measured_ + list_.size(); }

 private:
  // A record that is held back.
  struct Held {
    RecordHead head;
    std::vector<std::byte> meta;
    std::vector<std::byte> payload;
  };

  Status write(Bytes bytes);
  // Writes the header and the records that were held back.
  Status release();
  Status check_meta(RecordType type, Bytes meta) const;
  // Makes a record's head, and writes it or holds it back.
  Result<RecordHead> write_record(RecordType type, Bytes meta, Bytes payload, std::uint8_t more);
  Status write_record(const RecordHead& head, Bytes meta, Bytes payload);
  // Writes the front index into its reserved space. `index` is the meta of the index at the end.
  Status write_front(IndexMeta index);

  io::Sink& sink_;
  FileHeader header_;
  std::uint64_t front_index_bytes_;
  bool id_known_;
  bool at_front_;  // nothing was written to the sink before
  std::uint64_t offset_ = 0;
  std::uint64_t count_ = 0;
  std::uint64_t measured_ = 0;      // bytes of entries that measure() counted
  std::vector<std::byte> list_;     // entries of the records so far
  std::vector<std::byte> scratch_;  // one head
  std::vector<Held> held_;          // the records before the id is known
  std::uint64_t held_bytes_ = 0;    // of their entries and payloads
};

}  // namespace bbz::container
