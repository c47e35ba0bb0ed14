#include "bbz/format/container/record_writer.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/hash.h"
#include "bbz/base/wire.h"

namespace bbz::container {
namespace {

// The id is derived from records with at least so many bytes of entries and payloads, unless a chunk
// is among them.
constexpr std::uint64_t kMostHeld = 64 * 1024;

}  // namespace

RecordWriter::RecordWriter(io::Sink& sink, const FileHeader& header,
                           std::optional<std::uint64_t> id, std::uint64_t front_index_bytes)
    : sink_(sink),
      header_(header),
      front_index_bytes_(front_index_bytes),
      id_known_(id.has_value()),
      at_front_(sink.written() == 0) {
  header_.id = id.value_or(0);
}

Status RecordWriter::write(Bytes bytes) {
  return sink_.write(bytes);
}

Status RecordWriter::begin() {
  if (header_.index_first() && !sink_.can_patch()) {
    return make_error(Code::kInvalidArgument,
                      "{}: an index at the front needs an output that can seek", sink_.name());
  }
  offset_ = kFileHeaderSize;
  if (header_.index_first()) offset_ += index_head_size(front_index_bytes_) + front_index_bytes_;
  return id_known_ ? release() : Status();
}

// Derives the id, if it is not given, from bytes 8 to 15 of the header and the first entries.
Status RecordWriter::release() {
  if (!id_known_) {
    const auto start = encode_file_header(header_);
    constexpr std::size_t kMagicSize = kMagic.size();
    Xxh3Stream hash;
    hash.update(Bytes(start).subspan(kMagicSize, 8));
    hash.update(list_);
    header_.id = hash.digest64();
    id_known_ = true;
  }
  BBZ_TRY(write(encode_file_header(header_)));
  if (header_.index_first()) {
    // Writes zeros until finish(), so that an unfinished archive has no sync bytes here.
    const std::vector<std::byte> zeros(64 * 1024);
    std::uint64_t room = index_head_size(front_index_bytes_) + front_index_bytes_;
    while (room > 0) {
      const std::uint64_t part = std::min<std::uint64_t>(room, zeros.size());
      BBZ_TRY(write(Bytes(zeros).first(part)));
      room -= part;
    }
  }
  for (const Held& held : held_) BBZ_TRY(write_record(held.head, held.meta, held.payload));
  std::vector<Held>().swap(held_);
  return {};
}

Status RecordWriter::check_meta(RecordType type, Bytes meta) const {
  if (meta.size() > kMostMeta) {
    return make_error(Code::kLimit, "{} record: meta of {} bytes, the limit is {}", type_name(type),
                      meta.size(), kMostMeta);
  }
  const std::uint64_t limit = Limits().index_bytes;
  if (most_index_bytes() + kLongestHead - kMostMeta + meta.size() > limit) {
    return make_error(Code::kLimit, "{} record: the index would exceed the limit of {} bytes",
                      type_name(type), limit);
  }
  return {};
}

Status RecordWriter::write_record(const RecordHead& head, Bytes meta, Bytes payload) {
  scratch_.clear();
  encode_head(head, meta, header_.id, scratch_);
  scratch_.resize(scratch_.size() + head.pad_length);
  BBZ_TRY(write(scratch_));
  return write(payload);
}

Result<RecordHead> RecordWriter::write_record(RecordType type, Bytes meta, Bytes payload,
                                              std::uint8_t more) {
  const RecordHead head = make_head(type, meta, payload, offset_, header_.alignment, more);
  offset_ = head.end();
  if (id_known_) {
    BBZ_TRY(write_record(head, meta, payload));
  } else {
    held_.push_back({head, {meta.begin(), meta.end()}, {payload.begin(), payload.end()}});
    held_bytes_ += head.entry_size() + payload.size();
  }
  return head;
}

Result<RecordHead> RecordWriter::append(RecordType type, Bytes meta, Bytes payload,
                                        std::uint8_t more) {
  BBZ_TRY(check_meta(type, meta));
  BBZ_ASSIGN(const RecordHead head, write_record(type, meta, payload, more));
  encode_entry(head, meta, list_);
  ++count_;
  const bool enough = head.has_chunk() || held_bytes_ >= kMostHeld;
  if (!id_known_ && enough) BBZ_TRY(release());
  return head;
}

Result<RecordHead> RecordWriter::measure(RecordType type, Bytes meta, std::uint64_t most_payload,
                                         std::uint8_t more) {
  BBZ_TRY(check_meta(type, meta));
  RecordHead head = make_head(type, meta, {}, offset_, 0, more);
  RecordHead longest = head;
  longest.payload_length = most_payload;
  measured_ += longest.entry_size();
  if (header_.alignment != 0 && head.has_payload()) measured_ += varint_size(kMostPad);
  return head;
}

Status RecordWriter::finish(const Digest& root) {
  if (!id_known_) BBZ_TRY(release());
  std::vector<std::byte> payload;
  IndexMeta index;
  index.record_count = count_;
  index.list_length = list_.size();
  index.list_checksum = xxh3_64(list_);
  index.coding = encode_list(list_, payload);
  index.tail_length = index_head_size(payload.size()) + payload.size() + kTrailerSize;
  index.id = header_.id;
  Trailer trailer;
  trailer.record_count = count_;
  trailer.root = root;
  trailer.id = header_.id;
  std::vector<std::byte> meta;
  encode_index_meta(index, meta);
  BBZ_ASSIGN(const RecordHead head, write_record(RecordType::kIndex, meta, payload, 0));
  trailer.index_length = head.end() - head.offset;
  trailer.archive_length = offset_ + kTrailerSize;
  meta.clear();
  encode_trailer(trailer, meta);
  BBZ_TRY(write_record(RecordType::kTrailer, meta, {}, 0));
  return header_.index_first() ? write_front(index) : Status();
}

Status RecordWriter::write_front(IndexMeta index) {
  if (list_.size() > front_index_bytes_) {
    return make_error(Code::kInternal, "front index: {} bytes, {} were reserved", list_.size(),
                      front_index_bytes_);
  }
  index.at_front = true;
  index.coding = IndexCoding::kStored;
  std::vector<std::byte> meta;
  encode_index_meta(index, meta);
  list_.resize(front_index_bytes_);  // the rest of the room is zero
  std::vector<std::byte> head;
  encode_head(make_head(RecordType::kIndex, meta, list_, kFileHeaderSize), meta, header_.id, head);
  BBZ_TRY(sink_.patch(kFileHeaderSize, head));
  return sink_.patch(kFileHeaderSize + head.size(), list_);
}

}  // namespace bbz::container
