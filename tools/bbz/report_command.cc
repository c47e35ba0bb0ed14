#include <algorithm>
#include <optional>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/commands.h"
#include "common/advice.h"
#include "common/run_record.h"
#include "common/say.h"
#include "common/time_of_output.h"
#include "common/units.h"
#include "report/against.h"
#include "report/archive_data.h"
#include "report/arguments.h"
#include "report/estimates.h"
#include "report/gates.h"
#include "report/junit.h"
#include "report/quality.h"
#include "report/report_history.h"
#include "report/report_outputs.h"

namespace bbz::tools {
namespace {

// Returns the figures of gates, with what they are.
std::string list_of_figures() {
  std::string text;
  for (const FigureInfo& figure : kFigures) {
    text += fmt::format("{}{} ({})", text.empty() ? "" : "; ", figure.name, figure.meaning);
  }
  return text;
}

Manual report_manual() {
  Manual manual;
  manual.summary = "Show archives as a page, compare them with others, and check limits";
  const std::string gates =
      "--gate FIGURE OP LIMIT sets a limit, with one of <=, <, >=, > and ==. "
      "A limit with a sign is relative to the other archive or model: +0.5% and -2% in percent of its "
      "figure, +2e-4 or +10M as a difference. Bytes may end with K, M, G or T, powers of 1024. "
      "The figures are " +
      list_of_figures() +
      ". "
      "nll, kl and logit need --tokens, and those after nll need --against. "
      "If a gate fails, or its figure cannot be computed, the exit code is 1; "
      "all outputs are written all the same. --junit writes the gates as tests for build servers.";
  // NOLINTBEGIN(bugprone-suspicious-missing-comma): paragraphs of several lines.
  manual.description = {
      "Writes one HTML file that needs nothing else and no network: sizes by codec, dtype, layer and tensor, "
      "the information in an element's sign, exponent and mantissa, "
      "what pack --symmetry did and measured, what the archive leans on, and how to verify it. "
      "If no -o is given, the page of model.bbz is model.report.html. "
      "Up to 64 MiB of each dtype are decoded for the information of elements; all else is in the index. "
      "An archive from standard input is copied to the directory for temporary files first.",
      "--json prints the same data, of which a page has only the largest part of long lists. "
      "Its fields are stable; tools/report/json.md in the sources of bbz describes them, "
      "and tools/report/report.schema.json is their JSON Schema.",
      "--against compares with another archive, a model, a directory or a URL, tensor by tensor, "
      "or with a run in a history, whose name must end with .jsonl: "
      "the newest run with an archive of the same name, or else the newest run. "
      "--tokens runs the models as bbz compare does.",
      gates,
      "If SOURCE_DATE_EPOCH is set, it is the time of the report, and estimates have no times, "
      "so that the same archives give the same page."};
  // NOLINTEND(bugprone-suspicious-missing-comma)
  manual.examples = {
      {"bbz report model.bbz", "Writes model.report.html."},
      {"bbz report sliced.bbz --against sliced.pt -o sliced.html",
       "Shows also what differs from the model."},
      {"bbz report model.bbz --gate 'ratio<=0.9' --junit gates.xml -o model.html",
       "Exits with 1 if the archive takes more than 90 % of its files."},
      {"bbz report tuned.bbz --base base.bbz --against base.bbz --gate 'size<=-20%' -o tuned.html",
       "Exits with 1 if the archive is not 20 % smaller than another one."},
      {"bbz report model.bbz --history runs.jsonl -f",
       "Adds a row to a history, and draws its trends."},
      {"bbz report --json model.bbz | jq '.archives[0].ratio'", "Prints one figure."},
  };
  return manual;
}

// What the command line asks for, checked.
struct ReportTask {
  Acceptance acceptance;
  std::vector<Gate> gates;
  std::vector<std::uint32_t> tokens;
  std::string made;
};

Result<ReportTask> check_arguments(const ReportArguments& arguments) {
  ReportTask task;
  BBZ_ASSIGN(task.acceptance, arguments.acceptance.acceptance());
  const bool several = arguments.archives.size() > 1;
  const auto refuse = [](const char* message) {
    return error_with_message(Code::kInvalidArgument, message);
  };
  if (several && task.acceptance.root)
    return refuse("--expect cannot be combined with several archives");
  if (several && !arguments.against.empty())
    return refuse("--against cannot be combined with several archives");
  if (several && !arguments.scores.tokens.empty())
    return refuse("--tokens cannot be combined with several archives");
  if (several && arguments.output.empty() && !arguments.json) {
    return refuse("the page of several archives needs a name: -o FILE");
  }
  if (arguments.against == "-") return refuse("--against cannot be standard input");
  if (!arguments.junit.empty() && arguments.gates.empty()) return refuse("--junit needs a --gate");
  if (arguments.junit == "-" && (arguments.json || arguments.output == "-")) {
    return refuse("only one output can be standard output");
  }
  for (const std::string& text : arguments.gates) {
    BBZ_ASSIGN(const Gate gate, parse_gate(text));
    BBZ_TRY(check_gate(gate, !arguments.against.empty(), !arguments.scores.tokens.empty()));
    task.gates.push_back(gate);
  }
  BBZ_TRY(arguments.scores.check());
  if (!arguments.scores.tokens.empty()) {
    BBZ_ASSIGN(task.tokens, read_tokens(arguments.scores));
  }
  BBZ_ASSIGN(task.made, time_of_output());
  return task;
}

// A report while it is made.
class ReportRun {
 public:
  ReportRun(const ReportArguments& arguments, const CommonOptions& common, const ReportTask& task,
            ReportOutputs outputs, ReportHistory history)
      : arguments_(arguments),
        common_(common),
        task_(task),
        outputs_(std::move(outputs)),
        history_(std::move(history)) {
    opening_ = {arguments.against, arguments.network, arguments.base, task.acceptance.limits,
                common.threads};
  }

