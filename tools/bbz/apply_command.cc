#include "bbz/ops/apply.h"

#include <sys/stat.h>

#include <cerrno>

#include "bbz/access/bases/base_set.h"
#include "bbz/base/format.h"
#include "bbz/commands.h"
#include "bbz/io/atomic_file.h"
#include "bbz/io/fd.h"
#include "common/archive_input.h"
#include "common/output.h"
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
      "Its permissions stay.",
      "Every tensor of MODEL on which the update leans is compared with its digest first. "
      "If one is another, nothing is written, and the exit code is 1."};
  manual.examples = {
      {"bbz apply tuned.bbz base.safetensors", "Makes the tuned model of its base."},
  };
  return manual;
}

// Returns the permissions of the model. Errors: kInvalidArgument unless it is a regular file.
Result<std::uint32_t> mode_of(const std::string& path) {
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
  return static_cast<std::uint32_t>(status.st_mode) & io::FileAttributes::kPermissions;
}

Result<ExitCode> run_apply(const ApplyArguments& arguments, const CommonOptions& common) {
  BBZ_ASSIGN(const std::uint32_t mode, mode_of(arguments.model));
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
  io::OutputOptions options;
  options.replace = true;
  options.sync = !arguments.no_sync;
  options.attributes.mode = mode;
  BBZ_ASSIGN(const auto sink, io::AtomicFile::create(arguments.model, options));
  BBZ_TRY(io::add_input(*sink, *source));
  const std::uint64_t size = reader->catalog().files[file].size;
  ProgressBar bar("updating", size, common.quiet);
  BBZ_TRY(naming_input(
      arguments.update,
      ops::write_updated(*reader, file, *sink, [&](std::uint64_t done) { bar.update(done); })));
  BBZ_TRY(sink->finish());
  bar.clear();
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
}

}  // namespace bbz::tools
