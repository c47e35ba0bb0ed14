// Salvage: writes out what a truncated or damaged archive still holds, and reports what is lost.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bbz/access/salvage/survey.h"
#include "bbz/archive/base.h"
#include "bbz/base/threads.h"
#include "bbz/io/output_tree.h"

namespace bbz::salvage {

// Options of salvage().
struct Options {
  // Replaces existing files below the output directory, but never the archive.
  bool replace = false;
  // Writes content through to the disk before its file appears: see io::OutputOptions.
  bool sync = true;
  // The number of threads that decode.
  unsigned threads = kAllCores;
  Limits limits;  // bound what the archive may declare, and what is written
  // The id of the archive, for one whose file header, trailer and indexes are all damaged.
  std::optional<std::uint64_t> id{};
  std::shared_ptr<Base> base{};  // has the tensors on which others lean; may be null
  // Called now and then with the number of decoded bytes that were written or given up.
  std::function<void(std::uint64_t)> progress;
};

// The outcome for a tensor or a file.
enum class Outcome {
  kWhole,      // every byte was recovered
  kPartial,    // some bytes were recovered
  kLost,       // no byte was recovered
  kUnwritten,  // of a file: bytes were recovered, but no output could be made of them
};

// The outcome for a tensor.
struct TensorReport {
  std::string name;             // empty for bytes that are no tensor
  std::uint64_t offset = 0;     // in its file
  std::uint64_t bytes = 0;      // its size when decoded
  std::uint64_t recovered = 0;  // of these bytes
  // A sentence for each chunk that is missing or broken (at most 20), or one for all of them.
  std::vector<std::string> damage;
  // If the tensor leans on one of a base that is not at hand, a sentence that names it, which `damage`
  // has once for all chunks; otherwise empty. The chunks that lean count as lost, and are intact.
  std::string lacks_base{};

  // Returns whether all, some or none of it was recovered.
  Outcome outcome() const;
};

// The outcome for a file.
struct FileReport {
  std::string path;  // as in the archive; "file-N" if that is lost; "file-unknown" for tensors of
                     // which nobody knows to which file they belong, or where
  Outcome outcome = Outcome::kLost;    // of its bytes and of the outputs
  std::optional<std::uint64_t> bytes;  // nullopt if the size is lost
  std::uint64_t recovered = 0;         // sum over `tensors`, in bytes
  std::vector<std::string> written;    // the outputs made of it, below the output directory
  std::vector<std::string> problems;   // one sentence for each output that could not be made
  std::vector<TensorReport> tensors;   // those whose records were found, by offset
};

// The outcome for an archive.
struct Report {
  std::vector<FileReport> files;     // by number in the archive, as far as a record names them
  std::vector<container::Gap> gaps;  // stretches without records, by offset
  std::uint64_t orphans = 0;         // chunks whose tensor is lost
  bool had_index = false;            // a whole index was found
  // The reason why the first output that failed could not be made.
  std::optional<Error> problem;

  // Returns whether nothing is lost: all files are whole, and there are no gaps, orphans or
  // problems.
  bool whole() const;
};

// Writes, for each file of the archive, below `out`:
//
//   PATH                      if every byte was recovered, and the file agrees with its recorded
//                             digest, if there is one, and with the header that its records imply
//   PATH.partial              else, if any byte was recovered: recovered bytes at their offsets,
//                             and holes for lost bytes before the last of them
//   PATH.rescued.safetensors  beside PATH.partial: the tensors that are whole, if there are any
//
// A directory is made again. If a name is taken by another file of the archive, or is too long, the
// output is called "file-N" with N the number of the file, and the same suffix. Of tensors with one
// name, the second in such a file is called "NAME (2)", and so on. An output that
// cannot be made costs no other: the report says why. Holes read as zeros, and take no room if the
// file system supports that. Together they have at most 64 MiB plus 1,024 times the length of the
// archive, and all outputs together at most limits.unpacked_bytes. Errors: those of survey();
// kCancelled.
Result<Report> salvage(io::Source& source, io::OutputTree& out, const Options& options);

}  // namespace bbz::salvage
