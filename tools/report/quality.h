// What the models in a report predict, and how far they are from each other.
#pragma once

#include <vector>

#include "report/against.h"
#include "report/archive_data.h"
#include "report/gates.h"

namespace bbz::tools {

// What is measured of the model in an archive.
struct QualityTask {
  const ScoreArguments& scores;
  std::vector<std::uint32_t> tokens;  // empty: no model is run
  std::vector<Gate> gates;            // tell whether distances are needed, which take long
  const AgainstArguments& opening;    // also for the archive itself
};

// Runs the model of an archive, and the other one if there is one, on tokens, and compares their tensors
// if a gate needs it. Adds the figures to those of the archive, and sets "quality" of its data and
// "quality" and "distances" of `against`, which is null without another one. Returns the first error, which leaves
// what depends on it null. Its figures have the reason then.
Status measure_quality(ReportedArchive& archive, const Old* old, const QualityTask& task,
                       Json& against);

}  // namespace bbz::tools
