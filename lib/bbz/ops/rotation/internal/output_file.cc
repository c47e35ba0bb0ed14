#include "bbz/ops/rotation/internal/output_file.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/base/wire.h"
#include "bbz/files/torch/state_writer.h"

namespace bbz::rotation {
namespace {

class SafetensorsOutput final : public OutputFile {
 public:
  SafetensorsOutput(const Model& model, const Output& output) : model_(model), output_(output) {}

  Status begin(const std::string& longest) {
    std::vector<safetensors::Tensor> tensors = listed();
    BBZ_ASSIGN(const std::vector<std::byte> header,
               safetensors::build(tensors, metadata_with(longest)));
    size_ = header.size();
    for (const safetensors::Tensor& tensor : tensors) offsets_.push_back(size_ + tensor.begin);
    return {};
  }

  std::string_view format() const override { return "safetensors"; }
  std::uint64_t offset(std::size_t place) const override { return offsets_[place]; }
  void note_bytes(std::size_t, Bytes) override {}

  const std::string* old_record() const override {
    const auto found = std::ranges::find(output_.metadata, kRecordKey, [](const auto& entry) {
      return std::string_view(entry.first);
    });
    const bool fits = output_.header.size() == size_;
    return found == output_.metadata.end() || !fits ? nullptr : &found->second;
  }

  Result<std::vector<Piece>> pieces(const std::string& record) override {
    if (&record == old_record()) return std::vector<Piece>{{0, output_.header}};
    std::vector<safetensors::Tensor> tensors = listed();
    BBZ_ASSIGN(std::vector<std::byte> header, safetensors::build(tensors, metadata_with(record)));
    if (header.size() > size_) {
      return make_error(Code::kInternal, "header of {} bytes, expected at most {}", header.size(),
                        size_);
    }
    // Pads the JSON with spaces, which the format allows; the length field counts them.
    header.resize(size_, std::byte{' '});
    store_le(header.data(), size_ - safetensors::kLengthBytes);
    return std::vector<Piece>{{0, std::move(header)}};
  }

 private:
  std::vector<safetensors::Tensor> listed() const {
    std::vector<safetensors::Tensor> tensors;
    for (const std::size_t tensor : output_.tensors) {
      const TensorInfo& info = model_.tensors[tensor];
      tensors.push_back({info.name, info.dtype, info.shape, 0, 0});
    }
    return tensors;
  }

  safetensors::Metadata metadata_with(const std::string& record) const {
    safetensors::Metadata metadata;
    for (const auto& entry : output_.metadata) {
      if (entry.first != kRecordKey) metadata.push_back(entry);
    }
    metadata.emplace_back(kRecordKey, record);
    return metadata;
  }

  const Model& model_;
  const Output& output_;
  std::uint64_t size_ = 0;              // of the header
  std::vector<std::uint64_t> offsets_;  // of each tensor's data in the file
};

class TorchOutput final : public OutputFile {
 public:
  TorchOutput(torch::StateWriter writer, std::optional<std::string> old_record)
      : writer_(std::move(writer)), old_record_(std::move(old_record)) {}

  std::string_view format() const override { return "pytorch"; }
  std::uint64_t offset(std::size_t place) const override { return writer_.offset(place); }
  void note_bytes(std::size_t place, Bytes bytes) override { writer_.note_bytes(place, bytes); }
  const std::string* old_record() const override { return old_record_ ? &*old_record_ : nullptr; }

  Result<std::vector<Piece>> pieces(const std::string& record) override {
    std::vector<Piece> pieces;
    for (torch::StateWriter::Piece& piece : writer_.pieces(record)) {
      pieces.push_back({piece.offset, std::move(piece.bytes)});
    }
    return pieces;
  }

 private:
  torch::StateWriter writer_;
  std::optional<std::string> old_record_;
};

}  // namespace

Result<std::unique_ptr<OutputFile>> lay_out(const Model& model, const Output& output,
                                            const std::string& longest) {
  if (!output.frame) {
    auto file = std::make_unique<SafetensorsOutput>(model, output);
    BBZ_TRY(file->begin(longest));
    return std::unique_ptr<OutputFile>(std::move(file));
  }
  std::vector<torch::StateWriter::Item> items;
  for (const std::size_t tensor : output.tensors) {
    items.push_back({model.tensors[tensor].dtype, model.tensors[tensor].shape});
  }
  BBZ_ASSIGN(torch::StateWriter writer, torch::StateWriter::create(*output.frame, items));
  std::optional<std::string> old = output.frame->note;
  if (old && (old->size() > longest.size() || !is_utf8(*old))) old.reset();  // from elsewhere
  return std::unique_ptr<OutputFile>(
      std::make_unique<TorchOutput>(std::move(writer), std::move(old)));
}

}  // namespace bbz::rotation
