#include "bbz/symmetry/linalg/dot.h"

#include "bbz/base/cpu.h"

namespace bbz::linalg {
namespace {

using Dot = double(const float*, const double*, Index);

Dot* find_dot() {
#if defined(__x86_64__)
  if (cpu::features().avx2 && cpu::features().fma) return dot_avx2;
#endif
  return dot_portable;
}

}  // namespace

double dot(const float* a, const double* b, Index n) {
  static Dot* const found = find_dot();
  return found(a, b, n);
}

double dot_portable(const float* a, const double* b, Index n) {
  constexpr Index kLanes = 8;
  double sums[kLanes] = {};
  Index k = 0;
  for (; k + kLanes <= n; k += kLanes) {
    for (Index l = 0; l < kLanes; ++l) sums[l] += static_cast<double>(a[k + l]) * b[k + l];
  }
  double sum = 0;
  for (; k < n; ++k) sum += static_cast<double>(a[k]) * b[k];
  for (const double lane : sums) sum += lane;
  return sum;
}

}  // namespace bbz::linalg
