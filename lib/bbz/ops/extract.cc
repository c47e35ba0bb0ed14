#include "bbz/ops/extract.h"

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/ops/internal/tensor_file.h"

namespace bbz::ops {
namespace {

// Returns an output with these tensors and the metadata of the files that they come from.
Result<TensorFile> plan_file(const Reader& reader, std::span<const std::uint32_t> numbers) {
  const catalog::Catalog& catalog = reader.catalog();
  TensorFile file;
  std::vector<bool> used(catalog.files.size());
  for (const std::uint32_t number : numbers) {
    const catalog::Tensor& tensor = catalog.tensors[number];
    BBZ_TRY(file.add(tensor, catalog.files[tensor.meta.file].path));
    used[tensor.meta.file] = true;
  }
  std::vector<catalog::Metadata> wanted;
  for (const catalog::Metadata& metadata : catalog.metadata) {
    if (metadata.meta.file == catalog::kNone || !used[metadata.meta.file]) continue;
    if (metadata.meta.key == kSafetensorsKey) wanted.push_back(metadata);
  }
  const auto hint = reader.prefetch(wanted);
  for (const catalog::Metadata& metadata : wanted) {
    BBZ_ASSIGN(const std::string json, reader.read_metadata(metadata));
    BBZ_TRY(file.add_metadata(json));
  }
  return file;
}

Status write_file(const Reader& reader, std::span<const std::uint32_t> numbers, io::Sink& sink,
                  const ExtractOptions& options, ExtractSummary& summary) {
  BBZ_ASSIGN(TensorFile file, plan_file(reader, numbers));
  BBZ_ASSIGN(const std::vector<std::byte> header, file.header());
  BBZ_TRY(sink.write(header));
  const std::uint64_t before = summary.bytes;
  BBZ_TRY(reader.write_tensors(numbers, sink, [&](std::uint64_t bytes) {
    summary.bytes = before + bytes;
    if (options.progress) options.progress(summary.bytes);
  }));
  summary.tensors += numbers.size();
  ++summary.files;
  return {};
}

// Passes tensors to a writer.
class TensorWriter final : public Visitor {
 public:
  TensorWriter(Writer& writer, const Progress& progress, std::uint64_t& bytes)
      : writer_(writer), progress_(progress), bytes_(bytes) {}

  Status begin_tensor(const catalog::Tensor& tensor) override {
    TensorSpec spec;
    spec.name = tensor.meta.name;
    spec.dtype = tensor.meta.dtype;
    spec.shape = tensor.meta.shape;
    spec.layer = tensor.meta.layer;
    return writer_.begin_tensor(spec);
  }
  Status data(const catalog::Tensor&, std::uint64_t, Bytes bytes) override {
    bytes_ += bytes.size();
    if (progress_) progress_(bytes_);
    return writer_.write(bytes);
  }
  Status end_tensor(const catalog::Tensor&) override { return writer_.end_tensor(); }

 private:
  Writer& writer_;
  const Progress& progress_;
  std::uint64_t& bytes_;
};

}  // namespace

Result<ExtractSummary> extract_archive(const Reader& reader, io::Sink& sink,
                                       const std::string& path, const ExtractOptions& options,
                                       const WriteOptions& writing) {
  BBZ_TRY(io::add_input(sink, reader.source()));
  BBZ_ASSIGN(const std::vector<std::uint32_t> numbers, select(reader.catalog(), options.selection));
  BBZ_ASSIGN(TensorFile file, plan_file(reader, numbers));
  BBZ_ASSIGN(const std::vector<std::byte> header, file.header());
  BBZ_ASSIGN(Writer writer, Writer::create(sink, writing));
  BBZ_TRY(writer.begin_file(path));
  BBZ_TRY(writer.add_metadata("format", "safetensors"));
  if (!file.metadata().empty()) {
    BBZ_ASSIGN(const std::string json, safetensors::metadata_to_json(file.metadata()));
    BBZ_TRY(writer.add_metadata(kSafetensorsKey, json));
  }
  BBZ_TRY(writer.begin_tensor(TensorSpec::bytes(header.size())));
  BBZ_TRY(writer.write(header));
  BBZ_TRY(writer.end_tensor());
  ExtractSummary summary;
  TensorWriter tensors(writer, options.progress, summary.bytes);
  BBZ_TRY(reader.visit_tensors(numbers, tensors));
  BBZ_TRY(writer.end_file());
  BBZ_TRY(reader.add_base_inputs(sink));
  BBZ_ASSIGN(summary.root, writer.finish());
  summary.tensors = numbers.size();
  summary.files = 1;
  return summary;
}

Result<ExtractSummary> extract(const Reader& reader, io::Sink& sink,
                               const ExtractOptions& options) {
  BBZ_TRY(io::add_input(sink, reader.source()));
  BBZ_ASSIGN(const std::vector<std::uint32_t> numbers, select(reader.catalog(), options.selection));
  ExtractSummary summary;
  BBZ_TRY(write_file(reader, numbers, sink, options, summary));
  BBZ_TRY(reader.add_base_inputs(sink));
  return summary;
}

namespace {

// Writes a file for each file that the tensors come from. They appear when the batch does.
Result<ExtractSummary> write_files(const Reader& reader, std::span<const std::uint32_t> numbers,
                                   io::OutputTree& out, const io::OutputOptions& output,
                                   io::Batch& batch, const ExtractOptions& options) {
  const catalog::Catalog& catalog = reader.catalog();
  const auto file_of = [&](std::size_t i) { return catalog.tensors[numbers[i]].meta.file; };
  ExtractSummary summary;
  for (std::size_t begin = 0; begin < numbers.size();) {
    std::size_t end = begin;
    while (end < numbers.size() && file_of(end) == file_of(begin)) ++end;
    const std::string path = extracted_path(catalog.files[file_of(begin)].path);
    BBZ_ASSIGN(const auto sink, out.create_file(path, output, &batch));
    BBZ_TRY(write_file(reader, numbers.subspan(begin, end - begin), *sink, options, summary));
    BBZ_TRY(reader.add_base_inputs(*sink));
    BBZ_TRY(sink->finish());
    begin = end;
  }
  return summary;
}

}  // namespace

Result<ExtractSummary> extract_files(const Reader& reader, io::OutputTree& out,
                                     const ExtractFilesOptions& options) {
  BBZ_ASSIGN(const std::vector<std::uint32_t> numbers, select(reader.catalog(), options.selection));
  const catalog::Catalog& catalog = reader.catalog();
  const io::OutputOptions output{options.replace, options.sync, reader.source().file_status()};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const std::uint32_t file = catalog.tensors[numbers[i]].meta.file;
    if (i > 0 && file == catalog.tensors[numbers[i - 1]].meta.file) continue;
    BBZ_TRY(out.check_file(extracted_path(catalog.files[file].path), output));
  }
  io::Batch batch;
  auto summary = write_files(reader, numbers, out, output, batch, options);
  const Status published = batch.finish();
  if (summary.ok() && !published.ok()) return published.error();
  return summary;
}

}  // namespace bbz::ops
