// RecordMap: finds out which records an archive has and where, from the bytes of it that are there.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "bbz/access/push/internal/input.h"
#include "bbz/format/catalog/builder.h"
#include "bbz/format/container/index.h"

namespace bbz::push::internal {

// A record between the file header and the index at the end.
struct Unit {
  // The results of checks.
  enum Flag : std::uint8_t {
    kHeadOk = 1,  // the head in the archive is intact and is the one that is known; the pad is zero
    kPayloadOk = 2,  // the payload has the payload check of the head
    kHanded = 4,     // nothing more is to be made of it
    kPassed = 8,     // a chunk whose bytes were passed to the receiver
    kTrusted = 16,   // a restored state says that it was verified and passed on
  };
  std::uint64_t offset = 0;
  std::uint64_t payload_length = 0;
  std::uint64_t listed_at = 0;      // offset of its entry in RecordMap's list
  std::uint32_t head_length = 0;    // bytes, with the pad
  std::uint32_t entry_length = 0;   // bytes
  std::uint32_t payload_check = 0;  // known if kHeadOk
  std::uint32_t item = 0;           // index among the catalog's entries of its kind
  container::RecordType type{};
  std::uint8_t flags = 0;
  bool has_payload = false;

  // Returns the range of its head and its pad.
  Interval head() const { return {offset, offset + head_length}; }
  // Returns the range of its payload.
  Interval payload() const { return {offset + head_length, offset + head_length + payload_length}; }
  // Returns the offset after its last byte.
  std::uint64_t end() const { return payload().end; }
  // Returns whether a flag is set.
  bool is(Flag flag) const { return (flags & flag) != 0; }
  // Sets a flag.
  void set(Flag flag) { flags = static_cast<std::uint8_t>(flags | flag); }
};

// Reads the header, then record heads one after the other from the front, or all of them from an
// index as soon as one is there. Compares the indexes and the trailer with what it knows. Returns
// errors that make the archive wrong; damaged bytes go to Input::damage().
class RecordMap {
 public:
  // Begins with nothing known. `input` must outlive the record_map.
  RecordMap(Input& input, const Options& options);

  // Sets the length of the archive. Errors: kInvalidArgument if another is known.
  Status set_total(std::uint64_t total);
  // Continues as far as the bytes that are there allow. Calls `add` for each record that becomes
  // known, when it is the newest of the catalog.
  Status advance(const std::function<Status(std::size_t unit)>& add);

  // Returns the file header, if it is known.
  const std::optional<container::FileHeader>& header() const { return header_; }
  // Returns the length of the archive, if it is known.
  std::optional<std::uint64_t> total() const { return total_; }
  // Returns whether all records are known.
  bool listed() const { return listed_; }
  // Returns whether indexes and trailer were read, and agree with the records and each other.
  bool closed() const { return trailer_ && index_read_ && front_done(); }
  // Returns whether all records are known, and what a reader that opens by the index needs was read:
  // the index at the front or, without one, the trailer and the index at the end.
  bool opened() const { return listed_ && (header_->index_first() ? front_read_ : closed()); }
  // Returns the content as far as it is known. Precondition: has_catalog().
  const catalog::Catalog& catalog() const { return builder_->catalog(); }
  // Returns whether the catalog was begun, which needs the file header.
  bool has_catalog() const { return builder_.has_value(); }
  // Returns the root digest; nullopt until all records are known.
  const std::optional<Digest>& root() const { return root_; }

  // Returns the number of records that are known.
  std::size_t unit_count() const { return units_.size(); }
  // Returns a unit. Precondition, also of the next: number < unit_count().
  Unit& unit(std::size_t number) { return units_[number]; }
  // Returns a unit.
  const Unit& unit(std::size_t number) const { return units_[number]; }
  // Returns the number of the chunk that a unit's payload is, among the catalog's chunks; nullopt if
  // it is none.
  std::optional<std::uint64_t> chunk_of(const Unit& unit) const;
  // Returns whether a decoder that had verified exactly these bytes knew of a unit: from its head, or
  // from an index.
  bool was_known(const Unit& unit, const RangeSet& verified) const;
  // Returns the first unit that ends after `offset`, or unit_count().
  std::size_t first_after(std::uint64_t offset) const;
  // Compares the head and the pad that the archive has for a unit with what is known of it. Takes the
  // payload check from them. `other` becomes whether they have an intact head of another record.
  // Errors: kMalformed if so, or if there is no record or the pad is not zero; kChecksum if the head
  // is damaged.
  Status check_head(Unit& unit, Bytes bytes, bool& other) const;

  // Compares a payload of an unknown type, by its XXH3-64 and, if the archive's digest kind is
  // SHA-256, that, with the check in the meta. Errors: kChecksum.
  Status check_unknown(const Unit& unit, std::uint64_t computed,
                       const std::optional<Digest>& digest) const;

  // Returns the bytes that must be there before opened() can hold, in the order to fetch them. Empty
  // if it holds, or if it can only hold when everything was read.
  std::vector<Interval> structure() const;

 private:
  using Add = std::function<Status(std::size_t)>;
  Bytes entry(const Unit& unit) const;
  bool front_done() const { return !header_->index_first() || front_read_; }
  Result<std::optional<container::RecordView>> head_at(std::uint64_t offset);
  Result<std::optional<std::vector<std::byte>>> payload_of(const container::RecordHead& head);
  Status read_header();
  Status read_front(const Add& add);
  Status read_records(const Add& add);
  Status read_last_trailer();
  Status read_index_head(std::uint64_t offset);
  Status read_index(const Add& add);
  Status take_record(const container::RecordView& record, const Add& add);
  Status take_index_head(const container::RecordView& record);
  Status take_list(const container::Index& index, const Add& add);
  Status take_trailer(const container::RecordView& record);
  Status end_list();
  Status check_index_offset() const;
  Status compare() const;
  Status check_end(const container::RecordHead& head) const;

  Input& input_;
  Limits limits_;
  std::optional<std::uint64_t> total_;
  std::optional<container::FileHeader> header_;
  std::optional<catalog::CatalogBuilder> builder_;
  std::vector<Unit> units_;
  std::vector<std::byte> list_;                      // the entries of the units
  std::uint64_t next_ = container::kFileHeaderSize;  // offset of the next record
  bool listed_ = false;
  std::optional<Digest> root_;

  std::optional<container::RecordHead> front_;  // head of the index at the front
  container::IndexMeta front_meta_;
  bool front_read_ = false;
  std::optional<container::RecordHead> index_;  // head of the index at the end
  container::IndexMeta index_meta_;
  bool index_read_ = false;
  std::optional<container::Trailer> trailer_;
  std::vector<std::byte> buffer_;  // holds the head and meta that were read last
};

}  // namespace bbz::push::internal
