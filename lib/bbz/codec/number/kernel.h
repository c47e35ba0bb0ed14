// The loops of the split-number codec that make elements from their symbols. A kernel has fixed
// preconditions and cannot fail. All kernels make the same elements.
#pragma once

#include <string_view>
#include <vector>

#include "bbz/codec/number/merge.h"

namespace bbz::codec::number {

// The loops of one instruction set.
struct Kernel {
  std::string_view name;
  // Makes the elements of a job, as portable_merge() does, which makes those that a kernel has no
  // loop for. If lower bits or whole elements are missing, the elements are unspecified, and so is
  // how far the lower bits are overrun.
  void (*merge)(MergeJob& job);
};

// Returns the kernels that this machine can run, the fastest first and the portable one last.
const std::vector<const Kernel*>& kernels();

// The kernel for every machine.
extern const Kernel kPortableKernel;

}  // namespace bbz::codec::number
