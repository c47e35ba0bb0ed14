#include <fmt/format.h>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/commands.h"
#include "bbz/pack/verify.h"
#include "common/network.h"
#include "common/output.h"
#include "common/units.h"

namespace bbz::tools {
namespace {

struct VerifyArguments {
  std::vector<std::string> archives;
  bool fast = false;
  std::string expected;
  NetworkArguments network;
};

Manual verify_manual() {
  Manual manual;
  manual.summary = "Check every byte of archives";
  manual.description = {
      "Reads each archive front to back and checks every checksum and rule of the format; "
      "everything is decoded, and compared with the checksums and digests of what was packed. "
      "--fast "
      "checks structure and stored bytes only, which finds any damage to the archive itself. Every "
      "damaged chunk is listed with its place, and every tensor that cannot be put together from "
      "others.",
      "The root digest stands for the whole content. One made with pack --digest sha256 and kept "
      "in "
      "a safe place shows with --expect that nobody has changed the content."};
  manual.examples = {
      {"bbz verify model.bbz", "Checks everything."},
      {"bbz verify --fast *.bbz", "Checks several archives about as fast as they can be read."},
      {"bbz verify model.bbz --expect sha256:9f86d081...",
       "Checks that the content is the one with this digest, as pack -v and bbzinfo print it."},
  };
  return manual;
}

void print_damage(const std::string& archive, const pack::Damage& damage) {
  std::string place;
  if (!damage.file.empty()) place += fmt::format("file {}: ", bbz::quoted(damage.file));
  const std::string tensor = fmt::format("tensor {}", bbz::quoted(damage.tensor));
  if (!damage.error.message.starts_with(tensor)) {  // most errors of reading name the chunk
    if (!damage.tensor.empty()) place += tensor + ": ";
    if (damage.chunk)
      place += fmt::format("chunk {} at offset {}: ", *damage.chunk, damage.archive_offset);
  }
  fmt::print(stderr, "bbz: {}: {}{}\n", archive, place, damage.error.message);
}

void print_report(const std::string& archive, const pack::VerifyReport& report, bool fast,
                  const CommonOptions& common) {
  for (const pack::Damage& damage : report.damages) print_damage(archive, damage);
  if (report.damaged > report.damages.size()) {
    fmt::print(stderr, "bbz: {}: and {} more\n", archive, report.damaged - report.damages.size());
  }
  const Status outcome = report.outcome();
  if (!outcome.ok() && report.damaged == 0) {
    fmt::print(stderr, "bbz: {}\n", about(archive, outcome.error()).message);
  }
  if (report.broken && report.damaged != 0) {
    fmt::print(stderr, "bbz: {}\n", about(archive, *report.broken).message);
  }
  if (common.quiet) return;
  if (!outcome.ok()) {
    fmt::print("{}: {}\n", archive,
               outcome.code() == Code::kDigestMismatch ? "whole, but other content than expected"
                                                       : "DAMAGED");
    return;
  }
  fmt::print("{}: ok{}\n", archive, fast ? " (stored bytes only)" : "");
  if (!common.verbose) return;
  fmt::print("  {} files, {} tensors, {} chunks, {} bytes\n  root digest {}\n",
             grouped(report.files), grouped(report.tensors), grouped(report.chunks),
             grouped(report.archive_bytes), report.root->to_string());
}

Result<ExitCode> verify_one(const std::string& path, const NetworkArguments& network,
                            const pack::VerifyOptions& base, const CommonOptions& common) {
  BBZ_ASSIGN(const auto source, open_source(path, network));
  pack::VerifyOptions options = base;
  ProgressBar bar("verifying", source->size(), common.quiet);
  options.progress = [&](std::uint64_t done) { bar.update(done); };
  BBZ_ASSIGN(const pack::VerifyReport report, pack::verify(*source, options));
  bar.clear();
  print_report(shown(path), report, options.fast, common);
  return exit_code(report.outcome().code());
}

// All archives are looked at, whatever is found; the exit code is that of the first that failed.
Result<ExitCode> run_verify(const VerifyArguments& arguments, const CommonOptions& common) {
  pack::VerifyOptions options;
  options.fast = arguments.fast;
  options.threads = common.threads;
  if (!arguments.expected.empty()) {
    if (arguments.archives.size() != 1) {
      return make_error(Code::kInvalidArgument, "--expect goes with one archive");
    }
    BBZ_ASSIGN(options.expected, pack::parse_digest(arguments.expected));
  }
  ExitCode worst = ExitCode::kSuccess;
  for (const std::string& path : arguments.archives) {
    const auto result = verify_one(path, arguments.network, options, common);
    if (!result.ok()) fmt::print(stderr, "bbz: {}\n", result.error().message);
    const ExitCode code = result.ok() ? *result : exit_code(result.code());
    if (worst == ExitCode::kSuccess) worst = code;
  }
  return worst;
}

}  // namespace

void add_verify_command(Program& program) {
  const auto arguments = std::make_shared<VerifyArguments>();
  CLI::App& app = program.add_command("verify", verify_manual(), [&program, arguments] {
    return run_verify(*arguments, program.common());
  });
  app.add_option("ARCHIVE", arguments->archives,
                 "The archives, their URLs, or - for standard input")
      ->required();
  add_network_options(app, arguments->network);
  app.add_flag("--fast", arguments->fast, "Check structure and stored bytes only; decode nothing");
  app.add_option("--expect", arguments->expected, "The root digest that the archive must have")
      ->type_name("DIGEST");
}

}  // namespace bbz::tools
