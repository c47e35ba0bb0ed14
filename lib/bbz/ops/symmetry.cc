#include "bbz/ops/symmetry.h"

#include <algorithm>
#include <filesystem>

#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz::ops {
namespace {

namespace fs = std::filesystem;

bool is_model(const files::SourceFile& file) {
  return file.layout.format == "safetensors" || file.layout.format == "pytorch";
}

// The only file that holds a model, or the reason why there is none.
struct Found {
  std::string path;
  std::shared_ptr<io::Source> source;
  std::string reason;
};

// Finds the model, and leaves the sequence at its beginning.
Result<Found> find_model(files::FileSequence& files) {
  BBZ_TRY(files.look());
  Found found;
  std::size_t count = 0;
  std::string bytes;  // why the first file that looks like a model cannot be read as one
  while (true) {
    BBZ_ASSIGN(std::optional<files::SourceFile> file, files.next());
    if (!file) break;
    if (file->source && !file->source->seekable()) {
      return make_error(Code::kInvalidArgument, "{}: the symmetry coder needs a file, not a stream",
                        file->source->name());
    }
    if (!is_model(*file)) {
      if (bytes.empty() && !file->layout.why_bytes.empty()) {
        bytes = fmt::format("{}: it is {}", bbz::quoted(file->path), file->layout.why_bytes);
      }
      continue;
    }
    ++count;
    found.path = file->path;
    found.source = std::move(file->source);
  }
  BBZ_TRY(files.rewind());
  if (count == 0)
    found.reason = bytes.empty() ? "the input has no safetensors or PyTorch file" : bytes;
  if (count > 1) found.reason = fmt::format("the model is in {} files", count);
  return found;
}

// Returns why a model with junctions is better packed exactly, or an empty text if it is not.
Result<std::string> why_not(const model::Model& model, const junction::Detection& detection) {
  const Status work = rotation::check_work(model, detection);
  if (!work.ok()) return work.error().message;
  return rotation::why_none_fits(model, detection);
}

}  // namespace

Result<SymmetrySummary> pack_symmetric(files::FileSequence& files, io::Sink& sink,
                                       const PackOptions& options,
                                       rotation::RequestedMethod method) {
  if (options.write.front_index_bytes) {
    return make_error(Code::kInvalidArgument,
                      "the symmetry coder does not support an index at the front");
  }
  SymmetrySummary summary;
  BBZ_ASSIGN(const Found found, find_model(files));
  summary.reason = found.reason;
  PackOptions with_model = options;
  std::uint64_t before = 0;  // bytes of the files before the model
  model::Model model;
  junction::Detection detection;
  if (found.reason.empty()) {
    auto opened = model::open(found.source, found.path, options.write.threads);
    const bool automatic = method == rotation::RequestedMethod::kAuto;
    if (opened.ok()) {
      model = std::move(*opened);
      model.path = fs::path(found.path).replace_extension(".safetensors").string();
      detection = rotation::detect(model);
      summary.reason = detection.refusal;
      if (summary.reason.empty() && automatic) {
        BBZ_ASSIGN(summary.reason, why_not(model, detection));
      }
    } else if (automatic && opened.code() == Code::kLimit) {
      summary.reason = opened.error().message;
    } else {
      return opened.error();
    }
  }
  if (summary.reason.empty()) {
    rotation::PackOptions rotating;
    rotating.method = method;
    rotating.digest = options.write.digest;
    rotating.level = options.write.level;
    rotating.chunk_bytes = options.write.chunk_bytes;
    rotating.threads = options.write.threads;
    if (options.progress) {
      with_model.progress = [&](std::uint64_t read) { options.progress(before = read); };
    }
    with_model.instead = [&, rotating](const files::SourceFile& file,
                                       Writer& writer) mutable -> Result<bool> {
      if (file.path != found.path) return false;
      // By its header, the model may unpack to more bytes than were read.
      const std::uint64_t size = file.source ? file.source->size().value_or(0) : 0;
      if (options.progress) {
        rotating.progress = [&options, before, size](std::uint64_t of_model) {
          options.progress(before + std::min(of_model, size));
        };
      }
      BBZ_ASSIGN(summary.record, rotation::pack(model, detection, writer, rotating));
      return true;
    };
  }
  BBZ_ASSIGN(summary.packed, pack(files, sink, with_model));
  return summary;
}

}  // namespace bbz::ops
