// Compares the tensors of two models, name by name.
#pragma once

#include <string>
#include <vector>

#include "bbz/access/model/model.h"
#include "bbz/compare/tensors.h"

namespace bbz::compare {

// How a tensor differs in two models.
struct ComparedTensor {
  std::string name;
  std::string state;            // empty if both models have it in one shape, else what is the case
  TensorDifference difference;  // if both have it
};

// Compares all tensors of two models, part by part: those of the first model in its order, and then
// those that only the second has. Tensors that have the same memory under several names in both models
// are read once. Errors: kLimit, before anything is read, if what has to be read is more than 16 times
// the bytes of the models' files and 4 GiB, because the tensors are many views of one memory, or of
// an order that is not that of the memory; those of compare_tensors() and of the models.
Result<std::vector<ComparedTensor>> compare_models(const model::Model& first,
                                                   const model::Model& second);

}  // namespace bbz::compare
