// Survey: lists what a damaged archive still holds, from its records and from any index that is
// left.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bbz/format/catalog/catalog.h"
#include "bbz/format/container/scan.h"
#include "bbz/io/source.h"

namespace bbz::salvage {

// The number of a file that is made up. It has the tensors of which no record says to which file they
// belong or where, one after the other. Files of real archives have lower numbers.
inline constexpr std::uint32_t kUnknownFile = 0xEFFFFFFF;

// A file that at least one record names.
struct FoundFile {
  std::optional<catalog::FileMeta> meta;    // kind and path; nullopt if the record is lost
  std::optional<catalog::FileEndMeta> end;  // size and digest; nullopt if the record is lost
  std::vector<std::uint32_t> tensors;       // in the order of their offsets
  std::vector<std::uint32_t> views;         // of these, whose bases were found
  // A value of its metadata that was not read yet.
  struct Value {
    catalog::Payload place;       // in the archive
    catalog::PayloadCheck check;  // of the value
  };
  std::map<std::string, Value> metadata;  // the keys "format" and "safetensors"
};

// A tensor whose record was found.
struct FoundTensor {
  catalog::TensorMeta meta;       // from its record
  std::uint64_t offset = 0;       // of its record in the archive
  std::uint64_t byte_size = 0;    // in the file, decoded
  std::uint64_t chunk_count = 0;  // that the record implies; `chunks` may have fewer
  // By number. It is not known yet whether they decode. One that repeats another has the payload of
  // that, and `same_as`, which is no index of anything here; if the other is lost, its codec is same.
  std::map<std::uint64_t, catalog::Chunk> chunks;
};

// A group whose record was found.
struct FoundGroup {
  catalog::GroupMeta meta;   // from its record
  catalog::Payload payload;  // its place in the archive; not read yet
  std::uint64_t offset = 0;  // of its record in the archive
  // The number of the tensor that follows it, the first of those that belong to it; nullopt if that
  // tensor is lost.
  std::optional<std::uint32_t> first_tensor;
};

// The content of a damaged archive.
struct Survey {
  // The kind in the file header. If that is damaged: the one that the first chunk implies, or
  // kXxh3_128 without a chunk.
  DigestKind digest_kind = DigestKind::kXxh3_128;
  std::map<std::uint32_t, FoundFile> files;          // by number
  std::map<std::uint32_t, FoundTensor> tensors;      // by number, including operands
  std::map<std::uint32_t, FoundGroup> groups;        // by number
  std::map<std::uint32_t, catalog::BaseMeta> bases;  // by number
  std::uint64_t orphans = 0;                         // chunks whose tensor is lost
  std::vector<container::Gap> gaps;                  // stretches without records
  bool had_index = false;                            // a whole index was found
};

// Scans the whole source for the records of the archive with this id or, without one, the id that
// container::find_id() finds. Records are found wherever they lie. A record that an index lists and
// that was not found is taken to end where the next one begins, or the index. A record that
// contradicts what was found before it is left out, so that the result is consistent as far as it
// goes. A tensor whose number or place neither its record nor those around it state gets a number
// that is made up, and a place in kUnknownFile. Errors: those of the source; kNotAnArchive if no id is found.
Result<Survey> survey(io::Source& source, const Limits& limits,
                      std::optional<std::uint64_t> id = std::nullopt);

}  // namespace bbz::salvage
