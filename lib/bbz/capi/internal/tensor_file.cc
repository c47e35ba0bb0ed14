#include "bbz/capi/internal/tensor_file.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/base/wire.h"

namespace bbz::capi {
namespace {

Status write_header(Writer& writer, TensorSpec::At place, Bytes header) {
  TensorSpec spec = TensorSpec::bytes(header.size());
  spec.place = place;
  BBZ_TRY(writer.begin_tensor(spec));
  BBZ_TRY(writer.write(header));
  return writer.end_tensor();
}

}  // namespace

Status TensorFile::add_metadata(Writer& writer) const {
  BBZ_TRY(writer.add_metadata("format", "safetensors"));
  if (metadata_.empty()) return {};
  BBZ_ASSIGN(const std::string json, safetensors::metadata_to_json(metadata_));
  // Metadata that is too large for a record is still in the header.
  if (json.size() > writer.options().limits.metadata_bytes) return {};
  return writer.add_metadata("safetensors", json);
}

Result<TensorFile> TensorFile::begin(Writer& writer, std::string_view path,
                                     std::vector<TensorSpec> tensors,
                                     const safetensors::Metadata& metadata) {
  TensorFile file;
  file.metadata_ = metadata;
  std::vector<safetensors::Tensor> listed;
  listed.reserve(tensors.size());
  for (const TensorSpec& spec : tensors) {
    listed.push_back({spec.name, spec.dtype, spec.shape, 0, 0});
  }
  BBZ_ASSIGN(const std::vector<std::byte> header, safetensors::build(listed, metadata));
  BBZ_TRY(writer.begin_file(path));
  BBZ_TRY(file.add_metadata(writer));
  BBZ_TRY(write_header(writer, {0}, header));
  std::ranges::reverse(tensors);
  file.expected_ = std::move(tensors);
  return file;
}

Result<TensorFile> TensorFile::begin_open(Writer& writer, std::string_view path,
                                          std::uint64_t header_bytes,
                                          safetensors::Metadata metadata) {
  const std::uint64_t most = safetensors::Limits().json_bytes / 8 * 8;
  if (header_bytes % 8 != 0 || header_bytes < 16 || header_bytes > most) {
    return make_error(Code::kInvalidArgument,
                      "{} bytes for the header, expected a multiple of 8 from 16 to {}",
                      header_bytes, most);
  }
  TensorFile file;
  file.header_bytes_ = file.end_ = header_bytes;
  file.metadata_ = std::move(metadata);
  BBZ_TRY(writer.begin_file(path));
  return file;
}

Status TensorFile::begin_tensor(Writer& writer, const TensorSpec* spec) {
  if (header_bytes_ == 0) {
    if (spec != nullptr) {
      return make_error(Code::kInvalidArgument,
                        "spec is not null, expected null for the next tensor of the file");
    }
    if (expected_.empty()) {
      return make_error(Code::kInvalidArgument, "all tensors of the file have begun");
    }
    BBZ_TRY(writer.begin_tensor(expected_.back()));
    expected_.pop_back();
    return {};
  }
  if (spec == nullptr) {
    return make_error(Code::kInvalidArgument, "spec is null, expected that of the next tensor");
  }
  BBZ_ASSIGN(const std::uint64_t elements, element_count(spec->shape));
  BBZ_ASSIGN(const std::uint64_t bytes, byte_size(spec->dtype, elements));
  const auto end = checked_add(end_, bytes);
  if (!end) return make_error(Code::kLimit, "the file has more than 2^64 bytes");
  TensorSpec placed = *spec;
  placed.place = TensorSpec::At{end_};
  BBZ_TRY(writer.begin_tensor(placed));
  end_ = *end;
  begun_.push_back({spec->name, spec->dtype, spec->shape, 0, 0});
  return {};
}

Status TensorFile::end(Writer& writer) {
  if (!expected_.empty()) {
    return make_error(Code::kInvalidArgument, "{} tensors of the file are missing, the first is {}",
                      expected_.size(), quoted(expected_.back().name));
  }
  if (header_bytes_ != 0) {
    BBZ_ASSIGN(std::vector<std::byte> header, safetensors::build(begun_, metadata_));
    if (header.size() > header_bytes_) {
      return make_error(Code::kLimit, "a header of {} bytes, expected at most {}", header.size(),
                        header_bytes_);
    }
    // Pads the JSON with spaces, which the format allows; the length field counts them.
    header.resize(header_bytes_, std::byte{' '});
    store_le(header.data(), header_bytes_ - safetensors::kLengthBytes);
    BBZ_TRY(write_header(writer, {0}, header));
    BBZ_TRY(add_metadata(writer));
  }
  return writer.end_file();
}

}  // namespace bbz::capi
