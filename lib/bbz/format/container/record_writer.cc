#include "bbz/format/container/record_writer.h"

#include "bbz/base/format.h"

namespace bbz::container {

RecordWriter::RecordWriter(io::Sink& sink, const FileHeader& header,
                           std::uint64_t front_index_bytes)
    : sink_(sink), header_(header), front_index_bytes_(front_index_bytes) {}

Status RecordWriter::write(Bytes bytes) {
  BBZ_TRY(sink_.write(bytes));
  offset_ += bytes.size();
  return {};
}

Status RecordWriter::begin() {
  if (header_.index_first() && !sink_.can_patch()) {
    return make_error(Code::kInvalidArgument,
                      "{}: an index at the front needs an output that can seek", sink_.name());
  }
  BBZ_TRY(write(encode_file_header(header_)));
  if (!header_.index_first()) return {};
  // Writes zeros until finish(), so that an unfinished archive has no sync bytes here.
  const std::vector<std::byte> zeros(64 * 1024);
  std::uint64_t room = kIndexHeadAndMeta + front_index_bytes_;
  while (room > 0) {
    const std::uint64_t part = std::min<std::uint64_t>(room, zeros.size());
    BBZ_TRY(write(Bytes(zeros).first(part)));
    room -= part;
  }
  return {};
}

Result<RecordHead> RecordWriter::write_record(RecordType type, Bytes meta, Bytes payload) {
  if (meta.size() > 0xFFFF) {
    return make_error(Code::kLimit, "{} record: meta of {} bytes, the limit is 65535",
                      type_name(type), meta.size());
  }
  const RecordHead head = make_head(type, meta, payload, offset_);
  scratch_.clear();
  encode_head(head, meta, scratch_);
  BBZ_TRY(write(scratch_));
  BBZ_TRY(write(payload));
  return head;
}

Result<RecordHead> RecordWriter::append(RecordType type, Bytes meta, Bytes payload) {
  const std::uint64_t limit = Limits().index_bytes;
  if (list_.size() + kHeadSize + kPayloadFields + meta.size() > limit) {
    return make_error(Code::kLimit, "{} record: the index would exceed the limit of {} bytes",
                      type_name(type), limit);
  }
  BBZ_ASSIGN(const RecordHead head, write_record(type, meta, payload));
  const Bytes entry = Bytes(scratch_).subspan(kSealSize);
  list_.insert(list_.end(), entry.begin(), entry.end());
  ++count_;
  return head;
}

Status RecordWriter::finish(const Digest& root) {
  std::vector<std::byte> payload;
  IndexMeta index;
  index.record_count = count_;
  index.list_length = list_.size();
  index.list_checksum = xxh3_64(list_);
  index.coding = encode_list(list_, payload);
  index.tail_length = kIndexHeadAndMeta + payload.size() + kTrailerSize;
  Trailer trailer;
  trailer.index_offset = offset_;
  trailer.record_count = count_;
  trailer.root = root;
  std::vector<std::byte> meta;
  encode_index_meta(index, meta);
  BBZ_TRY(write_record(RecordType::kIndex, meta, payload));
  trailer.index_length = offset_ - trailer.index_offset;
  trailer.archive_length = offset_ + kTrailerSize;
  meta.clear();
  encode_trailer(trailer, meta);
  BBZ_TRY(write_record(RecordType::kTrailer, meta, {}));
  return header_.index_first() ? write_front(index) : Status();
}

Status RecordWriter::write_front(IndexMeta index) {
  if (list_.size() != front_index_bytes_) {
    return make_error(Code::kInternal, "front index: {} bytes, {} were reserved", list_.size(),
                      front_index_bytes_);
  }
  index.at_front = true;
  index.coding = IndexCoding::kStored;
  std::vector<std::byte> meta;
  encode_index_meta(index, meta);
  std::vector<std::byte> head;
  encode_head(make_head(RecordType::kIndex, meta, list_, kFileHeaderSize), meta, head);
  BBZ_TRY(sink_.patch(kFileHeaderSize, head));
  return sink_.patch(kFileHeaderSize + head.size(), list_);
}

}  // namespace bbz::container