  // Measures an archive, and fills in its figures for --openmetrics. Errors: those after which there is
  // no report.
  Status add(const std::string& path, RunFigures& recorded) {
    BBZ_ASSIGN(ReportedArchive archive, report_on(path, common_.threads, arguments_.network,
                                                  task_.acceptance, arguments_.base));
    if (archive.damage) note(about_input(path, *archive.damage));
    std::optional<Old> old;
    if (!arguments_.against.empty()) {
      BBZ_ASSIGN(old, open_old(opening_, archive.name));
      BBZ_ASSIGN(against_, against_json(archive, *old));
      if (old->archive) BBZ_TRY(outputs_.add_inputs({old->archive->source()}));
      if (old->model) BBZ_TRY(outputs_.add_inputs(old->model->sources));
    }
    const QualityTask quality{arguments_.scores, task_.tokens, task_.gates, opening_};
    const Status measured = measure_quality(archive, old ? &*old : nullptr, quality, against_);
    if (!measured.ok()) note(measured.error());
    if (!arguments_.no_estimates) {
      archive.data["estimates"] = estimates_json(archive, opening_, !is_time_given());
    }
    BBZ_TRY(archive.input.source()->check_unchanged());
    BBZ_TRY(outputs_.add_inputs(archive));
    judge_gates(archive);
    history_.add(archive, against_, common_.threads);
    record_reported(archive, recorded);
    archives_.push_back(std::move(archive.data));
    return {};
  }

  // Writes all outputs, and returns the exit code.
  Result<ExitCode> finish() {
    Json report = {{"schema", 1},
                   {"bbz", version_of_tools()},
                   {"made", task_.made},
                   {"archives", std::move(archives_)},
                   {"against", std::move(against_)},
                   {"gates", gates_json(verdicts_)},
                   {"history", history_.data()}};
    BBZ_TRY(outputs_.write_report(std::move(report)));
    BBZ_TRY(outputs_.write_junit(junit_text(suites_, task_.made)));
    BBZ_TRY(outputs_.finish());
    BBZ_TRY(history_.append());
    bool passed = true;
    for (const GateVerdict& verdict : verdicts_) {
      passed = passed && verdict.passed;
      if (!verdict.passed) {
        say("bbz: {}: gate failed: {}: {}\n", printable(verdict.archive), printable(verdict.gate),
            printable(verdict.why));
      } else if (common_.verbose) {
        say("bbz: {}: gate passed: {}\n", printable(verdict.archive), printable(verdict.gate));
      }
    }
    return passed ? exit_code(problem_) : ExitCode::kNo;
  }

 private:
  void judge_gates(const ReportedArchive& archive) {
    JunitSuite suite;
    suite.archive = archive.name;
    suite.figures = archive.figures;
    suite.seconds = archive.seconds;
    for (const Gate& gate : task_.gates)
      suite.verdicts.push_back(judge(gate, archive.name, archive.figures));
    verdicts_.insert(verdicts_.end(), suite.verdicts.begin(), suite.verdicts.end());
    suites_.push_back(std::move(suite));
  }

