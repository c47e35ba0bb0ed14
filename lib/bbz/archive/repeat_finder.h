// RepeatFinder: decides which chunks of a new archive are written with codec same.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "bbz/base/keyed_hash.h"
#include "bbz/format/catalog/builder.h"
#include "bbz/format/container/record_writer.h"

namespace bbz {

// Finds the chunks that repeat earlier ones. Equal checksums only suggest it: SHA-256 digests prove
// it, or the payloads, which are read again from the sink. If it cannot be read, a keyed hash of each
// payload is kept. So an archive is the same whatever it is written to. All but hash_of() is not
// thread-safe.
class RepeatFinder {
 public:
  // The hash of a payload, if the finder needs it.
  using Hash = std::optional<KeyedHash::Value>;

  // Refers to the writer of the records and to the builder of their catalog, which must outlive it.
  RepeatFinder(const container::RecordWriter& records, catalog::CatalogBuilder& builder);

  // Returns the hash of a payload, for find() and note(). Thread-safe.
  Hash hash_of(Bytes payload) const;
  // Returns whether the next chunk of the catalog, a whole one of `tensor`, can be written with codec
  // same. `hash` is that of its payload. Errors: those of the sink.
  Result<bool> find(const catalog::TensorMeta& tensor, const catalog::ChunkMeta& chunk,
                    Bytes payload, const Hash& hash);
  // Notes the hash of the payload of the newest chunk of the catalog, if it does not repeat another.
  void note(const Hash& hash);

 private:
  // Payloads up to this size are stored again: a reference would make reading one tensor depend on
  // another for a few bytes.
  static constexpr std::size_t kMostStored = 64;

  const container::RecordWriter& records_;
  catalog::CatalogBuilder& builder_;
  std::optional<KeyedHash> keyed_;                              // if it needs hashes
  std::unordered_map<std::uint64_t, KeyedHash::Value> hashes_;  // by the index of the chunk
  std::vector<std::byte> other_;                                // one payload
};

}  // namespace bbz
