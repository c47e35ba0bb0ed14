// The values of the options of bbz report.
#pragma once

#include <string>
#include <vector>

#include "bbz/model_scores.h"
#include "common/acceptance.h"
#include "common/base_options.h"
#include "common/network.h"
#include "common/output.h"
#include "common/run_record.h"

namespace bbz::tools {

// The values of the options.
struct ReportArguments {
  std::vector<std::string> archives;
  std::string output;  // empty: not given
  bool json = false;
  std::string against;
  ScoreArguments scores;
  std::vector<std::string> gates;
  std::string junit;
  RecordArguments record;
  bool no_estimates = false;
  OutputArguments writing;
  NetworkArguments network;
  BaseArguments base;
  AcceptanceArguments acceptance;
};

}  // namespace bbz::tools
