#include "bbz/base/cpu.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

namespace bbz::cpu {
namespace {

#if defined(__x86_64__)

// The words of the line "flags" in /proc/cpuinfo.
std::set<std::string> flags() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("flags")) continue;
    std::istringstream words(line.substr(line.find(':') + 1));
    return {std::istream_iterator<std::string>(words), {}};
  }
  return {};
}

#endif

TEST(Features, AreThoseThatTheSystemReports) {
#if defined(__x86_64__)
  const std::set<std::string> reported = flags();
  if (reported.empty()) GTEST_SKIP() << "/proc/cpuinfo reports no flags";
#else
  const std::set<std::string> reported;
#endif
  const Features& f = features();
  const struct {
    const char* name;
    bool found;
  } cases[] = {{"avx2", f.avx2},
               {"bmi2", f.bmi2},
               {"popcnt", f.popcnt},
               {"f16c", f.f16c},
               {"fma", f.fma},
               {"avx512f", f.avx512f},
               {"avx512bw", f.avx512bw},
               {"avx512vl", f.avx512vl},
               {"avx512vbmi", f.avx512vbmi},
               {"avx512_vbmi2", f.avx512vbmi2},
               {"avx512_vnni", f.avx512vnni}};
  for (const auto& one : cases) EXPECT_EQ(one.found, reported.contains(one.name)) << one.name;
}

}  // namespace
}  // namespace bbz::cpu
