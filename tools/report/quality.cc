#include "report/quality.h"

#include <algorithm>
#include <cmath>

#include "bbz/ops/compare.h"

namespace bbz::tools {
namespace {

void set_why(Figures& figures, std::initializer_list<const char*> names, const std::string& why) {
  for (const char* const name : names) figures[name] = {{}, {}, why};
}

void set_scores(ReportedArchive& archive, const forward::Comparison& scores, Json& against) {
  Figures& figures = archive.figures;
  figures["nll"] = {scores.second.nll, scores.first.nll, ""};
  figures["kl"].value = scores.mean_kl;
  figures["logit"].value = scores.largest_logit_difference;
  archive.data["quality"] = {{"tokens", scores.second.tokens}, {"nll", scores.second.nll}};
  against["quality"] = {{"tokens", scores.second.tokens},
                        {"nll_old", scores.first.nll},
                        {"nll_new", scores.second.nll},
                        {"nll_difference", scores.second.nll - scores.first.nll},
                        {"kl", scores.mean_kl},
                        {"largest_logit_difference", scores.largest_logit_difference}};
}

// Sets the scores of one model, beside those that a run of a history had.
void set_score(ReportedArchive& archive, const forward::Score& score, const Old* old,
               Json& against) {
  Figure& nll = archive.figures["nll"];
  nll.value = score.nll;
  archive.data["quality"] = {{"tokens", score.tokens}, {"nll", score.nll}};
  if (old == nullptr) return;
  set_why(archive.figures, {"kl", "logit"}, "a history does not have the tensors");
  nll.old = old->sizes.nll;
  if (!nll.old) {
    nll.why = "the run in the history did not measure it";
    return;
  }
  against["quality"] = {{"tokens", score.tokens}, {"nll_old", *nll.old},
                        {"nll_new", score.nll},   {"nll_difference", score.nll - *nll.old},
                        {"kl", nullptr},          {"largest_logit_difference", nullptr}};
}

void set_distances(ReportedArchive& archive, const ops::Comparison& found, Json& against) {
  Figures& figures = archive.figures;
  figures["difference"].value = found.largest_difference();
  if (found.orbits.empty()) {
    figures["orbit"].why = found.no_orbits;
  } else {
    figures["orbit"].value = found.largest_orbit();
  }
  if (found.pairs.empty()) {
    figures["product"].why = found.no_pairs;
  } else {
    figures["product"].value = found.largest_product();
  }
  const auto finite = [](const Figure& figure) {
    return figure.value && std::isfinite(*figure.value) ? Json(*figure.value) : Json();
  };
  against["distances"] = {{"largest_difference", finite(figures["difference"])},
                          {"largest_orbit", finite(figures["orbit"])},
                          {"largest_product", finite(figures["product"])}};
}

bool needs_distances(const std::vector<Gate>& gates) {
  return std::ranges::any_of(gates, [](const Gate& gate) {
    const std::string_view name = gate.figure->name;
    return name == "orbit" || name == "product" || name == "difference";
  });
}

Status run_models(ReportedArchive& archive, const model::Model& now, const model::Model* before,
                  const Old* old, const QualityTask& task, Json& against) {
  if (before == nullptr) {
    BBZ_ASSIGN(const forward::Score score, score_of(now, task.scores, task.tokens));
    set_score(archive, score, old, against);
    return {};
  }
  BBZ_ASSIGN(const forward::Comparison scores,
             compare_scores(*before, now, task.scores, task.tokens));
  set_scores(archive, scores, against);
  return {};
}

}  // namespace

Status measure_quality(ReportedArchive& archive, const Old* old, const QualityTask& task,
                       Json& against) {
  const bool distances = old != nullptr && needs_distances(task.gates);
  const bool scores = !task.tokens.empty();
  if (!scores && !distances) return {};
  Figures& figures = archive.figures;
  const auto fail = [&](const Error& error) {
    if (scores) set_why(figures, {"nll", "kl", "logit"}, error.message);
    if (distances) set_why(figures, {"orbit", "product", "difference"}, error.message);
    return error;
  };
  const auto now = model_in(archive, task.opening);
  if (!now.ok()) return fail(now.error());
  std::optional<model::Model> before;
  if (old != nullptr && old->kind != "history") {
    auto opened = model_of(*old, task.opening);
    if (!opened.ok()) return fail(opened.error());
    before.emplace(std::move(opened).value());
  }
  Status first;
  if (scores) {
    first = run_models(archive, *now, before ? &*before : nullptr, old, task, against);
    if (!first.ok()) set_why(figures, {"nll", "kl", "logit"}, first.error().message);
  }
  if (!distances) return first;
  if (!before) {
    set_why(figures, {"orbit", "product", "difference"}, "a history does not have the tensors");
    return first;
  }
  const auto found = ops::compare_models(*before, *now);
  if (found.ok()) {
    set_distances(archive, *found, against);
    return first;
  }
  set_why(figures, {"orbit", "product", "difference"}, found.error().message);
  return first.ok() ? Status(found.error()) : first;
}

}  // namespace bbz::tools
