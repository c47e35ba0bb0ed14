// The two ways through a model. Internal to the room.
#pragma once

#include "bbz/ops/rotation/internal/model_file.h"
#include "bbz/ops/rotation/pack.h"

namespace bbz::rotation {

// Each writes every member of a proven junction and fills the junction records, which are there
// already with names and members, one for each junction of the detection.
Status pack_gauge(const Model& model, const junction::Detection& detection, Method method,
                  ModelFile& file, Record& record);
Status pack_bits_back(const Model& model, const junction::Detection& detection,
                      const PackOptions& options, ModelFile& file, Record& record);

// Bits of one element of a dtype. Precondition: it is a known one.
inline unsigned element_bits(DType dtype) {
  return static_cast<unsigned>(dtype_info(dtype).bits);
}

}  // namespace bbz::rotation
