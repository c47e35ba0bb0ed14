#include "bbz/capi/pack.h"

#include <filesystem>

#include "bbz/archive/root.h"
#include "bbz/capi/internal/describe.h"
#include "bbz/capi/internal/job.h"
#include "bbz/capi/internal/writing.h"
#include "bbz/ops/extract.h"
#include "bbz/ops/symmetry.h"
#include "bbz/ops/unpack.h"
#include "bbz/ops/verify.h"

namespace bbz::capi {

// They have grown by the base.
template <>
inline constexpr std::size_t kFirstSize<bbz_pack_options> = offsetof(bbz_pack_options, base);
template <>
inline constexpr std::size_t kFirstSize<bbz_unpack_options> = offsetof(bbz_unpack_options, base);

namespace {

std::string folder_of(const char* output) {
  const std::string folder = std::filesystem::path(output).parent_path().string();
  return folder.empty() ? "." : folder;
}

// What a call of bbz_pack is to do.
struct Packing {
  files::Options reading;
  ops::PackOptions packing;
  io::OutputOptions output;
  std::uint32_t symmetry = BBZ_SYMMETRY_OFF;
  gauge::Floor floor = gauge::Floor::kNone;
  std::uint32_t symmetry_as = BBZ_SYMMETRY_AS_SAME;
  Watcher watcher;
};

Result<gauge::Floor> floor_of(const bbz_pack_options& options) {
  switch (options.symmetry_floor) {
    case 0:
      return gauge::Floor::kNone;
    case 50:
      return gauge::Floor::kHalf;
    case 100:
      return gauge::Floor::kOne;
    default:
      return make_error(Code::kInvalidArgument,
                        "bbz_pack_options: symmetry_floor: expected 0, 50 or 100, found {}",
                        options.symmetry_floor);
  }
}

Result<Packing> packing_of(const bbz_pack_options* given, const char* output) {
  BBZ_ASSIGN(const bbz_pack_options known, read_struct(given, "bbz_pack_options"));
  if (known.reserved != 0 || known.symmetry > BBZ_SYMMETRY_PIVOT) {
    return make_error(Code::kInvalidArgument, "bbz_pack_options: {} is out of range",
                      known.reserved != 0 ? "reserved" : "symmetry");
  }
  BBZ_ASSIGN(const gauge::Floor floor, floor_of(known));
  if (known.symmetry_as > BBZ_SYMMETRY_AS_SAFETENSORS) {
    return make_error(Code::kInvalidArgument, "bbz_pack_options: symmetry_as is out of range");
  }
  if (known.symmetry != BBZ_SYMMETRY_OFF && known.index_first != 0) {
    return make_error(Code::kInvalidArgument,
                      "bbz_pack_options: index_first cannot be combined with symmetry");
  }
  if (known.symmetry != BBZ_SYMMETRY_OFF && known.base != nullptr) {
    return make_error(Code::kInvalidArgument,
                      "bbz_pack_options: base cannot be combined with symmetry");
  }
  Packing all;
  BBZ_ASSIGN(const Writing writing, writing_of(known.writing));
  all.packing.write = writing.archive;
  all.output = writing.output;
  all.packing.index_first = known.index_first != 0;
  all.packing.modes = known.modes != 0;
  all.packing.times = known.times != 0;
  all.packing.base = base_of(known.base);
  std::vector<std::string> layers;
  BBZ_TRY(add_patterns(known.layer_patterns, known.layer_pattern_count, layers));
  BBZ_ASSIGN(all.packing.layers, LayerRules::make(std::move(layers)));
  BBZ_TRY(add_patterns(known.excluded, known.excluded_count, all.reading.excluded));
  BBZ_TRY(add_patterns(known.opaque, known.opaque_count, all.reading.opaque_paths));
  all.reading.opaque = known.all_opaque != 0;
  all.reading.skip_unreadable = known.skip_unreadable != 0;
  all.reading.follow_links = known.follow_links != 0;
  all.reading.output = output;
  all.reading.temporary_folder = folder_of(output);
  all.symmetry = known.symmetry;
  all.floor = floor;
  all.symmetry_as = known.symmetry_as;
  all.watcher = {known.progress, known.user};
  return all;
}

rotation::RequestedMethod method_of(std::uint32_t symmetry) {
  switch (symmetry) {
    case BBZ_SYMMETRY_BITS_BACK:
      return rotation::RequestedMethod::kBitsBack;
    case BBZ_SYMMETRY_TRIANGULAR:
      return rotation::RequestedMethod::kTriangular;
    case BBZ_SYMMETRY_POLAR:
      return rotation::RequestedMethod::kPolar;
    case BBZ_SYMMETRY_PIVOT:
      return rotation::RequestedMethod::kPivot;
    default:
      return rotation::RequestedMethod::kAuto;
  }
}

Status pack(const char* input, const char* output, Packing& all, Job& job, bbz_written& written) {
  all.reading.before_file = [&job] { return job.check(); };
  BBZ_ASSIGN(const auto files, files::open(input, all.reading));
  BBZ_TRY(files->look());
  BBZ_ASSIGN(const auto sink, io::create_output(output, all.output));
  if (all.packing.index_first && !sink->can_patch()) {
    return make_error(Code::kInvalidArgument,
                      "{}: an index at the front needs an output that can seek", sink->name());
  }
  all.packing.progress = job.progress();
  BBZ_TRY(job.begin(BBZ_PHASE_WORK, files->total_size().value_or(BBZ_UNKNOWN)));
  ops::PackSummary summary;
  if (all.symmetry == BBZ_SYMMETRY_OFF) {
    BBZ_ASSIGN(summary, ops::pack(*files, *sink, all.packing));
  } else {
    ops::SymmetryOptions symmetry;
    symmetry.method = method_of(all.symmetry);
    symmetry.floor = all.floor;
    symmetry.spool_folder = all.reading.temporary_folder;
    if (all.symmetry_as == BBZ_SYMMETRY_AS_SAFETENSORS) {
      symmetry.format = ops::OutputFormat::kSafetensors;
    }
    BBZ_ASSIGN(const auto rotated, ops::pack_symmetric(*files, *sink, all.packing, symmetry));
    summary = rotated.packed;
    written.rotated = rotated.record ? 1 : 0;
  }
  BBZ_TRY(job.begin(BBZ_PHASE_FINISH, summary.input_bytes, summary.input_bytes));
  BBZ_TRY(sink->finish());
  written.file_count = summary.files;
  written.tensor_count = summary.tensors;
  written.leaning_count = summary.leaning;
  written.input_bytes = summary.input_bytes;
  written.archive_bytes = summary.archive_bytes;
  written.left_out = static_cast<std::uint32_t>(files->left_out().size());
  copy_text(summary.root.to_string(), written.root);
  return {};
}

// What a call of bbz_unpack is to do.
struct Unpacking {
  ops::Selection selection;
  ops::UnpackOptions files;
  ReadOptions reading;
  std::optional<Digest> expected;
  bool one_file = false;
  Watcher watcher;
};

Result<Unpacking> unpacking_of(const bbz_unpack_options* given) {
  BBZ_ASSIGN(const bbz_unpack_options known, read_struct(given, "bbz_unpack_options"));
  Unpacking all;
  BBZ_ASSIGN(all.selection, selection_of(known.selection));
  all.files.files = all.selection.files;
  all.files.replace = known.replace != 0;
  all.files.sync = known.no_sync == 0;
  all.files.modes = known.modes != 0;
  all.files.times = known.times != 0;
  all.reading.threads = known.threads;
  BBZ_ASSIGN(all.reading.limits, limits_of(known.limits));
  all.reading.base = base_of(known.base);
  if (known.expected_root != nullptr) {
    BBZ_ASSIGN(all.expected, ops::parse_digest(known.expected_root));
  }
  all.one_file = known.one_file != 0;
  if ((all.files.modes || all.files.times) && (all.one_file || all.selection.of_tensors())) {
    return make_error(Code::kInvalidArgument,
                      "bbz_unpack_options: modes and times need whole files in a directory");
  }
  all.watcher = {known.progress, known.user};
  return all;
}

// Writes the selected files or tensors to one file.
Status unpack_file(const Reader& reader, const char* output, const Unpacking& all, Job& job,
                   bbz_unpacked& unpacked) {
  io::OutputOptions options;
  options.replace = all.files.replace;
  options.sync = all.files.sync;
  BBZ_ASSIGN(const auto sink, io::create_output(output, options));
  if (all.selection.of_tensors()) {
    const ops::ExtractOptions extracting{all.selection, job.progress()};
    BBZ_ASSIGN(const auto summary, ops::extract(reader, *sink, extracting));
    unpacked.file_count = summary.files;
    unpacked.tensor_count = summary.tensors;
    unpacked.bytes = summary.bytes;
  } else {
    BBZ_ASSIGN(const auto summary, ops::unpack_one(reader, *sink, all.files.files, job.progress()));
    unpacked.file_count = summary.files;
    unpacked.bytes = summary.bytes;
  }
  BBZ_TRY(job.begin(BBZ_PHASE_FINISH, unpacked.bytes, unpacked.bytes));
  return sink->finish();
}

// Writes the selected files, or files of the selected tensors, below a directory.
Status unpack_tree(const Reader& reader, io::OutputTree& out, const Unpacking& all, Job& job,
                   bbz_unpacked& unpacked) {
  if (all.selection.of_tensors()) {
    ops::ExtractFilesOptions extracting;
    extracting.selection = all.selection;
    extracting.progress = job.progress();
    extracting.replace = all.files.replace;
    extracting.sync = all.files.sync;
    BBZ_ASSIGN(const auto summary, ops::extract_files(reader, out, extracting));
    unpacked.file_count = summary.files;
    unpacked.tensor_count = summary.tensors;
    unpacked.bytes = summary.bytes;
    return {};
  }
  ops::UnpackOptions unpacking = all.files;
  unpacking.progress = job.progress();
  BBZ_ASSIGN(const auto summary, ops::unpack(reader, out, unpacking));
  unpacked.file_count = summary.files;
  unpacked.bytes = summary.bytes;
  return {};
}

// Removes the directories that were created for an output that did not come about.
class CreatedFolders {
 public:
  explicit CreatedFolders(const io::OutputTree& tree) : tree_(&tree) {}
  ~CreatedFolders() {
    if (tree_ != nullptr) tree_->remove_created();
  }
  CreatedFolders(const CreatedFolders&) = delete;
  CreatedFolders& operator=(const CreatedFolders&) = delete;
  void keep() { tree_ = nullptr; }

