// Survey: what a damaged archive still holds, put together from the records and whatever index is
// left.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bbz/format/catalog/catalog.h"
#include "bbz/format/container/scan.h"
#include "bbz/io/source.h"

namespace bbz::salvage {

struct FoundFile {
  std::optional<catalog::FileMeta> meta;
  std::optional<catalog::FileEndMeta> end;
  std::vector<std::uint32_t> tensors;  // in the order of their offsets
  // The values of its metadata "format" and "safetensors", yet to be read.
  std::map<std::string, catalog::Payload> metadata;
};

struct FoundTensor {
  catalog::TensorMeta meta;
  std::uint64_t offset = 0;  // of its record in the archive
  std::uint64_t byte_size = 0;
  std::uint64_t chunk_count = 0;
  std::map<std::uint64_t, catalog::Chunk>
      chunks;  // by number; whether they decode is not known yet
};

struct FoundGroup {
  catalog::GroupMeta meta;
  catalog::Payload payload;
  std::uint64_t offset = 0;  // of its record in the archive
  // The number of the tensor that follows it, with which those that belong to it begin; nothing
  // where that is not known any more.
  std::optional<std::uint32_t> first_tensor;
};

struct Survey {
  DigestKind digest_kind = DigestKind::kXxh3_128;
  std::map<std::uint32_t, FoundFile> files;
  std::map<std::uint32_t, FoundTensor> tensors;
  std::map<std::uint32_t, FoundGroup> groups;
  std::uint64_t orphans = 0;         // chunks whose tensor is not known any more
  std::vector<container::Gap> gaps;  // stretches without records
  bool had_index = false;            // an index was found whole
};

// Looks through the whole source. Anything that contradicts what was found before it is left out,
// so that the result fits together as far as it goes. Errors: those of the source; kNotAnArchive
// where there is neither a magic nor a record.
Result<Survey> survey(io::Source& source, const Limits& limits);

}  // namespace bbz::salvage
