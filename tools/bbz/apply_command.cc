#include "bbz/ops/apply.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "bbz/access/bases/base_set.h"
#include "bbz/access/model/model.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/commands.h"
#include "bbz/files/recognise.h"
#include "bbz/io/atomic_file.h"
#include "bbz/io/fd.h"
#include "bbz/io/file_version.h"
#include "common/archive_input.h"
#include "common/output.h"
#include "common/progress.h"
#include "common/say.h"
#include "common/units.h"

namespace bbz::tools {
namespace {

struct ApplyArguments {
  std::string update;
  std::string model;
  std::string file;
  bool no_sync = false;
  NetworkArguments network;
  AcceptanceArguments acceptance;
};

Manual apply_manual() {
  Manual manual;
  manual.summary = "Update a model file with an archive that leans on it";
  manual.description = {
      "UPDATE is an archive of bbz pack --base, and MODEL the file on which it leans. "
      "The new content is written beside MODEL, and takes its name when it is complete and on the disk. "
      "So MODEL is the old file or the new one at any moment, whatever ends the command. "
      "Its permissions stay, and so do its owner and its group if the system permits that. "
      "Other names of the file (hard links) keep the old content.",
      "Every tensor of MODEL on which the update leans is compared with its digest first. "
      "If one is another, nothing is written, and the exit code is 8. "
      "A model that has tensors which the updated file lacks is refused, and so is one of another format: "
      "bbz unpack --base writes the file beside it."};
  manual.examples = {
      {"bbz apply tuned.bbz base.safetensors", "Makes the tuned model of its base."},
  };
  return manual;
}

// Returns what lstat(2) says of the model. Errors: kInvalidArgument unless it is a regular file.
Result<struct stat> status_of(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return io::system_error(errno, "cannot open", path);
  if (S_ISLNK(status.st_mode)) {
    return make_error(Code::kInvalidArgument,
                      "{}: is a link, which would be replaced: name the file that it leads to",
                      shown(path));
  }
  if (!S_ISREG(status.st_mode)) {
    return make_error(Code::kInvalidArgument, "{}: is no regular file", shown(path));
  }
  return status;
}

// Checks that the model is the file that it was. Errors: kIo.
Status check_same(const std::string& path, const struct stat& before) {
  struct stat now {};
  if (::lstat(path.c_str(), &now) == 0 && io::FileVersion(now) == io::FileVersion(before))
    return {};
  return make_error(Code::kIo, "{}: changed while it was updated, so it is not replaced",
                    shown(path));
}

// Checks that the updated file has a tensor for each of the model. Errors: kInvalidArgument; those of
// model::open().
Status check_tensors(const std::string& path, const Reader& update, std::uint32_t file,
                     const ReadOptions& reading) {
  std::set<std::string_view> updated;
  for (const catalog::Tensor& tensor : update.catalog().tensors) {
    if (tensor.meta.file == file && tensor.meta.is_named()) updated.insert(tensor.meta.name);
  }
  BBZ_ASSIGN(const model::Model model, model::open(path, reading.threads, reading.limits));
  for (const TensorInfo& tensor : model.tensors) {
    if (updated.contains(tensor.name)) continue;
    return make_error(
        Code::kInvalidArgument,
        "{}: has tensor {}, which the updated file lacks: bbz unpack --base writes that",
        shown(path), bbz::quoted(tensor.name));
  }
  return {};
}

std::string_view name_of(files::FileFormat format) {
  switch (format) {
    case files::FileFormat::kSafetensors:
      return "a safetensors file";
    case files::FileFormat::kPytorch:
      return "a file of torch.save";
    case files::FileFormat::kGguf:
      return "a GGUF file";
    case files::FileFormat::kArchive:
      return "a bbz archive";
    case files::FileFormat::kBytes:
      break;
  }
  return "a file of no known format";
}

// Checks that the updated file, which `sink` has, is of the format of the model. Errors:
// kInvalidArgument; those of reading.
Status check_format(const std::string& path, io::Sink& sink) {
  BBZ_ASSIGN(const auto source, io::open_file(path));
  std::vector<std::byte> start(files::kRecognisedBytes);
  BBZ_ASSIGN(const std::size_t got, io::read_up_to(*source, 0, start));
  // By their first bytes alone: both would have the name of the model.
  const files::FileFormat old_format = files::recognise("", Bytes(start).first(got));
  start.resize(std::min<std::uint64_t>(start.size(), sink.written()));
  BBZ_TRY(sink.read(0, start));
  const files::FileFormat new_format = files::recognise("", start);
  if (old_format == new_format) return {};
  return make_error(Code::kInvalidArgument,
                    "{}: is {}, and the updated file {}: bbz unpack --base writes that",
                    shown(path), name_of(old_format), name_of(new_format));
}

Result<ExitCode> run_apply(const ApplyArguments& arguments, const CommonOptions& common) {
  BBZ_ASSIGN(const struct stat status, status_of(arguments.model));
  BBZ_ASSIGN(const Acceptance acceptance, arguments.acceptance.acceptance());
  BBZ_ASSIGN(std::shared_ptr<io::Source> source, open_source(arguments.update, arguments.network));
  if (!source->seekable()) {
    return make_error(Code::kInvalidArgument, "an update cannot be a stream: it is read twice");
  }
  bases::Options base;
  base.places = {arguments.model};
  base.threads = common.threads;
  base.limits = acceptance.limits;
  ReadOptions reading;
  reading.threads = common.threads;
  reading.limits = acceptance.limits;
  reading.base = bases::make(std::move(base));
  auto reader = Reader::open(source, reading);
  if (!reader.ok()) return about_input(arguments.update, std::move(reader).error());
  BBZ_TRY(acceptance.check(arguments.update, reader->root()));
  BBZ_ASSIGN(const std::uint32_t file, ops::updated_file(reader->catalog(), arguments.file));
  const Status is_base = ops::check_base(*reader, file);
  if (!is_base.ok()) return about_input(arguments.update, is_base.error());
  BBZ_TRY(check_tensors(arguments.model, *reader, file, reading));
  io::OutputOptions options;
  options.replace = true;
  options.sync = !arguments.no_sync;
  options.attributes.mode = status.st_mode & io::FileAttributes::kPermissions;
  options.owner = io::OutputOptions::Owner{status.st_uid, status.st_gid};
  BBZ_ASSIGN(const auto sink, io::AtomicFile::create(arguments.model, options));
  BBZ_TRY(io::add_input(*sink, *source));
  const std::uint64_t size = reader->catalog().files[file].size;
  ProgressBar bar("updating", size, common);
  BBZ_TRY(naming_input(
      arguments.update,
      ops::write_updated(*reader, file, *sink, [&](std::uint64_t done) { bar.update(done); })));
  BBZ_TRY(check_same(arguments.model, status));  // first, as its format may have changed with it
  BBZ_TRY(check_format(arguments.model, *sink));
  BBZ_TRY(check_same(arguments.model, status));
  BBZ_TRY(sink->finish());
  bar.finish();
  if (!common.quiet && (common.verbose || messages_are_on_terminal())) {
    say("{}: updated, {}\n", shown(arguments.model), human_size(size));
  }
  return ExitCode::kSuccess;
}

}  // namespace

void add_apply_command(Program& program) {
  const auto arguments = std::make_shared<ApplyArguments>();
  Options& app = program.add_command("apply", apply_manual(), [&program, arguments] {
    return run_apply(*arguments, program.common());
  });
  app.add_option("UPDATE", arguments->update, "The archive, or its URL")->required();
  app.add_option("MODEL", arguments->model, "The file to update")->required();
  app.add_option("--file", arguments->file,
                 "Take this file of the update; needed if it has several with tensors")
      ->type_name("PATH");
  app.add_flag("--no-sync", arguments->no_sync,
               "Do not wait until the new file is on the disk: "
               "this is faster, but a power failure may leave a damaged file");
  add_expect_option(app, arguments->acceptance);
  add_max_size_option(app, arguments->acceptance);
  add_network_options(app, arguments->network);
  add_progress_option(app, program);
}

}  // namespace bbz::tools
