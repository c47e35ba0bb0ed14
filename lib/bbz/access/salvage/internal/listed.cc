#include "bbz/access/salvage/internal/listed.h"

#include <algorithm>
#include <map>
#include <ranges>
#include <utility>

#include "bbz/base/checked.h"
#include "bbz/base/hash.h"

namespace bbz::salvage {

void FoundPlaces::add(Bytes entry, std::uint64_t offset) {
  found_.push_back({xxh3_64(entry), offset});
}

// A record that an index lists.
struct FoundPlaces::Listed {
  std::uint64_t hash = 0;  // of its entry
  std::uint64_t size = 0;
  std::optional<std::uint64_t> begin{};
  bool is_certain = false;  // none of the others with its entry can be meant
};

// Gives a record the one that was found at `offset`, if that has its entry, and belongs to no other.
void FoundPlaces::claim(Listed& record, std::uint64_t offset) {
  const Found wanted{record.hash, offset};
  const auto at = std::ranges::lower_bound(found_, wanted);
  if (at == found_.end() || *at != wanted) return;
  const auto place = static_cast<std::size_t>(at - found_.begin());
  if (claimed_[place]) return;
  claimed_[place] = true;
  record.begin = offset;
  record.is_certain = true;
}

// Gives the records with one entry those that were found, in order, if `all` of them were, or whatever
// is left.
void FoundPlaces::match(std::vector<Listed>& listed, bool all) {
  std::map<std::uint64_t, std::vector<Listed*>> open;  // by hash
  for (Listed& record : listed) {
    if (!record.begin) open[record.hash].push_back(&record);
  }
  for (const auto& [hash, records] : open) {
    auto place = std::ranges::lower_bound(found_, hash, {}, &Found::hash);
    const auto end = std::ranges::upper_bound(found_, hash, {}, &Found::hash);
    if (all && std::cmp_less(end - place, records.size())) continue;
    for (Listed* const record : records) {
      while (place != end && claimed_[static_cast<std::size_t>(place - found_.begin())]) ++place;
      if (place == end) break;
      record->begin = place->offset;
      record->is_certain = all;
      claimed_[static_cast<std::size_t>(place++ - found_.begin())] = true;
    }
  }
}

std::optional<std::vector<std::uint64_t>> FoundPlaces::of_listed(const container::Index& index,
                                                                 const Limits& limits,
                                                                 std::uint64_t begin,
                                                                 std::uint64_t end) {
  std::ranges::sort(found_);
  claimed_.assign(found_.size(), false);
  std::vector<Listed> listed;
  std::vector<std::byte> entry;
  const Status counted =
      container::for_each_record(index, limits, [&](const container::RecordView& record) {
        entry.clear();
        container::encode_entry(record.head, record.meta, entry);
        listed.push_back({xxh3_64(entry), record.head.end() - record.head.offset});
        return Status();
      });
  if (!counted.ok()) return std::nullopt;
  match(listed, true);
  // If some of those with one entry are lost, the distance from their neighbours tells which are not.
  constexpr std::uint64_t kNowhere = ~std::uint64_t{0};
  const std::uint64_t last = index.meta.at_front ? kNowhere : begin;
  std::uint64_t next = index.meta.at_front ? end : kNowhere;
  for (Listed& record : listed) {
    if (!record.begin && next != kNowhere) claim(record, next);
    next = record.begin.value_or(next);
    if (next != kNowhere) next = checked_add(next, record.size).value_or(kNowhere);
  }
  const auto before = [](std::uint64_t place, std::uint64_t size) {
    return place != kNowhere && place >= size ? place - size : kNowhere;
  };
  next = last;
  for (auto at = listed.rbegin(); at != listed.rend(); ++at) {
    Listed& record = *at;
    next = before(next, record.size);
    if (!record.begin && next != kNowhere) claim(record, next);
    next = record.begin.value_or(next);
  }
  match(listed, false);
  next = last;
  for (auto at = listed.rbegin(); at != listed.rend(); ++at) {
    Listed& record = *at;
    next = before(next, record.size);
    if (!record.begin && next != kNowhere) {
      record.begin = next;
      record.is_certain = true;
    }
    next = record.is_certain ? record.begin.value_or(kNowhere) : kNowhere;
  }
  std::vector<std::uint64_t> offsets;
  std::uint64_t after = index.meta.at_front ? end : 0;
  for (const Listed& record : listed) {
    offsets.push_back(record.begin.value_or(after));
    after = offsets.back() + record.size;
  }
  return offsets;
}

std::optional<container::Index> read_listed(io::Source& source, std::uint64_t offset,
                                            std::uint64_t id, const Limits& limits,
                                            std::uint64_t& most, std::uint64_t& end) {
  std::vector<std::byte> head(container::index_head_size(UINT64_MAX));
  const auto got = io::read_up_to(source, offset, head);
  if (!got.ok()) return std::nullopt;
  head.resize(*got);
  const auto size = container::head_size(head, offset);
  if (!size.ok() || *size > head.size()) return std::nullopt;
  const auto record = container::decode_head(Bytes(head).first(*size), offset, id, limits);
  if (!record.ok()) return std::nullopt;
  const auto meta = container::decode_index_meta(*record, limits);
  end = record->head.end();
  if (!meta.ok() || end > source.size().value_or(0)) return std::nullopt;
  if (meta->list_length > most) return std::nullopt;
  most -= meta->list_length;
  std::vector<std::byte> payload(record->head.payload_length);
  if (!io::read_exactly(source, record->head.payload_offset(), payload).ok()) return std::nullopt;
  if (!container::check_payload(record->head, payload).ok()) return std::nullopt;
  auto list = container::decode_list(record->head, *meta, std::move(payload));
  if (!list.ok()) return std::nullopt;
  return container::Index{*meta, std::move(*list), 0, std::nullopt};
}

}  // namespace bbz::salvage
