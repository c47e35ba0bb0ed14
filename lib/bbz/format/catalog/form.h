// Form and GroupMethod: how a tensor is stored, and how a group rebuilds tensors.
//
// The numbers are part of the format, and an archive may have others: each type has a fixed
// underlying type and so holds any number of that size. Records carry an unknown number unchanged,
// and symmetry/form.h refuses it when the tensor is decoded.
#pragma once

#include <cstdint>

namespace bbz::catalog {

// How a tensor's elements follow from those that its chunks store. symmetry/form.cc has a row for
// each.
enum class Form : std::uint8_t {
  kDense = 0,  // all elements in order
  kLower = 1,  // of a matrix, those on and left of the diagonal; the others are zero
  kPolar = 2,  // none: the tensor is derived from a group
  kRider = 3,  // all in order, with parts of the payloads in a group
  kView = 4,   // none: the elements are some of those of another tensor of the file
  kPivot = 5,  // of a matrix, all but the rows, or the columns, of an identity in it
};

// Returns whether this version knows a form, and so its fields.
constexpr bool is_known(Form form) {
  return form <= Form::kPivot;
}

// How a group rebuilds the tensors that refer to it.
enum class GroupMethod : std::uint8_t {
  kPolar = 2,     // derives one from the factor that is its operand
  kBitsBack = 3,  // recovers parts of payloads from the rotation of its carriers
};

}  // namespace bbz::catalog
