#include "bbz/access/push/decoder.h"

#include <algorithm>

#include "bbz/access/push/internal/assembler.h"
#include "bbz/access/push/internal/impl.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz::push {

using container::RecordType;
using internal::Unit;

Decoder::Impl::Impl(const Options& o, Receiver& r)
    : options(o),
      receiver(r),
      declared(o.total.has_value()),
      input(options),
      record_map(input, options),
      assembler(input, record_map, options, trusted, receiver) {}

Status Receiver::recall(const catalog::Tensor& tensor, std::uint64_t offset, MutableBytes bytes) {
  return make_error(Code::kUnsupported,
                    "it repeats {} bytes at {} of tensor {} {}, which has passed: a decoder with a "
                    "store would have it",
                    bytes.size(), offset, tensor.meta.number, quoted(tensor.meta.name));
}

Decoder::Decoder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Decoder::~Decoder() = default;

Result<std::unique_ptr<Decoder>> Decoder::create(const Options& options, Receiver& receiver) {
  return std::unique_ptr<Decoder>(new Decoder(std::make_unique<Impl>(options, receiver)));
}

// --- taking bytes

// Checks that a range is within the archive. A length that the archive itself tells may be the one
// that is wrong, so that is final.
Status Decoder::Impl::check_range(Interval range) {
  const auto total = record_map.total();
  if (!total || range.end <= *total) return {};
  const Error beyond =
      make_error(declared ? Code::kInvalidArgument : Code::kMalformed,
                 "bytes {} to {}: the archive ends at {}", range.begin, range.end, *total);
  if (!declared) failure = beyond;
  return beyond;
}

// Checks that a segment may be held in memory. The next bytes in order always may, because the
// record that they belong to bounds them.
Status Decoder::Impl::check_memory(Interval range) const {
  if (range.begin == input.there().first_missing(0) || input.has_room(range.size())) return {};
  return make_error(Code::kLimit,
                    "bytes at offset {}: the memory limit leaves no room, expected those at {}",
                    range.begin, input.there().first_missing(0));
}

// Takes a part of a segment, none of whose bytes is there.
Status Decoder::Impl::take(std::uint64_t offset, Bytes bytes) {
  // Without a store, take steps, between which records are released.
  constexpr std::size_t kStep = std::size_t{1} << 20;
  const std::size_t step = input.has_store() ? bytes.size() : kStep;
  while (!bytes.empty()) {
    const Bytes part = bytes.first(std::min(step, bytes.size()));
    const Interval range{offset, offset + part.size()};
    BBZ_TRY(check_memory(range));
    BBZ_TRY(input.take(offset, part));
    adopted.remove(range);
    failure = absorb(range);
    input.forget_latest();
    BBZ_TRY(failure);
    offset = range.end;
    bytes = bytes.subspan(part.size());
  }
  return {};
}

Status Decoder::feed(std::uint64_t offset, Bytes bytes) {
  BBZ_TRY(impl_->failure);
  const auto end = checked_add(offset, bytes.size());
  if (!end) {
    return make_error(Code::kInvalidArgument, "{} bytes at offset {}: they end beyond 64 bits",
                      bytes.size(), offset);
  }
  const Interval range{offset, *end};
  BBZ_TRY(impl_->check_range(range));
  RangeSet taken;
  // Bytes that were there, and so were ignored in the first pass, may turn out to be damaged.
  for (int pass = 0; pass < 2; ++pass) {
    const auto parts = impl_->input.there().missing(range);
    if (std::ranges::all_of(parts, [&](const Interval& part) { return taken.covers(part); })) break;
    for (const Interval& part : parts) {
      taken.add(part);
      BBZ_TRY(impl_->take(part.begin, bytes.subspan(part.begin - offset, part.size())));
    }
  }
  return {};
}

Status Decoder::adopt(Interval range) {
  BBZ_TRY(impl_->failure);
  if (!impl_->input.has_store()) {
    return make_error(Code::kInvalidArgument, "adopt: the decoder has no store");
  }
  BBZ_TRY(impl_->check_range(range));
  for (const Interval& part : impl_->input.there().missing(range)) {
    BBZ_TRY(impl_->input.adopt(part));
    impl_->adopted.add(part);
  }
  return impl_->failure = impl_->absorb(range);
}

