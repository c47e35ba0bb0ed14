// Repeats: finds the chunk that a chunk of codec same repeats.
#pragma once

#include <compare>
#include <map>
#include <optional>

#include "bbz/format/catalog/catalog.h"

namespace bbz::catalog {

// Returns whether chunks of a tensor may repeat others, and be repeated: it is dense, in a file,
// and does not lean on a base.
bool may_repeat(const TensorMeta& tensor);

// What a payload is decoded by, and the checksum of what it must decode to. Two chunks with the same key
// and the same decoded digest, if there is one, can share a payload.
struct RepeatKey {
  std::uint64_t checksum = 0;
  std::uint64_t elements = 0;
  std::uint64_t row_length = 0;
  std::uint64_t first_column = 0;
  DType dtype{};
  std::uint32_t element_bits = 0;

  auto operator<=>(const RepeatKey&) const = default;
};
// Returns the key of a chunk of a tensor.
RepeatKey repeat_key(const TensorMeta& tensor, const Chunk& chunk);

// Lets a chunk of codec same be read and decoded as `other`, a chunk of the tensor `owner` with the same
// key: takes its codec, its payload, and what is not known of it or its tensor. Does not set same_as.
void share_payload(Chunk& chunk, const TensorMeta& owner, const Chunk& other);

// Knows the chunks of a catalog that later ones may repeat. Looks at them when it is first asked, so
// that an archive without repeats costs nothing. Not thread-safe.
class Repeats {
 public:
  // Returns the index of the chunk of `catalog` that the next chunk, one of `tensor`, repeats if its
  // codec is same: the newest that decodes to as many elements of the same dtype in rows of the same
  // length from the same column on, with the same decoded checksum, and whose codec is not same.
  // Returns nullopt if there is none, or if its decoded digest is another. Every call must be for the
  // same catalog, to which chunks were added since.
  std::optional<std::uint64_t> find(const Catalog& catalog, const TensorMeta& tensor,
                                    const Chunk& chunk);

 private:
  std::map<RepeatKey, std::uint64_t> newest_;
  std::uint64_t known_ = 0;  // number of chunks of the catalog that were looked at
};

}  // namespace bbz::catalog
