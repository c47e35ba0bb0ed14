#include <fmt/format.h>

#include "bbz/base/format.h"
#include "bbz/commands.h"
#include "bbz/ops/extract.h"
#include "bbz/ops/info.h"
#include "bbz/ops/unpack.h"
#include "common/archive_input.h"
#include "common/output.h"
#include "common/output_folder.h"
#include "common/progress.h"
#include "common/run_record.h"
#include "common/say.h"
#include "common/selection_options.h"
#include "common/units.h"

namespace bbz::tools {
namespace {

struct UnpackArguments {
  std::string archive;
  std::string folder;
  std::string output;
  OutputArguments writing;
  bool modes = false;
  bool times = false;
  SelectionArguments selection;
  NetworkArguments network;
  BaseArguments base;
  AcceptanceArguments acceptance;
  RecordArguments record;
};

Manual unpack_manual() {
  Manual manual;
  manual.summary = "Unpack the files of an archive, or extract some of its tensors";
  manual.description = {
      "If no tensors are selected, the files are written byte for byte as they were packed, "
      "below the directory of -C or else below the current directory. "
      "-o writes a single file under another name. "
      "If pack --symmetry rotated a model, it comes back rotated, and a message says so.",
      "With --layer, --tensor or --exclude, the selected tensors are written as safetensors, "
      "bit for bit and with the metadata of their files. "
      "-o writes all of them into one file; "
      "-C writes one file for each file that they come from. "
      "If --file, --layer or --tensor is given, a tensor must match one of its values; "
      "it must match no --exclude. "
      "In a GLOB, * matches any characters and ? matches any one character, also / and the dot. "
      "If the archive is not a stream, only the chunks that these tensors need are read.",
      "From standard input, files appear as they become complete, small files in batches. "
      "If the stream breaks off, the files that are complete stay. "
      "A selected tensor that repeats bytes that are not selected, or is a view of them or of a "
      "storage, needs an archive that is a file."};
  manual.examples = {
      {"bbz unpack model.bbz -C out/", "Unpacks all files below out/."},
      {"bbz unpack model.bbz --layer 3 -o layer3.safetensors", "Extracts one layer."},
      {"bbz unpack model.bbz --tensor '*.mlp.*' --exclude '*bias' -C mlp/",
       "Extracts the weights of the MLPs below mlp/, under the names of their files."},
      {"bbz unpack llama.bbz --file '*.json' -C out/", "Unpacks the JSON files only."},
      {"bbz unpack tuned.bbz --base base.bbz -C out/",
       "Unpacks an archive that pack --base made; so does --base with a model or a directory."},
      {"curl -s https://example.org/llama.bbz | bbz unpack - -C out/",
       "Unpacks an archive while it arrives."},
  };
  return manual;
}

// Reports what was done, if somebody may be watching.
void report(const std::string& archive, const std::string& what, std::uint64_t bytes,
            const CommonOptions& common) {
  if (common.quiet || (!common.verbose && !messages_are_on_terminal())) return;
  say("{}: {}, {}\n", shown(archive), what, human_size(bytes));
  if (common.verbose) say("  {} bytes\n", grouped(bytes));
}

// The inputs of both ways of unpacking.
struct Job {
  ArchiveInput input;
  ops::Selection selection;
  Limits limits;
  const UnpackArguments& arguments;
  const CommonOptions& common;

