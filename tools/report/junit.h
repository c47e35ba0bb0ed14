// Writes the verdicts of gates as JUnit XML, which build servers show as tests.
#pragma once

#include <string>
#include <vector>

#include "report/gates.h"

namespace bbz::tools {

// The gates of an archive, and its figures.
struct JunitSuite {
  std::string archive;  // its name
  std::vector<GateVerdict> verdicts;
  Figures figures;
  double seconds = 0;  // that measuring the archive took
};

// Returns the document: a test suite for each archive, with a property for each figure that is known, and
// a test case for each gate. `made` is the time of all suites, "2026-12-01T11:30:00Z".
std::string junit_text(const std::vector<JunitSuite>& suites, const std::string& made);

}  // namespace bbz::tools
