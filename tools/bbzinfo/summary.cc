#include "bbzinfo/summary.h"

#include "bbz/archive/stream.h"
#include "bbz/http/url.h"
#include "common/output.h"

namespace bbz::tools {
namespace {

// Decides which values are read, and keeps them.
class Values {
 public:
  Values(const Lists& lists, Summary& summary) : lists_(lists), view_(summary) {}

  // Returns whether to read a value, and makes an entry for it.
  bool wants(const catalog::Metadata& metadata) {
    const std::string& key = metadata.meta.key;
    const std::uint64_t bytes = metadata.payload.length;
    place(metadata).bytes = bytes;
    place(metadata).unknown = metadata.meta.extensions.unknown;
    if (metadata.meta.extensions.unknown) return false;
    const bool shown = lists_.files || key == "as-bytes" || (lists_.symmetry && key == "symmetry");
    if (!shown || bytes > kMostValueBytes || bytes > left_) return false;
    left_ -= bytes;
    return true;
  }

  void keep(const catalog::Metadata& metadata, std::string text) {
    place(metadata).text = std::move(text);
  }

 private:
  Summary::Value& place(const catalog::Metadata& metadata) {
    return view_.metadata[{metadata.meta.file, metadata.meta.key}];
  }

  const Lists& lists_;
  Summary& view_;
  std::uint64_t left_ = kMostValueBytesTogether;
};

class MetadataCollector final : public Visitor {
 public:
  explicit MetadataCollector(Values& values) : values_(values) {}
  Status metadata(const catalog::Metadata& metadata, std::string_view value) override {
    if (values_.wants(metadata)) values_.keep(metadata, std::string(value));
    return {};
  }
  Status metadata_unknown(const catalog::Metadata& metadata, const Error&) override {
    (void)values_.wants(metadata);
    return {};
  }

 private:
  Values& values_;
};

}  // namespace

Status summarize(const std::string& path, const NetworkArguments& network,
                 const Acceptance& acceptance, const Lists& lists, Summary& summary) {
  summary.name = http::shown_url(path);
  BBZ_ASSIGN(summary.input, ArchiveInput::open(path, 1, network, acceptance, folder_of("-"), {}));
  std::uint64_t archive_bytes = 0;
  Values values(lists, summary);
  if (const Reader* const reader = summary.input.reader()) {
    summary.catalog = &reader->catalog();
    summary.root = reader->root();
    archive_bytes = reader->archive_bytes();
    std::vector<catalog::Metadata> wanted;
    for (const catalog::Metadata& metadata : summary.catalog->metadata) {
      if (values.wants(metadata)) wanted.push_back(metadata);
    }
    const auto hint = reader->prefetch(wanted);
    for (const catalog::Metadata& metadata : wanted) {
      BBZ_ASSIGN(std::string text, naming_input(path, reader->read_metadata(metadata)));
      values.keep(metadata, std::move(text));
    }
  } else {
    MetadataCollector collector(values);
    StreamOptions options;
    options.threads = 1;
    options.decode = false;
    options.limits = acceptance.limits;
    BBZ_ASSIGN(StreamSummary read,
               naming_input(path, read_stream(summary.input.stream(), options, collector)));
    summary.streamed = std::move(read.catalog);
    summary.catalog = &summary.streamed;
    summary.root = read.root;
    archive_bytes = read.archive_bytes;
  }
  summary.info = ops::info(*summary.catalog, archive_bytes);
  return {};
}

}  // namespace bbz::tools
