#include "bbz/ops/forecast/internal/exact.h"

#include <unistd.h>

#include <algorithm>
#include <optional>

#include "bbz/base/format.h"
#include "bbz/base/layer_name.h"
#include "bbz/base/names.h"
#include "bbz/files/safetensors/header.h"
#include "bbz/io/fd_writer.h"
#include "bbz/io/unnamed_file.h"
#include "bbz/ops/forecast/internal/dense.h"
#include "bbz/ops/internal/packer.h"
#include "bbz/ops/pack.h"
#include "bbz/parallel/thread_pool.h"

namespace bbz::forecast {
namespace {

WriteOptions write_options(const Options& options, codec::Level level) {
  WriteOptions write;
  write.level = level;
  write.threads = options.threads;
  return write;
}

Exact conclude(const SampledWriter& writer, const Options& options, std::uint64_t archive,
               double seconds) {
  const SampledWriter::Result found = writer.result();
  const auto threads = static_cast<double>(parallel::ThreadPool(options.threads).size());
  Exact exact;
  exact.bytes = static_cast<double>(archive) + found.correction;
  exact.error = found.error;
  exact.seconds = std::max(seconds - found.spent, 0.0) + found.seconds / threads;
  exact.encoded = found.encoded;
  exact.tensors = writer.tensors();
  return exact;
}

// Writes what lies in a range of a source as one tensor.
Status write_extent(io::Source& source, const files::Extent& extent, SampledWriter& writer) {
  TensorSpec spec = ops::tensor_spec(extent);
  spec.place = TensorSpec::At{extent.offset};
  BBZ_TRY(writer.begin(spec));
  std::uint64_t offset = extent.offset;
  for (MutableBytes room = writer.room(); !room.empty(); room = writer.room()) {
    BBZ_TRY(io::read_exactly(source, offset, room));
    offset += room.size();
    BBZ_TRY(writer.write());
  }
  return writer.end();
}

// Writes files as ops::Packer does.
class FileWriter {
 public:
  FileWriter(Writer& writer, SampledWriter& sampled) : writer_(writer), sampled_(sampled) {}

  Status write(const files::SourceFile& file) {
    const bool directory = file.kind == files::SourceFile::Kind::kDirectory;
    BBZ_TRY(writer_.begin_file(
        file.path, directory ? catalog::FileKind::kDirectory : catalog::FileKind::kRegular));
    for (const ops::MetadataEntry& entry :
         ops::metadata_of(file.layout, writer_.options().limits)) {
      BBZ_TRY(writer_.add_metadata(entry.key, entry.value));
    }
    const std::uint32_t first = tensors_;
    for (const files::Extent& extent : file.layout.extents) {
      if (!extent.length || !file.source->seekable()) {
        return make_error(Code::kUnsupported, "{}: a stream cannot be read more than once",
                          quoted(file.path));
      }
      BBZ_TRY(write_extent(*file.source, extent, sampled_));
      ++tensors_;
    }
    for (const files::View& view : file.layout.views) {
      const std::uint32_t base = first + static_cast<std::uint32_t>(view.extent);
      BBZ_ASSIGN(std::optional<TensorSpec> spec,
                 ops::view_spec(file.layout, view, tensors_ - base, viewed_bytes_));
      if (!spec) continue;
      spec->layer = layer_of(spec->name);
      BBZ_TRY(writer_.begin_tensor(*spec));
      BBZ_TRY(writer_.end_tensor());
      ++tensors_;
    }
    return writer_.end_file();
  }

