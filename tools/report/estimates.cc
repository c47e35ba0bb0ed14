#include "report/estimates.h"

#include "bbz/ops/forecast/forecast.h"
#include "common/output.h"

namespace bbz::tools {
namespace {

Result<forecast::Forecasts> forecast_of(const ReportedArchive& archive,
                                        const AgainstArguments& opening) {
  BBZ_ASSIGN(const model::Model model, model_in(archive, opening));
  const rotation::Detection detection = rotation::detect(model);
  forecast::Options options;
  options.threads = opening.threads;
  options.folder = folder_of("-");
  return forecast::forecast({&model, &detection, nullptr}, options);
}

Json method_json(const forecast::Forecast& one, std::uint64_t original, bool with_times) {
  const bool known = one.bytes != 0;
  const bool timed = known && with_times;
  const bool related = known && original != 0;
  return {{"method", one.method},
          {"floor", one.floor},
          {"bytes", known ? Json(one.bytes) : Json()},
          {"ratio",
           related ? Json(static_cast<double>(one.bytes) / static_cast<double>(original)) : Json()},
          {"bytes_within", known ? Json(one.bytes_within) : Json()},
          {"seconds", timed ? Json(one.seconds) : Json()},
          {"seconds_within", timed ? Json(one.seconds_within) : Json()},
          {"note", one.note}};
}

}  // namespace

Json estimates_json(const ReportedArchive& archive, const AgainstArguments& opening,
                    bool with_times) {
  Json estimates = {{"note", ""}, {"methods", Json::array()}};
  const auto forecasts = forecast_of(archive, opening);
  if (!forecasts.ok()) {
    estimates["note"] = forecasts.error().message;
    return estimates;
  }
  for (const forecast::Forecast& one : forecasts->methods) {
    estimates["methods"].push_back(method_json(one, forecasts->original_bytes, with_times));
  }
  return estimates;
}

}  // namespace bbz::tools
