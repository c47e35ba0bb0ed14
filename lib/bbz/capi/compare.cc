// Compares models, and estimates what rotating them would save.
#include "bbz/ops/compare.h"
#include "bbz/capi/internal/job.h"
#include "bbz/capi/internal/models.h"
#include "bbz/capi/model.h"
#include "bbz/ops/rotation/pack.h"

struct bbz_comparison {
  bbz::ops::Comparison found;
};

struct bbz_estimate_result {
  std::string family;
  std::string refusal;
  bbz::rotation::Estimate estimate;
};

namespace bbz::capi {

template <>
inline constexpr std::size_t kFirstSize<bbz_comparison_info> = offsetof(bbz_comparison_info,
                                                                        pair_count);

namespace {

Result<bbz_model_work> work_of(const bbz_model_work* given) {
  BBZ_ASSIGN(const bbz_model_work known, read_struct(given, "bbz_model_work"));
  if (known.reserved == 0) return known;
  return make_error(Code::kInvalidArgument, "bbz_model_work: reserved is not zero");
}

// Returns a model whose tensors the job counts as they are loaded, so that it can end the work.
model::Model watched(const model::Model& model, Job& job, std::uint64_t& loaded) {
  model::Model copy = model;
  const auto counted = [&job, &loaded](auto load) {
    return [&job, &loaded, load = std::move(load)](auto... what) -> Result<std::vector<std::byte>> {
      BBZ_TRY(job.advance(loaded));
      auto bytes = load(what...);
      if (bytes.ok()) loaded += bytes->size();
      BBZ_TRY(job.advance(loaded));
      return bytes;
    };
  };
  copy.load = counted(std::move(copy.load));
  copy.load_part = counted(std::move(copy.load_part));
  return copy;
}

Status compare(const bbz_model& first, const bbz_model& second, const bbz_model_work* given,
               bbz_comparison** out) {
  BBZ_ASSIGN(const bbz_model_work work, work_of(given));
  ops::Comparison found;
  Status outcome = Job::run({work.progress, work.user}, [&](Job& job) -> Status {
    BBZ_TRY(job.begin(BBZ_PHASE_WORK, BBZ_UNKNOWN));
    std::uint64_t loaded = 0;
    BBZ_ASSIGN(found, ops::compare_models(watched(first.model, job, loaded),
                                          watched(second.model, job, loaded)));
    for (const auto* one : {&first, &second}) BBZ_TRY(model::check_unchanged(one->model));
    return {};
  });
  if (outcome.ok()) *out = new bbz_comparison{std::move(found)};
  return outcome;
}

Status estimate(const bbz_model& model, const bbz_model_work* given, bbz_estimate_result** out) {
  BBZ_ASSIGN(const bbz_model_work work, work_of(given));
  auto result = std::make_unique<bbz_estimate_result>();
  Status outcome = Job::run({work.progress, work.user}, [&](Job& job) -> Status {
    BBZ_TRY(job.begin(BBZ_PHASE_WORK, BBZ_UNKNOWN));
    std::uint64_t loaded = 0;
    const model::Model seen = watched(model.model, job, loaded);
    const rotation::Detection detection = rotation::detect(seen);
    result->refusal = detection.refusal(rotation::RequestedMethod::kAuto);
    if (result->refusal.empty()) {
      BBZ_ASSIGN(result->estimate, rotation::estimate(seen, detection, work.threads));
    }
    result->family = detection.junctions.family;
    return model::check_unchanged(model.model);
  });
  if (outcome.ok()) *out = result.release();
  return outcome;
}

bbz_comparison_info describe(const ops::Comparison& found) {
  bbz_comparison_info info{};
  info.tensor_count = found.tensors.size();
  info.identical_count = found.identical();
  info.orbit_count = found.orbits.size();
  info.largest_difference = found.largest_difference();
  info.no_orbits = found.no_orbits.c_str();
  info.pair_count = found.pairs.size();
  info.same_pair_count = found.same_pairs();
  info.no_pairs = found.no_pairs.c_str();
  return info;
}

bbz_tensor_difference describe(const compare::ComparedTensor& tensor) {
  bbz_tensor_difference info{};
  info.name = tensor.name.c_str();
  info.name_length = tensor.name.size();
  info.note = tensor.state.c_str();
  info.identical = tensor.state.empty() && tensor.difference.identical ? 1 : 0;
  info.largest = tensor.difference.largest;
  info.root_mean_square = tensor.difference.root_mean_square;
  info.norm = tensor.difference.norm;
  return info;
}

bbz_orbit describe(const std::string& name, const compare::OrbitDistance& distance) {
  bbz_orbit orbit{};
  orbit.name = name.c_str();
  orbit.name_length = name.size();
  orbit.plain = distance.plain;
  orbit.rotated = distance.rotated;
  orbit.largest = distance.largest;
  return orbit;
}

bbz_pair_distance describe(const compare::PairDistance& found) {
  bbz_pair_distance pair{};
  pair.name = found.name.c_str();
  pair.name_length = found.name.size();
  pair.verdict = found.verdict().data();  // a literal
  pair.note = found.note.c_str();
  pair.same = found.same() ? 1 : 0;
  pair.identical = found.identical ? 1 : 0;
  pair.first_rank = found.first_rank;
  pair.second_rank = found.second_rank;
  pair.plain = found.plain;
  pair.product = found.product;
  pair.largest = found.largest;
  pair.rounding = found.rounding;
  pair.of_rounding = found.of_rounding;
  return pair;
}

bbz_estimate_info describe(const bbz_estimate_result& result) {
  bbz_estimate_info info{};
  info.family = result.family.c_str();
  info.refusal = result.refusal.c_str();
  info.junction_count = result.estimate.junctions.size();
  info.entries = result.estimate.entries;
  info.bits = result.estimate.bits;
  info.pair_count = result.estimate.pairs.size();
  return info;
}

bbz_junction describe(const rotation::Estimate::Junction& found) {
  bbz_junction junction{};
  junction.name = found.name.c_str();
  junction.name_length = found.name.size();
  junction.note = found.note.c_str();
  junction.width = found.width;
  junction.triangular_entries = found.triangular_entries;
  junction.polar_entries = found.polar_entries;
  junction.bits_back_bits = found.bits_back_bits;
  return junction;
}

bbz_pair describe(const rotation::Estimate::Pair& found) {
  bbz_pair pair{};
  pair.name = found.name.c_str();
  pair.name_length = found.name.size();
  pair.note = found.note.c_str();
  pair.rank = found.rank;
  pair.pivot_entries = found.pivot_entries;
  return pair;
}

}  // namespace
}  // namespace bbz::capi

