// RepeatFinder: decides which chunks of a new archive are written with codec same.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "bbz/format/catalog/builder.h"
#include "bbz/format/container/record_writer.h"

namespace bbz {

// Finds the chunks that repeat earlier ones. Equal checksums only suggest it: SHA-256 digests prove
// it, or the payloads, which are read again from the sink. If it cannot be read, the SHA-256 of each
// payload is kept. So an archive is the same whatever it is written to. Not thread-safe.
class RepeatFinder {
 public:
  // Refers to the writer of the records and to the builder of their catalog, which must outlive it.
  RepeatFinder(const container::RecordWriter& records, catalog::CatalogBuilder& builder)
      : records_(records), builder_(builder) {}

  // Returns whether payloads of this size may be worth a reference.
  static bool is_candidate(std::size_t payload_bytes) { return payload_bytes > kMostStored; }
  // Returns whether find() and note() need the SHA-256 of payloads.
  bool needs_hashes() const;

  // Returns whether the next chunk of the catalog, a whole one of `tensor`, can be written with codec
  // same. `hash` is the SHA-256 of its payload, if needs_hashes(). Errors: those of the sink.
  Result<bool> find(const catalog::TensorMeta& tensor, const catalog::ChunkMeta& chunk,
                    Bytes payload, const std::optional<Digest>& hash);
  // Notes the hash of the payload of the newest chunk of the catalog.
  void note(const std::optional<Digest>& hash);

 private:
  // Payloads up to this size are stored again: a reference would make reading one tensor depend on
  // another for a few bytes.
  static constexpr std::size_t kMostStored = 64;

  const container::RecordWriter& records_;
  catalog::CatalogBuilder& builder_;
  std::unordered_map<std::uint64_t, Digest> hashes_;  // by the index of the chunk
  std::vector<std::byte> other_;                      // one payload
};

}  // namespace bbz
