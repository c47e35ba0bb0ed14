// The two ways to go through a model: one for triangular and polar, one for bits-back.
#pragma once

#include "bbz/ops/rotation/internal/model_file.h"
#include "bbz/ops/rotation/pack.h"

namespace bbz::rotation {

// Writes the members of proven junctions with triangular or polar, and fills the junction records.
// `record` has one for each junction of the detection, with name and members. Errors: those of
// pack().
Status pack_gauge(const Model& model, const junction::Detection& detection, RequestedMethod method,
                  ModelFile& file, Record& record);
// Writes the members of junctions with bits-back, and fills the junction records in the same way.
Status pack_bits_back(const Model& model, const junction::Detection& detection, ModelFile& file,
                      Record& record);

// Returns the bits of an element. Precondition: the dtype is known.
inline unsigned element_bits(DType dtype) {
  return static_cast<unsigned>(dtype_info(dtype).bits);
}

}  // namespace bbz::rotation