Status Decoder::set_total(std::uint64_t total) {
  BBZ_TRY(impl_->failure);
  if (impl_->input.there().end() > total) {
    return make_error(Code::kInvalidArgument, "archive length {}: bytes up to {} were fed", total,
                      impl_->input.there().end());
  }
  BBZ_TRY(impl_->record_map.set_total(total));
  impl_->declared = true;
  return impl_->failure = impl_->absorb({});
}

// --- what they mean

// Does everything that the bytes of `fresh` make possible.
Status Decoder::Impl::absorb(Interval fresh) {
  const std::size_t known = record_map.unit_count();
  BBZ_TRY(record_map.advance([this](std::size_t unit) { return assembler.add(unit); }));
  if (record_map.listed() && !told) {
    told = true;
    BBZ_TRY(assembler.end_list());
    BBZ_TRY(receiver.structure(record_map.catalog()));
  }
  const std::size_t count = record_map.unit_count();
  for (std::size_t unit = record_map.first_after(fresh.begin);
       unit < known && record_map.unit(unit).offset < fresh.end; ++unit) {
    BBZ_TRY(check_unit(unit));
  }
  for (std::size_t unit = known; unit < count; ++unit) BBZ_TRY(check_unit(unit));
  return {};
}

Status Decoder::Impl::check_unit(std::size_t number) {
  const Unit& unit = record_map.unit(number);
  if (!unit.is(Unit::kHeadOk) && input.has(unit.head())) BBZ_TRY(check_head(number));
  if (!unit.is(Unit::kPayloadOk)) BBZ_TRY(check_payload(number));
  return {};
}

// Returns whether any byte of the range was adopted.
bool Decoder::Impl::was_adopted(Interval range) const {
  return adopted.missing(range) != std::vector{range};
}

// Compares the head of a record with what the index lists.
Status Decoder::Impl::check_head(std::size_t number) {
  Unit& unit = record_map.unit(number);
  BBZ_ASSIGN(const Bytes bytes, input.read(unit.head(), buffer));
  bool other = false;
  Status same = record_map.check_head(unit, bytes, other);
  if (same.ok()) {
    unit.set(Unit::kHeadOk);
    input.verify(unit.head());
    input.release(unit.head());
    return {};
  }
  // What was adopted may be of another archive, and be intact in its own way.
  if (other && !was_adopted(unit.head())) return same;
  return input.damage(unit.head(), same.error());
}

Status Decoder::Impl::check_payload(std::size_t number) {
  Unit& unit = record_map.unit(number);
  const Interval range = unit.payload();
  if (!unit.has_payload) {
    unit.set(Unit::kPayloadOk);
    unit.set(Unit::kHanded);
    return {};
  }
  const bool known = container::is_known(unit.type);
  if (!known && !input.has_store()) return unit.is(Unit::kHeadOk) ? roll(number) : Status();
  if (!input.has(range)) return {};
  if (!range.empty() && trusted.covers(range) && unit.type != RecordType::kGroup) {
    unit.set(Unit::kPayloadOk);
    input.verify(range);
    return assembler.trust(number);
  }
  if (!unit.is(Unit::kHeadOk)) return {};  // the head has the payload's check
  std::uint64_t computed = 0;
  std::optional<Hasher> digest = digest_for(unit);
  Bytes payload;
  if (assembler.needs_payload(unit)) {
    BBZ_ASSIGN(payload, input.read(range, buffer));
    computed = xxh3_64(payload);
  } else {
    BBZ_ASSIGN(computed, input.hash(range, digest));
  }
  return judge(number, computed, digest, payload);
}

// Returns what computes the SHA-256 of a record's payload, if only the record's meta has it: types
// that are known compare theirs when they are taken.
std::optional<Hasher> Decoder::Impl::digest_for(const Unit& unit) const {
  const DigestKind kind = record_map.header()->digest_kind;
  if (container::is_known(unit.type) || kind != DigestKind::kSha256) return std::nullopt;
  return std::optional<Hasher>(kind);
}

// Compares the checksum of a payload, and passes it on. `payload` is empty if its bytes are not
// needed.
Status Decoder::Impl::judge(std::size_t number, std::uint64_t computed,
                            std::optional<Hasher>& digest, Bytes payload) {
  Unit& unit = record_map.unit(number);
  const auto found = static_cast<std::uint32_t>(computed);
  if (found == unit.payload_check) {
    if (!container::is_known(unit.type)) {
      const auto of_payload = digest ? std::optional(digest->finish()) : std::nullopt;
      BBZ_TRY(record_map.check_unknown(unit, computed, of_payload));
    }
    unit.set(Unit::kPayloadOk);
    input.verify(unit.payload());
    return assembler.take(number, payload);
  }
  std::string what = fmt::format("{} record", container::type_name(unit.type));
  if (const auto found_chunk = record_map.chunk_of(unit)) {
    const catalog::ChunkMeta& chunk = record_map.catalog().chunks[*found_chunk].meta;
    what = fmt::format("tensor {} {}, chunk {}", chunk.tensor,
                       quoted(record_map.catalog().tensors[chunk.tensor].meta.name), chunk.number);
  }
  return input.damage(
      unit.payload(),
      make_error(Code::kChecksum, "{} at offset {}: payload check {:08x}, computed {:08x}", what,
                 unit.offset, unit.payload_check, found));
}

