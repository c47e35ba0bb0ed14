#include <fmt/format.h>

#include <ctime>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/commands.h"
#include "bbz/http/url.h"
#include "bbz/ops/forecast/forecast.h"
#include "bbz/ops/rotation/pack.h"
#include "common/json.h"
#include "common/model_input.h"
#include "common/output.h"
#include "common/say.h"
#include "common/table.h"
#include "common/time_of_output.h"
#include "common/units.h"

namespace bbz::tools {
namespace {

struct EstimateArguments {
  std::string model;
  bool json = false;
  NetworkArguments network;
  AcceptanceArguments acceptance;
};

Manual estimate_manual() {
  Manual manual;
  manual.summary = "Predict the size of an archive and the time of packing, without packing";
  manual.description = {
      "Shows for each method of bbz pack how large the archive will be, "
      "how far the size may be from that, how many seconds packing will take on this machine, "
      "and by what factor these may be wrong. "
      "Of a model of up to 4 MiB, every chunk is encoded and every tensor is rotated; "
      "of larger ones, a part of each chunk, some of the junctions and pairs, and some of their rows. "
      "All bytes are read, because chunks that repeat others are stored once. "
      "Times hold for this machine, and as long as it is as busy as now. "
      "exact is bbz pack, exact small is bbz pack --level small; "
      "the other methods are those of --symmetry, and their floor is that of --symmetry-floor.",
      "Finds the junctions of a sliced model, "
      "which are the places where it can be rotated without changing what it computes. "
      "For each junction and each method of bbz pack --symmetry, "
      "shows then what the method would save before the float coder. "
      "Finds also the pairs of low-rank factors that stand for a matrix, and shows what pivot saves. "
      "MODEL is a safetensors or torch.save file, a directory that contains one, an archive, "
      "or the URL of one of these files."};
  manual.examples = {
      {"bbz estimate sliced.pt",
       "Predicts size and time, and shows what each junction would save."},
      {"bbz estimate --json llama/ | jq '.forecast[] | [.method, .floor, .bytes, .seconds]'",
       "Prints the predictions for a directory."},
      {"bbz estimate --json sliced.pt | jq .family", "Prints the architecture of the model."},
  };
  return manual;
}

struct Totals {
  std::uint64_t triangular = 0;
  std::uint64_t polar = 0;
  double bits_back = 0;
};

Totals totals_of(const rotation::Estimate& estimate) {
  Totals totals;
  for (const auto& junction : estimate.junctions) {
    totals.triangular += junction.triangular_entries;
    totals.polar += junction.polar_entries;
    totals.bits_back += junction.bits_back_bits;
  }
  return totals;
}

std::string share(double part, std::uint64_t whole) {
  return fmt::format("{:.2f} %", whole == 0 ? 0 : 100 * part / static_cast<double>(whole));
}

void print_pairs(const rotation::Estimate& estimate) {
  Table table({"pair", "rank", "pivot", "note"});
  std::uint64_t total = 0;
  for (const auto& pair : estimate.pairs) {
    total += pair.pivot_entries;
    table.add({printable(pair.name), grouped(pair.rank), grouped(pair.pivot_entries),
               printable(pair.note)});
  }
  table.add({"share of the model", "", share(static_cast<double>(total), estimate.entries), ""});
  table.print();
}

void print_junctions(const rotation::Estimate& estimate) {
  Table table({"junction", "width", "triangular", "polar", "bits-back", "note"});
  for (const auto& junction : estimate.junctions) {
    table.add({printable(junction.name), grouped(junction.width),
               grouped(junction.triangular_entries), grouped(junction.polar_entries),
               fmt::format("{:.0f} bits", junction.bits_back_bits), printable(junction.note)});
  }
  const Totals totals = totals_of(estimate);
  table.add({"share of the model", "",
             share(static_cast<double>(totals.triangular), estimate.entries),
             share(static_cast<double>(totals.polar), estimate.entries),
             share(totals.bits_back, estimate.bits), ""});
  table.print();
}

// Returns what is predicted for the archive of a method, as a table shows it.
std::vector<std::string> row_of(const forecast::Forecast& one, std::uint64_t original) {
  std::vector<std::string> row{one.method, fmt::format("{}", one.floor)};
  if (one.bytes == 0) {
    row.insert(row.end(), {"", "", "", "", ""});
  } else {
    row.insert(row.end(), {grouped(one.bytes), share(static_cast<double>(one.bytes), original),
                           fmt::format("{:.2f} %", 100 * one.bytes_within),
                           is_time_given() ? "" : fmt::format("{:.2f}", one.seconds),
                           is_time_given() ? "" : fmt::format("{:.1f}", one.seconds_within)});
  }
  row.push_back(printable(one.note));
  return row;
}

void print_forecasts(const forecast::Forecasts& forecasts) {
  Table table({"method", "floor", "bytes", "ratio", "+-", "seconds", "factor", "note"});
  for (const forecast::Forecast& one : forecasts.methods) {
    // A method that does not apply is one row.
    if (!one.note.empty() && one.floor != 0) continue;
    table.add(row_of(one, forecasts.original_bytes));
  }
  table.print();
}

Json to_json(const forecast::Forecasts& forecasts) {
  Json list = Json::array();
  for (const forecast::Forecast& one : forecasts.methods) {
    list.push_back({{"method", one.method},
                    {"floor", one.floor},
                    {"bytes", one.bytes},
                    {"bytes_within", one.bytes_within},
                    {"seconds", is_time_given() ? Json() : Json(one.seconds)},
                    {"seconds_within", is_time_given() ? Json() : Json(one.seconds_within)},
                    {"note", one.note}});
  }
  return list;
}

void print_json(const rotation::Estimate& estimate, const std::string& family,
                const std::string& refusal, const forecast::Forecasts& forecasts) {
  Json json;
  json["schema"] = 1;
  json["family"] = family;
  json["refusal"] = refusal;
  json["entries"] = estimate.entries;
  json["bits"] = estimate.bits;
  json["junctions"] = Json::array();
  for (const auto& junction : estimate.junctions) {
    json["junctions"].push_back({{"name", junction.name},
                                 {"width", junction.width},
                                 {"triangular_entries", junction.triangular_entries},
                                 {"polar_entries", junction.polar_entries},
                                 {"bits_back_bits", junction.bits_back_bits},
                                 {"note", junction.note}});
  }
  json["pairs"] = Json::array();
  for (const auto& pair : estimate.pairs) {
    json["pairs"].push_back({{"name", pair.name},
                             {"rank", pair.rank},
                             {"pivot_entries", pair.pivot_entries},
                             {"note", pair.note}});
  }
  json["original_bytes"] = forecasts.original_bytes;
  json["sampled_bytes"] = forecasts.sampled_bytes;
  json["forecast"] = to_json(forecasts);
  write_json(json);
}

// Opens the files that bbz pack would pack, or returns null: for an archive, for a URL, and for what
// bbz pack would refuse.
std::unique_ptr<files::FileSequence> files_of(const std::string& name, const model::Model& model) {
  if (http::is_url(name) || model.archive != nullptr) return nullptr;
  auto files = files::open(name);
  if (!files.ok() || !(*files)->look().ok()) return nullptr;
  return std::move(*files);
}

Result<ExitCode> run_estimate(const EstimateArguments& arguments, const CommonOptions& common) {
  BBZ_ASSIGN(const Acceptance acceptance, arguments.acceptance.acceptance());
  BBZ_ASSIGN(const model::Model model,
             open_model(arguments.model, arguments.network, common.threads, acceptance));
  const rotation::Detection detection = rotation::detect(model);
  std::string refusal = detection.refusal(rotation::RequestedMethod::kAuto);
  BBZ_TRY(model::check_unchanged(model));
  // The processor's time so far is that of starting and of opening the model, which packing takes too.
  const double start = static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  const auto files = files_of(arguments.model, model);
  forecast::Options options;
  options.threads = common.threads;
  options.start_seconds = start;
  BBZ_ASSIGN(forecast::Forecasts forecasts,
             forecast::forecast({&model, &detection, files.get()}, options));
  if (!arguments.json) {
    put("{}: predicted archives of {} bytes\n\n", shown(arguments.model),
        grouped(forecasts.original_bytes));
    print_forecasts(forecasts);
  }
  const bool costly = refusal.empty() && !forecasts.costly.empty();
  if (costly) refusal = forecasts.costly;
  if (!refusal.empty() && !arguments.json) {
    BBZ_TRY(model::check_unchanged(model));
    put("\n{}: {}: {}\n", shown(arguments.model), costly ? "not estimated" : "nothing to rotate",
        printable(refusal));
    return ExitCode::kNo;
  }
  rotation::Estimate estimate;
  if (forecasts.estimate) {
    estimate = std::move(*forecasts.estimate);
  } else if (!costly) {
    BBZ_ASSIGN(estimate, rotation::estimate(model, detection, common.threads));
  }
  BBZ_TRY(model::check_unchanged(model));
  if (arguments.json) {
    print_json(estimate, std::string(detection.junctions.family), refusal, forecasts);
  } else {
    put("\nentries that need not be stored\n\n");
    if (detection.junctions.refusal.empty()) {
      put("family {}\n\n", detection.junctions.family);
      print_junctions(estimate);
    }
    if (!estimate.pairs.empty()) print_pairs(estimate);
  }
  return refusal.empty() ? ExitCode::kSuccess : ExitCode::kNo;
}

}  // namespace

void add_estimate_command(Program& program) {
  const auto arguments = std::make_shared<EstimateArguments>();
  Options& app = program.add_command("estimate", estimate_manual(), [&program, arguments] {
    return run_estimate(*arguments, program.common());
  });
  app.add_option("MODEL", arguments->model, "The model, or its URL")->required();
  app.add_flag("--json", arguments->json, "Print JSON");
  add_expect_option(app, arguments->acceptance);
  add_max_size_option(app, arguments->acceptance);
  add_network_options(app, arguments->network);
}

}  // namespace bbz::tools
