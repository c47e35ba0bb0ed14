#include "bbz/archive/front_index.h"

#include <algorithm>

namespace bbz {

template <class Meta>
void FrontIndexMeter::count(const Meta& meta, bool payload) {
  scratch_.clear();
  catalog::encode_meta(meta, scratch_);
  bytes_ += container::kHeadSize - container::kSealSize +
            (payload ? container::kPayloadFields : 0) + scratch_.size();
}

std::optional<Digest> FrontIndexMeter::digest() const {
  if (options_.digest != DigestKind::kSha256) return std::nullopt;
  return Digest{DigestKind::kSha256, {}};
}

void FrontIndexMeter::begin_file(std::string_view path) {
  catalog::FileMeta meta;
  meta.number = files_++;
  meta.path = path;
  file_open_ = true;
  file_tensors_ = 0;
  file_size_ = 0;
  count(meta, false);
}

void FrontIndexMeter::end_file(bool sha256_of_file) {
  catalog::FileEndMeta meta;
  meta.number = files_ - 1;
  meta.tensor_count = file_tensors_;
  meta.size = file_size_;
  if (sha256_of_file) meta.digest = digest();
  file_open_ = false;
  count(meta, false);
}

void FrontIndexMeter::add_metadata(std::string_view key) {
  catalog::MetadataMeta meta;
  if (file_open_) meta.file = files_ - 1;
  meta.key = key;
  meta.payload_digest = digest();
  count(meta, true);
}

Status FrontIndexMeter::begin_tensor(const TensorSpec& spec) {
  BBZ_ASSIGN(catalog::TensorMeta tensor, tensor_meta(spec, options_.chunk_bytes));
  BBZ_ASSIGN(const std::uint64_t size, byte_size(tensor.dtype, tensor.stored_elements));
  tensor.number = tensors_++;
  tensor.file = files_ - 1;
  tensor.offset = file_size_;
  file_size_ += size;
  ++file_tensors_;
  count(tensor, false);
  catalog::ChunkMeta chunk;
  chunk.tensor = tensor.number;
  chunk.decoded_digest = digest();
  for (std::uint64_t first = 0; first < tensor.stored_elements; first += tensor.chunk_elements) {
    chunk.first_element = first;
    chunk.element_count =
        static_cast<std::uint32_t>(std::min(tensor.chunk_elements, tensor.stored_elements - first));
    count(chunk, true);
    ++chunk.number;
  }
  return {};
}

}  // namespace bbz
