// Salvage: writes out what a truncated or damaged archive still holds, and says what it lost.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bbz/io/output_tree.h"
#include "bbz/salvage/survey.h"

namespace bbz::salvage {

struct Options {
  bool replace = false;  // existing files below the output folder make way
  unsigned threads = 0;  // that decode; 0: all cores
  Limits limits;
  // Called now and then with the decoded bytes that have been written or given up.
  std::function<void(std::uint64_t)> progress;
};

enum class Outcome {
  kWhole,    // every byte is back
  kPartial,  // some are
  kLost,     // none is
};

struct TensorReport {
  std::string name;  // empty for bytes that are no tensor
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint64_t recovered = 0;
  std::vector<std::string> damage;  // one sentence a chunk that is missing or broken, or why all is

  Outcome outcome() const;
};

struct FileReport {
  std::string path;  // as in the archive; "file-N" where that is lost
  Outcome outcome = Outcome::kLost;
  std::optional<std::uint64_t> bytes;  // nothing where the size is lost
  std::uint64_t recovered = 0;
  std::vector<std::string> written;  // what stands for it below the output folder
  std::vector<TensorReport> tensors;
};

struct Report {
  std::vector<FileReport> files;
  std::vector<container::Gap> gaps;
  std::uint64_t orphans = 0;  // chunks whose tensor is not known any more
  bool had_index = false;

  bool whole() const;
};

// For each file of the archive, below `out`:
//   PATH                      where every byte is back (its digest, where there is one, is checked)
//   PATH.partial              otherwise: what is back in its place, zeros where bytes are lost
//   PATH.rescued.safetensors  beside it, with the tensors that are whole, where there are any
// Errors: those of survey() and of the output; a file that cannot be created is an error.
Result<Report> salvage(io::Source& source, io::OutputTree& out, const Options& options);

}  // namespace bbz::salvage
