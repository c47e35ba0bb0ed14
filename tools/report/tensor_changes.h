// Which tensors of an archive differ from those of another archive or model.
#pragma once

#include <string>
#include <vector>

#include "bbz/access/model/model.h"
#include "bbz/archive/reader.h"
#include "common/json.h"

namespace bbz::tools {

// The tensors of both, by name.
struct TensorChanges {
  enum class State { kSame, kChanged, kAdded, kRemoved, kUnknown };
  struct Row {
    std::string name;
    State state{};
    std::uint64_t old_bytes = 0;
    std::uint64_t new_bytes = 0;
    std::uint64_t old_stored = 0;
    std::uint64_t new_stored = 0;
  };

  std::vector<Row> tensors;  // largest change of stored bytes first
  std::uint64_t same = 0;
  std::uint64_t changed = 0;
  std::uint64_t added = 0;
  std::uint64_t removed = 0;
  std::uint64_t unknown = 0;
  std::string why;  // why the first of the unknown ones is unknown

  // Returns "summary" of the report.
  Json summary() const;
  // Returns "tensors" of the report.
  Json rows() const;
};

// An archive, and its name for messages.
struct ComparedArchive {
  const Reader& reader;
  std::string name;
};

// Compares two archives. Dense tensors with chunks of the same size are compared by the checksums of
// these, without being read. All others are decoded. Those that cannot be decoded, because the base is
// missing, or that take too much work together, are unknown. Tensors of several files that share a name
// are told from each other by the paths of the files. Errors: those of reading, which name the archive.
Result<TensorChanges> compare_tensors(const ComparedArchive& old, const ComparedArchive& now);
// Compares a model with an archive, by reading both.
Result<TensorChanges> compare_tensors(const model::Model& old, const ComparedArchive& now);

}  // namespace bbz::tools
