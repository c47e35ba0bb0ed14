// The options that select files and tensors of an archive; they are the same for every command.
#pragma once

#include <string>
#include <vector>

#include "bbz/ops/selection.h"
#include "common/options.h"

namespace bbz::tools {

// The values of the options.
struct SelectionArguments {
  std::vector<std::string> files;
  std::vector<std::string> layers;
  std::vector<std::string> tensors;
  std::vector<std::string> excluded;

  // Parses the values. Errors: kInvalidArgument for a layer that is not a number or a range.
  Result<ops::Selection> selection() const;
};

// Adds --file only.
void add_file_option(Options& options, SelectionArguments& arguments);
// Adds --layer, --tensor and --exclude.
void add_tensor_options(Options& options, SelectionArguments& arguments);

}  // namespace bbz::tools
