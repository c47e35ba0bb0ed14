// ArchiveInput: an archive that the user names, opened by its index or, from a pipe, as a stream.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "bbz/archive/reader.h"
#include "bbz/pack/selection.h"

namespace bbz::tools {

class ArchiveInput {
 public:
  // Errors: those of io::open_file and Reader::open.
  static Result<ArchiveInput> open(const std::string& path, unsigned threads);

  // Null for a stream.
  const Reader* reader() const { return reader_.get(); }
  // The bytes, front to back.
  io::Source& stream() { return *source_; }

  // The bytes of what is selected; of a stream, which is not known yet, nothing.
  std::optional<std::uint64_t> progress_total(const pack::Selection& selection) const;

 private:
  std::shared_ptr<io::Source> source_;
  std::unique_ptr<Reader> reader_;
};

}  // namespace bbz::tools
