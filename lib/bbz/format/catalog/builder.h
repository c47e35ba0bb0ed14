// CatalogBuilder: builds a Catalog from the heads of records, and checks that they fit together.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "bbz/format/catalog/catalog.h"
#include "bbz/format/catalog/repeats.h"

namespace bbz::catalog {

// Orders paths so that everything below a directory follows it directly: '/' sorts before every
// other byte.
struct PathOrder {
  // Returns whether `a` sorts before `b`.
  bool operator()(std::string_view a, std::string_view b) const;
};

// Builds the catalog and computes the root digest, record by record. The writer, which passes what
// it writes, and both readers use it, so that all hold an archive to the same rules. Not
// thread-safe.
class CatalogBuilder {
 public:
  // Begins the catalog of an archive with this header. Records beyond `limits` are refused.
  CatalogBuilder(const container::FileHeader& header, const Limits& limits);

  // Adds the next record, in archive order. An unknown skippable record adds nothing to the catalog,
  // but must not interrupt the chunks of a tensor. An index or a trailer is ignored. Errors:
  // kMalformed, kUnsupported, kUnsafePath, kLimit, with the record's offset. After an error the
  // builder must not be used.
  Status add(const container::RecordView& record);

  // Checks after the last record that no file is open and no chunk missing. Errors: kMalformed.
  Status finish();

  // Returns the root digest of the records so far. Call it once, after finish().
  Digest root();

  // Returns the index of the chunk so far that a chunk of codec same would repeat, or nullopt. The
  // chunk is the next one of `tensor`, a dense tensor of a file.
  std::optional<std::uint64_t> find_repeated(const TensorMeta& tensor, const ChunkMeta& chunk) {
    return repeats_.find(catalog_, tensor, chunk_of(tensor, chunk));
  }

  // Returns the catalog so far, which is complete after finish(). The entry of the newest record is
  // the last of its vector.
  const Catalog& catalog() const { return catalog_; }
  // Moves the catalog out; the builder must not be used afterwards.
  Catalog take() { return std::move(catalog_); }

 private:
  Status add_file(const container::RecordView& record);
  Status add_file_end(const container::RecordView& record);
  Status add_tensor(const container::RecordView& record);
  Status place(const container::RecordView& record, TensorRecord& fields) const;
  Status add_chunk(const container::RecordView& record);
  Status take_chunk(const container::RecordView& record, ChunkMeta meta);
  Status repeat_chunk(const container::RecordView& record, Chunk& chunk);
  Status add_metadata(const container::RecordView& record);
  Status add_group(const container::RecordView& record);
  Status add_private_name(const container::RecordView& record);
  Status add_block_type(const container::RecordView& record);
  Status check_blocks(const container::RecordView& record, const TensorMeta& meta) const;
  Status add_base(const container::RecordView& record);
  Status add_unknown(const container::RecordView& record);
  Status check_place(const container::RecordView& record) const;
  void use(Registry registry, std::uint64_t number);
  void use(const container::Extensions& extensions);
  Status refer_to_group(const container::RecordView& record, const TensorMeta& meta);
  Status add_view(const container::RecordView& record, TensorMeta& meta, std::uint64_t size);
  Status claim_space(const container::RecordView& record, std::uint64_t end, std::uint64_t size);
  bool is_ordered(const File& file) const;
  Status claim_path(const container::RecordView& record, const FileMeta& meta);
  Status expect_chunks_done(const container::RecordView& record) const;
  void hash(const container::RecordView& record);

  Limits limits_;
  Catalog catalog_;
  Hasher root_;
  bool file_open_ = false;
  std::uint64_t file_end_ = 0;  // the end of the last tensor in the open file
  std::set<std::string, PathOrder> paths_;
  std::set<std::pair<std::uint32_t, std::string>> keys_;
  std::set<std::string> operands_;
  std::set<std::string> block_names_;
  std::map<GroupMethod, std::uint32_t> newest_groups_;  // by method
  Repeats repeats_;
  // The private numbers that were named or used.
  std::set<std::pair<Registry, std::uint64_t>> used_;
};

}  // namespace bbz::catalog
