#include <cmath>
#include <optional>

#include "bbz/base/format.h"
#include "bbz/commands.h"
#include "bbz/compare_report.h"
#include "bbz/model_scores.h"
#include "common/model_input.h"

namespace bbz::tools {
namespace {

struct CompareArguments {
  std::string first;
  std::string second;
  ScoreArguments scores;
  std::optional<double> max_nll;
  std::optional<double> max_logit;
  std::optional<double> max_orbit;
  std::optional<double> max_product;
  std::optional<double> max_difference;
  bool json = false;
  NetworkArguments network;
  BaseArguments base;
  AcceptanceArguments acceptance;
};

Manual compare_manual() {
  Manual manual;
  manual.summary = "Compare two models, up to rounding, rotation and factors";
  manual.description = {
      "Compares the models tensor by tensor. "
      "At each junction of a sliced model, "
      "it also finds the best rotation of the residual's basis. "
      "The distance that is left is small if the models differ only by the choice of a basis. "
      "--tokens runs a reference forward pass (Llama and OPT, also sliced or factored), "
      "which gives the negative log-likelihood of both models, "
      "the largest difference of a logit and the mean KL divergence.",
      "Low-rank pairs (ASVD, SVD-LLM, LoRA) are compared by their products, "
      "also with the matrix that another model has for one. "
      "Two products are called one matrix "
      "if no row or column of them differs by more than it would "
      "if each entry of the factors, or of the matrix, were off "
      "by one unit in the last place of its type, independently. "
      "That is four times the rounding of the factors of one model to nearest.",
      "Each model is a safetensors, GGUF or torch.save file, "
      "a directory of safetensors or torch.save files, an archive, "
      "or the URL of one of these files. "
      "A GGUF file with a tensor of a type that is not known is refused, also in an archive. "
      "Tensors of blocks are only found identical or not. "
      "Models whose tensors are so many views of the same bytes, or in so different an order, "
      "that reading them takes more than 16 times the bytes of the files and 4 GiB, are refused. "
      "The numbers of heads and the hidden size come from the options, "
      "or from config.json in the archive or beside the file.",
      "With a --max option, the exit code is 1 if the figure is larger or could not be computed."};
  manual.examples = {
      {"bbz compare sliced.pt sliced.bbz", "Compares tensors and orbits."},
      {"bbz compare sliced.pt sliced.bbz --tokens tokens.u16 --length 129 --max-nll 1e-3",
       "Runs both models on tokens, and exits with 1 if their likelihoods differ by more."}};
  return manual;
}

// Returns whether a figure is within its limit, if one was given. NaN never is.
bool within(const std::optional<double>& limit, double figure) {
  return !limit || figure <= *limit;
}

Result<ExitCode> run_compare(const CompareArguments& arguments, const CommonOptions& common) {
  const bool scored = !arguments.scores.tokens.empty();
  if (!scored && (arguments.max_nll || arguments.max_logit)) {
    return make_error(Code::kInvalidArgument, "--max-nll and --max-logit need --tokens");
  }
  BBZ_TRY(arguments.scores.check());
  BBZ_ASSIGN(const Acceptance second_only, arguments.acceptance.acceptance());
  const Acceptance of_both{std::nullopt, second_only.limits};
  BBZ_ASSIGN(const model::Model first, open_model(arguments.first, arguments.network,
                                                  common.threads, of_both, arguments.base));
  BBZ_ASSIGN(const model::Model second, open_model(arguments.second, arguments.network,
                                                   common.threads, second_only, arguments.base));
  ComparisonReport report;
  BBZ_ASSIGN(static_cast<ops::Comparison&>(report), ops::compare_models(first, second));
  if (scored) {
    BBZ_ASSIGN(const std::vector<std::uint32_t> tokens, read_tokens(arguments.scores));
    BBZ_ASSIGN(report.scores, compare_scores(first, second, arguments.scores, tokens));
  }
  for (const model::Model* model : {&first, &second}) BBZ_TRY(model::check_unchanged(*model));
  if (arguments.json) {
    print_comparison_json(report);
  } else {
    print_comparison(report, common.verbose);
  }
  const double nll =
      report.scores ? std::abs(report.scores->second.nll - report.scores->first.nll) : 0;
  const double logit = report.scores ? report.scores->largest_logit_difference : 0;
  const bool same = within(arguments.max_nll, nll) && within(arguments.max_logit, logit) &&
                    within(arguments.max_orbit, report.largest_orbit()) &&
                    within(arguments.max_product, report.largest_product()) &&
                    within(arguments.max_difference, report.largest_difference());
  return same ? ExitCode::kSuccess : ExitCode::kNo;
}

}  // namespace

void add_compare_command(Program& program) {
  const auto arguments = std::make_shared<CompareArguments>();
  Options& app = program.add_command("compare", compare_manual(), [&program, arguments] {
    return run_compare(*arguments, program.common());
  });
  app.add_option("FIRST", arguments->first, "A model, or its URL")->required();
  app.add_option("SECOND", arguments->second, "The model to compare with it")->required();
  add_score_options(app, arguments->scores,
                    "Run both models on the token ids in this file, 16 bits each");
  app.add_option("--max-nll", arguments->max_nll,
                 "Allow at most this difference of the negative log-likelihoods")
      ->type_name("X");
  app.add_option("--max-logit", arguments->max_logit, "Allow at most this difference of a logit")
      ->type_name("X");
  app.add_option("--max-orbit", arguments->max_orbit,
                 "Allow at most this distance of a junction after rotation")
      ->type_name("X");
  app.add_option("--max-product", arguments->max_product,
                 "Allow at most this distance of the products of a low-rank pair")
      ->type_name("X");
  app.add_option("--max-difference", arguments->max_difference,
                 "Allow at most this difference of an entry")
      ->type_name("X");
  app.add_flag("--json", arguments->json, "Print JSON");
  add_expect_option(app, arguments->acceptance,
                    "Require this root digest of SECOND, which must be an archive");
  add_max_size_option(app, arguments->acceptance);
  add_base_option(app, arguments->base);
  add_network_options(app, arguments->network);
}

}  // namespace bbz::tools
