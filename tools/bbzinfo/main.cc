#include <fmt/format.h>

#include "bbz/base/format.h"
#include "bbzinfo/summary.h"
#include "common/advice.h"
#include "common/json.h"
#include "common/output.h"
#include "common/program.h"
#include "common/say.h"

namespace bbz::tools {
namespace {

struct Arguments {
  std::vector<std::string> archives;
  Lists lists;
  bool json = false;
  NetworkArguments network;
  AcceptanceArguments acceptance;
};

Manual manual() {
  Manual manual;
  manual.summary = "show what is in an archive of neural-network weights";
  manual.description = {
      "Shows the files, tensors and layers of archives made by bbz(1), and how well they compress. "
      "No tensor is decoded: the index and the metadata tell everything, "
      "and only a stream is read from front to back. "
      "As a file name, - stands for standard input. "
      "Sizes are in powers of 1000; -v prints them exactly.",
      "--json prints one object for each archive. "
      "Its fields are stable; tools/bbzinfo/json.md in the sources of bbz describes them.",
      "If one of several archives cannot be read, the others are still shown, "
      "and the exit code is that of the first that failed."};
  manual.examples = {
      {"bbzinfo model.bbz", "Shows a summary: sizes, dtypes, codecs."},
      {"bbzinfo model.bbz --tensors", "Lists every tensor with its shape and ratio."},
      {"bbzinfo model.bbz --json | jq -r .root_digest > model.digest",
       "Stores the root digest for bbz verify --expect."},
  };
  return manual;
}

// Shows all archives, even if some fail. The exit code is that of the first that failed. If there
// is only one archive, its error is that of the command.
Result<ExitCode> run(const Arguments& arguments, const CommonOptions& common) {
  BBZ_ASSIGN(const Acceptance acceptance, arguments.acceptance.acceptance());
  const bool several = arguments.archives.size() > 1;
  if (several && acceptance.root) {
    return make_error(Code::kInvalidArgument, "--expect cannot be combined with several archives");
  }
  const bool array = arguments.json && several;
  Code first = Code::kOk;
  if (array) put("[\n");
  for (std::size_t i = 0; i < arguments.archives.size(); ++i) {
    const std::string& path = arguments.archives[i];
    Lists lists = arguments.lists;
    lists.files = lists.files || arguments.json;
    Summary summary;
    const Status read = summarize(path, arguments.network, acceptance, lists, summary);
    if (!read.ok() && !several) return read.error();
    if (array && i > 0) put(",\n");
    if (read.ok() && arguments.json) {
      print_json(summary, arguments.lists);
    } else if (read.ok()) {
      print_text(summary, arguments.lists, common.verbose);
    } else {
      if (first == Code::kOk) first = read.code();
      say("bbzinfo: {}\n", advised(read.error()));
      if (array) {
        write_json({{"schema", 1}, {"archive", named(path)}, {"error", json_error(read.error())}});
      }
    }
  }
  if (array) put("]\n");
  return exit_code(first);
}

}  // namespace
}  // namespace bbz::tools

int main(int argc, char** argv) {
  using namespace bbz::tools;
  Program program("bbzinfo", manual());
  Arguments arguments;
  Options& app = program.options();
  app.add_option("ARCHIVE", arguments.archives, "The archives, their URLs, or - for standard input")
      ->required();
  app.add_flag("--files", arguments.lists.files, "List the files, with their metadata");
  app.add_flag("--layers", arguments.lists.layers, "List the layers");
  app.add_flag("--tensors", arguments.lists.tensors, "List the tensors");
  app.add_flag("--chunks", arguments.lists.chunks, "List the tensors and their chunks");
  app.add_flag("--symmetry", arguments.lists.symmetry,
               "Show the junctions, methods, bits saved and measured error of pack --symmetry");
  app.add_flag("--json", arguments.json, "Print JSON, which always lists the files and layers");
  add_expect_option(app, arguments.acceptance,
                    "Require this root digest; nothing of any other archive is shown");
  add_max_size_option(app, arguments.acceptance);
  add_network_options(app, arguments.network);
  program.set_run([&] { return run(arguments, program.common()); });
  return program.main(argc, argv);
}
