// The options of the command pack that change a model in gauge, and what it says of that.
#pragma once

#include <string>

#include "bbz/ops/symmetry.h"
#include "common/program.h"

namespace bbz::tools {

// The values of the options.
struct SymmetryArguments {
  std::string method = "off";
  std::string floor = "0";
  std::string as = "same";

  // Returns whether a model may be changed at all.
  bool asked() const { return method != "off"; }
};

// Adds the options, whose values go to `arguments`.
void add_symmetry_options(Options& app, SymmetryArguments& arguments);

// Checks that the values go together. Errors: kInvalidArgument, naming the option.
Status check_symmetry(const SymmetryArguments& arguments);

// Returns what the values mean. A temporary file goes to the directory of `output`. Precondition: asked().
ops::SymmetryOptions symmetry_options(const SymmetryArguments& arguments,
                                      const std::string& output);

// Returns lines that say what was done to the model.
std::string symmetry_outcome(const ops::SymmetrySummary& summary);

}  // namespace bbz::tools
