// The forecasts of rotated models: junctions in a gauge, bits-back, pairs, and the record of what was done.
#pragma once

#include "bbz/ops/forecast/forecast.h"
#include "bbz/ops/forecast/internal/dense.h"
#include "bbz/ops/forecast/internal/exact.h"

namespace bbz::forecast {

// What rotating makes of a model, beside packing it exactly.
struct Change {
  Sizes bytes{};        // the archive has more, for each floor; most often below 0
  double error = 0;     // of them: two standard errors
  double seconds = 0;   // that packing takes longer, beside encoding and writing
  std::string failure;  // why pack() fails, or empty
  bool fits = false;    // whether a junction or a pair was changed
};

// What all of them know.
struct Work {
  const model::Model& model;
  const rotation::Detection& detection;
  const Exact& exact;  // of the model
  double share = 1;    // of the rows of a tensor
  bool whole = true;   // every junction and pair is rotated
  unsigned threads = kAllCores;

  // Returns the bytes of the payloads of a tensor as it is.
  double exact_bytes(std::size_t tensor) const {
    const auto found = exact.tensors.find(model.tensors[tensor].name);
    return found == exact.tensors.end() ? 0 : found->second;
  }
};

// Returns the change by kPolar or kTriangular or, with `lenient`, by what kAuto does at junctions.
// Errors: those of model.load.
Result<Change> change_junctions(const Work& work, bool polar, bool lenient);
// Returns the change by bits-back. Errors: those of model.load.
Result<Change> change_bits_back(const Work& work);
// Returns the change by pivot. Errors: those of model.load.
Result<Change> change_pairs(const Work& work);

// Returns the bytes that the record of a method takes: in the metadata of the archive, and in the header of
// the unpacked file.
double record_bytes(const Work& work, rotation::RequestedMethod method, gauge::Floor floor);

}  // namespace bbz::forecast
