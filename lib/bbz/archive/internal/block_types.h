// BlockTypes: the block types of the archive that a Writer writes.
#pragma once

#include <map>
#include <string>

#include "bbz/archive/internal/record_queue.h"

namespace bbz::internal {

// Gives block types their numbers, and writes a record of each when a tensor first has it. Not
// thread-safe.
class BlockTypes {
 public:
  // Returns the number of a valid block type, and writes its record if there is none yet; kNone for
  // null. No tensor may be open. Errors: kInvalidArgument if another block type has the name; those of the queue.
  Result<std::uint32_t> number_of(const SharedBlockType& type, RecordQueue& queue);

 private:
  std::map<std::string, catalog::BlockTypeMeta> by_name_;
};

// Returns the bytes of some elements of a tensor. Errors: kMalformed if these are no whole bytes, or
// their bits exceed 64 bits.
Result<std::uint64_t> size_of(const catalog::TensorMeta& meta, std::uint64_t elements);

}  // namespace bbz::internal
