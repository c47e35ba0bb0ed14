#include "bbz/base/format.h"
#include "bbz/commands.h"
#include "bbz/ops/join.h"
#include "common/network.h"
#include "common/output.h"
#include "common/progress.h"
#include "common/say.h"
#include "common/units.h"

namespace bbz::tools {
namespace {

struct JoinArguments {
  std::vector<std::string> parts;
  std::string output;
  OutputArguments writing;
  bool index_first = false;
  bool no_dedup = false;
  NetworkArguments network;
};

Manual join_manual() {
  Manual manual;
  manual.summary = "Make one archive of several";
  manual.description = {
      "Writes the files of all parts into one archive, in the order in which the parts are named. "
      "Nothing is coded again, so this takes as long as copying. "
      "Chunks that parts have in common are stored once. "
      "Each part is checked as it is read: its structure, "
      "the checks of everything that it stores, and its root digest.",
      "The parts may be packed anywhere, for example the shards of a model each on its own machine. "
      "Archives of bbz pack --part 1/N to N/N, named in this order, "
      "become the archive that packing the whole directory makes, byte for byte "
      "if neither has the index at the front.",
      "Parts are refused if two of them have the same file or different kinds of digest."};
  manual.examples = {
      {"bbz join part*.bbz -o llama.bbz", "Joins archives, in the order of their names."},
      {"bbz join a.bbz b.bbz -o - | bbz verify -", "Writes the whole into a pipe."},
  };
  return manual;
}

Result<ExitCode> run_join(const JoinArguments& arguments, const CommonOptions& common) {
  std::vector<std::shared_ptr<io::Source>> parts;
  std::optional<std::uint64_t> bytes = 0;
  for (const std::string& name : arguments.parts) {
    BBZ_ASSIGN(std::shared_ptr<io::Source> part, open_source(name, arguments.network));
    const auto size = part->size();
    bytes = bytes && size ? std::optional(*bytes + *size) : std::nullopt;
    parts.push_back(std::move(part));
  }
  BBZ_ASSIGN(const auto sink, open_output(arguments.output, arguments.writing));
  if (arguments.index_first && !sink->can_patch()) {
    return make_error(Code::kInvalidArgument,
                      "--index-first needs an output that can seek, not a stream");
  }
  ProgressBar bar("joining", bytes, common);
  ops::JoinOptions options;
  options.index_first = arguments.index_first;
  options.dedup = !arguments.no_dedup;
  options.progress = [&](std::uint64_t done) { bar.update(done); };
  BBZ_ASSIGN(const ops::JoinSummary summary, ops::join(parts, *sink, options));
  BBZ_TRY(sink->finish());
  bar.finish();
  if (common.quiet || (!common.verbose && !messages_are_on_terminal())) {
    return ExitCode::kSuccess;
  }
  say("{}: {} files, {} tensors, {}\n  root digest {}\n", shown(arguments.output),
      grouped(summary.files), grouped(summary.tensors), human_size(summary.archive_bytes),
      summary.root.to_string());
  return ExitCode::kSuccess;
}

}  // namespace

void add_join_command(Program& program) {
  const auto arguments = std::make_shared<JoinArguments>();
  Options& app = program.add_command("join", join_manual(), [&program, arguments] {
    return run_join(*arguments, program.common());
  });
  app.add_option("PART", arguments->parts, "An archive, or its URL; may be repeated")->required();
  app.add_option("-o,--output", arguments->output,
                 "Write the archive to FILE, or to standard output if FILE is -")
      ->type_name("FILE")
      ->required();
  add_output_options(app, arguments->writing, "Replace an existing archive");
  app.add_flag("--index-first", arguments->index_first,
               "Put the index at the front too, so that the archive opens from its first bytes. "
               "Cannot be combined with a stream");
  app.add_flag("--no-dedup", arguments->no_dedup,
               "Copy the chunks of all parts, also those that a part before has");
  add_network_options(app, arguments->network);
  add_progress_option(app, program);
}

}  // namespace bbz::tools
