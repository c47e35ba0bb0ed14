#include <fmt/format.h>

#include <charconv>

#include "bbz/access/salvage/salvage.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/commands.h"
#include "bbz/http/url.h"
#include "bbz/io/unnamed_file.h"
#include "common/acceptance.h"
#include "common/base_options.h"
#include "common/network.h"
#include "common/output.h"
#include "common/output_folder.h"
#include "common/progress.h"
#include "common/say.h"
#include "common/units.h"

namespace bbz::tools {
namespace {

struct SalvageArguments {
  std::string archive;
  std::string folder;
  OutputArguments writing;
  NetworkArguments network;
  BaseArguments base;
  AcceptanceArguments acceptance;
  std::string id;
};

Manual salvage_manual() {
  Manual manual;
  manual.summary = "Recover what a truncated or damaged archive still holds";
  manual.description = {
      "Finds every record that is whole, even if the index is lost. "
      "For each PATH in the archive, writes PATH below the directory if every byte is recovered. "
      "Otherwise writes PATH.partial, with zeros in place of the lost bytes, "
      "and PATH.rescued.safetensors, with the tensors that are whole. "
      "If such a name is taken in the archive or is too long, "
      "the file is called file-N.partial or the like. "
      "Tensors of which nothing tells the file or the place in it are in file-unknown.partial "
      "and file-unknown.rescued.safetensors. "
      "What is lost is listed, and so is what could not be written.",
      "Tensors that pack --symmetry derives from others are rebuilt from those, "
      "and are lost if one of those is damaged; -v says which. "
      "Tensors that lean on a base (pack --base) are decoded with the base of --base, "
      "if that has the very bytes on which they lean. "
      "Otherwise the report says what they lean on, and their bytes count as lost. "
      "The records of an archive are told from others by its id, "
      "which its header, its trailer and its index have. "
      "If none of them is whole, --id must name it; bbzinfo --json shows it while one is.",
      "An archive behind a URL is downloaded first, once and whole, "
      "into an unnamed temporary file in the directory.",
      "The exit code is 0 if nothing was lost, and 3 otherwise. "
      "If an output cannot be written, all others are, "
      "and the exit code is that of the error."};
  manual.examples = {
      {"bbz salvage broken.bbz -o rescued/", "Recovers what can be recovered, below rescued/."},
      {"bbz salvage -v broken.bbz -o rescued/", "Also says what is wrong with each lost tensor."},
      {"bbz salvage broken.bbz --base base.bbz -o rescued/",
       "Recovers an archive that leans on a base."},
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
    if (!verbose && !tensor.lacks_base.empty()) {
      put("    {}\n", printable(tensor.lacks_base));
    }
    if (!verbose) continue;
    for (const std::string& sentence : tensor.damage) put("    {}\n", printable(sentence));
  }
}

void print_report(const salvage::Report& report, const CommonOptions& common) {
  if (common.quiet) return;
  for (const salvage::FileReport& file : report.files) print_file(file, common.verbose);
  if (report.orphans != 0) {
    put("{} chunks belong to tensors whose records are lost\n", grouped(report.orphans));
  }
  if (!common.verbose) return;
  for (const container::Gap& gap : report.gaps) {
    put("no record in {} bytes at offset {}\n", grouped(gap.end - gap.begin), gap.begin);
  }
  put("the index is {}\n", report.had_index ? "whole" : "lost");
}

Result<std::uint64_t> parse_id(const std::string& text) {
  std::uint64_t id = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, id, 16);
  if (parsed.ec == std::errc() && parsed.ptr == end) return id;
  return make_error(Code::kInvalidArgument, "--id {}: expected up to 16 hexadecimal digits", text);
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
  options.base = make_base(arguments.base, arguments.archive, arguments.network, common.threads,
                           acceptance.limits);
  if (!arguments.id.empty()) {
    BBZ_ASSIGN(options.id, parse_id(arguments.id));
  }
  if (http::is_url(arguments.archive)) {
    ProgressBar bar("downloading", source->size(), common);
    BBZ_ASSIGN(source, io::copy_to_disk(*source, arguments.folder,
                                        [&](std::uint64_t done) { bar.update(done); }));
    bar.finish();
  }
  ProgressBar bar("salvaging", std::nullopt, common);
  options.progress = [&](std::uint64_t done) { bar.update(done); };
  BBZ_ASSIGN(const salvage::Report report,
             naming_input(arguments.archive, salvage::salvage(*source, out.tree(), options)));
  bar.finish();
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
                 "Write files below this directory, which is created if it is missing")
      ->type_name("DIR")
      ->required();
  add_output_options(app, arguments->writing, "Replace existing files");
  app.add_option("--id", arguments->id, "Search for the records of the archive with this id")
      ->type_name("HEX");
  add_max_size_option(app, arguments->acceptance);
  add_base_option(app, arguments->base);
  add_network_options(app, arguments->network);
  add_progress_option(app, program);
}

}  // namespace bbz::tools
