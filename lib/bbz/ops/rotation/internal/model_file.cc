#include "bbz/ops/rotation/internal/model_file.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/layer_name.h"
#include "bbz/base/wire.h"
#include "bbz/format/chunk/chunk.h"

namespace bbz::rotation {
namespace {

const std::string* find_record(const safetensors::Metadata& metadata) {
  const auto found = std::ranges::find(
      metadata, kRecordKey, [](const auto& entry) { return std::string_view(entry.first); });
  return found == metadata.end() ? nullptr : &found->second;
}

}  // namespace

Result<std::vector<std::byte>> ModelFile::make_header(std::string_view record_json) {
  std::vector<safetensors::Tensor> tensors;
  for (const TensorInfo& info : model_->tensors) {
    tensors.push_back({info.name, info.dtype, info.shape, 0, 0});
  }
  safetensors::Metadata metadata;
  for (const auto& entry : model_->metadata) {
    if (entry.first != kRecordKey) metadata.push_back(entry);
  }
  metadata.emplace_back(kRecordKey, record_json);
  BBZ_ASSIGN(std::vector<std::byte> header, safetensors::build(tensors, metadata));
  if (offsets_.empty()) {
    for (const safetensors::Tensor& tensor : tensors) offsets_.push_back(tensor.begin);
  }
  return header;
}

Result<ModelFile> ModelFile::begin(const Model& model, const Record& longest, Writer& writer,
                                   const PackOptions& options) {
  ModelFile file(model, writer, options.progress);
  BBZ_ASSIGN(const std::vector<std::byte> header, file.make_header(to_json(longest)));
  file.header_size_ = header.size();
  for (std::uint64_t& offset : file.offsets_) offset += file.header_size_;
  BBZ_TRY(writer.begin_file(model.path, catalog::FileKind::kRegular, options.attributes));
  return file;
}

TensorSpec ModelFile::spec(std::size_t tensor) const {
  const TensorInfo& info = model_->tensors[tensor];
  TensorSpec spec;
  spec.name = info.name;
  spec.dtype = info.dtype;
  spec.shape = info.shape;
  spec.block = info.block;
  spec.layer = layer_of(info.name);
  spec.place = TensorSpec::At{offsets_[tensor]};
  return spec;
}

Status ModelFile::add(const TensorSpec& spec, Bytes stored) {
  BBZ_TRY(writer_->begin_tensor(spec));
  BBZ_TRY(writer_->write(stored));
  BBZ_TRY(writer_->end_tensor());
  if (spec.is_operand()) return {};
  BBZ_ASSIGN(const std::uint64_t elements, element_count(spec.shape));
  BBZ_ASSIGN(const std::uint64_t bytes, byte_size(spec.dtype, elements));
  count(bytes);
  return {};
}

void ModelFile::count(std::uint64_t bytes) {
  done_ += bytes;
  if (*progress_) (*progress_)(done_);
}

Status ModelFile::add_dense(std::size_t tensor, Bytes bytes) {
  mark(tensor);
  return add(spec(tensor), bytes);
}

Result<std::uint64_t> ModelFile::coded_bytes(const TensorSpec& spec, Bytes plain,
                                             std::uint64_t enough) const {
  BBZ_ASSIGN(const catalog::TensorMeta meta, tensor_meta(spec, writer_->options().chunk_bytes));
  const std::uint64_t step = meta.chunk_elements * meta.element_bits / 8;
  std::uint64_t coded = 0;
  std::vector<std::byte> payload;
  for (std::uint64_t at = 0; at < plain.size() && coded < enough; at += step) {
    const Bytes part = plain.subspan(at, std::min<std::uint64_t>(step, plain.size() - at));
    codec::encode(
        chunk::codec_shape(meta, at * 8 / meta.element_bits, part.size() * 8 / meta.element_bits),
        part, {writer_->options().level}, payload);
    coded += payload.size();
  }
  return coded;
}

Status ModelFile::add_the_rest() {
  for (std::size_t tensor = 0; tensor < model_->tensors.size(); ++tensor) {
    if (written_[tensor]) continue;
    BBZ_ASSIGN(const std::vector<std::byte> bytes, model_->load(tensor));
    BBZ_TRY(add_dense(tensor, bytes));
  }
  return {};
}

Status ModelFile::finish(const Record& record) {
  const std::string* kept = find_record(model_->metadata);
  const bool keep = !record.rotated && kept != nullptr && model_->header.size() == header_size_;
  const std::string json = keep ? *kept : to_json(record);
  std::vector<std::byte> header = model_->header;
  if (!keep) {
    BBZ_ASSIGN(header, make_header(json));
    if (header.size() > header_size_) {
      return make_error(Code::kInternal, "header of {} bytes, expected at most {}", header.size(),
                        header_size_);
    }
    // Pads the JSON with spaces, which the format allows; the length field counts them.
    header.resize(header_size_, std::byte{' '});
    store_le(header.data(), header_size_ - safetensors::kLengthBytes);
  }
  TensorSpec spec = TensorSpec::bytes(header.size());
  spec.place = TensorSpec::At{0};
  BBZ_TRY(add(spec, header));
  BBZ_TRY(writer_->add_metadata("format", "safetensors"));
  BBZ_TRY(writer_->add_metadata("symmetry", json));
  return writer_->end_file();
}

}  // namespace bbz::rotation
