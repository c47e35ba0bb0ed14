// The index and the trailer, from which a reader that can seek learns the places of the records.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "bbz/base/hash.h"
#include "bbz/format/container/header.h"
#include "bbz/format/container/record.h"
#include "bbz/io/source.h"

namespace bbz::container {

// The meta of an index record.
struct IndexMeta {
  std::uint64_t record_count = 0;
  std::uint64_t list_length = 0;    // of the list that the payload decodes to, bytes
  std::uint64_t list_checksum = 0;  // XXH3-64
  std::uint64_t tail_length = 0;    // bytes of the index at the end and the trailer
  bool at_front = false;
  IndexCoding coding = IndexCoding::kStored;
  std::uint64_t id = 0;  // of the archive

  // Returns whether both describe the same list. Place and coding may differ.
  bool same_list(const IndexMeta& other) const;
};

// Appends the meta to `out`.
void encode_index_meta(const IndexMeta& meta, std::vector<std::byte>& out);
// Decodes the meta of an index. The returned list length is safe to allocate: it is within the
// limit and in proportion to the payload. At the end of an archive, it does not exceed the number
// of bytes before the index; at the front, it does not exceed the payload length. The id is not
// checked.
// Errors: kMalformed, kUnsupported, kLimit.
Result<IndexMeta> decode_index_meta(const RecordView& record, const Limits& limits);
// Decodes the meta of the first record of an archive with this header, which has an index at the
// front. Errors: those of decode_index_meta; kMalformed if the record is not an index, or not one for
// the front, or has another id.
Result<IndexMeta> decode_front_index_meta(const RecordView& record, const FileHeader& header,
                                          const Limits& limits);
// Decodes the meta of the index at the end. Errors: those of decode_index_meta; kMalformed if the
// index is one for the front, or has another id, or its tail length is not the length of the index
// and the trailer. Precondition: the record is an index.
Result<IndexMeta> decode_end_index_meta(const RecordView& record, const FileHeader& header,
                                        const Limits& limits);

// Returns the bytes of an index without its payload, of so many bytes.
std::size_t index_head_size(std::uint64_t payload_length);

// Writes the payload of an index at the end (overwritten) and returns its coding: zstd, or stored
// if zstd makes it no shorter or shortens it more than readers allow.
IndexCoding encode_list(Bytes list, std::vector<std::byte>& payload);
// Decodes the list from the payload of an index. Precondition: `meta` was decoded from that index,
// and the payload has the check that `head` states. Errors: kMalformed, kChecksum, with the
// offset of the index.
Result<std::vector<std::byte>> decode_list(const RecordHead& head, const IndexMeta& meta,
                                           std::vector<std::byte> payload);

// The meta of the trailer, the last record. Offsets and lengths are in bytes.
struct Trailer {
  std::uint64_t index_length = 0;  // of the whole record, which ends where the trailer begins
  std::uint64_t record_count = 0;
  std::uint64_t archive_length = 0;
  std::uint64_t id = 0;  // of the archive
  Digest root;           // its kind is that of the file header

  // Returns the offset of the index. Precondition: decode_trailer() made it.
  std::uint64_t index_offset() const { return archive_length - kTrailerSize - index_length; }
};

// Appends the meta of the trailer to `out`.
void encode_trailer(const Trailer& trailer, std::vector<std::byte>& out);
// Decodes the meta of a trailer record. Errors: kMalformed if the meta has a wrong length or does
// not agree with the offset of the record or with the header; kUnsupported if bytes after the root
// digest are not 0.
Result<Trailer> decode_trailer(const RecordView& record, const FileHeader& header);
// Returns the id that the meta of a trailer or of an index states, or nothing if it has another
// length or the record another type. Nothing is checked.
std::optional<std::uint64_t> stated_id(RecordType type, Bytes meta);

// An index with its list. Its checksums have been verified.
struct Index {
  IndexMeta meta;
  std::vector<std::byte> list;  // the entries of the records, concatenated
  std::uint64_t begin = 0;      // offset of the first listed record
  // The offset at which the last listed record ends. A front index read from a pipe does not have
  // it.
  std::optional<std::uint64_t> end;
};

// Checks the head of each record that the index lists, and calls `visit` for it, in archive order.
// The view's meta points into `index`. Errors: those of decode_entry, check_fields and `visit`;
// kMalformed if the records do not fill the archive up to the index, if their count is wrong or if
// an index or a trailer is listed; kTruncated if a front index lists more than the archive holds.
Status for_each_record(const Index& index, const Limits& limits,
                       const std::function<Status(const RecordView&)>& visit);

// The result of open_by_index().
struct Opened {
  FileHeader header;
  Index index;
  std::optional<Trailer> trailer;  // if it was read
};

// Reads the header, the trailer and the index at the end. If there is an index at the front, its
// head and meta are read too, for comparison. With `use_front`, an archive that has an index at the
// front is opened by its header and that index alone, and the trailer is not read. Nothing else is
// read. Errors: those of the source and of decoding; kInvalidArgument if
// the source cannot seek or has no known size; kTruncated if the archive does not end in a trailer;
// kMalformed if header, index and trailer disagree.
Result<Opened> open_by_index(io::Source& source, const Limits& limits, bool use_front);

}  // namespace bbz::container
