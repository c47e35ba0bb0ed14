#include "bbzinfo/archive_view.h"

#include "bbz/archive/stream.h"
#include "bbz/http/url.h"
#include "common/archive_input.h"

namespace bbz::tools {
namespace {

class MetadataCollector final : public Visitor {
 public:
  explicit MetadataCollector(ArchiveView& view) : view_(view) {}
  Status metadata(const catalog::Metadata& metadata, std::string_view value) override {
    view_.metadata[{metadata.meta.file, metadata.meta.key}] = value;
    return {};
  }

 private:
  ArchiveView& view_;
};

}  // namespace

Result<ArchiveView> view_archive(const std::string& path, const NetworkArguments& network) {
  ArchiveView view;
  view.name = http::shown_url(path);
  BBZ_ASSIGN(ArchiveInput input, ArchiveInput::open(path, 1, network));
  std::uint64_t archive_bytes = 0;
  if (const Reader* const reader = input.reader()) {
    view.catalog = reader->catalog();
    view.root = reader->root();
    archive_bytes = reader->archive_bytes();
    const auto announced = reader->announce(view.catalog.metadata);
    for (const catalog::Metadata& metadata : view.catalog.metadata) {
      BBZ_ASSIGN((view.metadata[{metadata.meta.file, metadata.meta.key}]),
                 reader->read_metadata(metadata));
    }
  } else {
    MetadataCollector collector(view);
    StreamOptions options;
    options.threads = 1;
    options.decode = false;
    BBZ_ASSIGN(StreamSummary read, read_stream(input.stream(), options, collector));
    view.catalog = std::move(read.catalog);
    view.root = read.root;
    archive_bytes = read.archive_bytes;
  }
  view.info = pack::info(view.catalog, archive_bytes);
  return view;
}

}  // namespace bbz::tools
