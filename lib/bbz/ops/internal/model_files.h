// Finds and opens the files of the only model among the files to pack.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bbz/ops/symmetry.h"

namespace bbz::ops {

// The files of the only model, in the order of the sequence, or the reason why there is none.
struct ModelFiles {
  std::vector<std::string> paths;
  std::string reason;
};

// Returns whether paths are all parts of one model by their names, "<stem>-00001-of-00003<suffix>" and so
// on, in one directory.
bool are_parts(const std::vector<std::string>& paths);

// Finds the model among the files, and leaves the sequence at its beginning. Several files are one model
// if are_parts() says so. Errors: those of look(); kInvalidArgument for a stream.
Result<ModelFiles> find_model(files::FileSequence& files);

// A file of a model, and its bytes.
struct ModelPart {
  files::SourceFile file;  // without a source
  std::shared_ptr<io::Source> source;
};

// Opens these files, which the sequence has, and leaves the sequence at its beginning. Errors: those of
// the sequence.
Result<std::vector<ModelPart>> open_parts(files::FileSequence& files,
                                          const std::vector<std::string>& paths);

// A model with what can be rotated in it, and the files that it becomes, or the reason to pack it exactly.
struct Prepared {
  model::Model model;
  rotation::Detection detection;
  std::vector<rotation::Output> outputs;  // as the parts, without attributes
  std::string reason;
};

// Opens a model, and finds what can be rotated. With kAuto, a model that does not allow a rotation is one
// to pack exactly; with any method, so is one whose files cannot be written again. Errors: those of
// model::open() and of model.load.
Result<Prepared> prepare(const std::vector<ModelPart>& parts, const WriteOptions& options,
                         const SymmetryOptions& symmetry);

}  // namespace bbz::ops
