#include "bbz/format/container/scan.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

#include "bbz/base/format.h"
#include "bbz/base/wire.h"
#include "bbz/format/container/header.h"
#include "bbz/format/container/index.h"

namespace bbz::container {
namespace {

// Buffers a part of the source while the search moves through it, so that false sync bytes cause
// few extra reads.
class Window {
 public:
  Window(io::Source& source, std::uint64_t size) : source_(source), size_(size) {}

  std::uint64_t size() const { return size_; }
  io::Source& source() const { return source_; }

  // Returns the bytes from `offset` on: at least `need`, or all that the source has. The view is
  // valid until the next call.
  Result<Bytes> from(std::uint64_t offset, std::size_t need) {
    if (offset >= size_) return Bytes();
    const bool within = offset >= begin_ && offset - begin_ <= buffer_.size();
    const std::size_t have = within ? buffer_.size() - (offset - begin_) : 0;
    if (have < std::min<std::uint64_t>(need, size_ - offset)) {
      // After a payload that was skipped, not much more than a head is looked at.
      const std::size_t most = std::max(need, within ? kSize : kJump);
      buffer_.resize(std::min<std::uint64_t>(most, size_ - offset));
      BBZ_ASSIGN(const std::size_t got, io::read_up_to(source_, offset, buffer_));
      buffer_.resize(got);
      begin_ = offset;
    }
    return Bytes(buffer_).subspan(offset - begin_);
  }

  // Returns the offset of the next occurrence of `text` at or after `begin` that begins before
  // `end`, or `end`.
  Result<std::uint64_t> find(std::string_view text, std::uint64_t begin, std::uint64_t end) {
    while (begin < end) {
      BBZ_ASSIGN(const Bytes bytes, from(begin, text.size()));
      const std::string_view there = as_text(bytes);
      const std::size_t at = there.find(text);
      if (at != std::string_view::npos) return std::min(begin + at, end);
      if (there.size() < text.size()) break;
      begin += there.size() - (text.size() - 1);  // it may lie across two windows
    }
    return end;
  }

 private:
  static constexpr std::size_t kSize = std::size_t{1} << 20;
  static constexpr std::size_t kJump = std::size_t{16} << 10;