// Hashes the payload of an unknown record as it arrives, because its length has no limit; for
// decoders without a store. Of several such payloads, hashes the first and drops what arrived for
// later ones.
Status Decoder::Impl::roll(std::size_t number) {
  rolls.insert(number);
  while (!rolls.empty()) {
    const std::size_t first = *rolls.begin();
    const Interval range = record_map.unit(first).payload();
    if (rolling && rolling->unit != first) {
      input.drop({record_map.unit(rolling->unit).payload().begin, rolling->position});
      rolling.reset();
    }
    if (!rolling)
      rolling.emplace(Rolling{first, range.begin, {}, digest_for(record_map.unit(first))});
    const std::uint64_t to = std::min(input.there().first_missing(rolling->position), range.end);
    constexpr std::uint64_t kStep = std::uint64_t{1} << 20;
    while (rolling->position < to) {
      const Interval part{rolling->position, std::min(to, rolling->position + kStep)};
      BBZ_ASSIGN(const Bytes bytes, input.read(part, buffer));
      rolling->hash.update(bytes);
      if (rolling->digest) rolling->digest->update(bytes);
      input.release(part);
      rolling->position = part.end;
    }
    if (to < range.end) return {};
    const std::uint64_t computed = rolling->hash.digest64();
    std::optional<Hasher> digest = std::move(rolling->digest);
    rolling.reset();
    rolls.erase(first);
    BBZ_TRY(judge(first, computed, digest, {}));
  }
  return {};
}

// --- what is there and what is not

bool Decoder::complete() const {
  const Impl& d = *impl_;
  if (!d.failure.ok()) return false;
  if (d.options.only_wanted && d.record_map.opened()) return d.assembler.open() == 0;
  return d.record_map.header() && d.record_map.closed() &&
         d.input.verified().covers({0, *d.record_map.total()});
}

Status Decoder::finish() {
  Impl& d = *impl_;
  BBZ_TRY(d.failure);
  if (complete()) return {};
  if (!d.record_map.header() && d.input.first_damage() == nullptr) {
    const std::uint64_t have = d.input.there().first_missing(0);
    std::vector<std::byte> buffer;
    BBZ_ASSIGN(const Bytes bytes, d.input.read({0, have}, buffer));
    BBZ_TRY(container::decode_file_header(bytes));
  }
  if (const Damage* damage = d.input.first_damage()) return damage->error;
  const auto missing = needs(1);
  const std::uint64_t at =
      missing.empty() ? d.input.there().first_missing(0) : missing.front().begin;
  return make_error(Code::kTruncated, "the bytes from offset {} on are missing", at);
}

const Status& Decoder::failure() const {
  return impl_->failure;
}
std::vector<Damage> Decoder::damages() const {
  return impl_->input.damages();
}
std::size_t Decoder::damage_count() const {
  return impl_->input.damage_count();
}
const Damage* Decoder::first_damage(std::uint32_t times) const {
  return impl_->input.first_damage(times);
}
const RangeSet& Decoder::verified() const {
  return impl_->input.verified();
}
const RangeSet& Decoder::there() const {
  return impl_->input.there();
}
std::optional<std::uint64_t> Decoder::total() const {
  return impl_->record_map.total();
}
const catalog::Catalog* Decoder::catalog() const {
  return impl_->record_map.has_catalog() ? &impl_->record_map.catalog() : nullptr;
}
bool Decoder::opened() const {
  return impl_->record_map.opened();
}
std::optional<Digest> Decoder::root() const {
  return impl_->record_map.root();
}
Interval Decoder::records() const {
  const internal::RecordMap& record_map = impl_->record_map;
  if (!record_map.listed() || record_map.unit_count() == 0) return {};
  return {record_map.unit(0).offset, record_map.unit(record_map.unit_count() - 1).end()};
}

}  // namespace bbz::push
