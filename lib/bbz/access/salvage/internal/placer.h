// Placer: finds the numbers, files and offsets of tensors whose records do not state them.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "bbz/format/catalog/catalog.h"

namespace bbz::salvage {

// A tensor record that was found.
struct SeenTensor {
  catalog::TensorRecord record;
  catalog::Payload payload;     // of chunk 0, if the record has it
  std::uint64_t offset = 0;     // of the record in the archive
  std::uint64_t byte_size = 0;  // in the file, decoded
  bool has_number = true;       // its number is right
  bool has_place = true;        // its file and its offset are right
};

// Takes the records of a run, in which each follows the one before it without a gap, in order. What
// a tensor's record does not state follows from the records before it and from those behind it. If
// the two contradict each other, records are missing in between, and nothing follows for the tensors
// between them.
class Placer {
 public:
  // Calls `take` for each tensor, with what could be found out, when nothing more can be.
  explicit Placer(std::function<void(SeenTensor)> take) : take_(std::move(take)) {}

  // Begins the records of an archive: the next tensor is number 0.
  void begin();
  // Takes a file record.
  void file(std::uint32_t number);
  // Takes a file end record.
  void file_end(const catalog::FileEndMeta& end);
  // Takes a tensor record.
  void tensor(SeenTensor tensor);
  // Takes a chunk record.
  void chunk(const catalog::ChunkMeta& chunk);
  // Ends a run.
  void gap();
  // Returns whether there are tensors for whose place the records behind them count.
  bool is_waiting() const { return !pending_.empty(); }

 private:
  // What is known of the next tensor.
  struct Next {
    std::optional<std::uint64_t> number;
    std::optional<std::uint64_t> file;    // the open file
    std::optional<std::uint64_t> offset;  // in the open file
  };

  void settle(const Next& behind);

  std::function<void(SeenTensor)> take_;
  Next before_;                      // of the first pending one
  std::vector<SeenTensor> pending_;  // records that state no place
  std::uint64_t pending_bytes_ = 0;  // that they take in the file
  bool no_file_ = false;             // no file is open
  // The tensors so far of the open file, if its file record is in the run.
  std::optional<std::uint32_t> tensors_of_file_;
};

}  // namespace bbz::salvage
