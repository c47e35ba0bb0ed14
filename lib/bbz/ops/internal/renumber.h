// Renumberer: counts the numbers in the metas of archives that are joined anew.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bbz/format/catalog/catalog.h"

namespace bbz::ops {

// Translates the records of one part after the other. Not thread-safe.
class Renumberer {
 public:
  explicit Renumberer(const Limits& limits) : limits_(limits) {}

  // Begins a part with this header, after the records of the parts before it.
  void begin_part(const container::FileHeader& header);
  // Returns the meta of a record in the whole, or nothing if the whole has the record already.
  // `payload` is the value of a metadata record. Precondition: the part's CatalogBuilder has accepted
  // the record. If `repeats`, the chunk in it becomes one of codec same. Errors: kInvalidArgument,
  // kUnsupported.
  Result<std::optional<std::vector<std::byte>>> meta_of(const container::RecordView& record,
                                                        Bytes payload, bool repeats = false);

 private:
  // How many there were before a part, or are so far.
  struct Counts {
    std::uint32_t files = 0;
    std::uint32_t tensors = 0;
    std::uint32_t groups = 0;
  };

  Result<std::optional<std::vector<std::byte>>> tensor(const container::RecordView& record,
                                                       bool repeats);
  Result<std::optional<std::vector<std::byte>>> metadata(const container::RecordView& record,
                                                         Bytes payload);
  Result<std::optional<std::vector<std::byte>>> private_name(const container::RecordView& record);
  Result<std::optional<std::vector<std::byte>>> base(const container::RecordView& record);
  Result<std::optional<std::vector<std::byte>>> block_type(const container::RecordView& record);

  Limits limits_;
  container::FileHeader header_;
  Counts before_;  // the present part
  Counts so_far_;
  std::map<std::string, catalog::BlockTypeMeta> block_types_;  // of the whole, by name
  std::vector<std::uint32_t>
      block_numbers_;                        // in the whole, of the block types of the present part
  std::vector<catalog::BaseMeta> bases_;     // of the whole
  std::vector<std::uint32_t> base_numbers_;  // in the whole, of the bases of the present part
  std::map<std::string, Digest> values_;     // XXH3-128 of the metadata of the archive, by key
  std::map<std::pair<catalog::Registry, std::uint64_t>, std::string> names_;  // of private numbers
};

}  // namespace bbz::ops
