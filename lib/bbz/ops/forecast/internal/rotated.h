// The forecasts of rotated models: junctions in a gauge, bits-back, pairs, and the record of what was done.
#pragma once

#include "bbz/ops/forecast/forecast.h"
#include "bbz/ops/forecast/internal/dense.h"
#include "bbz/ops/forecast/internal/exact.h"
#include "bbz/ops/forecast/internal/pace.h"

namespace bbz::forecast {

// What rotating makes of a model, beside packing it exactly.
struct Change {
  Sizes bytes{};        // the archive has more, for each floor; most often below 0
  Sizes error{};        // of each: two standard errors
  Sizes seconds{};      // that packing takes longer with each floor, beside encoding and writing
  std::string failure;  // why pack() fails, or empty
  bool fits = false;    // whether a junction or a pair was changed
};

// What all of them know.
struct Work {
  const model::Model& model;
  const rotation::Detection& detection;
  const rotation::Estimate& estimate;
  const Exact& exact;  // of the model
  double share = 1;    // of the rows of a tensor
  bool whole = true;   // every junction and pair is rotated
  unsigned threads = kAllCores;
  Pace& pace;

  // Returns the bytes of the payloads of a tensor as it is.
  double exact_bytes(std::size_t tensor) const {
    const auto found = exact.tensors.find(model.tensors[tensor].name);
    return found == exact.tensors.end() ? 0 : found->second;
  }
};

// Returns whether a member of a junction has a size of its own to be predicted: a bias takes next to nothing,
// and the shortcut that leaves a junction enters the next one.
bool is_counted(const Member& member);
// Adds to a change what the members of a junction take more, by `rates`, than they do as they are. `measured`
// says whether the rates come from these members too. The first member is stored as `first` says unless
// that is null.
void add_members(const Work& work, const Junction& junction, const TensorInfo* first, bool measured,
                 Rates& rates, Change& change);

// Returns the seconds that kAuto takes to look whether all members of junctions can be rotated.
double checking_seconds(const Work& work);

// Returns the change by kPolar or kTriangular or, with `lenient`, by what kAuto does at junctions.
// Errors: those of model.load.
Result<Change> change_junctions(const Work& work, bool polar, bool lenient);
// Returns whether bits-back draws the rotation of junction `j` of so many: of two neighbours in the middle, one of
// each sub-block, or of all if the model is `whole`.
bool is_drawn_in_sample(std::size_t j, std::size_t junctions, bool whole);
// Returns the change by bits-back. Errors: those of model.load.
Result<Change> change_bits_back(const Work& work);
// Returns the change by pivot. Errors: those of model.load.
Result<Change> change_pairs(const Work& work);

// Returns the bytes that the record of a method takes: in the metadata of the archive, and in the header of
// the unpacked file.
double record_bytes(const Work& work, rotation::RequestedMethod method, gauge::Floor floor);

}  // namespace bbz::forecast