bbz_code bbz_compare(const bbz_model* first, const bbz_model* second, const bbz_model_work* options,
                     bbz_comparison** comparison, bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(comparison);
    *comparison = nullptr;
    BBZ_REQUIRE(first);
    BBZ_REQUIRE(second);
    return bbz::capi::compare(*first, *second, options, comparison);
  });
}

void bbz_comparison_free(bbz_comparison* comparison) noexcept {
  delete comparison;
}

bbz_code bbz_comparison_get(const bbz_comparison* comparison, bbz_comparison_info* info,
                            bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(comparison);
    BBZ_REQUIRE(info);
    return bbz::capi::write_struct(bbz::capi::describe(comparison->found), info,
                                   "bbz_comparison_info");
  });
}

bbz_code bbz_comparison_tensor(const bbz_comparison* comparison, uint64_t number,
                               bbz_tensor_difference* difference, bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(comparison);
    BBZ_REQUIRE(difference);
    const auto& tensors = comparison->found.tensors;
    BBZ_TRY(bbz::capi::check_number("tensor", number, tensors.size()));
    return bbz::capi::write_struct(bbz::capi::describe(tensors[number]), difference,
                                   "bbz_tensor_difference");
  });
}

bbz_code bbz_comparison_orbit(const bbz_comparison* comparison, uint64_t number, bbz_orbit* orbit,
                              bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(comparison);
    BBZ_REQUIRE(orbit);
    const auto& found = comparison->found;
    BBZ_TRY(bbz::capi::check_number("orbit", number, found.orbits.size()));
    const auto& distance = found.orbits[number];
    return bbz::capi::write_struct(
        bbz::capi::describe(found.junctions[distance.junction], distance), orbit, "bbz_orbit");
  });
}

bbz_code bbz_comparison_pair(const bbz_comparison* comparison, uint64_t number,
                             bbz_pair_distance* distance, bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(comparison);
    BBZ_REQUIRE(distance);
    const auto& pairs = comparison->found.pairs;
    BBZ_TRY(bbz::capi::check_number("pair", number, pairs.size()));
    return bbz::capi::write_struct(bbz::capi::describe(pairs[number]), distance,
                                   "bbz_pair_distance");
  });
}

bbz_code bbz_estimate(const bbz_model* model, const bbz_model_work* options,
                      bbz_estimate_result** result, bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(result);
    *result = nullptr;
    BBZ_REQUIRE(model);
    return bbz::capi::estimate(*model, options, result);
  });
}

void bbz_estimate_free(bbz_estimate_result* result) noexcept {
  delete result;
}

bbz_code bbz_estimate_get(const bbz_estimate_result* result, bbz_estimate_info* info,
                          bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(result);
    BBZ_REQUIRE(info);
    return bbz::capi::write_struct(bbz::capi::describe(*result), info, "bbz_estimate_info");
  });
}

bbz_code bbz_estimate_junction(const bbz_estimate_result* result, uint64_t number,
                               bbz_junction* junction, bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(result);
    BBZ_REQUIRE(junction);
    const auto& junctions = result->estimate.junctions;
    BBZ_TRY(bbz::capi::check_number("junction", number, junctions.size()));
    return bbz::capi::write_struct(bbz::capi::describe(junctions[number]), junction,
                                   "bbz_junction");
  });
}

bbz_code bbz_estimate_pair(const bbz_estimate_result* result, uint64_t number, bbz_pair* pair,
                           bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(result);
    BBZ_REQUIRE(pair);
    const auto& pairs = result->estimate.pairs;
    BBZ_TRY(bbz::capi::check_number("pair", number, pairs.size()));
    return bbz::capi::write_struct(bbz::capi::describe(pairs[number]), pair, "bbz_pair");
  });
}
