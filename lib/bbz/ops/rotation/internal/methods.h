// The ways to go through a model: one for triangular and polar, one for bits-back, one for pivot.
#pragma once

#include "bbz/ops/rotation/internal/model_file.h"
#include "bbz/ops/rotation/pack.h"

namespace bbz::rotation {

// Writes the members of proven junctions with triangular or polar, and fills the junction records.
// `record` has one for each junction of the detection, with name and members. Errors: those of
// pack().
Status pack_gauge(const Model& model, const junction::Detection& detection,
                  const PackOptions& options, ModelFile& file, Record& record);
// Writes the members of junctions with bits-back, and fills the junction records in the same way.
Status pack_bits_back(const Model& model, const junction::Detection& detection, ModelFile& file,
                      Record& record);
// Writes the proven pairs, pivoted where that is possible and pays, and adds the pair records. Errors:
// those of model.load and of the writer.
Status pack_pairs(const Model& model, std::span<const pair::Pair> pairs, gauge::Floor floor,
                  ModelFile& file, Record& record);

// Returns why pivoting a pair does not pay, or an empty string: a pair of a small rank, such as one of
// LoRA, would save less than 1/64 of its entries.
std::string why_not_pivot(const pair::Pair& pair);

// Returns the bits of an element. Precondition: the dtype is known.
inline unsigned element_bits(DType dtype) {
  return static_cast<unsigned>(dtype_info(dtype).bits);
}

}  // namespace bbz::rotation
