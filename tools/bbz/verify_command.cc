#include <fmt/format.h>

#include <chrono>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/commands.h"
#include "bbz/ops/verify.h"
#include "common/acceptance.h"
#include "common/advice.h"
#include "common/base_options.h"
#include "common/json.h"
#include "common/network.h"
#include "common/output.h"
#include "common/progress.h"
#include "common/run_record.h"
#include "common/say.h"
#include "common/units.h"

namespace bbz::tools {
namespace {

struct VerifyArguments {
  std::vector<std::string> archives;
  bool fast = false;
  bool json = false;
  NetworkArguments network;
  BaseArguments base;
  AcceptanceArguments acceptance;
  RecordArguments record;
};

Manual verify_manual() {
  Manual manual;
  manual.summary = "Check every byte of archives";
  manual.description = {
      "Reads each archive front to back, decodes everything, "
      "and checks every checksum, digest and rule of the format. "
      "The tensors of a safetensors file are also compared with those that its header names. "
      "--fast checks structure and stored bytes only, "
      "which finds any damage to the archive itself. "
      "What is damaged is listed with its place: "
      "chunks, tensors that cannot be rebuilt from others, and files, at most 100 in all.",
      "--json prints one object, or an array of them if several archives are named. "
      "tools/bbz/json.md in the sources of bbz describes its fields.",
      "The root digest covers the whole content. "
      "If an archive was packed with --digest sha256 and you keep its root digest in a safe place, "
      "--expect detects any change of the content. "
      "This needs the decoded content, so --expect cannot be combined with --fast."};
  manual.examples = {
      {"bbz verify model.bbz", "Checks everything."},
      {"bbz verify --fast *.bbz", "Checks several archives about as fast as they can be read."},
      {"bbz verify model.bbz --expect \"$(cat model.digest)\"",
       "Checks that the content has this root digest, as bbz pack -v and bbzinfo print it."},
      {"bbz verify tuned.bbz --base base.bbz",
       "Checks an archive that pack --base made; without --base, its stored bytes and structure."},
      {"bbz verify --json model.bbz | jq .outcome", "Prints the outcome in one word."},
  };
  return manual;
}

// The word for an outcome in JSON, and the text that ends a report.
struct Verdict {
  const char* word;
  const char* text;
};

Verdict verdict(Code outcome) {
  switch (outcome) {
    case Code::kOk:
      return {"ok", "ok"};
    case Code::kDigestMismatch:
      return {"other-content", "undamaged, but not the expected content"};
    case Code::kUnsupported:
      return {"unsupported", "no damage found, but this version of bbz cannot check all of it"};
    case Code::kBase:
      return {"wrong-base", "no damage found, but the base does not serve"};
    default:
      return {"damaged", "DAMAGED"};
  }
}

void print_damage(const std::string& archive, const ops::Damage& damage) {
  const std::string& message = damage.error.message;  // most errors of reading name the chunk
  const std::string file = fmt::format("file {}: ", bbz::quoted(damage.file));
  const std::string tensor = fmt::format("tensor {}", bbz::quoted(damage.tensor));
  std::string place;
  if (!damage.file.empty() && !message.starts_with(file)) place += file;
  if (!message.starts_with(tensor)) {
    if (!damage.tensor.empty()) place += tensor + ": ";
    if (damage.chunk)
      place += fmt::format("chunk {} at offset {}: ", *damage.chunk, damage.archive_offset);
  }
  say("bbz: {}: {}{}\n", archive, place, message);
}

// Returns whether the outcome is that something was not decoded because of its base.
bool is_of_base(const ops::VerifyReport& report, Code outcome) {
  return report.without_base != 0 && report.damaged == 0 &&
         outcome == report.not_decoded.front().code;
}

void print_not_decoded(const std::string& archive, const ops::VerifyReport& report) {
  if (report.without_base == 0) return;
  const std::string what =
      fmt::format("{} chunks were not decoded, only their stored bytes were checked",
                  grouped(report.without_base));
  const std::string& first = report.not_decoded.front().message;
  say("bbz: {}: {}: {}\n", archive, what, first);
  // Without a base, the others say the same.
  if (report.not_decoded.front().code != Code::kBase) return;
  for (std::size_t i = 1; i < report.not_decoded.size(); ++i) {
    say("bbz: {}: {}\n", archive, report.not_decoded[i].message);
  }
}

void print_text(const std::string& archive, const ops::VerifyReport& report, bool fast,
                const CommonOptions& common) {
  for (const ops::Damage& damage : report.damages) print_damage(archive, damage);
  if (report.damaged > report.damages.size()) {
    say("bbz: {}: and {} more\n", archive, report.damaged - report.damages.size());
  }
  print_not_decoded(archive, report);
  const Status outcome = report.outcome();
  // The messages of what was not decoded are printed above.
  const bool is_told = report.damaged != 0 || is_of_base(report, outcome.code());
  if (!outcome.ok() && !is_told) say("bbz: {}\n", advised(about(archive, outcome.error())));
  if (report.broken && report.damaged != 0) {
    say("bbz: {}\n", advised(about(archive, *report.broken)));
  }
  if (common.quiet) return;
  const bool needs_base =
      is_of_base(report, outcome.code()) && outcome.code() == Code::kUnsupported;
  put("{}: {}{}\n", archive,
      needs_base ? "no damage found, but what leans on a base was not decoded (--base)"
                 : verdict(outcome.code()).text,
      outcome.ok() && fast ? " (stored bytes only)" : "");
  if (!outcome.ok() || !common.verbose) return;
  put("  {} files, {} tensors, {} chunks, {} bytes\n  root digest {}\n", grouped(report.files),
      grouped(report.tensors), grouped(report.chunks), grouped(report.archive_bytes),
      report.root->to_string());
}

Json json_damage(const ops::Damage& damage) {
  const auto or_null = [](const std::string& name) { return name.empty() ? Json() : Json(name); };
  Json entry = {{"file", or_null(damage.file)},
                {"tensor", or_null(damage.tensor)},
                {"chunk", damage.chunk ? Json(*damage.chunk) : Json()},
                {"offset", damage.chunk ? Json(damage.archive_offset) : Json()}};
  entry.update(json_error(damage.error));
  return entry;
}

Json json_report(const std::string& archive, const ops::VerifyReport& report) {
  const Status outcome = report.outcome();
  Json damages = Json::array();
  for (const ops::Damage& damage : report.damages) damages.push_back(json_damage(damage));
  Json not_decoded = Json::array();
  for (const Error& error : report.not_decoded) {
    Json entry = {{"tensor", error.place != nullptr ? Json(error.place->tensor) : Json()}};
    entry.update(json_error(error));
    not_decoded.push_back(std::move(entry));
  }
  return {{"schema", 1},
          {"archive", archive},
          {"outcome", verdict(outcome.code()).word},
          {"error", outcome.ok() ? Json() : json_error(outcome.error())},
          {"archive_bytes", report.archive_bytes},
          {"files", report.files},
          {"tensors", report.tensors},
          {"chunks", report.chunks},
          {"root_digest", report.root ? Json(report.root->to_string()) : Json()},
          {"without_base", report.without_base},
          {"not_decoded", std::move(not_decoded)},
          {"damaged", report.damaged},
          {"damages", std::move(damages)}};
}

Result<ops::VerifyReport> verify_one(const std::string& path, const VerifyArguments& arguments,
                                     ops::VerifyOptions options, const CommonOptions& common) {
  BBZ_ASSIGN(const auto source, open_source(path, arguments.network));
  options.base = make_base(arguments.base, path, arguments.network, common.threads, options.limits);
  ProgressBar bar("verifying", source->size(), common);
  options.progress = [&](std::uint64_t done) { bar.update(done); };
  auto report = ops::verify(*source, options);
  if (report.ok()) bar.finish();
  return report;
}

void record_verified(const Result<ops::VerifyReport>& report, bool fast, RunFigures& figures) {
  const Code outcome = report.ok() ? report->outcome().code() : report.code();
  figures.outcome = exit_code(outcome);
  if (!report.ok()) return;
  if (report->root) figures.root_digest = report->root->to_string();
  figures.more.push_back({"bbz_damages", {}, static_cast<double>(report->damaged)});
  if (report->broken) return;
  figures.original_bytes = report->file_bytes;
  figures.archive_bytes = report->archive_bytes;
  figures.files = report->files;
  figures.tensors = report->tensors;
  figures.has_speed = !fast;  // which decodes nothing
}

// Verifies all archives, even if some fail. The exit code is that of the first that failed.
Result<ExitCode> run_verify(const VerifyArguments& arguments, const CommonOptions& common,
                            RunRecord& record) {
  ops::VerifyOptions options;
  options.fast = arguments.fast;
  options.threads = common.threads;
  BBZ_ASSIGN(const Acceptance acceptance, arguments.acceptance.acceptance());
  options.expected = acceptance.root;
  options.limits = acceptance.limits;
  if (options.expected && arguments.archives.size() != 1) {
    return make_error(Code::kInvalidArgument, "--expect cannot be combined with several archives");
  }
  if (options.expected && options.fast) {
    return make_error(Code::kInvalidArgument,
                      "--expect cannot be combined with --fast: "
                      "the root digest is of the content, which --fast does not decode");
  }
  Code first = Code::kOk;
  Json reports = Json::array();
  for (std::size_t i = 0; i < arguments.archives.size(); ++i) {
    const std::string& path = arguments.archives[i];
    const auto begin = std::chrono::steady_clock::now();
    const auto report = verify_one(path, arguments, options, common);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    record.figures(i).seconds = taken.count();
    record_verified(report, options.fast, record.figures(i));
    if (!arguments.json && report.ok()) {
      print_text(shown(path), *report, options.fast, common);
    } else if (!arguments.json) {
      say("bbz: {}\n", advised(report.error()));
    } else if (report.ok()) {
      reports.push_back(json_report(named(path), *report));
    } else {
      reports.push_back({{"schema", 1},
                         {"archive", named(path)},
                         {"outcome", "unreadable"},
                         {"error", json_error(report.error())}});
    }
    if (first == Code::kOk) first = report.ok() ? report->outcome().code() : report.code();
  }
  if (arguments.json) write_json(arguments.archives.size() == 1 ? reports[0] : reports);
  return exit_code(first);
}

}  // namespace

void add_verify_command(Program& program) {
  const auto arguments = std::make_shared<VerifyArguments>();
  Options& app = program.add_command("verify", verify_manual(), [&program, arguments] {
    return recorded(
        "verify", arguments->archives, arguments->record, program.common(),
        [&](RunRecord& record) { return run_verify(*arguments, program.common(), record); });
  });
  app.add_option("ARCHIVE", arguments->archives,
                 "The archives, their URLs, or - for standard input")
      ->required();
  add_base_option(app, arguments->base);
  add_network_options(app, arguments->network);
  app.add_flag("--fast", arguments->fast, "Check structure and stored bytes only; decode nothing");
  app.add_flag("--json", arguments->json, "Print JSON");
  add_expect_option(app, arguments->acceptance);
  add_max_size_option(app, arguments->acceptance);
  add_history_option(app, arguments->record);
  add_metrics_option(app, arguments->record);
  add_progress_option(app, program);
}

}  // namespace bbz::tools
