// The instruction sets of the processor, by which kernels are chosen.
#pragma once

namespace bbz::cpu {

// The extensions of x86-64 that kernels use. All are false on other processors. Those that every
// processor of an architecture has, such as NEON on 64-bit Arm, are not among them.
struct Features {
  bool avx2 = false;
  bool bmi2 = false;
  bool popcnt = false;
  bool f16c = false;
  bool fma = false;
  bool fast_pdep = false;  // bmi2, and not by microcode
  bool avx512f = false;
  bool avx512bw = false;
  bool avx512vl = false;
  bool avx512vbmi = false;
  bool avx512vbmi2 = false;
  bool avx512vnni = false;
};

// Returns what this processor has and the system lets programs use. Thread-safe.
const Features& features();

}  // namespace bbz::cpu
