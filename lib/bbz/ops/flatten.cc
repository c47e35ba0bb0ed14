#include "bbz/ops/flatten.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz::ops {
namespace {

// Returns how to write a tensor of an archive again.
TensorSpec spec_of(const catalog::Tensor& tensor) {
  const catalog::TensorMeta& meta = tensor.meta;
  TensorSpec spec;
  spec.kind = meta.kind;
  spec.name = meta.name;
  spec.dtype = meta.dtype;
  spec.shape = meta.shape;
  spec.block = tensor.block;
  spec.storage = meta.extensions.storage;
  if (meta.layer != catalog::kNone) spec.layer = meta.layer;
  if (meta.is_view()) {
    spec.place = *meta.view;
  } else {
    spec.place = TensorSpec::At{meta.offset};
  }
  return spec;
}

// Writes the tensors that it visits.
class TensorCopier final : public Visitor {
 public:
  TensorCopier(Writer& writer, PackSummary& summary, const Progress& progress)
      : writer_(writer), summary_(summary), progress_(progress) {}

  Status begin_tensor(const catalog::Tensor& tensor) override {
    return writer_.begin_tensor(spec_of(tensor));
  }
  Status data(const catalog::Tensor&, std::uint64_t, Bytes bytes) override {
    BBZ_TRY(writer_.write(bytes));
    summary_.input_bytes += bytes.size();
    if (progress_) progress_(summary_.input_bytes);
    return {};
  }
  Status end_tensor(const catalog::Tensor&) override { return writer_.end_tensor(); }

 private:
  Writer& writer_;
  PackSummary& summary_;
  const Progress& progress_;
};

Status check(const catalog::Catalog& catalog) {
  if (!catalog.groups.empty()) {
    return error_with_message(Code::kUnsupported,
                              "an archive of a model that was rotated cannot be flattened");
  }
  if (!catalog.private_names.empty()) {
    return error_with_message(Code::kUnsupported,
                              "an archive with private numbers cannot be flattened");
  }
  for (const catalog::File& file : catalog.files) BBZ_TRY(catalog::check_file(file));
  for (const catalog::Tensor& tensor : catalog.tensors) {
    if (catalog::is_known(tensor.meta.form) && !tensor.meta.extensions.unknown) continue;
    return make_error(Code::kUnsupported,
                      "tensor {}: its form, or an extension that it requires, is not known, so the "
                      "archive cannot be flattened",
                      bbz::quoted(tensor.meta.name));
  }
  return {};
}

Status add_metadata(const Reader& reader, std::uint32_t file, Writer& writer) {
  for (const catalog::Metadata& entry : reader.catalog().metadata) {
    if (entry.meta.file != file) continue;
    BBZ_ASSIGN(const std::string value, reader.read_metadata(entry));
    BBZ_TRY(writer.add_metadata(entry.meta.key, value));
  }
  return {};
}

}  // namespace

Result<PackSummary> flatten(const Reader& reader, io::Sink& sink, const FlattenOptions& options) {
  BBZ_TRY(io::add_input(sink, reader.source()));
  const catalog::Catalog& catalog = reader.catalog();
  BBZ_TRY(check(catalog));
  const std::uint64_t begin = sink.written();
  BBZ_ASSIGN(Writer writer, Writer::create(sink, options.write));
  PackSummary summary;
  BBZ_TRY(add_metadata(reader, catalog::kNone, writer));
  TensorCopier visitor(writer, summary, options.progress);
  for (std::uint32_t number = 0; number < catalog.files.size(); ++number) {
    const catalog::File& file = catalog.files[number];
    BBZ_TRY(writer.begin_file(file.path, file.kind, file.attributes()));
    BBZ_TRY(add_metadata(reader, number, writer));
    // In the order of the archive, which need not be that of the file.
    std::vector<std::uint32_t> tiles = file.tensors;
    std::ranges::sort(tiles);
    BBZ_TRY(reader.visit_tensors(tiles, visitor));
    for (const std::uint32_t view : file.views) {
      BBZ_TRY(writer.begin_tensor(spec_of(catalog.tensors[view])));
      BBZ_TRY(writer.end_tensor());
    }
    BBZ_TRY(writer.end_file());
    for (const std::uint32_t one : tiles) summary.tensors += catalog.tensors[one].meta.is_named();
    summary.tensors += file.views.size();
    ++summary.files;
  }
  BBZ_TRY(reader.add_base_inputs(sink));
  BBZ_ASSIGN(summary.root, writer.finish());
  summary.archive_bytes = sink.written() - begin;
  return summary;
}

}  // namespace bbz::ops
