#include "bbz/base/format.h"
#include "bbz/commands.h"
#include "bbz/ops/cat.h"
#include "common/archive_input.h"
#include "common/output.h"
#include "common/selection_options.h"

namespace bbz::tools {
namespace {

struct CatArguments {
  std::string archive;
  std::vector<std::string> names;
  std::string output = "-";
  OutputArguments writing;
  SelectionArguments selection;
  NetworkArguments network;
  BaseArguments base;
  AcceptanceArguments acceptance;
};

Manual cat_manual() {
  Manual manual;
  manual.summary = "Write the bytes of tensors or files to standard output";
  manual.description = {
      "NAME is the name of a tensor. "
      "If no tensor has this name, NAME is the path of a file in the archive. "
      "The bytes of a tensor are those of its source file: "
      "row by row, little-endian, without a header. "
      "Several names are written one after the other; from standard input, only one can be read, "
      "and no tensor whose bytes are those of another one."};
  manual.examples = {
      {"bbz cat model.bbz model.layers.3.mlp.up_proj.weight > raw.bin",
       "Writes one tensor as raw bytes."},
      {"bbz cat llama.bbz config.json", "Shows one of the files."},
  };
  return manual;
}

Result<ExitCode> run_cat(const CatArguments& arguments, const CommonOptions& common) {
  BBZ_ASSIGN(const ops::Selection selection, arguments.selection.selection());
  BBZ_ASSIGN(const Acceptance acceptance, arguments.acceptance.acceptance());
  BBZ_ASSIGN(ArchiveInput input,
             ArchiveInput::open(arguments.archive, common.threads, arguments.network, acceptance,
                                folder_of(arguments.output), arguments.base));
  if (!input.reader() && arguments.names.size() > 1) {
    return make_error(Code::kInvalidArgument,
                      "only one NAME can be taken from a stream, because it is read once");
  }
  BBZ_ASSIGN(const auto sink, arguments.output == "-"
                                  ? io::create_output("-", {})  // text may go to a terminal
                                  : open_output(arguments.output, arguments.writing));
  const ops::StreamInput stream{input.stream(), common.threads, acceptance.limits, input.base()};
  for (const std::string& name : arguments.names) {
    BBZ_TRY(naming_input(arguments.archive,
                         input.reader() ? ops::cat(*input.reader(), name, *sink, selection.files)
                                        : ops::cat_stream(stream, name, *sink, selection.files,
                                                          folder_of(arguments.output))));
  }
  BBZ_TRY(sink->finish());
  return ExitCode::kSuccess;
}

}  // namespace

void add_cat_command(Program& program) {
  const auto arguments = std::make_shared<CatArguments>();
  Options& app = program.add_command(
      "cat", cat_manual(), [&program, arguments] { return run_cat(*arguments, program.common()); });
  app.add_option("ARCHIVE", arguments->archive, "The archive, its URL, or - for standard input")
      ->required();
  app.add_option("NAME", arguments->names, "A tensor, or the path of a file")->required();
  app.add_option("-o,--output", arguments->output, "Write to this file; - is standard output")
      ->type_name("FILE")
      ->capture_default_str();
  add_output_options(app, arguments->writing, "Replace an existing file");
  add_expect_option(app, arguments->acceptance);
  add_max_size_option(app, arguments->acceptance);
  add_network_options(app, arguments->network);
  add_base_option(app, arguments->base);
  add_file_option(app, arguments->selection);
}

}  // namespace bbz::tools
