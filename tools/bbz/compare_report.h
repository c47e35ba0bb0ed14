// What bbz compare prints.
#pragma once

#include <optional>

#include "bbz/compare/forward/score.h"
#include "bbz/ops/compare.h"

namespace bbz::tools {

struct ComparisonReport : ops::Comparison {
  std::optional<forward::Comparison> scores;  // with --tokens
};

// Prints for people. Lists all tensors and pairs that differ, the tensors only if `verbose`.
void print_comparison(const ComparisonReport& report, bool verbose);

// Prints what json.md documents.
void print_comparison_json(const ComparisonReport& report);

}  // namespace bbz::tools
