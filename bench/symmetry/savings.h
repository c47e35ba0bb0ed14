// The savings of the symmetry coder on whole models, measured on archives of a part of them.
//
// A model is packed with two of its layers. All layers but the last have the same shapes, so the
// archive of the whole model is that archive with the bytes of the first layer taken as many times
// as there are such layers.
#pragma once

#include "symmetry/measure.h"

namespace bbz::bench {

// Sums over a model, in bytes or entries, by where they come from.
struct Parts {
  double first = 0;  // layer 0
  double last = 0;   // layer 1
  double rest = 0;   // embeddings, head
  double text = 0;   // header and metadata, which name the tensors
  double index = 0;  // index and trailer

  // Of the model with so many layers: text grows with the number of tensors, the index with that
  // of chunks.
  double whole(std::uint32_t layers, double tensors_ratio, double chunks_ratio) const;
};

struct MethodSavings {
  double archive_bytes = 0;
  double entries_saved = 0;  // not stored; for bits-back, bits saved over the bits of an entry
  double growth = 1;         // of the rounding error by the floor, of all junctions the most
};

// Packs two layers of `spec` by the method (nothing: exactly) and with the floor, and adds up what
// spec.layers of them take. Precondition: spec.layers >= 2.
Result<MethodSavings> measure(const test_models::Spec& spec,
                              std::optional<rotation::RequestedMethod> method,
                              gauge::Floor floor = gauge::Floor::kNone);

// Entries saved as they follow from the shape: every junction triangular; polar if a shortcut
// enters; of bits-back `bits` of 16 at each degree of freedom.
struct ByShape {
  double triangular = 0;
  double polar = 0;
  double bits_back = 0;
};
ByShape by_shape(const test_models::Spec& spec, double bits);

struct SavingsOptions {
  std::vector<std::string> models;  // empty: all of shapes()
  std::vector<unsigned> slicings = {20, 25, 30};
  bool bits_back = false;
  std::vector<std::string> floors;  // names of gauge::Floor; if any, the table of them is printed
};

// Prints the table row by row. Returns false if a model could not be packed.
bool print_savings(const SavingsOptions& options);

}  // namespace bbz::bench
