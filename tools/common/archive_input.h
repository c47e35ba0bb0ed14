// ArchiveInput: an archive that the user names, opened by its index or, from a pipe, as a
// stream.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "bbz/archive/reader.h"
#include "bbz/ops/selection.h"
#include "common/acceptance.h"
#include "common/network.h"

namespace bbz::tools {

class ArchiveInput {
 public:
  // Opens `path`, which may be a URL, if it is what the user accepts. A stream of which a root
  // digest is expected shows it only at its end: it is copied first, into a file without a name in
  // `spool_folder`. Errors: those of open_source and Reader::open; kDigestMismatch.
  static Result<ArchiveInput> open(const std::string& path, unsigned threads,
                                   const NetworkArguments& network, const Acceptance& acceptance,
                                   const std::string& spool_folder);

  // Null for a stream.
  const Reader* reader() const { return reader_.get(); }
  // The bytes, front to back.
  io::Source& stream() { return *source_; }

  // The bytes of what is selected; of a stream, which is not known yet, nothing.
  std::optional<std::uint64_t> progress_total(const ops::Selection& selection) const;

 private:
  std::shared_ptr<io::Source> source_;
  std::unique_ptr<Reader> reader_;
};

}  // namespace bbz::tools
