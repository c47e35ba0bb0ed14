#include "bbz/access/push/internal/record_map.h"

#include <algorithm>

#include "bbz/base/format.h"

namespace bbz::push::internal {

using container::RecordHead;
using container::RecordType;
using container::RecordView;

RecordMap::RecordMap(Input& input, const Options& options)
    : input_(input), limits_(options.limits), total_(options.total) {}

Status RecordMap::set_total(std::uint64_t total) {
  if (total_ && *total_ != total) {
    return make_error(Code::kInvalidArgument, "archive length {}: expected {}", total, *total_);
  }
  total_ = total;
  return {};
}

std::size_t RecordMap::first_after(std::uint64_t offset) const {
  const auto at = std::ranges::upper_bound(units_, offset, {}, &Unit::end);
  return static_cast<std::size_t>(at - units_.begin());
}

std::optional<std::uint64_t> RecordMap::chunk_of(const Unit& unit) const {
  if (unit.type == RecordType::kChunk) return unit.item;
  if (unit.type != RecordType::kTensor || !unit.has_payload) return std::nullopt;
  return catalog().tensors[unit.item].first_chunk;
}

bool RecordMap::was_known(const Unit& unit, const RangeSet& verified) const {
  const auto had = [&](const std::optional<RecordHead>& index) {
    return index && verified.covers({index->payload_offset(), index->end()});
  };
  return verified.covers(unit.head()) || had(front_) || had(index_);
}

Bytes RecordMap::entry(const Unit& unit) const {
  return Bytes(list_).subspan(unit.listed_at, unit.entry_length);
}

Status RecordMap::check_head(Unit& unit, Bytes bytes, bool& other) const {
  other = false;
  BBZ_ASSIGN(const std::size_t size, container::head_size(bytes, unit.offset));
  const auto damaged = [&] {
    return make_error(Code::kChecksum,
                      "record head at offset {}: damaged, because it differs from the index",
                      unit.offset);
  };
  if (size > bytes.size()) return damaged();
  const auto record = container::decode_intact_head(bytes.first(size), unit.offset, header_->id);
  if (!record.ok()) return damaged();
  if (!std::ranges::equal(entry(unit), bytes.subspan(container::kSealSize, unit.entry_length))) {
    other = true;
    return make_error(Code::kMalformed, "record at offset {}: its head differs from the index",
                      unit.offset);
  }
  BBZ_TRY(container::check_pad(record->head, bytes.subspan(size)));
  unit.payload_check = record->head.payload_check.value_or(0);
  return {};
}

Status RecordMap::check_unknown(const Unit& unit, std::uint64_t computed,
                                const std::optional<Digest>& digest) const {
  BBZ_ASSIGN(const RecordView record, container::decode_entry(entry(unit), unit.offset));
  BBZ_ASSIGN(const auto check, catalog::decode_check(record, header_->digest_kind));
  if (computed == check.checksum && digest == check.digest) return {};
  return make_error(Code::kChecksum,
                    "record at offset {}: the check in its meta is not that of its payload",
                    unit.offset);
}

// Refuses a record that ends beyond the archive.
Status RecordMap::check_end(const RecordHead& head) const {
  if (!total_ || head.end() <= *total_) return {};
  return make_error(Code::kTruncated, "{} record at offset {}: it ends at {}, the archive at {}",
                    container::type_name(head.type), head.offset, head.end(), *total_);
}

// Returns the record head at `offset`, if it is there and undamaged. It lives until the next call.
Result<std::optional<RecordView>> RecordMap::head_at(std::uint64_t offset) {
  const std::optional<RecordView> none;
  if (offset > UINT64_MAX - container::kLongestHead) return none;
  Interval range{offset, offset + container::kLeastRecord};
  if (total_ && range.end > *total_) {
    return make_error(Code::kTruncated, "record at offset {}: the archive ends at {}", offset,
                      *total_);
  }
  Bytes bytes;
  while (bytes.size() < range.size()) {
    if (!input_.has(range)) return none;
    BBZ_ASSIGN(bytes, input_.read(range, buffer_));
    const auto size = container::head_size(bytes, offset);
    if (!size.ok()) {
      BBZ_TRY(input_.damage(range, size.error()));
      return none;
    }
    range.end = offset + *size;
    // The check cannot confirm this length yet. Do not believe it if it leads out of the archive, or
    // into bytes that are known to be something else.
    const auto unclaimed = input_.verified().missing(range, 1);
    if ((total_ && range.end > *total_) || unclaimed.empty() || unclaimed.front() != range) {
      BBZ_TRY(input_.damage(
          {offset, offset + bytes.size()},
          make_error(total_ && range.end > *total_ ? Code::kTruncated : Code::kChecksum,
                     "record at offset {}: its head says that its meta ends at {}", offset,
                     range.end)));
      return none;
    }
  }
  const auto record = container::decode_intact_head(bytes, offset, header_->id);
  if (!record.ok()) {
    BBZ_TRY(input_.damage(range, record.error()));
    return none;
  }
  BBZ_TRY(container::check_fields(record->head, limits_));
  return std::optional<RecordView>(*record);
}

// Returns a payload, if it is there and undamaged, and marks it as verified.
Result<std::optional<std::vector<std::byte>>> RecordMap::payload_of(const RecordHead& head) {
  const std::optional<std::vector<std::byte>> none;
  const Interval range{head.payload_offset(), head.end()};
  if (!input_.has(range)) return none;
  std::vector<std::byte> buffer;
  BBZ_ASSIGN(const Bytes bytes, input_.read(range, buffer));
  if (const Status checked = container::check_payload(head, bytes); !checked.ok()) {
    BBZ_TRY(input_.damage(range, checked.error()));
    return none;
  }
  if (bytes.data() != buffer.data()) buffer.assign(bytes.begin(), bytes.end());
  input_.verify(range);
  input_.release(range);
  return std::optional(std::move(buffer));
}

Status RecordMap::read_header() {
  Interval range{0, container::kFileHeaderSize};
  if (total_) range.end = std::min(range.end, *total_);
  if (!input_.has(range)) return {};
  BBZ_ASSIGN(const Bytes bytes, input_.read(range, buffer_));
  const auto header = container::decode_file_header(bytes);
  // If its checksum is correct, or there are no more bytes, fetching it again would not help.
  if (header.code() == Code::kUnsupported || header.code() == Code::kTruncated) {
    return header.error();
  }
  if (!header.ok()) return input_.damage(range, header.error());
  header_ = *header;
  builder_.emplace(*header_, limits_);
  input_.verify(range);
  input_.release(range);
  return {};
}

Status RecordMap::read_front(const Add& add) {
  if (!front_) {
    BBZ_ASSIGN(const auto record, head_at(container::kFileHeaderSize));
    if (!record) return {};
    BBZ_ASSIGN(front_meta_, container::decode_front_index_meta(*record, *header_, limits_));
    BBZ_TRY(check_end(record->head));
    front_ = record->head;
    next_ = front_->end();
    input_.verify({front_->offset, front_->payload_offset()});
    input_.release({front_->offset, front_->payload_offset()});
  }
  BBZ_ASSIGN(auto payload, payload_of(*front_));
  if (!payload) return {};
  container::Index index;
  index.meta = front_meta_;
  BBZ_ASSIGN(index.list, container::decode_list(*front_, front_meta_, std::move(*payload)));
  index.begin = front_->end();
  front_read_ = true;
  return take_list(index, add);
}

Status RecordMap::take_record(const RecordView& record, const Add& add) {
  BBZ_TRY(check_end(record.head));
  BBZ_TRY(builder_->add(record));
  const catalog::Catalog& catalog = builder_->catalog();
  Unit unit;
  unit.offset = record.head.offset;
  unit.payload_length = record.head.payload_length;
  unit.payload_check = record.head.payload_check.value_or(0);
  unit.listed_at = list_.size();
  unit.head_length = static_cast<std::uint32_t>(record.head.payload_offset() - record.head.offset);
  unit.entry_length = static_cast<std::uint32_t>(record.head.entry_size());
  unit.type = record.head.type;
  unit.has_payload = record.head.has_payload();
  const auto newest = [&]() -> std::size_t {
    switch (unit.type) {
      case RecordType::kFile:
      case RecordType::kFileEnd:
        return catalog.files.size();
      case RecordType::kTensor:
        return catalog.tensors.size();
      case RecordType::kChunk:
        return catalog.chunks.size();
      case RecordType::kMetadata:
        return catalog.metadata.size();
      case RecordType::kGroup:
        return catalog.groups.size();
      default:
        return 1;
    }
  };
  unit.item = static_cast<std::uint32_t>(newest() - 1);
  container::encode_entry(record.head, record.meta, list_);
  if (list_.size() > limits_.index_bytes) {
    return make_error(Code::kLimit,
                      "record at offset {}: the entries so far exceed the index limit of {}",
                      record.head.offset, limits_.index_bytes);
  }
  next_ = record.head.end();
  units_.push_back(unit);
  return add(units_.size() - 1);
}

// Takes the records of an index that were not known, and compares the others.
Status RecordMap::take_list(const container::Index& index, const Add& add) {
  std::size_t at = 0;
  std::vector<std::byte> listed;
  const auto differs = [&](std::uint64_t offset) {
    return make_error(Code::kMalformed,
                      "index: its entry for offset {} differs from the record there", offset);
  };
  BBZ_TRY(container::for_each_record(index, limits_, [&](const RecordView& record) -> Status {
    if (at == units_.size()) {
      if (listed_) return differs(record.head.offset);
      ++at;
      return take_record(record, add);
    }
    listed.clear();
    container::encode_entry(record.head, record.meta, listed);
    if (!std::ranges::equal(listed, entry(units_[at++]))) return differs(record.head.offset);
    return {};
  }));
  if (at != units_.size()) return differs(units_[at].offset);
  return end_list();
}

Status RecordMap::end_list() {
  if (listed_) return {};
  listed_ = true;
  BBZ_TRY(builder_->finish());
  root_ = builder_->root();
  return compare();
}

// Reads record heads one after the other, up to the index.
Status RecordMap::read_records(const Add& add) {
  while (!listed_ || !index_) {
    if (index_ && next_ >= index_->offset) {
      if (next_ == index_->offset) return end_list();
      return make_error(Code::kMalformed, "index at offset {}: the records end at {}",
                        index_->offset, next_);
    }
    BBZ_ASSIGN(const auto record, head_at(next_));
    if (!record) return {};
    const RecordHead& head = record->head;
    if (head.type == RecordType::kIndex) {
      BBZ_TRY(take_index_head(*record));
      BBZ_TRY(end_list());
      continue;
    }
    if (head.type == RecordType::kTrailer || listed_) {
      return make_error(Code::kMalformed, "{} record at offset {}: expected the index{}",
                        container::type_name(head.type), head.offset,
                        listed_ ? ", because the index at the front lists no more records" : "");
    }
    const bool padded = head.pad_length != 0;
    BBZ_TRY(take_record(*record, add));
    if (padded) continue;  // the head is checked when its pad is there
    units_.back().set(Unit::kHeadOk);
    input_.verify(units_.back().head());
    input_.release(units_.back().head());
  }
  return {};
}

Status RecordMap::take_index_head(const RecordView& record) {
  const RecordHead& head = record.head;
  BBZ_ASSIGN(index_meta_, container::decode_end_index_meta(record, *header_, limits_));
  BBZ_TRY(check_end(head));
  const Interval range{head.offset, head.payload_offset()};
  index_ = head;
  input_.verify(range);
  input_.release(range);
  return compare();
}

Status RecordMap::read_index_head(std::uint64_t offset) {
  BBZ_ASSIGN(const auto record, head_at(offset));
  if (!record) return {};
  if (record->head.type != RecordType::kIndex) {
    return make_error(Code::kMalformed, "record at offset {}: type {}, expected the index", offset,
                      container::type_name(record->head.type));
  }
  return take_index_head(*record);
}

Status RecordMap::read_index(const Add& add) {
  BBZ_ASSIGN(auto payload, payload_of(*index_));
  if (!payload) return {};
  container::Index index;
  index.meta = index_meta_;
  BBZ_ASSIGN(index.list, container::decode_list(*index_, index_meta_, std::move(*payload)));
  index.begin = front_ ? front_->end() : container::kFileHeaderSize;
  index.end = index_->offset;
  index_read_ = true;
  return take_list(index, add);
}

Status RecordMap::advance(const Add& add) {
  if (!header_) BBZ_TRY(read_header());
  if (!header_) return {};
  if (!front_done()) BBZ_TRY(read_front(add));
  if (header_->index_first() && !front_) return {};  // nothing says where the records begin
  if (!trailer_ && !index_ && total_) BBZ_TRY(read_last_trailer());
  BBZ_TRY(check_index_offset());
  if (trailer_ && !index_) BBZ_TRY(read_index_head(trailer_->index_offset()));
  if (index_ && !index_read_) BBZ_TRY(read_index(add));
  BBZ_TRY(read_records(add));
  BBZ_TRY(check_index_offset());
  if (index_ && !index_read_) BBZ_TRY(read_index(add));
  if (index_ && !trailer_) {
    BBZ_ASSIGN(const auto record, head_at(index_->end()));
    if (record && record->head.type != RecordType::kTrailer) {
      return make_error(Code::kMalformed, "record at offset {}: type {}, expected the trailer",
                        record->head.offset, container::type_name(record->head.type));
    }
    if (record) BBZ_TRY(take_trailer(*record));
  }
  return {};
}

std::vector<Interval> RecordMap::structure() const {
  if (opened()) return {};
  if (!header_) return {{0, container::kFileHeaderSize}};
  if (header_->index_first()) {
    if (front_) return {{front_->payload_offset(), front_->end()}};
    constexpr std::uint64_t kBegin = container::kFileHeaderSize;
    return {{kBegin, kBegin + container::index_head_size(UINT64_MAX)}};
  }
  if (index_) {  // it may have been found behind the records, before the trailer came
    const std::uint64_t end = index_->end() + container::kTrailerSize;
    return {{index_->payload_offset(), std::min(end, total_.value_or(end))}};
  }
  if (!total_ || *total_ < container::kFileHeaderSize + container::kTrailerSize) return {};
  const std::uint64_t trailer = *total_ - container::kTrailerSize;
  if (trailer_) return {{trailer_->index_offset(), trailer}};
  return {{trailer, *total_}};
}

}  // namespace bbz::push::internal