 private:
  Writer& writer_;
  SampledWriter& sampled_;
  std::uint32_t tensors_ = 0;
  std::uint64_t viewed_bytes_ = 0;
};

Status write_tensor(const model::Model& model, std::size_t number, std::uint64_t offset,
                    SampledWriter& writer) {
  const TensorInfo& info = model.tensors[number];
  TensorSpec spec;
  spec.kind = catalog::TensorKind::kTensor;
  spec.name = info.name;
  spec.dtype = info.dtype;
  spec.shape = info.shape;
  spec.block = info.block;
  spec.layer = layer_of(info.name);
  spec.place = TensorSpec::At{offset};
  BBZ_TRY(writer.begin(spec));
  std::vector<std::byte> all;
  if (!model.read) {
    BBZ_ASSIGN(all, model.load(number));
  }
  std::uint64_t at = 0;
  for (MutableBytes room = writer.room(); !room.empty(); room = writer.room()) {
    if (model.read) {
      BBZ_TRY(model.read(number, at, room));
    } else {
      std::ranges::copy(Bytes(all).subspan(at, room.size()), room.begin());
    }
    at += room.size();
    BBZ_TRY(writer.write());
  }
  return writer.end();
}

// Writes what stands before the tensors of the file that a model is, and returns its size.
Result<std::uint64_t> write_header(const model::Model& model, SampledWriter& writer) {
  std::vector<std::byte> header = model.header;
  if (header.empty()) {
    std::vector<safetensors::Tensor> tensors;
    for (const TensorInfo& info : model.tensors) {
      if (info.block == nullptr) tensors.push_back({info.name, info.dtype, info.shape, 0, 0});
    }
    auto built = safetensors::build(tensors, model.metadata);
    if (built.ok()) header = std::move(*built);  // else the model has names that no such file has
  }
  if (header.empty()) return std::uint64_t{0};
  BBZ_TRY(writer.begin(TensorSpec::bytes(header.size())));
  std::uint64_t at = 0;
  for (MutableBytes room = writer.room(); !room.empty(); room = writer.room()) {
    std::ranges::copy(Bytes(header).subspan(at, room.size()), room.begin());
    at += room.size();
    BBZ_TRY(writer.write());
  }
  BBZ_TRY(writer.end());
  return header.size();
}

}  // namespace

Result<Exact> pack_files(files::FileSequence& files, const Options& options, codec::Level level,
                         bool whole) {
  const double begin = now();
  const auto sink = io::null_sink();
  BBZ_ASSIGN(Writer writer, Writer::create(*sink, write_options(options, level)));
  SampledWriter sampled(writer, level, options.share, files.total_size().value_or(0), whole);
  FileWriter packed(writer, sampled);
  std::uint64_t original = 0;
  while (true) {
    BBZ_ASSIGN(const std::optional<files::SourceFile> file, files.next());
    if (!file) break;
    BBZ_TRY(packed.write(*file));
    if (file->source) original += file->source->size().value_or(0);
  }
  BBZ_TRY(files.check_unchanged());
  BBZ_TRY(writer.finish());
  Exact exact = conclude(sampled, options, sink->written(), now() - begin);
  exact.original_bytes = original;
  return exact;
}

Result<Exact> pack_model(const model::Model& model, const Options& options, codec::Level level,
                         bool whole) {
  const double begin = now();
  const auto sink = io::null_sink();
  BBZ_ASSIGN(Writer writer, Writer::create(*sink, write_options(options, level)));
  SampledWriter sampled(writer, level, options.share, model.file_bytes, whole);
  BBZ_TRY(writer.begin_file("model.safetensors"));
  BBZ_TRY(writer.add_metadata("format", "safetensors"));
  BBZ_ASSIGN(std::uint64_t offset, write_header(model, sampled));
  for (std::size_t i = 0; i < model.tensors.size(); ++i) {
    BBZ_TRY(write_tensor(model, i, offset, sampled));
    BBZ_ASSIGN(const std::uint64_t elements, element_count(model.tensors[i].shape));
    offset += (elements * element_bits(model.tensors[i]) + 7) / 8;
  }
  BBZ_TRY(writer.end_file());
  BBZ_TRY(writer.finish());
  Exact exact = conclude(sampled, options, sink->written(), now() - begin);
  exact.original_bytes = offset;
  return exact;
}

double writing_seconds(const std::string& folder, double bytes) {
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  constexpr double kMost = 4 << 20;
  if (folder.empty() || bytes <= 0) return 0;
  const auto file = io::create_unnamed_file(folder);
  if (!file.ok()) return 0;
  // Bytes that no file system can compress.
  const std::vector<std::byte> piece = made_up_bytes(kPiece, 1);
  io::FdWriter writer(file->get(), folder);
  const double wanted = std::min(bytes, kMost);
  const double begin = now();
  double written = 0;
  while (written < wanted) {
    if (!writer.write(piece).ok()) return 0;
    written += kPiece;
  }
  if (!writer.flush().ok() || ::fsync(file->get()) != 0) return 0;
  return (now() - begin) * bytes / written;
}

}  // namespace bbz::forecast
