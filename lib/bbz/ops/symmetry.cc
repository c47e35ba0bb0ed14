#include "bbz/ops/symmetry.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/ops/internal/model_files.h"
#include "bbz/ops/internal/packer.h"

namespace bbz::ops {
namespace {

// Packs the model among the files with the symmetry coder, and all else exactly.
class SymmetricPacker {
 public:
  SymmetricPacker(const PackOptions& options, const SymmetryOptions& symmetry, ModelFiles found,
                  SymmetrySummary& summary)
      : options_(options), symmetry_(symmetry), found_(std::move(found)), summary_(summary) {
    summary_.reason = found_.reason;
  }

  // Opens a model that is in several files.
  Status open(files::FileSequence& files) {
    if (!found_.reason.empty() || found_.paths.size() < 2) return {};
    BBZ_ASSIGN(parts_, open_parts(files, found_.paths));
    return prepare_parts();
  }

  Status add(Packer& packer, const files::SourceFile& file, std::shared_ptr<io::Source> source) {
    const bool of_model =
        found_.reason.empty() && std::ranges::find(found_.paths, file.path) != found_.paths.end();
    if (of_model && parts_.empty()) {
      files::SourceFile alone;
      alone.path = file.path;
      alone.layout.format = file.layout.format;
      alone.attributes = file.attributes;
      parts_.push_back({std::move(alone), source});
      BBZ_TRY(prepare_parts());
    }
    if (!of_model || !prepared_.reason.empty()) return packer.add(file, std::move(source));
    if (summary_.record) return {};  // a part that was written with the first
    BBZ_TRY(rotate(packer));
    for (const ModelPart& part : parts_) {
      packer.count(parts_.size() == 1 ? file : part.file, *part.source);
    }
    return {};
  }

 private:
  Status prepare_parts() {
    BBZ_ASSIGN(prepared_, prepare(parts_, options_.write, symmetry_));
    summary_.reason = prepared_.reason;
    return {};
  }

  // Writes all files of the model.
  Status rotate(Packer& packer) {
    rotation::PackOptions rotating;
    rotating.method = symmetry_.method;
    rotating.floor = symmetry_.floor;
    rotating.spool_folder = symmetry_.spool_folder;
    rotating.outputs = std::move(prepared_.outputs);
    std::uint64_t size = 0;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      rotating.outputs[i].attributes = packer.recorded(parts_[i].file);
      size += parts_[i].source->size().value_or(0);
    }
    if (options_.progress) {
      // By its header, the model may unpack to more bytes than were read.
      rotating.progress = [&, size](std::uint64_t of_model) {
        options_.progress(packer.summary().input_bytes + std::min(of_model, size));
      };
    }
    BBZ_ASSIGN(summary_.record,
               rotation::pack(prepared_.model, prepared_.detection, packer.writer(), rotating));
    return {};
  }

  const PackOptions& options_;
  const SymmetryOptions& symmetry_;
  const ModelFiles found_;
  SymmetrySummary& summary_;
  std::vector<ModelPart> parts_;
  Prepared prepared_;
};

}  // namespace

Result<SymmetrySummary> pack_symmetric(files::FileSequence& files, io::Sink& sink,
                                       const PackOptions& options,
                                       const SymmetryOptions& symmetry) {
  if (options.index_first) {
    return make_error(Code::kInvalidArgument,
                      "the symmetry coder does not support an index at the front");
  }
  SymmetrySummary summary;
  BBZ_ASSIGN(ModelFiles found, find_model(files));
  SymmetricPacker symmetric(options, symmetry, std::move(found), summary);
  BBZ_TRY(symmetric.open(files));
  BBZ_ASSIGN(summary.packed, pack_with(files, sink, options,
                                       [&](Packer& packer, const files::SourceFile& file,
                                           std::shared_ptr<io::Source> source) -> Status {
                                         return symmetric.add(packer, file, std::move(source));
                                       }));
  return summary;
}

}  // namespace bbz::ops
