// The files that bbz report writes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bbz/io/sink.h"
#include "common/json.h"
#include "report/archive_data.h"
#include "report/arguments.h"

namespace bbz::tools {

// The outputs. They appear when finish() succeeds.
class ReportOutputs {
 public:
  // Opens them, so that one that is there already is refused before any work. Errors: those of open_output(); kUnsupported for a page if this build has none.
  static Result<ReportOutputs> open(const ReportArguments& arguments);

  // Adds an archive and what it was decoded with as inputs, which no output replaces.
  Status add_inputs(const ReportedArchive& archive);
  // Adds files of a model that was read.
  Status add_inputs(const std::vector<std::shared_ptr<io::Source>>& sources);
  // Writes the report, as JSON or as a page.
  Status write_report(Json report);
  // Writes the verdicts. Does nothing without --junit.
  Status write_junit(const std::string& text);
  // Publishes all outputs.
  Status finish();

 private:
  bool json_ = false;
  std::unique_ptr<io::Sink> report_;  // null: --json to standard output
  std::unique_ptr<io::Sink> junit_;   // null: none
};

}  // namespace bbz::tools