  io::Source& source_;
  std::uint64_t size_;
  std::uint64_t begin_ = 0;
  std::vector<std::byte> buffer_;
};

std::string_view sync_text() {
  return as_text(std::as_bytes(std::span(kSync)));
}

Result<std::uint64_t> size_of(io::Source& source) {
  const std::optional<std::uint64_t> size = source.size();
  if (source.seekable() && size) return *size;
  return make_error(Code::kInvalidArgument, "{}: salvaging needs a source that can seek",
                    source.name());
}

// Returns the head at `offset` if it is whole, or nothing. Its check is not looked at.
Result<std::optional<Bytes>> whole_head(Window& window, std::uint64_t offset) {
  for (std::size_t need = kLeastRecord;;) {
    BBZ_ASSIGN(const Bytes bytes, window.from(offset, need));
    if (bytes.size() < need) return std::optional<Bytes>();
    const auto size = head_size(bytes.first(need), offset);
    if (!size.ok()) return std::optional<Bytes>();
    if (*size <= need) return std::optional(bytes.first(*size));
    need = *size;
  }
}

// Returns the record at `offset`, or nothing if there is no intact head of this archive.
Result<std::optional<RecordView>> try_record(Window& window, std::uint64_t offset,
                                             std::uint64_t id) {
  BBZ_ASSIGN(const std::optional<Bytes> head, whole_head(window, offset));
  if (!head) return std::optional<RecordView>();
  const auto record = decode_intact_head(*head, offset, id);
  if (!record.ok()) return std::optional<RecordView>();
  return std::optional<RecordView>(*record);
}

// Returns the id of the intact file header at `offset`, or nothing.
Result<std::optional<std::uint64_t>> header_id(Window& window, std::uint64_t offset) {
  BBZ_ASSIGN(const Bytes bytes, window.from(offset, kFileHeaderSize));
  const auto header = decode_file_header(bytes);
  return header.ok() ? std::optional(header->id) : std::nullopt;
}

// The id of a trailer or an index, which it states itself.
struct Stated {
  std::uint64_t id = 0;
  bool at_front = false;  // of an archive
};

Result<std::optional<Stated>> stated_at(Window& window, std::uint64_t offset) {
  BBZ_ASSIGN(const std::optional<Bytes> head, whole_head(window, offset));
  if (!head) return std::optional<Stated>();
  const auto entry = decode_entry(head->subspan(kSealSize), offset);
  if (!entry.ok()) return std::optional<Stated>();
  const auto id = stated_id(entry->head.type, entry->meta);
  if (!id || !decode_intact_head(*head, offset, *id).ok()) return std::optional<Stated>();
  if (entry->head.type == RecordType::kTrailer) return std::optional(Stated{*id, false});
  const auto meta = decode_index_meta(*entry, Limits());
  return std::optional(Stated{*id, meta.ok() && meta->at_front});
}

// Returns whether the payload of a record is there and has its payload check. Takes the bytes that it
// reads from `budget`, and returns false if they are more: a few bytes could have it read the source
// again and again.
Result<bool> has_payload(io::Source& source, const RecordHead& head, std::uint64_t size,
                         std::uint64_t& budget) {
  if (head.end() > size || head.payload_length > budget) return false;
  budget -= head.payload_length;
  Xxh3Stream hash;
  std::vector<std::byte> part;
  for (std::uint64_t at = head.payload_offset(); at < head.end(); at += part.size()) {
    part.resize(std::min<std::uint64_t>(head.end() - at, std::size_t{1} << 20));
    BBZ_TRY(io::read_exactly(source, at, part));
    hash.update(part);
  }
  return check_payload(head, hash.digest64()).ok();
}

// Bytes that are not searched for records.
struct Ignored {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

// Calls `found` for each record from `begin` on that does not begin in `ignored`, whose ranges are in
// order, and `lost` for each gap. The search goes on behind a record's payload if that is whole:
// another record follows, or it has its check. Otherwise bytes may have been lost in it or in the pad
// before it, so that the next record begins before it ends.
Status walk(Window& window, std::uint64_t begin, std::uint64_t id, const Limits& limits,
            const std::vector<Ignored>& ignored,
            const std::function<Status(const RecordView&)>& found,
            const std::function<void(const Gap&)>& lost) {
  std::uint64_t covered = begin;  // the end of the last record that was found
  std::uint64_t at = begin;
  std::uint64_t budget = 2 * window.size();
  auto next = ignored.begin();
  while (at < window.size()) {
    BBZ_ASSIGN(at, window.find(sync_text(), at, window.size()));
    while (next != ignored.end() && next->end <= at) ++next;
    if (next != ignored.end() && at >= next->begin) {
      at = next->end;
      continue;
    }
    if (at >= window.size()) break;
    BBZ_ASSIGN(const auto record, try_record(window, at, id));
    if (!record) {
      ++at;
      continue;
    }
    const RecordHead head = record->head;
    at = std::min(head.end(), window.size());
    if (!check_fields(head, limits).ok()) continue;
    if (head.offset > covered) lost({covered, head.offset});
    BBZ_TRY(found(*record));
    covered = at;
    if (head.payload_length == 0) continue;
    BBZ_ASSIGN(const auto after, try_record(window, at, id));
    if (after && head.end() < window.size()) continue;
    BBZ_ASSIGN(const bool whole, has_payload(window.source(), head, window.size(), budget));
    if (!whole) at = covered = std::min(head.offset + head.size(), window.size());
  }
  if (covered < window.size()) lost({covered, window.size()});
  return {};
}

// What a first walk learns, to tell the records of another archive with the same id.
struct Outline {
  std::vector<Gap> gaps;
  std::map<std::uint64_t, std::uint64_t>
      archives;             // from what trailers reach back to, to their end
  std::uint64_t first = 0;  // offset of the first record
  std::uint64_t last = 0;   // end of the last one
};

Result<Outline> outline(Window& window, std::uint64_t begin, std::uint64_t id,
                        const Limits& limits) {
  Outline outline;
  outline.first = outline.last = window.size();
  const auto found = [&](const RecordView& record) {
    const std::uint64_t end = record.head.end();
    if (outline.first == window.size()) outline.first = record.head.offset;
    outline.last = end;
    if (record.head.type != RecordType::kTrailer) return Status();
    WireReader r(record.meta);
    r.get<std::uint64_t>();
    r.get<std::uint64_t>();
    const auto length = r.get<std::uint64_t>();
    if (length <= end) outline.archives.try_emplace(end - length, end);
    return Status();
  };
  BBZ_TRY(walk(window, begin, id, limits, {}, found,
               [&](const Gap& gap) { outline.gaps.push_back(gap); }));
  return outline;
}

// Finds the ranges of other archives with the same id. `begin` is where the records begin.
Result<std::vector<Ignored>> find_nested(Window& window, std::uint64_t begin, std::uint64_t id,
                                         const Outline& outline) {
  const std::string_view magic = as_text(std::as_bytes(std::span(kMagic)));
  std::vector<Ignored> nested;
  bool own = begin != 0;  // the archive's own header was found
  for (std::size_t i = 0; i < outline.gaps.size(); ++i) {
    const Gap& gap = outline.gaps[i];
    for (std::uint64_t at = gap.begin; at < gap.end; ++at) {
      BBZ_ASSIGN(at, window.find(magic, at, gap.end));
      if (at >= gap.end) break;
      BBZ_ASSIGN(const auto found, header_id(window, at));
      if (found != id) continue;
      const auto trailer = outline.archives.find(at);
      // The archive's own header comes before its first record. Or what comes before is a part of the
      // archive that lost its header, and the archive follows as a whole.
      const bool first = !own && (gap.begin < outline.first || trailer != outline.archives.end());
      own = true;
      if (first) continue;
      const bool more = i + 1 < outline.gaps.size();
      const std::uint64_t run = more ? outline.gaps[i + 1].begin : outline.last;
      const bool directly = gap.end == at + kFileHeaderSize;
      if (trailer != outline.archives.end()) {
        nested.push_back({at, trailer->second});
      } else if (directly) {
        nested.push_back({at, run});
      }
    }
  }
  for (const auto& [from, end] : outline.archives) {
    if (outline.gaps.empty() || from < outline.gaps.front().begin || end >= outline.last) continue;
    nested.push_back({from, end});
  }
  std::ranges::sort(nested, {}, &Ignored::begin);
  std::vector<Ignored> merged;
  for (const Ignored& range : nested) {
    if (!merged.empty() && range.begin <= merged.back().end) {
      merged.back().end = std::max(merged.back().end, range.end);
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

}  // namespace

Result<std::optional<std::uint64_t>> find_id(io::Source& source) {
  BBZ_ASSIGN(const std::uint64_t size, size_of(source));
  Window window(source, size);
  BBZ_ASSIGN(const auto at_front, header_id(window, 0));
  if (at_front) return at_front;
  if (size >= kTrailerSize) {
    BBZ_ASSIGN(const auto trailer, stated_at(window, size - kTrailerSize));
    if (trailer) return std::optional(trailer->id);
  }
  std::optional<std::uint64_t> last;
  std::optional<std::uint64_t> first;
  for (std::uint64_t at = 0; at < size; ++at) {
    BBZ_ASSIGN(at, window.find(sync_text(), at, size));
    if (at >= size) break;
    BBZ_ASSIGN(const auto stated, stated_at(window, at));
    if (!stated) continue;
    if (!stated->at_front) last = stated->id;
    if (stated->at_front && !first) first = stated->id;
  }
  if (last) return last;
  const std::string_view magic = as_text(std::as_bytes(std::span(kMagic)));
  for (std::uint64_t at = 0; at < size; ++at) {
    BBZ_ASSIGN(at, window.find(magic, at, size));
    if (at >= size) break;
    BBZ_ASSIGN(const auto id, header_id(window, at));
    if (id) return id;
  }
  return first;
}

Status scan_records(io::Source& source, std::uint64_t id, const Limits& limits,
                    const std::function<Status(const RecordView&)>& found,
                    const std::function<void(const Gap&)>& lost) {
  BBZ_ASSIGN(const std::uint64_t size, size_of(source));
  Window window(source, size);
  BBZ_ASSIGN(const auto header, header_id(window, 0));
  const std::uint64_t begin = header == id ? kFileHeaderSize : 0;
  BBZ_ASSIGN(const Outline found_first, outline(window, begin, id, limits));
  BBZ_ASSIGN(const std::vector<Ignored> nested, find_nested(window, begin, id, found_first));
  return walk(window, begin, id, limits, nested, found, lost);
}

}  // namespace bbz::container
