#include <fmt/format.h>

#include "bbz/access/salvage/salvage.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/commands.h"
#include "bbz/http/url.h"
#include "bbz/io/unnamed_file.h"
#include "common/acceptance.h"
#include "common/network.h"
#include "common/output.h"
#include "common/output_folder.h"
#include "common/say.h"
#include "common/units.h"

namespace bbz::tools {
namespace {

struct SalvageArguments {
  std::string archive;
  std::string folder;
  OutputArguments writing;
  NetworkArguments network;
  AcceptanceArguments acceptance;
};

Manual salvage_manual() {
  Manual manual;
  manual.summary = "Save what a truncated or damaged archive still holds";
  manual.description = {
      "Finds every record that is whole, also without the index, and writes below the folder, for "
      "each PATH of the archive: PATH itself if every byte is back; otherwise PATH.partial, with "
      "zeros where bytes are lost, and beside it PATH.rescued.safetensors with the tensors that "
      "are whole. If such a name is taken in the archive or too long, the file is file-N.partial "
      "or the like. What is lost is listed, and so is what could not be written.",
      "A tensor that pack --symmetry does not store, or not as it is, is put together from the "
      "tensors "
      "that it follows from, and is lost where one of these is damaged; -v says which.",
      "An archive behind a URL is fetched first, once and whole, into a file without a name in the "
      "folder.",
      "Exits with 0 if nothing was lost and with 3 otherwise. If an output cannot be made, all "
      "others are, and it exits as it would for that error alone."};
  manual.examples = {
      {"bbz salvage broken.bbz -o rescued/", "Saves what there is to save, below rescued/."},
  };
  return manual;
}

std::string_view outcome_name(salvage::Outcome outcome) {
  switch (outcome) {
    case salvage::Outcome::kWhole:
      return "whole";
    case salvage::Outcome::kPartial:
      return "partial";
    case salvage::Outcome::kUnwritten:
      return "unwritten";
    case salvage::Outcome::kLost:
      break;
  }
  return "lost";
}

void print_file(const salvage::FileReport& file, bool verbose) {
  put("{:<8} {}", outcome_name(file.outcome), bbz::quoted(file.path));
  if (file.outcome == salvage::Outcome::kPartial && file.bytes) {
    put(": {} of {}", human_size(file.recovered), human_size(*file.bytes));
  }
  put("\n");
  for (const std::string& problem : file.problems) put("  {}\n", problem);
  for (const salvage::TensorReport& tensor : file.tensors) {
    if (tensor.outcome() == salvage::Outcome::kWhole) continue;
    const std::string name = tensor.name.empty()
                                 ? fmt::format("bytes at offset {}", tensor.offset)
                                 : fmt::format("tensor {}", bbz::quoted(tensor.name));
    put("  {:<8} {}: {} of {}\n", outcome_name(tensor.outcome()), name,
        human_size(tensor.recovered), human_size(tensor.bytes));
    if (!verbose) continue;
    for (const std::string& sentence : tensor.damage) put("    {}\n", printable(sentence));
  }
}

void print_report(const salvage::Report& report, const CommonOptions& common) {
  if (common.quiet) return;
  for (const salvage::FileReport& file : report.files) print_file(file, common.verbose);
  if (report.orphans != 0) {
    put("{} chunks belong to tensors that are not known any more\n", grouped(report.orphans));
  }
  if (!common.verbose) return;
  for (const container::Gap& gap : report.gaps) {
    put("no record in {} bytes at offset {}\n", grouped(gap.end - gap.begin), gap.begin);
  }
  put("the index is {}\n", report.had_index ? "whole" : "lost");
}

Result<ExitCode> run_salvage(const SalvageArguments& arguments, const CommonOptions& common) {
  BBZ_ASSIGN(const Acceptance acceptance, arguments.acceptance.acceptance());
  BBZ_ASSIGN(auto source, open_source(arguments.archive, arguments.network));
  BBZ_ASSIGN(OutputFolder out, OutputFolder::open(arguments.folder));
  salvage::Options options;
  options.replace = arguments.writing.force;
  options.sync = !arguments.writing.no_sync;
  options.limits = acceptance.limits;
  options.threads = common.threads;
  if (http::is_url(arguments.archive)) {
    ProgressBar bar("downloading", source->size(), common.quiet);
    BBZ_ASSIGN(source, io::copy_to_disk(*source, arguments.folder,
                                        [&](std::uint64_t done) { bar.update(done); }));
    bar.clear();
  }
  ProgressBar bar("salvaging", std::nullopt, common.quiet);
  options.progress = [&](std::uint64_t done) { bar.update(done); };
  BBZ_ASSIGN(const salvage::Report report,
             naming_input(arguments.archive, salvage::salvage(*source, out.tree(), options)));
  bar.clear();
  print_report(report, common);
  if (report.problem) return *report.problem;
  return report.whole() ? ExitCode::kSuccess : ExitCode::kCorrupt;
}

}  // namespace

void add_salvage_command(Program& program) {
  const auto arguments = std::make_shared<SalvageArguments>();
  Options& app = program.add_command("salvage", salvage_manual(), [&program, arguments] {
    return run_salvage(*arguments, program.common());
  });
  app.add_option("ARCHIVE", arguments->archive, "The archive, or its URL")->required();
  app.add_option("-o,-C,--directory", arguments->folder,
                 "The folder below which files are written; it is made where it is missing")
      ->type_name("DIR")
      ->required();
  add_output_options(app, arguments->writing, "Replace files that exist");
  add_max_size_option(app, arguments->acceptance);
  add_network_options(app, arguments->network);
}

}  // namespace bbz::tools
