#include <fmt/format.h>

#include "bbzinfo/archive_view.h"
#include "common/program.h"
#include "common/say.h"

namespace bbz::tools {
namespace {

struct Arguments {
  std::vector<std::string> archives;
  Lists lists;
  bool json = false;
  NetworkArguments network;
};

Manual manual() {
  Manual manual;
  manual.summary = "show what is in an archive of neural-network weights";
  manual.description = {
      "Shows the files, tensors and layers of archives made by bbz(1), and how well they packed. "
      "Nothing is decoded: the index tells it all. \"-\" is standard input. Sizes are in powers of "
      "1000; -v gives them exactly.",
      "--json gives one object an archive, whose fields are stable: see json.md in the sources of "
      "the tool."};
  manual.examples = {
      {"bbzinfo model.bbz", "Shows a summary: sizes, dtypes, codecs."},
      {"bbzinfo model.bbz --tensors", "Lists every tensor with its shape and ratio."},
      {"bbzinfo model.bbz --json | jq .root_digest", "Picks out one of the figures."},
  };
  return manual;
}

Result<ExitCode> run(const Arguments& arguments, const CommonOptions& common) {
  const bool several = arguments.archives.size() > 1;
  if (arguments.json && several) put("[\n");
  for (std::size_t i = 0; i < arguments.archives.size(); ++i) {
    Lists read = arguments.lists;
    read.files = read.files || arguments.json;
    ArchiveView view;
    BBZ_TRY(view_archive(arguments.archives[i], arguments.network, read, view));
    if (!arguments.json) {
      print_text(view, arguments.lists, common.verbose);
      continue;
    }
    if (i > 0) put(",\n");
    print_json(view, arguments.lists);
  }
  if (arguments.json && several) put("]\n");
  return ExitCode::kSuccess;
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
               "Show what the symmetry coder did: junctions, methods, bits saved, measured error");
  app.add_flag("--json", arguments.json, "Print JSON, with files and layers always in it");
  add_network_options(app, arguments.network);
  program.set_run([&] { return run(arguments, program.common()); });
  return program.main(argc, argv);
}