  // Fills in what is known of an archive, whose gates were judged last.
  void record_reported(const ReportedArchive& archive, RunFigures& recorded) const {
    const catalog::Catalog& catalog = archive.reader().catalog();
    recorded.root_digest = archive.reader().root().to_string();
    recorded.original_bytes = archive.info.file_bytes;
    recorded.archive_bytes = archive.info.archive_bytes;
    recorded.files = catalog.files.size();
    recorded.tensors = archive.info.tensors.tensors;
    recorded.codecs = archive.info.codecs;
    recorded.quality = archive.data["quality"];
    recorded.seconds = archive.seconds;
    recorded.has_speed = false;
    const auto& verdicts = suites_.back().verdicts;
    const auto passed = std::ranges::count_if(verdicts, &GateVerdict::passed);
    const auto failed = std::ssize(verdicts) - passed;
    recorded.more = {{"bbz_gates", {{"result", "passed"}}, static_cast<double>(passed)},
                     {"bbz_gates", {{"result", "failed"}}, static_cast<double>(failed)}};
  }

  // Tells what the report lacks. The exit code is that of the first such error.
  void note(const Error& error) {
    say("bbz: {}\n", advised(error));
    if (problem_ == Code::kOk) problem_ = error.code;
  }

  const ReportArguments& arguments_;
  const CommonOptions& common_;
  const ReportTask& task_;
  ReportOutputs outputs_;
  ReportHistory history_;
  AgainstArguments opening_;
  Json archives_ = Json::array();
  Json against_;
  std::vector<GateVerdict> verdicts_;
  std::vector<JunitSuite> suites_;
  Code problem_ = Code::kOk;
};

Result<ExitCode> run_report(const ReportArguments& arguments, const CommonOptions& common,
                            RunRecord& record) {
  BBZ_ASSIGN(const ReportTask task, check_arguments(arguments));
  BBZ_ASSIGN(ReportOutputs outputs, ReportOutputs::open(arguments));
  BBZ_ASSIGN(ReportHistory history, ReportHistory::open(arguments.record.history));
  ReportRun run(arguments, common, task, std::move(outputs), std::move(history));
  for (std::size_t i = 0; i < arguments.archives.size(); ++i) {
    BBZ_TRY(run.add(arguments.archives[i], record.figures(i)));
  }
  return run.finish();
}

}  // namespace

void add_report_command(Program& program) {
  const auto arguments = std::make_shared<ReportArguments>();
  Options& app = program.add_command("report", report_manual(), [&program, arguments] {
    // The page draws the rows of this run too, so the report appends them itself.
    const RecordArguments metrics{{}, arguments->record.metrics};
    return recorded(
        "report", arguments->archives, metrics, program.common(),
        [&](RunRecord& record) { return run_report(*arguments, program.common(), record); });
  });
  app.add_option("ARCHIVE", arguments->archives,
                 "The archives, their URLs, or - for standard input")
      ->required();
  app.add_option("-o,--output", arguments->output,
                 "Write the page, or the JSON of --json, to FILE; - is standard output")
      ->type_name("FILE");
  add_output_options(app, arguments->writing, "Replace existing outputs");
  app.add_flag("--json", arguments->json,
               "Write JSON instead of a page, to standard output unless -o is given");
  app.add_option(
         "--against", arguments->against,
         "Compare with this archive, model, directory or URL, or with a run in a history (.jsonl)")
      ->type_name("OLD");
  app.add_option("--gate", arguments->gates,
                 "Require this limit, such as 'ratio<=0.66'; may be repeated")
      ->type_name("LIMIT")
      ->allow_extra_args(false);
  app.add_option("--junit", arguments->junit, "Write the gates as JUnit XML to FILE")
      ->type_name("FILE");
  app.add_option("--history", arguments->record.history,
                 "Append a row for each archive to this history (JSON lines), and show its trends")
      ->type_name("FILE");
  add_metrics_option(app, arguments->record);
  app.add_flag("--no-estimates", arguments->no_estimates,
               "Leave out what other methods would save, which takes time to estimate");
  add_score_options(
      app, arguments->scores,
      "Run the model, and that of --against, on the token ids in this file, 16 bits each");
  add_expect_option(app, arguments->acceptance,
                    "Require this root digest; nothing of any other archive is reported");
  add_max_size_option(app, arguments->acceptance);
  add_base_option(app, arguments->base);
  add_network_options(app, arguments->network);
}

}  // namespace bbz::tools
