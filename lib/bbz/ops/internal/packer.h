// Packer: writes files into an archive one after the other, for pack() and pack_symmetric().
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "bbz/ops/pack.h"

namespace bbz::ops {

// A key and a value of a file's metadata.
struct MetadataEntry {
  std::string_view key;
  std::string_view value;
};

// Returns the metadata that the archive gets for a file: format-spec/records.md lists the keys. They live as
// long as the layout.
std::vector<MetadataEntry> metadata_of(const files::Layout& layout, const Limits& limits);

// Returns how to write a tensor that has bytes of an extent, which is written `back` tensors before it, or
// nothing if no reader may decode it. Counts the bytes of views.
Result<std::optional<TensorSpec>> view_spec(const files::Layout& layout, const files::View& view,
                                            std::uint32_t back, std::uint64_t& viewed_bytes);

// Writes the files of one archive.
class Packer {
 public:
  // `writer` and `options` must outlive the packer.
  Packer(Writer& writer, const PackOptions& options) : writer_(writer), options_(options) {}

  // Writes a file, whose content comes from `source`, or an empty directory, whose source is null.
  // If the writer measures, no source is read, and all may be null. Errors: those of the source and
  // of the writer; kTruncated if the source ends before the layout does.
  Status add(const files::SourceFile& file, std::shared_ptr<io::Source> source);
  // Counts a file that the caller has written in another way, without its views.
  void count(const files::SourceFile& file, const io::Source& source);

  // Returns what the options say to record of a file.
  io::FileAttributes recorded(const files::SourceFile& file) const;
  // Returns the writer.
  Writer& writer() { return writer_; }
  // Returns the counts so far. The root and the length of the archive are not known yet.
  const PackSummary& summary() const { return summary_; }

 private:
  Status limit_open_files(std::shared_ptr<io::Source>& source);
  Status add_extent(const std::shared_ptr<io::Source>& source, const files::Extent& extent);
  Result<std::optional<LeansOn>> find_support(const TensorSpec& spec);
  Status add_views(const files::SourceFile& file, std::uint32_t first_tensor);
  Status add_rest(io::Source& source, std::uint64_t offset);
  void count_bytes(std::uint64_t bytes);

  Writer& writer_;
  const PackOptions& options_;
  PackSummary summary_;
  std::uint32_t tensors_ = 0;       // that the writer was given, of every kind
  std::uint64_t viewed_bytes_ = 0;  // of the views so far
  std::map<std::shared_ptr<const catalog::BaseMeta>, std::uint32_t> bases_;  // their numbers
  std::vector<std::byte> buffer_;
  std::vector<std::weak_ptr<io::Source>> open_;  // sources that the writer may still read
};

// Writes one file with a packer, as Packer::add() does or in another way.
using AddFile = std::function<Status(Packer& packer, const files::SourceFile& file,
                                     std::shared_ptr<io::Source> source)>;

// Packs as pack() does, but calls `add` for each file. Errors: those of pack() and of `add`.
Result<PackSummary> pack_with(files::FileSequence& files, io::Sink& sink,
                              const PackOptions& options, const AddFile& add);

}  // namespace bbz::ops
