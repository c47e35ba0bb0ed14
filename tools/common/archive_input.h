// ArchiveInput: an archive that the user names. It is opened by its index or, from a pipe, read as
// a stream.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "bbz/archive/reader.h"
#include "bbz/ops/selection.h"
#include "common/acceptance.h"
#include "common/base_options.h"
#include "common/network.h"

namespace bbz::tools {

// An open archive.
class ArchiveInput {
 public:
  // Opens `path`, which may be a URL, and checks that the user accepts the archive. A stream shows
  // its root digest only at its end, so if one is expected, the stream is first copied into a file
  // without a name in `spool_folder`, and so it is if `always_reader`. Errors: those of open_source() and
  // Reader::open(); kDigestMismatch. `base` says where to look for what the archive leans on.
  static Result<ArchiveInput> open(const std::string& path, unsigned threads,
                                   const NetworkArguments& network, const Acceptance& acceptance,
                                   const std::string& spool_folder, const BaseArguments& base,
                                   bool always_reader = false);

  // Returns what the archive may lean on; null if the user names nothing.
  const std::shared_ptr<Base>& base() const { return base_; }
  // Returns the reader; null for a stream.
  const Reader* reader() const { return reader_ ? &*reader_ : nullptr; }
  // Returns the source, to be read front to back.
  io::Source& stream() { return *source_; }
  // Returns the same source, to be shared.
  const std::shared_ptr<io::Source>& source() const { return source_; }

  // Returns the number of selected bytes; nullopt for a stream, whose content is not known yet.
  std::optional<std::uint64_t> progress_total(const ops::Selection& selection) const;

 private:
  std::shared_ptr<io::Source> source_;
  std::shared_ptr<Base> base_;
  std::optional<Reader> reader_;
};

}  // namespace bbz::tools