 private:
  const io::OutputTree* tree_;
};

Status unpack(const bbz_source& source, const char* output, const Unpacking& all, Job& job,
              bbz_unpacked& unpacked) {
  BBZ_ASSIGN(const Reader reader, Reader::open(source.source, all.reading));
  const Status root = check_root(reader.root(), all.expected);
  if (!root.ok()) {
    return make_error(root.code(), "{}: {}", reader.source().name(), root.error().message);
  }
  unpacked.exact = ops::is_exact(reader.catalog()) ? 1 : 0;
  copy_text(reader.root().to_string(), unpacked.root);
  BBZ_TRY(job.begin(BBZ_PHASE_WORK, ops::selected_bytes(reader.catalog(), all.selection)));
  if (all.one_file) return unpack_file(reader, output, all, job, unpacked);
  BBZ_ASSIGN(io::OutputTree out, io::OutputTree::open(output));
  CreatedFolders created(out);
  BBZ_TRY(unpack_tree(reader, out, all, job, unpacked));
  created.keep();
  return {};
}

}  // namespace
}  // namespace bbz::capi

bbz_code bbz_pack(const char* input, const char* output, const bbz_pack_options* options,
                  bbz_written* written, bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(input);
    BBZ_REQUIRE(output);
    BBZ_TRY(bbz::capi::check_out(written, "bbz_written"));
    BBZ_ASSIGN(auto all, bbz::capi::packing_of(options, output));
    bbz_written result{};
    BBZ_TRY(bbz::capi::Job::run(all.watcher, [&](bbz::capi::Job& job) {
      return bbz::capi::pack(input, output, all, job, result);
    }));
    return bbz::capi::write_written(result, written);
  });
}

bbz_code bbz_unpack(const bbz_source* source, const char* output, const bbz_unpack_options* options,
                    bbz_unpacked* unpacked, bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(source);
    BBZ_REQUIRE(output);
    BBZ_TRY(bbz::capi::check_out(unpacked, "bbz_unpacked"));
    BBZ_ASSIGN(const auto all, bbz::capi::unpacking_of(options));
    bbz_unpacked result{};
    BBZ_TRY(bbz::capi::Job::run(all.watcher, [&](bbz::capi::Job& job) {
      return bbz::capi::unpack(*source, output, all, job, result);
    }));
    return unpacked == nullptr ? bbz::Status()
                               : bbz::capi::write_struct(result, unpacked, "bbz_unpacked");
  });
}
