#include "bbz/ops/pack.h"

#include "bbz/archive/front_index.h"
#include "bbz/base/format.h"
#include "bbz/base/layer_name.h"
#include "bbz/base/names.h"

namespace bbz::ops {
namespace {

using files::Extent;
using files::SourceFile;

struct Entry {
  std::string_view key;
  std::string_view value;
};

// Returns the metadata of a file: format-spec/records.md lists the keys.
std::vector<Entry> metadata_of(const files::Layout& layout, const Limits& limits) {
  std::vector<Entry> entries;
  if (!layout.why_bytes.empty()) entries.push_back({"as-bytes", layout.why_bytes});
  if (layout.format.empty() || layout.format == "bytes") return entries;
  entries.push_back({"format", layout.format});
  // Metadata that is too large for a record is still in the file's own header.
  if (layout.format == "safetensors" && !layout.metadata.empty() &&
      layout.metadata.size() <= limits.metadata_bytes) {
    entries.push_back({"safetensors", layout.metadata});
  }
  return entries;
}

catalog::FileKind kind_of(const SourceFile& file) {
  return file.kind == SourceFile::Kind::kDirectory ? catalog::FileKind::kDirectory
                                                   : catalog::FileKind::kRegular;
}

// Writes the files of one archive, one after the other.
class Packer {
 public:
  Packer(Writer& writer, const PackOptions& options) : writer_(writer), options_(options) {}

  Status add(SourceFile& file) {
    if (options_.instead) {
      BBZ_ASSIGN(const bool done, options_.instead(file, writer_));
      if (done) return count_file(file);
    }
    BBZ_TRY(writer_.begin_file(file.path, kind_of(file)));
    for (const Entry& entry : metadata_of(file.layout, options_.write.limits)) {
      BBZ_TRY(writer_.add_metadata(entry.key, entry.value));
    }
    if (options_.as_bytes && !file.layout.why_bytes.empty()) {
      options_.as_bytes(file.path, file.layout.why_bytes);
    }
    // The writer continues to read this file while the next one is opened.
    std::shared_ptr<io::Source> source = std::move(file.source);
    if (source) BBZ_TRY(limit_open_files(source));
    for (const Extent& extent : file.layout.extents) {
      BBZ_TRY(extent.length ? add_extent(source, extent) : add_rest(*source, extent.offset));
    }
    ++summary_.files;
    return writer_.end_file();
  }

  const PackSummary& summary() const { return summary_; }

 private:
  // Bounds the number of files that the writer has yet to read, however many threads and small
  // files there are, because a process may have few descriptors.
  Status limit_open_files(std::shared_ptr<io::Source>& source) {
    constexpr std::uint64_t kSmall = std::uint64_t{64} << 10;
    constexpr std::size_t kMostOpen = 6;
    if (source->seekable() && source->size().value_or(kSmall) < kSmall) {
      std::vector<std::byte> all(*source->size());
      BBZ_TRY(io::read_exactly(*source, 0, all));
      source = io::memory_source(std::move(all), std::string(source->name()));
      return {};
    }
    std::erase_if(open_, [](const auto& one) { return one.expired(); });
    if (open_.size() >= kMostOpen) BBZ_TRY(writer_.drain());
    open_.push_back(source);
    return {};
  }

  // Counts a file that `instead` has written.
  Status count_file(const SourceFile& file) {
    ++summary_.files;
    for (const Extent& extent : file.layout.extents) {
      if (extent.kind == Extent::Kind::kTensor) ++summary_.tensors;
    }
    if (file.source) summary_.input_bytes += file.source->size().value_or(0);
    return {};
  }

  Status add_extent(const std::shared_ptr<io::Source>& source, const Extent& extent) {
    BBZ_TRY(writer_.begin_tensor(tensor_spec(extent)));
    if (extent.kind == Extent::Kind::kTensor) ++summary_.tensors;
    std::uint64_t offset = extent.offset;
    while (true) {
      BBZ_ASSIGN(const std::uint64_t taken, writer_.write_from(source, offset));
      if (taken == 0) break;
      offset += taken;
      count(taken);
    }
    return writer_.end_tensor();
  }

