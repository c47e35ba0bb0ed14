#include "bbz/symmetry_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "common/output.h"
#include "common/say.h"
#include "common/units.h"

namespace bbz::tools {
namespace {

rotation::RequestedMethod method_of(const std::string& name) {
  if (name == "bits-back") return rotation::RequestedMethod::kBitsBack;
  if (name == "triangular") return rotation::RequestedMethod::kTriangular;
  if (name == "polar") return rotation::RequestedMethod::kPolar;
  if (name == "pivot") return rotation::RequestedMethod::kPivot;
  return rotation::RequestedMethod::kAuto;
}

// Returns a message about the junctions or pairs that were left as they are, which names the first of
// them.
std::string exact_ones(const auto& all, std::string_view what) {
  const auto exact = [](const auto& one) { return one.method == "exact"; };
  const auto first = std::ranges::find_if(all, exact);
  if (first == all.end()) return {};
  const auto count = std::ranges::count_if(all, exact);
  return fmt::format("bbz: {} of {} {} packed exactly: {}: {}{}\n", count, all.size(), what,
                     printable(first->name), printable(first->note), count > 1 ? ", ..." : "");
}

}  // namespace

void add_symmetry_options(Options& app, SymmetryArguments& arguments) {
  app.add_option(
         "--symmetry", arguments.method,
         "Change a model in gauge, not in function, so that less must be stored: off (exact), "
         "auto, for sliced models bits-back, triangular or polar, and for models with "
         "low-rank factors pivot. Files of a model keep their names, formats and tensors; of "
         "several, the names must say that they are parts. "
         "Cannot be combined with a stream as INPUT, nor with --index-first")
      ->type_name("METHOD")
      ->one_of({"off", "auto", "bits-back", "triangular", "polar", "pivot"})
      ->capture_default_str();
  app.add_option(
         "--symmetry-floor", arguments.floor,
         "With --symmetry, leave out bits that are finer than F times the rounding noise of "
         "their row. 0.5 adds up to 10 % to the rounding error of the change in gauge, "
         "1 up to 60 %. Not for bits-back")
      ->type_name("F")
      ->one_of({"0", "0.5", "1"})
      ->capture_default_str();
  app.add_option(
         "--as", arguments.as,
         "Make a rotated file of PyTorch one of this format: same, or safetensors, which "
         "keeps its tensors alone and is so called in the index of a model in several files "
         "(*.index.json). Needs --symmetry")
      ->type_name("FORMAT")
      ->one_of({"same", "safetensors"})
      ->capture_default_str();
}

Status check_symmetry(const SymmetryArguments& arguments) {
  if (arguments.as != "same" && !arguments.asked()) {
    return make_error(Code::kInvalidArgument, "--as needs --symmetry");
  }
  if (arguments.floor != "0" && (!arguments.asked() || arguments.method == "bits-back")) {
    return make_error(Code::kInvalidArgument,
                      "--symmetry-floor cannot be combined with --symmetry {}", arguments.method);
  }
  return {};
}

ops::SymmetryOptions symmetry_options(const SymmetryArguments& arguments,
                                      const std::string& output) {
  ops::SymmetryOptions symmetry;
  symmetry.method = method_of(arguments.method);
  symmetry.floor = gauge::find_floor(arguments.floor).value_or(gauge::Floor::kNone);
  symmetry.spool_folder = folder_of(output);
  if (arguments.as == "safetensors") symmetry.format = ops::OutputFormat::kSafetensors;
  return symmetry;
}

std::string symmetry_outcome(const ops::SymmetrySummary& summary) {
  if (!summary.record) {
    return fmt::format("bbz: packed exactly: {}\n", printable(summary.reason));
  }
  const rotation::Record& record = *summary.record;
  const auto saved = std::max<std::int64_t>(record.bits_saved(), 0);
  const bool junctions = record.method != rotation::method_name(rotation::RequestedMethod::kPivot);
  std::string outcome = junctions ? exact_ones(record.junctions, "junctions") : "";
  outcome += exact_ones(record.pairs, "pairs");
  outcome += fmt::format(
      "bbz: not bit-exact: the model was changed in gauge ({}), {} saved before the float coder; "
      "bbzinfo --symmetry shows the measured error\n",
      record.method, human_size(static_cast<std::uint64_t>(saved) / 8));
  return outcome;
}

}  // namespace bbz::tools
