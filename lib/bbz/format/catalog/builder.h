// CatalogBuilder: takes record heads one after the other and checks that they fit together.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "bbz/format/catalog/catalog.h"

namespace bbz::catalog {

// Sorts paths so that what lies below a folder directly follows it: '/' before every other byte.
struct PathOrder {
  bool operator()(std::string_view a, std::string_view b) const;
};

// The same builder serves the writer (which feeds it what it writes), the reader that streams and
// the reader that opens by the index, so that all three hold an archive to the same rules and
// compute the same root digest.
class CatalogBuilder {
 public:
  CatalogBuilder(const container::FileHeader& header, const Limits& limits);

  // Takes the next record, in archive order; indexes, trailer and unknown skippable records are
  // ignored. Errors: kMalformed, kUnsupported, kUnsafePath, kLimit, with the record's offset. After
  // an error the builder must not be used.
  Status add(const container::RecordView& record);

  // Checks that nothing is left open, after the last record.
  Status finish();

  // The root digest of the records so far. To be called once, after finish().
  Digest root();

  // What has been added so far; complete after finish(). The newest record's entry is the last of
  // its kind.
  const Catalog& catalog() const { return catalog_; }
  Catalog take() { return std::move(catalog_); }

 private:
  Status add_file(const container::RecordView& record);
  Status add_file_end(const container::RecordView& record);
  Status add_tensor(const container::RecordView& record);
  Status add_chunk(const container::RecordView& record);
  Status add_metadata(const container::RecordView& record);
  Status add_group(const container::RecordView& record);
  Status refer_to_group(const container::RecordView& record, const TensorMeta& meta);
  Status claim_space(const container::RecordView& record, std::uint64_t end, std::uint64_t size);
  Status claim_path(const container::RecordView& record, const FileMeta& meta);
  Status expect_chunks_done(const container::RecordView& record) const;
  void hash(const container::RecordView& record);

  Limits limits_;
  Catalog catalog_;
  Hasher root_;
  bool file_open_ = false;
  std::set<std::string, PathOrder> paths_;
  std::set<std::pair<std::uint32_t, std::string>> keys_;
  std::set<std::string> operands_;
  std::map<std::uint8_t, std::uint32_t> newest_groups_;  // by their methods
};

}  // namespace bbz::catalog
