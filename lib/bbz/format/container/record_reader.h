// RecordReader: reads the records of an archive front to back, from a pipe or a file.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "bbz/format/container/header.h"
#include "bbz/format/container/index.h"
#include "bbz/format/container/record.h"
#include "bbz/io/source.h"

namespace bbz::container {

// Delivers every record between the file header and the index at the end, and checks that the
// indexes and the trailer agree with what was delivered. RecordWriter is its mirror image.
//
// Memory: the entries of the records so far, to compare with the index, and the front index; at the
// end also the index that is read there. Not thread-safe.
class RecordReader {
 public:
  // Reads the file header, and the front index if there is one. `source` must outlive the reader.
  // Errors: those of the source and of decoding.
  static Result<RecordReader> open(io::Source& source, const Limits& limits);

  // Returns the file header.
  const FileHeader& header() const { return header_; }
  // Returns the front index, if any. A streaming reader can use it as a table of contents.
  const std::optional<Index>& front_index() const { return front_; }

  // Returns the next record, whose meta is valid until the next call, or nothing at a clean end:
  // the index and the trailer were read and agree, and no byte follows. If the payload of the
  // previous record was not read, it is skipped, and so is its pad. Errors: those of the source and
  // of decode_head; kTruncated; kLimit if the entries so far exceed the limit on the index; kMalformed if index or
  // trailer do not agree with the records.
  Result<std::optional<RecordView>> next();

  // Reads the pad of the record that next() returned last, if it has one, and checks that it is
  // zero. Call it once for each record, after the record is in the catalog and before its payload is
  // read. Errors: those of the source, kMalformed.
  Status read_pad();

  // Reads and checks the payload of the record that next() returned last (overwrites `payload`).
  // Call at most one of the functions that read a payload, once, for each record. Errors: those of
  // the source, kChecksum.
  Status read_payload(std::vector<std::byte>& payload);

  // Reads the payload as read_payload() does, but leaves the check to the caller.
  Status fetch_payload(std::vector<std::byte>& payload);

  // Returns whether the caller may read the payload from the source itself instead, also on another
  // thread: the source can seek and holds the whole payload.
  bool can_leave_payload() const;

  // Checks the payload without keeping it, in bounded memory: against its payload check and, if the
  // type of the record is unknown, against the check that its meta begins with. Errors: as
  // read_payload().
  Status verify_payload();

  // Returns the trailer. Precondition: next() has returned nothing.
  const Trailer& trailer() const { return trailer_; }

 private:
  RecordReader(io::Source& source, const Limits& limits) : source_(&source), limits_(limits) {}

  Status read(MutableBytes out);
  Status skip(std::uint64_t count);
  Result<RecordView> read_head();
  Status read_end(const RecordView& index_record);
  Status check_no_more_bytes();

  io::Source* source_;
  Limits limits_;
  FileHeader header_;
  std::optional<Index> front_;
  Trailer trailer_;
  std::uint64_t offset_ = 0;   // of the next byte to read
  std::uint64_t pad_ = 0;      // bytes of the pad of the last record, not yet read
  std::uint64_t pending_ = 0;  // payload bytes of the last record, not yet read
  RecordHead last_;
  std::vector<std::byte> buffer_;  // head and meta of the last record
  std::vector<std::byte> seen_;    // entries of the records delivered so far
  std::uint64_t count_ = 0;
};

}  // namespace bbz::container
