// Salvage: writes out what a truncated or damaged archive still holds, and says what it lost.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bbz/access/salvage/survey.h"
#include "bbz/io/output_tree.h"

namespace bbz::salvage {

struct Options {
  bool replace = false;  // existing files below the output folder make way, but never the archive
  bool sync = true;      // content is on the disk before its file appears: see io::OutputOptions
  unsigned threads = 0;  // that decode; 0: all cores
  Limits limits;
  // Called now and then with the decoded bytes that have been written or given up.
  std::function<void(std::uint64_t)> progress;
};

enum class Outcome {
  kWhole,      // every byte is back
  kPartial,    // some are
  kLost,       // none is
  kUnwritten,  // of a file: some or all are, and no output could be made of them
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
  std::vector<std::string> written;   // what stands for it below the output folder
  std::vector<std::string> problems;  // one sentence for each output that could not be made
  std::vector<TensorReport> tensors;
};

struct Report {
  std::vector<FileReport> files;
  std::vector<container::Gap> gaps;
  std::uint64_t orphans = 0;  // chunks whose tensor is not known any more
  bool had_index = false;
  std::optional<Error> problem;  // why the first output that could not be made was not

  bool whole() const;
};

// For each file of the archive, below `out`:
//   PATH                      if every byte is back, and the file has the digest that is recorded of
//                             it, if one is, and the header that its tensors' records follow from
//   PATH.partial              otherwise: what is back in its place, holes where bytes are lost
//   PATH.rescued.safetensors  beside it, with the tensors that are whole, if there are any
// If such a name is taken by another file of the archive, or is too long, it is "file-N" with
// N the file's number, and the same suffix. An output that cannot be made costs no other: the report
// says why. Holes, which read as zeros, take no room if the file system has them; all together
// they are at most 64 MiB and 1,024 times the length of the archive, and everything together is at
// most limits.unpacked_bytes. Errors: those of survey(); kCancelled.
Result<Report> salvage(io::Source& source, io::OutputTree& out, const Options& options);

}  // namespace bbz::salvage
