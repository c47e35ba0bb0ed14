#include "bbz/base/cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace bbz::cpu {
namespace {

#if defined(__x86_64__)

// Returns whether this is a processor of AMD or Hygon before Zen 3, whose PDEP and PEXT take a step for
// each bit.
bool is_slow_at_pdep() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(0, &a, &b, &c, &d) == 0) return false;
  constexpr unsigned kAmd = 0x68747541;    // the first letters of AuthenticAMD
  constexpr unsigned kHygon = 0x6F677948;  // and of HygonGenuine
  if (b != kAmd && b != kHygon) return false;
  constexpr unsigned kZen3 = 0x19;
  __get_cpuid(1, &a, &b, &c, &d);
  const unsigned family = (a >> 8 & 15) + (a >> 20 & 255);
  return family < kZen3;
}

#endif

Features find_features() {
  Features found;
#if defined(__x86_64__)
  found.avx2 = __builtin_cpu_supports("avx2");
  found.bmi2 = __builtin_cpu_supports("bmi2");
  found.popcnt = __builtin_cpu_supports("popcnt");
  found.fma = __builtin_cpu_supports("fma");
  found.avx512f = __builtin_cpu_supports("avx512f");
  found.avx512bw = __builtin_cpu_supports("avx512bw");
  found.avx512vl = __builtin_cpu_supports("avx512vl");
  found.avx512vbmi = __builtin_cpu_supports("avx512vbmi");
  found.avx512vbmi2 = __builtin_cpu_supports("avx512vbmi2");
  found.avx512vnni = __builtin_cpu_supports("avx512vnni");
  // Not every __builtin_cpu_supports() knows F16C. It needs the registers of AVX2.
  unsigned a = 0, b = 0, c = 0, d = 0;
  found.fast_pdep = found.bmi2 && !is_slow_at_pdep();
  found.f16c = found.avx2 && __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
#endif
  return found;
}

}  // namespace

const Features& features() {
  static const Features found = find_features();
  return found;
}

}  // namespace bbz::cpu