  // Writes the rest of a file of unknown length, one chunk at a time. The length of a chunk is
  // known only when it was read.
  Status add_rest(io::Source& source, std::uint64_t offset) {
    buffer_.resize(options_.write.chunk_bytes);
    while (true) {
      BBZ_ASSIGN(const std::size_t n, io::read_up_to(source, offset, buffer_));
      if (n == 0) return {};
      BBZ_TRY(writer_.begin_tensor(TensorSpec::bytes(n)));
      BBZ_TRY(writer_.write(Bytes(buffer_).first(n)));
      BBZ_TRY(writer_.end_tensor());
      offset += n;
      count(n);
    }
  }

  void count(std::uint64_t bytes) {
    summary_.input_bytes += bytes;
    if (options_.progress) options_.progress(summary_.input_bytes);
  }

  Writer& writer_;
  const PackOptions& options_;
  PackSummary summary_;
  std::vector<std::byte> buffer_;
  std::vector<std::weak_ptr<io::Source>> open_;  // sources that the writer may still read
};

// Returns whether the system or the caller is the reason for an error, and not the content of a
// file.
bool is_of_system(Code code) {
  return code == Code::kIo || code == Code::kCancelled || code == Code::kOutOfMemory;
}

// Packs everything but the end of the archive, which is written when it is known that no file
// changed.
Status pack_files(files::FileSequence& files, Packer& packer, Writer& writer, io::Sink& sink) {
  while (true) {
    BBZ_ASSIGN(std::optional<SourceFile> file, files.next());
    if (!file) break;
    if (file->source) BBZ_TRY(io::add_input(sink, *file->source));
    BBZ_TRY(packer.add(*file));
  }
  return writer.drain();
}

}  // namespace

TensorSpec tensor_spec(const Extent& extent) {
  if (extent.kind == Extent::Kind::kBytes) return TensorSpec::bytes(*extent.length);
  TensorSpec spec;
  spec.name = extent.name;
  spec.dtype = extent.dtype;
  spec.shape = extent.shape;
  spec.layer = layer_of(extent.name);
  return spec;
}

// Makes the same calls as Packer::add, without the data.
Result<std::uint64_t> front_index_bytes(files::FileSequence& files, const WriteOptions& options) {
  FrontIndexMeter meter(options);
  while (true) {
    BBZ_ASSIGN(const std::optional<SourceFile> file, files.next());
    if (!file) break;
    meter.begin_file(file->path);
    for (const Entry& entry : metadata_of(file->layout, options.limits)) {
      meter.add_metadata(entry.key);
    }
    const bool stream = file->source && !file->source->seekable();
    if (stream) {
      return make_error(
          Code::kUnsupported,
          "{}: an index at the front needs files that can be read twice, not a stream",
          file->source->name());
    }
    for (const Extent& extent : file->layout.extents) {
      BBZ_TRY(meter.begin_tensor(tensor_spec(extent)));
    }
    meter.end_file(file->kind == SourceFile::Kind::kRegular);
  }
  BBZ_TRY(files.rewind());
  return meter.bytes();
}

Result<PackSummary> pack(files::FileSequence& files, io::Sink& sink, const PackOptions& options) {
  BBZ_TRY(files.look());
  const std::uint64_t begin = sink.written();
  BBZ_ASSIGN(const std::unique_ptr<Writer> writer, Writer::create(sink, options.write));
  Packer packer(*writer, options);
  const Status packed = pack_files(files, packer, *writer, sink);
  // A file that changed may be the reason for the error.
  if (packed.ok() || !is_of_system(packed.code())) BBZ_TRY(files.check_unchanged());
  BBZ_TRY(packed);
  PackSummary summary = packer.summary();
  BBZ_ASSIGN(summary.root, writer->finish());
  summary.archive_bytes = sink.written() - begin;
  return summary;
}

}  // namespace bbz::ops
