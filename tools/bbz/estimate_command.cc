#include <fmt/format.h>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/commands.h"
#include "bbz/ops/rotation/pack.h"
#include "common/json.h"
#include "common/model_input.h"
#include "common/output.h"
#include "common/say.h"
#include "common/table.h"
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
  manual.summary = "Show what bbz pack --symmetry would save, without packing";
  manual.description = {
      "Finds the junctions of a sliced model, "
      "which are the places where it can be rotated without changing what it computes. "
      "For each junction and each method of bbz pack --symmetry, "
      "shows what the method would save before the float coder. "
      "Finds also the pairs of low-rank factors that stand for a matrix, and shows what pivot saves. "
      "MODEL is a safetensors or torch.save file, a directory that contains one, an archive, "
      "or the URL of one of these files."};
  manual.examples = {
      {"bbz estimate sliced.pt", "Shows the junctions and what each would save."},
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

void print_json(const rotation::Estimate& estimate, const std::string& family,
                const std::string& refusal) {
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
  write_json(json);
}

Result<ExitCode> run_estimate(const EstimateArguments& arguments, const CommonOptions& common) {
  BBZ_ASSIGN(const Acceptance acceptance, arguments.acceptance.acceptance());
  BBZ_ASSIGN(const model::Model model,
             open_model(arguments.model, arguments.network, common.threads, acceptance));
  const rotation::Detection detection = rotation::detect(model);
  const std::string refusal = detection.refusal(rotation::RequestedMethod::kAuto);
  BBZ_TRY(model::check_unchanged(model));
  if (!refusal.empty() && !arguments.json) {
    put("{}: nothing to rotate: {}\n", shown(arguments.model), printable(refusal));
    return ExitCode::kNo;
  }
  BBZ_ASSIGN(const rotation::Estimate estimate,
             rotation::estimate(model, detection, common.threads));
  BBZ_TRY(model::check_unchanged(model));
  if (arguments.json) {
    print_json(estimate, std::string(detection.junctions.family), refusal);
  } else {
    put("{}: entries that need not be stored\n\n", shown(arguments.model));
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
