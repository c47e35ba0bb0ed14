#include "common/archive_input.h"

namespace bbz::tools {

Result<ArchiveInput> ArchiveInput::open(const std::string& path, unsigned threads) {
  ArchiveInput input;
  BBZ_ASSIGN(input.source_, io::open_file(path));
  if (!input.source_->seekable()) return input;
  ReadOptions options;
  options.threads = threads;
  BBZ_ASSIGN(input.reader_, Reader::open(input.source_, options));
  return input;
}

std::optional<std::uint64_t> ArchiveInput::progress_total() const {
  if (!reader_) return std::nullopt;
  return reader_->catalog().unpacked_bytes;
}

}  // namespace bbz::tools
