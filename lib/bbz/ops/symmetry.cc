#include "bbz/ops/symmetry.h"

#include <algorithm>
#include <filesystem>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/ops/internal/packer.h"

namespace bbz::ops {
namespace {

namespace fs = std::filesystem;

// The only file that holds a model, or the reason why there is none.
struct Found {
  std::string path;
  std::string reason;
};

// Finds the model among the files, and leaves the sequence at its beginning.
Result<Found> find_model(files::FileSequence& files) {
  BBZ_TRY(files.look());
  if (!files.rewind().ok()) {
    return error_with_message(
        Code::kInvalidArgument,
        "the symmetry coder needs files that can be read twice, not a stream");
  }
  Found found;
  std::size_t count = 0;
  std::string passed;  // why the first file that is or looks like a model is not the one
  for (const files::FoundModel& file : files.models()) {
    std::string why;
    if (!file.why_bytes.empty()) {
      why = fmt::format("{}: it is {}", bbz::quoted(file.path), file.why_bytes);
    } else if (file.format == "gguf") {
      // A rotated model is a safetensors file, which cannot hold all that a GGUF file does.
      why =
          fmt::format("{}: the symmetry coder does not rotate GGUF files", bbz::quoted(file.path));
    } else {
      found.path = file.path;
      ++count;
    }
    if (passed.empty()) passed = std::move(why);
  }
  if (count == 0)
    found.reason = passed.empty() ? "the input has no safetensors or PyTorch file" : passed;
  if (count > 1) found.reason = fmt::format("the model is in {} files", count);
  return found;
}

// A model and its junctions, or the reason to pack it exactly.
struct Prepared {
  model::Model model;
  junction::Detection detection;
  std::string reason;
};

// Opens a model and finds its junctions. With kAuto, a model that does not allow a rotation is one
// to pack exactly. Errors: those of model::open() and of model.load.
Result<Prepared> prepare(const std::string& path, const std::shared_ptr<io::Source>& source,
                         const WriteOptions& options, rotation::RequestedMethod method) {
  const bool automatic = method == rotation::RequestedMethod::kAuto;
  Prepared prepared;
  auto opened = model::open(source, path, options.threads, options.limits);
  if (!opened.ok()) {
    if (!automatic || opened.code() != Code::kLimit) return opened.error();
    prepared.reason = opened.error().message;
    return prepared;
  }
  prepared.model = std::move(*opened);
  prepared.model.path = fs::path(path).replace_extension(".safetensors").string();
  prepared.detection = rotation::detect(prepared.model);
  prepared.reason = prepared.detection.refusal;
  if (!prepared.reason.empty() || !automatic) return prepared;
  const Status work = rotation::check_work(prepared.model, prepared.detection);
  if (!work.ok()) {
    prepared.reason = work.error().message;
  } else {
    BBZ_ASSIGN(prepared.reason, rotation::why_none_fits(prepared.model, prepared.detection));
  }
  return prepared;
}

}  // namespace

Result<SymmetrySummary> pack_symmetric(files::FileSequence& files, io::Sink& sink,
                                       const PackOptions& options,
                                       rotation::RequestedMethod method) {
  if (options.index_first) {
    return make_error(Code::kInvalidArgument,
                      "the symmetry coder does not support an index at the front");
  }
  BBZ_ASSIGN(const Found found, find_model(files));
  SymmetrySummary summary;
  summary.reason = found.reason;
  const auto add = [&](Packer& packer, const files::SourceFile& file,
                       std::shared_ptr<io::Source> source) -> Status {
    if (!found.reason.empty() || file.path != found.path) {
      return packer.add(file, std::move(source));
    }
    BBZ_ASSIGN(const Prepared prepared, prepare(file.path, source, options.write, method));
    summary.reason = prepared.reason;
    if (!prepared.reason.empty()) return packer.add(file, std::move(source));
    rotation::PackOptions rotating;
    rotating.method = method;
    rotating.attributes = packer.recorded(file);
    if (options.progress) {
      // By its header, the model may unpack to more bytes than were read.
      const std::uint64_t size = source->size().value_or(0);
      rotating.progress = [&, size](std::uint64_t of_model) {
        options.progress(packer.summary().input_bytes + std::min(of_model, size));
      };
    }
    BBZ_ASSIGN(summary.record,
               rotation::pack(prepared.model, prepared.detection, packer.writer(), rotating));
    packer.count(file, *source);
    return {};
  };
  BBZ_ASSIGN(summary.packed, pack_with(files, sink, options, add));
  return summary;
}

}  // namespace bbz::ops
