#include "bbz/files/internal/pytorch.h"

#include <algorithm>
#include <unordered_set>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/files/torch/elements.h"

namespace bbz::files {
namespace {

// The tensors of one storage, summed up.
struct Use {
  const torch::Tensor* whole = nullptr;  // the first tensor that is exactly the storage
  std::optional<DType> dtype;            // of its tensors, unless mixed
  bool mixed = false;                    // they have several dtypes
};

bool is_whole(const torch::Tensor& tensor, std::uint64_t storage_size) {
  const auto size = torch::byte_size(tensor);
  return size.ok() && *size == storage_size && tensor.storage_offset == 0 &&
         torch::is_contiguous(tensor);
}

std::vector<Use> uses_of(const torch::StateDict& state) {
  std::vector<Use> uses(state.storages.size());
  for (const torch::Tensor& tensor : state.tensors) {
    Use& use = uses[tensor.storage];
    if (use.whole == nullptr && is_whole(tensor, state.storages[tensor.storage].size)) {
      use.whole = &tensor;
    }
    if (use.dtype && *use.dtype != tensor.dtype) use.mixed = true;
    use.dtype = tensor.dtype;
  }
  return uses;
}

// Returns the storage as a tensor, or nullopt if it is plain bytes.
std::optional<Extent> storage_extent(const torch::Storage& storage, const Use& use,
                                     const std::unordered_set<std::string_view>& names,
                                     const torch::Limits& limits) {
  Extent extent{Extent::Kind::kTensor, "", {}, {}, storage.offset, storage.size};
  if (use.whole != nullptr) {
    extent.name = use.whole->name;
    extent.dtype = use.whole->dtype;
    extent.shape = use.whole->shape;
    return extent;
  }
  if (!use.dtype || use.mixed) return std::nullopt;
  extent.name = "data/" + storage.key;
  extent.dtype = *use.dtype;
  const auto width = std::uint64_t{element_bytes(extent.dtype)};
  if (storage.size == 0 || storage.size % width != 0 || names.contains(extent.name) ||
      !is_utf8(extent.name) || extent.name.size() > limits.name_bytes) {
    return std::nullopt;
  }
  extent.shape = {storage.size / width};
  return extent;
}

}  // namespace

Format::Match probe_pytorch(std::string_view, Bytes first) {
  return torch::looks_like_torch(first) ? Format::Match::kMaybe : Format::Match::kNo;
}

Result<Layout> layout_pytorch(Front& front, const Options& options) {
  io::Source* const file = front.seekable();
  if (file == nullptr) {
    return make_error(Code::kInvalidArgument,
                      "{}: a zip archive is read from its end, and this input cannot seek",
                      front.name());
  }
  BBZ_ASSIGN(const torch::StateDict state, torch::read_state_dict(*file, options.torch));
  std::unordered_set<std::string_view> names;
  for (const torch::Tensor& tensor : state.tensors) names.insert(tensor.name);

  const std::vector<Use> uses = uses_of(state);
  std::vector<Extent> tensors;
  for (std::size_t i = 0; i < uses.size(); ++i) {
    auto extent = storage_extent(state.storages[i], uses[i], names, options.torch);
    if (extent) tensors.push_back(std::move(*extent));
  }
  std::ranges::sort(tensors, {}, &Extent::offset);

  Layout layout;
  std::uint64_t position = 0;
  for (Extent& tensor : tensors) {
    if (tensor.offset != position) {
      layout.extents.push_back(bytes_extent(position, tensor.offset - position));
    }
    position = tensor.offset + *tensor.length;
    layout.extents.push_back(std::move(tensor));
  }
  if (position != file->size()) {
    layout.extents.push_back(bytes_extent(position, *file->size() - position));
  }
  return layout;
}

}  // namespace bbz::files
