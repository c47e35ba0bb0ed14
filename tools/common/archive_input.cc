#include "common/archive_input.h"

#include "bbz/http/url.h"
#include "bbz/io/unnamed_file.h"
#include "common/output.h"

namespace bbz::tools {

Result<ArchiveInput> ArchiveInput::open(const std::string& path, unsigned threads,
                                        const NetworkArguments& network,
                                        const Acceptance& acceptance,
                                        const std::string& spool_folder, const BaseArguments& base,
                                        bool always_reader) {
  ArchiveInput input;
  input.base_ = make_base(base, path, network, threads, acceptance.limits);
  BBZ_ASSIGN(input.source_, open_source(path, network));
  if (!input.source_->seekable()) {
    if (!acceptance.root && !always_reader) return input;
    BBZ_ASSIGN(input.source_, io::copy_to_disk(*input.source_, spool_folder, {}));
  }
  ReadOptions options;
  options.limits = acceptance.limits;
  options.threads = threads;
  options.base = input.base_;
  options.use_front_index = http::is_url(path);  // the front comes with the first request
  auto reader = Reader::open(input.source_, options);
  if (!reader.ok()) return about_input(path, std::move(reader).error());
  input.reader_.emplace(std::move(*reader));
  BBZ_TRY(acceptance.check(path, input.reader_->root()));
  return input;
}

std::optional<std::uint64_t> ArchiveInput::progress_total(const ops::Selection& selection) const {
  if (!reader_) return std::nullopt;
  return ops::selected_bytes(reader_->catalog(), selection);
}

}  // namespace bbz::tools