  // Returns the input as a stream, for an input without a reader.
  ops::StreamInput stream() { return {input.stream(), common.threads, limits, input.base()}; }
};

// Returns the options of a way of unpacking that writes below a directory.
template <class Options>
Options options_of(const Job& job, ProgressBar& bar) {
  Options options;
  options.replace = job.arguments.writing.force;
  options.sync = !job.arguments.writing.no_sync;
  options.progress = [&bar](std::uint64_t done) { bar.update(done); };
  return options;
}

Result<ops::UnpackSummary> unpack_files(Job& job, ProgressBar& bar) {
  auto options = options_of<ops::UnpackOptions>(job, bar);
  options.files = job.selection.files;
  options.modes = job.arguments.modes;
  options.times = job.arguments.times;
  const Reader* const reader = job.input.reader();
  if (!job.arguments.output.empty()) {
    BBZ_ASSIGN(const auto sink, open_output(job.arguments.output, job.arguments.writing));
    BBZ_ASSIGN(const ops::UnpackSummary summary,
               reader ? ops::unpack_one(*reader, *sink, options.files, options.progress)
                      : ops::unpack_one_stream(job.stream(), *sink, options.files, options.progress,
                                               folder_of(job.arguments.output)));
    BBZ_TRY(sink->finish());
    return summary;
  }
  const std::string folder = job.arguments.folder.empty() ? "." : job.arguments.folder;
  BBZ_ASSIGN(OutputFolder out, OutputFolder::open(folder));
  BBZ_ASSIGN(const ops::UnpackSummary summary,
             reader ? ops::unpack(*reader, out.tree(), options)
                    : ops::unpack_stream(job.stream(), out.tree(), options));
  out.keep();
  return summary;
}

Result<ops::ExtractSummary> extract_tensors(Job& job, ProgressBar& bar) {
  auto options = options_of<ops::ExtractFilesOptions>(job, bar);
  options.selection = job.selection;
  const Reader* const reader = job.input.reader();
  const UnpackArguments& arguments = job.arguments;
  // Keep tensors in the directory of the output, whose file system has room for them.
  const std::string spool =
      arguments.output.empty() ? arguments.folder : folder_of(arguments.output);
  if (!arguments.output.empty()) {
    BBZ_ASSIGN(const auto sink, open_output(arguments.output, arguments.writing));
    BBZ_ASSIGN(const ops::ExtractSummary summary,
               reader ? ops::extract(*reader, *sink, options)
                      : ops::extract_stream(job.stream(), *sink, options, spool));
    BBZ_TRY(sink->finish());
    return summary;
  }
  BBZ_ASSIGN(OutputFolder out, OutputFolder::open(arguments.folder));
  BBZ_ASSIGN(const ops::ExtractSummary summary,
             reader ? ops::extract_files(*reader, out.tree(), options)
                    : ops::extract_files_stream(job.stream(), out.tree(), options, spool));
  out.keep();
  return summary;
}

// Records what is known of the archive, besides what was written: of a stream, nothing.
void record_archive(const Reader* reader, RunRecord& record) {
  if (reader == nullptr || !record.wanted()) return;
  RunFigures& figures = record.figures();
  figures.root_digest = reader->root().to_string();
  const std::uint64_t size = reader->source().size().value_or(0);
  figures.codecs = ops::info(reader->catalog(), size).codecs;
}

// Records what unpacking all or some files has written.
void record_unpacked(const ops::UnpackSummary& summary, bool all, Job& job, RunRecord& record) {
  RunFigures& figures = record.figures();
  figures.root_digest = summary.root.to_string();
  figures.original_bytes = summary.bytes;
  if (!all) return;  // the archive is more than was written
  figures.files = summary.files;
  if (const auto size = job.input.stream().size()) figures.archive_bytes = *size;
}

Result<ExitCode> run_unpack(const UnpackArguments& arguments, const CommonOptions& common,
                            RunRecord& record) {
  if (!arguments.output.empty() && !arguments.folder.empty()) {
    return make_error(Code::kInvalidArgument, "-o cannot be combined with -C");
  }
  BBZ_ASSIGN(const ops::Selection selection, arguments.selection.selection());
  if ((arguments.modes || arguments.times) &&
      (selection.of_tensors() || !arguments.output.empty())) {
    return make_error(Code::kInvalidArgument,
                      "{} needs whole files in a directory: it cannot be combined with -o or with "
                      "selected tensors",
                      arguments.modes ? "--modes" : "--times");
  }
  if (selection.of_tensors() && arguments.output.empty() && arguments.folder.empty()) {
    return make_error(Code::kInvalidArgument,
                      "the selected tensors need an output: "
                      "-o FILE for one file, or -C DIR for one for each file that they come from");
  }
  BBZ_ASSIGN(const Acceptance acceptance, arguments.acceptance.acceptance());
  const std::string spool = folder_of(arguments.output.empty() ? "-" : arguments.output);
  BBZ_ASSIGN(ArchiveInput input,
             ArchiveInput::open(arguments.archive, common.threads, arguments.network, acceptance,
                                spool, arguments.base));
  Job job{std::move(input), selection, acceptance.limits, arguments, common};
  record_archive(job.input.reader(), record);
  ProgressBar bar("unpacking", job.input.progress_total(selection), common);
  if (selection.of_tensors()) {
    BBZ_ASSIGN(const ops::ExtractSummary summary,
               naming_input(arguments.archive, extract_tensors(job, bar)));
    bar.finish();
    record.figures().original_bytes = summary.bytes;
    report(arguments.archive, fmt::format("{} tensors", grouped(summary.tensors)), summary.bytes,
           common);
  } else {
    BBZ_ASSIGN(const ops::UnpackSummary summary,
               naming_input(arguments.archive, unpack_files(job, bar)));
    bar.finish();
    record_unpacked(summary, selection.files.patterns.empty(), job, record);
    report(arguments.archive, fmt::format("{} files", grouped(summary.files)), summary.bytes,
           common);
    if (!summary.exact && !common.quiet) {
      say("bbz: not bit-exact: a model in {} was rotated when it was packed; "
          "bbzinfo --symmetry shows the measured error\n",
          shown(arguments.archive));
    }
  }
  return ExitCode::kSuccess;
}

}  // namespace

void add_unpack_command(Program& program) {
  const auto arguments = std::make_shared<UnpackArguments>();
  Options& app = program.add_command("unpack", unpack_manual(), [&program, arguments] {
    return recorded(
        "unpack", {arguments->archive}, arguments->record, program.common(),
        [&](RunRecord& record) { return run_unpack(*arguments, program.common(), record); });
  });
  app.add_option("ARCHIVE", arguments->archive, "The archive, its URL, or - for standard input")
      ->required();
  app.add_option("-C,--directory", arguments->folder,
                 "Write files below this directory, which is created if it is missing")
      ->type_name("DIR");
  app.add_option("-o,--output", arguments->output,
                 "Write a single file, or to standard output if FILE is -")
      ->type_name("FILE");
  add_output_options(app, arguments->writing, "Replace existing files");
  app.add_flag("--modes", arguments->modes,
               "Restore the permissions that pack --modes recorded, without those that the umask "
               "denies and without reading by those who may not read the archive. "
               "Cannot be combined with -o");
  app.add_flag("--times", arguments->times,
               "Restore the modification times that pack --times recorded. "
               "Cannot be combined with -o");
  add_expect_option(app, arguments->acceptance);
  add_max_size_option(app, arguments->acceptance);
  add_network_options(app, arguments->network);
  add_base_option(app, arguments->base);
  add_file_option(app, arguments->selection);
  add_tensor_options(app, arguments->selection);
  add_history_option(app, arguments->record);
  add_metrics_option(app, arguments->record);
  add_progress_option(app, program);
}

}  // namespace bbz::tools
