#include <fmt/format.h>
#include <unistd.h>

#include "bbz/base/format.h"
#include "bbz/commands.h"
#include "bbz/pack/unpack.h"
#include "common/archive_input.h"
#include "common/output.h"
#include "common/units.h"

namespace bbz::tools {
namespace {

struct UnpackArguments {
  std::string archive;
  std::string folder = ".";
  std::string output;
  bool force = false;
  std::vector<std::string> files;
};

Manual unpack_manual() {
  Manual manual;
  manual.summary = "Give back the files of an archive, or take tensors out of it";
  manual.description = {
      "Without a selection of tensors, the files come back byte for byte as they were packed, "
      "below "
      "the folder of -C (the current one by default). -o writes a single file under another name."};
  manual.examples = {
      {"bbz unpack model.bbz -C out/", "Gives back all files below out/."},
      {"curl -s URL | bbz unpack - -C out/", "The same while the archive arrives."},
  };
  return manual;
}

void report(const pack::UnpackSummary& summary, const std::string& archive,
            const CommonOptions& common) {
  if (common.quiet || (!common.verbose && ::isatty(STDERR_FILENO) != 1)) return;
  fmt::print(stderr, "{}: {} file{}, {}\n", shown(archive), grouped(summary.files),
             summary.files == 1 ? "" : "s", human_size(summary.bytes));
  if (!common.verbose) return;
  fmt::print(stderr, "  {} bytes\n  root digest {}\n", grouped(summary.bytes),
             summary.root.to_string());
}

// All selected files below a folder.
Result<ExitCode> unpack_files(ArchiveInput& input, const UnpackArguments& arguments,
                              const CommonOptions& common) {
  BBZ_ASSIGN(io::OutputTree out, io::OutputTree::open(arguments.folder));
  pack::UnpackOptions options;
  options.replace = arguments.force;
  options.selection.files = arguments.files;
  options.threads = common.threads;
  ProgressBar bar("unpacking", input.progress_total(), common.quiet);
  options.progress = [&](std::uint64_t done) { bar.update(done); };
  BBZ_ASSIGN(const pack::UnpackSummary summary,
             input.reader() ? pack::unpack(*input.reader(), out, options)
                            : pack::unpack_stream(input.stream(), out, options));
  bar.clear();
  report(summary, arguments.archive, common);
  return ExitCode::kSuccess;
}

Result<ExitCode> run_unpack(const UnpackArguments& arguments, const CommonOptions& common) {
  BBZ_ASSIGN(ArchiveInput input, ArchiveInput::open(arguments.archive, common.threads));
  return unpack_files(input, arguments, common);
}

}  // namespace

void add_unpack_command(Program& program) {
  const auto arguments = std::make_shared<UnpackArguments>();
  CLI::App& app = program.add_command("unpack", unpack_manual(), [&program, arguments] {
    return run_unpack(*arguments, program.common());
  });
  app.add_option("ARCHIVE", arguments->archive, "The archive, or - for standard input")->required();
  app.add_option("-C,--directory", arguments->folder,
                 "The folder below which files are written; it is made where it is missing")
      ->type_name("DIR")
      ->default_str(".");
  app.add_flag("-f,--force", arguments->force, "Replace files that exist");
  app.add_option("--file", arguments->files, "Only files whose path matches; may be repeated")
      ->type_name("GLOB")
      ->allow_extra_args(false);
}

}  // namespace bbz::tools
