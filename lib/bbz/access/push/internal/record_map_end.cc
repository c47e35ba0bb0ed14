// The part of RecordMap that handles the end of an archive, and what must agree with it.
#include "bbz/access/push/internal/record_map.h"
#include "bbz/base/format.h"

namespace bbz::push::internal {

using container::RecordView;

// Reads the trailer at the end of an archive of known length. If no trailer is there, those bytes
// count as damaged: the archive may also be cut short.
Status RecordMap::read_last_trailer() {
  if (*total_ < container::kFileHeaderSize + container::kTrailerSize) {
    return make_error(Code::kTruncated, "archive of {} bytes: too short to hold a trailer",
                      *total_);
  }
  const Interval range{*total_ - container::kTrailerSize, *total_};
  if (!input_.has(range)) return {};
  BBZ_ASSIGN(const Bytes bytes, input_.read(range, buffer_));
  const auto size = container::head_size(bytes, range.begin);
  if (size.ok() && *size == container::kTrailerSize) {
    BBZ_ASSIGN(const auto record, head_at(range.begin));
    if (!record) return {};
    if (record->head.type == container::RecordType::kTrailer) return take_trailer(*record);
  }
  return input_.damage(range,
                       make_error(Code::kTruncated,
                                  "no trailer at offset {}: the archive is cut short or damaged, "
                                  "or bytes were added to it",
                                  range.begin));
}

Status RecordMap::take_trailer(const RecordView& record) {
  BBZ_ASSIGN(trailer_, container::decode_trailer(record, *header_));
  const std::uint64_t end = record.head.end();
  if ((total_ && *total_ != end) || input_.there().end() > end) {
    return make_error(Code::kMalformed, "bytes follow the trailer, which ends at offset {}", end);
  }
  total_ = end;
  input_.verify({record.head.offset, end});
  input_.release({record.head.offset, end});
  return compare();
}

// Refuses a trailer that places the index among the records. Otherwise the bytes there would count
// as damaged.
Status RecordMap::check_index_offset() const {
  if (!trailer_ || index_ || trailer_->index_offset() >= next_) return {};
  return make_error(Code::kMalformed,
                    "trailer: the index at offset {}, but the records known so far end at {}",
                    trailer_->index_offset(), next_);
}

// Checks that the index, the trailer and the records agree, as far as they are known.
Status RecordMap::compare() const {
  if (index_ && listed_ &&
      (index_->offset != next_ || index_meta_.record_count != units_.size() ||
       index_meta_.list_length != list_.size())) {
    return make_error(Code::kMalformed,
                      "index at offset {}: {} records in {} bytes, expected at {}: {} in {}",
                      index_->offset, index_meta_.record_count, index_meta_.list_length, next_,
                      units_.size(), list_.size());
  }
  if (index_ && front_ && !front_meta_.same_list(index_meta_)) {
    return make_error(Code::kMalformed,
                      "index at offset {}: it differs from the index at offset {}", front_->offset,
                      index_->offset);
  }
  if (index_ && trailer_ &&
      (trailer_->index_offset() != index_->offset ||
       trailer_->index_length != index_->end() - index_->offset ||
       trailer_->record_count != index_meta_.record_count)) {
    return make_error(Code::kMalformed,
                      "trailer: index at {} with {} bytes and {} records, expected at {} with {} "
                      "and {}",
                      trailer_->index_offset(), trailer_->index_length, trailer_->record_count,
                      index_->offset, index_->end() - index_->offset, index_meta_.record_count);
  }
  if (trailer_ && root_ && trailer_->root != *root_) {
    return make_error(Code::kChecksum, "trailer: root digest {}, computed {}",
                      trailer_->root.to_string(), root_->to_string());
  }
  return {};
}

}  // namespace bbz::push::internal
