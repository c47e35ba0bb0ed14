// What indexes list: they name records whose heads are damaged, and where their payloads are.
#pragma once

#include <compare>
#include <optional>
#include <vector>

#include "bbz/format/container/index.h"
#include "bbz/io/source.h"

namespace bbz::salvage {

// Where records were found in an archive.
class FoundPlaces {
 public:
  // Takes a record that was found at `offset`. `entry` is its index entry.
  void add(Bytes entry, std::uint64_t offset);
  // Returns where each record of an index lies in the archive: where it was found; otherwise before
  // the record that follows it in the index, or before the index; otherwise behind the record before
  // it. `begin` and `end` are those of the index in the archive. Records with the same entry are in
  // the archive in the order of the index; if some of them were not found, their neighbours tell
  // which. Returns nothing if an entry is not valid.
  std::optional<std::vector<std::uint64_t>> of_listed(const container::Index& index,
                                                      const Limits& limits, std::uint64_t begin,
                                                      std::uint64_t end);

 private:
  struct Found {
    std::uint64_t hash = 0;    // XXH3-64 of the entry
    std::uint64_t offset = 0;  // of the record
    auto operator<=>(const Found& other) const = default;
  };

  struct Listed;

  void claim(Listed& record, std::uint64_t offset);
  void match(std::vector<Listed>& listed, bool all);

  std::vector<Found> found_;
  std::vector<bool> claimed_;  // which of them belong to a record that the index lists
};

// Reads the index whose head was found at `offset` of an archive with this id; nothing if it is not
// whole, or lists more bytes than `most`, from which they are taken. `end` becomes its end.
std::optional<container::Index> read_listed(io::Source& source, std::uint64_t offset,
                                            std::uint64_t id, const Limits& limits,
                                            std::uint64_t& most, std::uint64_t& end);

}  // namespace bbz::salvage
