// What predicting for a model costs, and a way to read one that costs little.
#pragma once

#include <string>

#include "bbz/ops/rotation/pack.h"

namespace bbz::forecast {

// Returns why the model is not read, or an empty string:
// - The files, or what is decoded for the tensors, have more than 256 times the stored bytes, and 256 MiB:
//   an archive of a few constants may stand for bytes that take hours.
// - Deriving polar tensors and recovering rotations takes more than 2^16 multiplications for each stored
//   byte, and 2^34. A rotation of width d counts as 64 d^3. Trained models stay below that: one with
//   rotations, the most costly, takes 4.5 d for each byte, and d is at most 8192.
std::string why_unread(const model::Model& model);

// Returns why no rotation is predicted for an archive, or an empty string: it takes more than 6 d multiplications
// for each stored byte, where d is the width of the widest junction, and 2^30. `share` is that of the rows of each
// tensor that are rotated. A choice at a junction of width d counts as 4 d^3, drawing as 6 products of each
// carrier, and all of an embedding is rotated for each floor. Trained models of 16 bits take less: 4.4 d if a third
// is saved and every row is rotated, and less than 3 d if a tenth of them is.
std::string why_unrotated(const model::Model& model, const rotation::Detection& detection,
                          double share);

// Returns what packing a model needs of it: its tensors, metadata and header, and how to read them. If the
// model is an archive, `read` decodes each of its parts once when a tensor is read from its begin to its end,
// and keeps one part for that; it is not thread-safe. The result must not outlive the model.
model::Model in_parts(const model::Model& model);

}  // namespace bbz::forecast
