#include "bbz/ops/flatten.h"

#include "bbz/base/format.h"
#include "bbz/commands.h"
#include "bbz/pack_report.h"
#include "common/archive_input.h"
#include "common/output.h"
#include "common/progress.h"
#include "common/units.h"

namespace bbz::tools {
namespace {

struct FlattenArguments {
  std::string archive;
  std::string output;
  OutputArguments writing;
  std::string level = "default";
  BaseArguments base;
  NetworkArguments network;
  AcceptanceArguments acceptance;
};

Manual flatten_manual() {
  Manual manual;
  manual.summary = "Make an archive whole that leans on a base";
  manual.description = {
      "An archive of bbz pack --base needs its base to be read, and that may need another. "
      "This command writes an archive with the same files that needs none. "
      "It is the one that bbz pack makes of these files, byte for byte, "
      "if its digest is of the kind of ARCHIVE and its other options are the defaults.",
      "If the base leans on another one, that must be at a place of --base too, "
      "which may be a directory of all of them.",
      "Every tensor on which the archive leans is compared with its digest before it is used."};
  manual.examples = {
      {"bbz flatten tuned.bbz --base base.bbz -o whole.bbz", "Makes one archive of two."},
  };
  return manual;
}

Result<ExitCode> run_flatten(const FlattenArguments& arguments, const CommonOptions& common) {
  BBZ_ASSIGN(const Acceptance acceptance, arguments.acceptance.acceptance());
  BBZ_ASSIGN(const ArchiveInput input,
             ArchiveInput::open(arguments.archive, common.threads, arguments.network, acceptance,
                                folder_of(arguments.output), arguments.base));
  if (input.reader() == nullptr) {
    return make_error(Code::kInvalidArgument,
                      "a stream cannot be flattened, because it is read once");
  }
  const catalog::Catalog& catalog = input.reader()->catalog();
  ops::FlattenOptions options;
  options.write.threads = common.threads;
  options.write.digest = catalog.header.digest_kind;
  options.write.level = level_of(arguments.level);
  BBZ_ASSIGN(const auto sink, open_output(arguments.output, arguments.writing));
  ProgressBar bar("flattening", catalog.unpacked_bytes, common);
  options.progress = [&](std::uint64_t done) { bar.update(done); };
  BBZ_ASSIGN(const ops::PackSummary summary,
             naming_input(arguments.archive, ops::flatten(*input.reader(), *sink, options)));
  BBZ_TRY(sink->finish());
  bar.finish();
  report_packed(summary, arguments.output == "-" ? "standard output" : shown(arguments.output),
                common);
  return ExitCode::kSuccess;
}

}  // namespace

void add_flatten_command(Program& program) {
  const auto arguments = std::make_shared<FlattenArguments>();
  Options& app = program.add_command("flatten", flatten_manual(), [&program, arguments] {
    return run_flatten(*arguments, program.common());
  });
  app.add_option("ARCHIVE", arguments->archive, "The archive, or its URL")->required();
  app.add_option("-o,--output", arguments->output,
                 "Write the archive to FILE, or to standard output if FILE is -")
      ->type_name("FILE")
      ->required();
  add_output_options(app, arguments->writing, "Replace an existing archive");
  add_level_option(app, arguments->level);
  add_base_option(app, arguments->base);
  add_expect_option(app, arguments->acceptance);
  add_max_size_option(app, arguments->acceptance);
  add_network_options(app, arguments->network);
  add_progress_option(app, program);
}

}  // namespace bbz::tools
