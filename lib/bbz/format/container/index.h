// The index and the trailer: how a reader that can seek learns where the records lie.
#pragma once

#include <functional>
#include <vector>

#include "bbz/base/hash.h"
#include "bbz/format/container/header.h"
#include "bbz/format/container/record.h"
#include "bbz/io/source.h"

namespace bbz::container {

struct IndexMeta {
  std::uint64_t record_count = 0;
  std::uint64_t list_length = 0;    // of the list that the payload decodes to, bytes
  std::uint64_t list_checksum = 0;  // XXH3-64
  std::uint64_t tail_length = 0;    // from the end of the last record to that of the archive
  bool at_front = false;
  IndexCoding coding = IndexCoding::kStored;

  // Two indexes that list the same, wherever they stand and however they are coded.
  bool same_list(const IndexMeta& other) const;
};

void encode_index_meta(const IndexMeta& meta, std::vector<std::byte>& out);
// The list length that it returns is safe to allocate: it is within the limit, in proportion to the
// payload, and no longer than the bytes that stand before the index (at the front: than the payload).
// Errors: kMalformed, kUnsupported, kLimit.
Result<IndexMeta> decode_index_meta(const RecordView& record, const Limits& limits);
// The same of the first record of an archive that has an index at the front.
Result<IndexMeta> decode_front_index_meta(const RecordView& record, const Limits& limits);
// The same of the index that the trailer must follow.
Result<IndexMeta> decode_end_index_meta(const RecordView& record, const Limits& limits);

// The payload of an index at the end, in the coding that makes it shortest.
IndexCoding encode_list(Bytes list, std::vector<std::byte>& payload);
// Takes the payload of an index, of which `meta` was decoded; the payload has the right checksum.
// Errors: kMalformed, kChecksum, with the index's offset.
Result<std::vector<std::byte>> decode_list(const RecordHead& head, const IndexMeta& meta,
                                           std::vector<std::byte> payload);

struct Trailer {
  std::uint64_t index_offset = 0;
  std::uint64_t index_length = 0;  // head, meta and payload
  std::uint64_t record_count = 0;
  std::uint64_t archive_length = 0;
  Digest root;  // its kind is that of the file header
};

void encode_trailer(const Trailer& trailer, std::vector<std::byte>& out);
// `record` is the trailer record. Errors: kMalformed where its numbers do not agree with its place.
Result<Trailer> decode_trailer(const RecordView& record, DigestKind kind);

// An index that was read and whose own checksums hold.
struct Index {
  IndexMeta meta;
  std::vector<std::byte> list;  // the entries of the records, one after the other
  std::uint64_t begin = 0;      // where the first listed record lies
  // Where the last one ends; not known from a front index alone, read from a pipe.
  std::optional<std::uint64_t> end;
};

// Calls `visit` for each record that the index lists, in archive order, after checking the record's
// head. Errors: those of decode_entry and check_fields; kMalformed where the records do not fill
// the archive up to the index, and for a wrong count; kTruncated where a front index lists more
// than the archive holds; and whatever `visit` returns.
Status for_each_record(const Index& index, const Limits& limits,
                       const std::function<Status(const RecordView&)>& visit);

// What opening an archive by seeking yields.
struct Opened {
  FileHeader header;
  Index index;
  Trailer trailer;
};

// Reads header, trailer and index (and the head of the front index, where there is one, to
// compare), or header and front index where the archive has one and `use_front` is set; the trailer
// is then empty. Reads nothing else. Errors: those of the source and of decoding; kInvalidArgument
// for a source that cannot seek or of unknown size; kTruncated where no trailer ends the archive;
// kMalformed where header, index and trailer disagree.
Result<Opened> open_by_index(io::Source& source, const Limits& limits, bool use_front);

}  // namespace bbz::container
