#include "bbz/ops/internal/packer.h"

#include <algorithm>
#include <utility>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/symmetry/view.h"

namespace bbz::ops {

using files::Extent;
using files::SourceFile;

namespace {

catalog::FileKind kind_of(const SourceFile& file) {
  return file.kind == SourceFile::Kind::kDirectory ? catalog::FileKind::kDirectory
                                                   : catalog::FileKind::kRegular;
}

bool is_tensor(const Extent& extent) {
  return extent.kind == Extent::Kind::kTensor && !extent.storage;
}

}  // namespace

std::vector<MetadataEntry> metadata_of(const files::Layout& layout, const Limits& limits) {
  std::vector<MetadataEntry> entries;
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

Result<std::optional<TensorSpec>> view_spec(const files::Layout& layout, const files::View& view,
                                            std::uint32_t back, std::uint64_t& viewed_bytes) {
  TensorSpec spec;
  spec.name = view.name;
  spec.dtype = view.dtype;
  spec.shape = view.shape;
  spec.place = TensorSpec::ViewOf{back, view.offset, view.strides};
  catalog::Tensor tensor;
  catalog::Tensor base;
  BBZ_ASSIGN(tensor.meta, tensor_meta(spec, WriteOptions().chunk_bytes));
  BBZ_ASSIGN(const std::uint64_t elements, element_count(view.shape));
  BBZ_ASSIGN(tensor.byte_size, byte_size(view.dtype, elements));
  base.byte_size = layout.extents[view.extent].length.value_or(0);
  const std::uint64_t left = catalog::kMostViewedBytes - viewed_bytes;
  if (tensor.byte_size > left || !symmetry::check_view_of(tensor, base).ok()) {
    return std::optional<TensorSpec>();
  }
  viewed_bytes += tensor.byte_size;
  return std::optional(std::move(spec));
}

Status Packer::add(const SourceFile& file, std::shared_ptr<io::Source> source) {
  BBZ_TRY(writer_.begin_file(file.path, kind_of(file), recorded(file)));
  for (const MetadataEntry& entry : metadata_of(file.layout, writer_.options().limits)) {
    BBZ_TRY(writer_.add_metadata(entry.key, entry.value));
  }
  if (options_.as_bytes && !file.layout.why_bytes.empty()) {
    options_.as_bytes(file.path, file.layout.why_bytes);
  }
  // The writer continues to read this file while the next one is opened.
  if (source) BBZ_TRY(limit_open_files(source));
  const std::uint32_t first_tensor = tensors_;
  for (const Extent& extent : file.layout.extents) {
    BBZ_TRY(extent.length ? add_extent(source, extent) : add_rest(*source, extent.offset));
  }
  BBZ_TRY(add_views(file, first_tensor));
  ++summary_.files;
  return writer_.end_file();
}

// Adds the tensors that have bytes of extents. Those that no reader may decode are only counted: their
// bytes are in the extents all the same. The first extent is tensor `first_tensor`.
Status Packer::add_views(const files::SourceFile& file, std::uint32_t first_tensor) {
  const files::Layout& layout = file.layout;
  for (const files::View& view : layout.views) {
    const std::uint32_t base = first_tensor + static_cast<std::uint32_t>(view.extent);
    BBZ_ASSIGN(std::optional<TensorSpec> spec,
               view_spec(layout, view, tensors_ - base, viewed_bytes_));
    if (!spec) {
      if (summary_.views_left_out++ == 0) {
        summary_.first_left_out =
            fmt::format("{} of {}", bbz::quoted(view.name), bbz::quoted(file.path));
      }
      continue;
    }
    spec->layer = options_.layers.layer_of(spec->name);
    BBZ_TRY(writer_.begin_tensor(*spec));
    BBZ_TRY(writer_.end_tensor());
    ++tensors_;
    ++summary_.tensors;
  }
  return {};
}

io::FileAttributes Packer::recorded(const SourceFile& file) const {
  return file.attributes.only(options_.modes, options_.times);
}

void Packer::count(const SourceFile& file, const io::Source& source) {
  ++summary_.files;
  for (const Extent& extent : file.layout.extents) {
    if (is_tensor(extent)) ++summary_.tensors;
  }
  summary_.input_bytes += source.size().value_or(0);
}

// Bounds the number of files that the writer has yet to read, however many threads and small files
// there are, because a process may have few descriptors.
Status Packer::limit_open_files(std::shared_ptr<io::Source>& source) {
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

// Finds the tensor of the base on which a tensor can lean: of its name, its dtype and its shape.
Result<std::optional<LeansOn>> Packer::find_support(const TensorSpec& spec) {
  BBZ_ASSIGN(const catalog::TensorMeta meta, tensor_meta(spec, writer_.options().chunk_bytes));
  BBZ_ASSIGN(const std::uint64_t elements, element_count(spec.shape));
  const auto size = packed_bytes(elements, meta.element_bits);
  if (!size || *size == 0) return std::optional<LeansOn>();
  BBZ_ASSIGN(const std::vector<BaseTensor> found, options_.base->find(spec.name, nullptr));
  const auto alike =
      std::ranges::find_if(found, [&](const BaseTensor& other) { return is_alike(meta, other); });
  if (alike == found.end()) return std::optional<LeansOn>();
  const auto [base, added] = bases_.try_emplace(alike->file);
  if (added) {
    BBZ_ASSIGN(base->second, writer_.add_base(*alike->file));
  }
  LeansOn leans{base->second, alike->info.name, nullptr};
  if (!writer_.measures()) {
    BBZ_ASSIGN(leans.bytes, SupportBytes::load(*alike, *size, writer_.options().digest));
  }
  ++summary_.leaning;
  return std::optional(std::move(leans));
}

Status Packer::add_extent(const std::shared_ptr<io::Source>& source, const Extent& extent) {
  TensorSpec spec = tensor_spec(extent);
  ++tensors_;
  if (is_tensor(extent)) {
    spec.layer = options_.layers.layer_of(spec.name);
    ++summary_.tensors;
    if (options_.base != nullptr) {
      BBZ_ASSIGN(spec.leans, find_support(spec));
    }
  }
  BBZ_TRY(writer_.begin_tensor(spec));
  std::uint64_t offset = extent.offset;
  while (true) {
    BBZ_ASSIGN(const std::uint64_t taken, writer_.write_from(source, offset));
    if (taken == 0) break;
    offset += taken;
    count_bytes(taken);
  }
  return writer_.end_tensor();
}

// Writes the rest of a file of unknown length, one chunk at a time. The length of a chunk is known
// only when it was read.
Status Packer::add_rest(io::Source& source, std::uint64_t offset) {
  buffer_.resize(writer_.options().chunk_bytes);
  while (true) {
    BBZ_ASSIGN(const std::size_t n, io::read_up_to(source, offset, buffer_));
    if (n == 0) return {};
    BBZ_TRY(writer_.begin_tensor(TensorSpec::bytes(n)));
    ++tensors_;
    BBZ_TRY(writer_.write(Bytes(buffer_).first(n)));
    BBZ_TRY(writer_.end_tensor());
    offset += n;
    count_bytes(n);
  }
}

void Packer::count_bytes(std::uint64_t bytes) {
  summary_.input_bytes += bytes;
  if (options_.progress) options_.progress(summary_.input_bytes);
}

namespace {

// Returns whether the system or the caller is the reason for an error, and not the content of a
// file.
bool is_of_system(Code code) {
  return code == Code::kIo || code == Code::kCancelled || code == Code::kOutOfMemory;
}

// Makes the writer of the archive. For an index at the front, makes all calls once without the
// data, and leaves the sequence at its beginning.
Result<Writer> make_writer(files::FileSequence& files, io::Sink& sink, const PackOptions& options) {
  if (!options.index_first) return Writer::create(sink, options.write);
  BBZ_ASSIGN(Writer measuring, Writer::measure(options.write));
  PackOptions quiet = options;
  quiet.progress = {};
  quiet.as_bytes = {};
  Packer packer(measuring, quiet);
  while (true) {
    BBZ_ASSIGN(const std::optional<SourceFile> file, files.next());
    if (!file) break;
    if (file->source && !file->source->seekable()) {
      return make_error(Code::kUnsupported,
                        "{}: an index at the front needs files that can be read twice, "
                        "not a stream",
                        file->source->name());
    }
    BBZ_TRY(packer.add(*file, nullptr));
  }
  BBZ_TRY(files.rewind());
  return Writer::create_index_first(sink, std::move(measuring));
}

// Packs everything but the end of the archive.
Result<Writer> pack_files(files::FileSequence& files, io::Sink& sink, const PackOptions& options,
                          const AddFile& add, PackSummary& summary) {
  BBZ_ASSIGN(Writer writer, make_writer(files, sink, options));
  Packer packer(writer, options);
  while (true) {
    BBZ_ASSIGN(std::optional<SourceFile> file, files.next());
    if (!file) break;
    std::shared_ptr<io::Source> source = std::move(file->source);
    if (source) BBZ_TRY(io::add_input(sink, *source));
    BBZ_TRY(add(packer, *file, std::move(source)));
  }
  BBZ_TRY(writer.drain());
  summary = packer.summary();
  return writer;
}

}  // namespace

Result<PackSummary> pack_with(files::FileSequence& files, io::Sink& sink,
                              const PackOptions& options, const AddFile& add) {
  BBZ_TRY(files.look());
  const std::uint64_t begin = sink.written();
  PackSummary summary;
  Result<Writer> writer = pack_files(files, sink, options, add, summary);
  // The end is written when it is known that no file has changed. A change may be the reason for
  // the error.
  if (writer.ok() || !is_of_system(writer.code())) BBZ_TRY(files.check_unchanged());
  if (!writer.ok()) return writer.error();
  if (options.base != nullptr) BBZ_TRY(options.base->add_inputs(sink));
  BBZ_ASSIGN(summary.root, writer->finish());
  summary.archive_bytes = sink.written() - begin;
  summary.codecs = info(writer->catalog(), summary.archive_bytes).codecs;
  return summary;
}

}  // namespace bbz::ops
