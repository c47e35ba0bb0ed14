// The options that select files and tensors of an archive, the same for every command.
#pragma once

#include <string>
#include <vector>

#include "bbz/ops/selection.h"
#include "common/options.h"

namespace bbz::tools {

struct SelectionArguments {
  std::vector<std::string> files;
  std::vector<std::string> layers;
  std::vector<std::string> tensors;
  std::vector<std::string> excluded;

  // Errors: kInvalidArgument for a layer that is no number or range.
  Result<ops::Selection> selection() const;
};

// --file alone.
void add_file_option(Options& options, SelectionArguments& arguments);
// --layer, --tensor, --exclude.
void add_tensor_options(Options& options, SelectionArguments& arguments);

}  // namespace bbz::tools
