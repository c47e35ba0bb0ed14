// Reads an archive's records front to back, from a pipe as well as from a file.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "bbz/format/container/header.h"
#include "bbz/format/container/index.h"
#include "bbz/format/container/record.h"
#include "bbz/io/source.h"

namespace bbz::container {

// Delivers every record between the file header and the index at the end, and checks on the way
// that the indexes and the trailer say the same as what was delivered. Writing is RecordWriter's,
// its mirror image.
//
// Memory: the entries of the records so far, to compare with the index; one payload at most.
class RecordReader {
 public:
  // Reads the file header, and the front index where there is one. `source` must outlive the
  // reader.
  static Result<RecordReader> open(io::Source& source, const Limits& limits);

  const FileHeader& header() const { return header_; }
  // The front index, which a streaming reader can use as a table of contents.
  const std::optional<Index>& front_index() const { return front_; }

  // The next record; its meta is valid until the following call. Nothing at a clean end: the index
  // and the trailer were read and agree, and no byte follows. A payload that was not read is
  // skipped.
  Result<std::optional<RecordView>> next();

  // Reads and checks the payload of the record that next() returned last. To be called at most once
  // for it.
  Status read_payload(std::vector<std::byte>& payload);

  // Instead of read_payload: does not check the payload, which is the caller's to do.
  Status fetch_payload(std::vector<std::byte>& payload);

  // Instead of read_payload, for a caller that reads the payload from the source itself, on another
  // thread too: whether it can, for the source can seek and has all of it.
  bool can_leave_payload() const;

  // Instead of read_payload: checks the payload in passing, in bounded memory whatever its length.
  Status verify_payload();

  // The trailer, after next() has returned nothing.
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
  std::uint64_t pending_ = 0;  // payload bytes of the last record, not yet read
  RecordHead last_;
  std::vector<std::byte> buffer_;  // head and meta of the last record
  std::vector<std::byte> seen_;    // entries of the records delivered so far
  std::uint64_t count_ = 0;
};

}  // namespace bbz::container
