#include "bbz/format/container/record_reader.h"

#include <algorithm>
#include <utility>

#include "bbz/base/format.h"
#include "bbz/base/wire.h"

namespace bbz::container {

Result<RecordReader> RecordReader::open(io::Source& source, const Limits& limits) {
  RecordReader reader(source, limits);
  std::vector<std::byte> start(kFileHeaderSize);
  BBZ_ASSIGN(const std::size_t have, io::read_up_to(source, 0, start));
  BBZ_ASSIGN(reader.header_, decode_file_header(Bytes(start).first(have)));
  reader.offset_ = kFileHeaderSize;
  if (reader.header_.index_first()) {
    BBZ_ASSIGN(const RecordView record, reader.read_head());
    Index front;
    BBZ_ASSIGN(front.meta, decode_front_index_meta(record, reader.header_, limits));
    std::vector<std::byte> payload;
    BBZ_TRY(reader.read_payload(payload));
    BBZ_ASSIGN(front.list, decode_list(record.head, front.meta, std::move(payload)));
    front.begin = reader.offset_;
    reader.front_ = std::move(front);
  }
  return reader;
}

Status RecordReader::read(MutableBytes out) {
  BBZ_TRY(io::read_exactly(*source_, offset_, out));
  offset_ += out.size();
  return {};
}

Status RecordReader::skip(std::uint64_t count) {
  if (source_->seekable()) {
    const auto size = source_->size();
    if (size && count > *size - std::min(*size, offset_)) {
      return make_error(Code::kTruncated,
                        "{} record at offset {}: it ends at {}, the archive at {}",
                        type_name(last_.type), last_.offset, last_.end(), *size);
    }
    offset_ += count;
    return {};
  }
  std::vector<std::byte> scratch(std::min<std::uint64_t>(count, 64 * 1024));
  while (count > 0) {
    const std::uint64_t part = std::min<std::uint64_t>(count, scratch.size());
    BBZ_TRY(read(MutableBytes(scratch).first(part)));
    count -= part;
  }
  return {};
}

Result<RecordView> RecordReader::read_head() {
  const std::uint64_t offset = offset_;
  buffer_.clear();
  for (std::size_t need = kLeastRecord; buffer_.size() < need;) {
    const std::size_t have = buffer_.size();
    buffer_.resize(need);
    BBZ_TRY(read(MutableBytes(buffer_).subspan(have)));
    BBZ_ASSIGN(need, head_size(buffer_, offset));
  }
  BBZ_ASSIGN(const RecordView record, decode_head(buffer_, offset, header_.id, limits_));
  last_ = record.head;
  pad_ = record.head.pad_length;
  pending_ = record.head.payload_length;
  return record;
}

Result<std::optional<RecordView>> RecordReader::next() {
  BBZ_TRY(skip(std::exchange(pad_, 0)));
  BBZ_TRY(skip(std::exchange(pending_, 0)));
  BBZ_ASSIGN(const RecordView record, read_head());
  if (record.head.type == RecordType::kIndex) {
    BBZ_TRY(read_end(record));
    return std::optional<RecordView>();
  }
  if (record.head.type == RecordType::kTrailer) {
    return make_error(Code::kMalformed, "trailer at offset {}: no index before it",
                      record.head.offset);
  }
  const Bytes entry = Bytes(buffer_).subspan(kSealSize, record.head.entry_size());
  seen_.insert(seen_.end(), entry.begin(), entry.end());
  if (seen_.size() > limits_.index_bytes) {
    return make_error(Code::kLimit,
                      "record at offset {}: the entries so far exceed the index limit of {}",
                      record.head.offset, limits_.index_bytes);
  }
  ++count_;
  return std::optional<RecordView>(record);
}

Status RecordReader::read_pad() {
  std::vector<std::byte> part(std::min<std::uint64_t>(pad_, 64 * 1024));
  while (pad_ > 0) {
    part.resize(std::min<std::uint64_t>(pad_, part.size()));
    BBZ_TRY(read(part));
    BBZ_TRY(check_pad(last_, part));
    pad_ -= part.size();
  }
  return {};
}

Status RecordReader::fetch_payload(std::vector<std::byte>& payload) {
  BBZ_TRY(read_pad());
  // Reads in steps, so that a false length costs at most one step more memory than there are bytes.
  constexpr std::uint64_t kStep = std::uint64_t{16} << 20;
  std::size_t done = 0;
  do {
    const std::uint64_t part = std::min(pending_, kStep);
    payload.resize(done + part);
    BBZ_TRY(read(MutableBytes(payload).subspan(done)));
    done += part;
    pending_ -= part;
  } while (pending_ > 0);
  return {};
}

Status RecordReader::read_payload(std::vector<std::byte>& payload) {
  BBZ_TRY(fetch_payload(payload));
  return check_payload(last_, payload);
}

bool RecordReader::can_leave_payload() const {
  const auto size = source_->size();
  return pad_ == 0 && source_->seekable() && size && pending_ <= *size - std::min(*size, offset_);
}

Status RecordReader::verify_payload() {
  BBZ_TRY(read_pad());
  Xxh3Stream hash;
  const bool unknown = last_.has_payload() && !is_known(last_.type);
  std::optional<Hasher> digest;
  if (unknown && header_.digest_kind == DigestKind::kSha256) digest.emplace(header_.digest_kind);
  std::vector<std::byte> part(std::min<std::uint64_t>(pending_, 64 * 1024));
  while (pending_ > 0) {
    part.resize(std::min<std::uint64_t>(pending_, part.size()));
    BBZ_TRY(read(part));
    hash.update(part);
    if (digest) digest->update(part);
    pending_ -= part.size();
  }
  BBZ_TRY(check_payload(last_, hash.digest64()));
  if (!unknown) return {};
  WireReader r(Bytes(buffer_).subspan(kSealSize + last_.entry_size() - last_.meta_length,
                                      last_.meta_length));
  const bool same = r.get<std::uint64_t>() == hash.digest64();
  if (same && (!digest || std::ranges::equal(r.get_bytes(32), digest->finish().view()))) return {};
  return make_error(Code::kChecksum,
                    "record at offset {}: the check in its meta is not that of its payload",
                    last_.offset);
}

// Reads the index that ends the records, and the trailer, and compares both with the records.
Status RecordReader::read_end(const RecordView& index_record) {
  const RecordHead index_head = index_record.head;
  BBZ_ASSIGN(const IndexMeta meta, decode_end_index_meta(index_record, header_, limits_));
  const auto wrong_list = [&] {
    return make_error(Code::kMalformed,
                      "index at offset {}: it does not list the {} records before it",
                      index_head.offset, count_);
  };
  // Compares before it reads, so that the index takes no more memory than the entries seen.
  if (meta.record_count != count_ || meta.list_length != seen_.size()) return wrong_list();
  if (front_ && !front_->meta.same_list(meta)) {
    return make_error(Code::kMalformed,
                      "index at offset {}: it differs from the index at offset {}", kFileHeaderSize,
                      index_head.offset);
  }
  std::vector<std::byte> payload;
  BBZ_TRY(read_payload(payload));
  BBZ_ASSIGN(const std::vector<std::byte> list, decode_list(index_head, meta, std::move(payload)));
  if (list != seen_ || (front_ && front_->list != seen_)) return wrong_list();
  BBZ_ASSIGN(const RecordView record, read_head());
  if (record.head.type != RecordType::kTrailer) {
    return make_error(Code::kMalformed, "record at offset {}: type {}, expected the trailer",
                      record.head.offset, type_name(record.head.type));
  }
  BBZ_ASSIGN(trailer_, decode_trailer(record, header_));
  if (trailer_.index_offset() != index_head.offset || trailer_.record_count != count_) {
    return make_error(Code::kMalformed,
                      "trailer at offset {}: index at {} with {} records, expected {} with {}",
                      record.head.offset, trailer_.index_offset(), trailer_.record_count,
                      index_head.offset, count_);
  }
  return check_no_more_bytes();
}

Status RecordReader::check_no_more_bytes() {
  std::byte extra{};
  BBZ_ASSIGN(const std::size_t got, source_->read_at(offset_, MutableBytes(&extra, 1)));
  if (got != 0) {
    return make_error(Code::kMalformed, "bytes follow the trailer, which ends at offset {}",
                      offset_);
  }
  return {};
}

}  // namespace bbz::container
