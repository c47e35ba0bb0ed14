#include "bbz/ops/symmetry.h"

#include <algorithm>
#include <map>

#include "bbz/base/format.h"
#include "bbz/files/shards.h"
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

  // Opens a model that is in several files, or whose file gets another name, which an index before it
  // may have to tell.
  Status open(files::FileSequence& files) {
    const bool renamed = symmetry_.format != OutputFormat::kSame;
    if (!found_.reason.empty() || (found_.paths.size() < 2 && !renamed)) return {};
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
    if (!of_model && files::is_shard_index(file.path)) {
      return add_index(packer, file, std::move(source));
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
    for (std::size_t i = 0; i < prepared_.outputs.size() && prepared_.reason.empty(); ++i) {
      const std::string& path = prepared_.outputs[i].path;
      if (path != parts_[i].file.path) renamed_.emplace(parts_[i].file.path, path);
    }
    return {};
  }

  // Adds the index of a model in several files, in which the files have the names that they get.
  Status add_index(Packer& packer, const files::SourceFile& file,
                   std::shared_ptr<io::Source> source) const {
    if (renamed_.empty() || source == nullptr) return packer.add(file, std::move(source));
    const std::string folder = file.path.substr(0, file.path.rfind('/') + 1);
    BBZ_ASSIGN(const std::optional<std::string> text,
               files::rename_shards(*source, [&](const std::string& path) {
                 return new_path(folder, folder + path);
               }));
    if (!text) return packer.add(file, std::move(source));
    files::SourceFile index;
    index.path = file.path;
    index.attributes = file.attributes;
    index.layout.format = file.layout.format;
    files::Extent all;
    all.shape = {text->size()};
    all.length = text->size();
    index.layout.extents.push_back(std::move(all));
    const Bytes bytes = std::as_bytes(std::span(*text));
    std::vector<std::byte> copy(bytes.begin(), bytes.end());
    return packer.add(index, io::memory_source(std::move(copy), file.path));
  }

  // Returns the new path of a file of the model, relative to a directory, or nullopt if it keeps it.
  std::optional<std::string> new_path(std::string_view folder, std::string_view path) const {
    const auto found = renamed_.find(path);
    if (found == renamed_.end()) return std::nullopt;
    return found->second.substr(folder.size());
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
  std::map<std::string, std::string, std::less<>> renamed_;  // new paths of files that get one
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
