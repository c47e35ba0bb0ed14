#include "bbz/access/model/internal/torch.h"

#include <algorithm>
#include <tuple>

#include "bbz/access/model/internal/tensors.h"
#include "bbz/base/checked.h"
#include "bbz/files/torch/elements.h"
#include "bbz/symmetry/view.h"

namespace bbz::model {
namespace {

using torch::StateDict;
using torch::Tensor;
using SharedSource = std::shared_ptr<io::Source>;

// The bytes of a storage that are read for an element.
constexpr std::uint64_t kPage = std::uint64_t{1} << 12;
// The same of an element_source() in the worst case, in which its cache is of no use.
constexpr std::uint64_t kLonePage = std::uint64_t{1} << 9;

// A tensor as a view of its storage, as an archive would have it.
struct StorageView {
  catalog::TensorMeta view;
  catalog::Tensor storage;
};

StorageView view_of(const StateDict& state, const Tensor& tensor) {
  const std::uint64_t size = state.storages[tensor.storage].size;
  StorageView out;
  out.storage.meta.dtype = DType::kU8;
  out.storage.meta.shape = {size};
  out.storage.meta.stored_elements = size;
  out.storage.meta.chunk_elements = kPage;
  out.storage.byte_size = size;
  out.view.number = 1;
  out.view.kind = catalog::TensorKind::kTensor;
  out.view.form = catalog::Form::kView;
  out.view.dtype = tensor.dtype;
  out.view.element_bits = static_cast<std::uint32_t>(dtype_info(tensor.dtype).bits);
  out.view.shape = tensor.shape;
  catalog::View view{1, tensor.storage_offset * (out.view.element_bits / 8), tensor.strides};
  out.view.view = std::make_shared<const catalog::View>(std::move(view));
  return out;
}

// Returns the bytes that are read of a file for all parts of a tensor of `size` bytes, or more.
std::uint64_t bytes_read(const StateDict& state, const Tensor& tensor, std::uint64_t size) {
  if (torch::is_contiguous(tensor)) return size;
  const StorageView placed = view_of(state, tensor);
  if (symmetry::is_readable_view(placed.view)) {
    return symmetry::bytes_read_for_view(placed.view, placed.storage);
  }
  const std::uint64_t elements = size / (placed.view.element_bits / 8);
  return checked_mul(elements, kLonePage).value_or(UINT64_MAX);
}

std::vector<std::size_t> firsts_in(const StateDict& state) {
  const auto key = [&](const Tensor& tensor) {
    return std::tuple(tensor.storage, tensor.storage_offset, tensor.dtype,
                      torch::is_contiguous(tensor));
  };
  return firsts_of(state.tensors.size(), [&](std::size_t i, std::size_t j) {
    const Tensor &a = state.tensors[i], &b = state.tensors[j];
    const auto of_a = key(a), of_b = key(b);
    if (of_a != of_b) return of_a < of_b;
    if (a.shape != b.shape) return a.shape < b.shape;
    return !torch::is_contiguous(a) && strides_less(a.shape, a.strides, b.strides);
  });
}

// Reads bytes of a tensor from `offset` on into all of `out`.
Status read(const SharedSource& source, const StateDict& state, const Tensor& tensor,
            std::uint64_t offset, MutableBytes out) {
  const StorageView placed = view_of(state, tensor);
  if (torch::is_contiguous(tensor) || !symmetry::is_readable_view(placed.view)) {
    BBZ_ASSIGN(const auto elements, torch::element_source(*source, state, tensor));
    return io::read_exactly(*elements, offset, out);
  }
  const std::uint64_t begin = state.storages[tensor.storage].offset;
  return symmetry::read_view(placed.view, placed.storage, offset, out,
                             [&](std::uint64_t at, MutableBytes bytes) {
                               return io::read_exactly(*source, begin + at, bytes);
                             });
}

// Reads at most `most` bytes of a tensor from `offset` on, or so many as are read best at once.
Result<std::vector<std::byte>> load(const SharedSource& source, const StateDict& state,
                                    const Tensor& tensor, std::uint64_t offset,
                                    std::uint64_t most) {
  BBZ_ASSIGN(const std::uint64_t size, torch::byte_size(tensor));
  const StorageView placed = view_of(state, tensor);
  const bool gathered = !torch::is_contiguous(tensor) && symmetry::is_readable_view(placed.view);
  if (gathered) {
    most = std::max(most, symmetry::part_bytes_of_view(placed.view, placed.storage));
  }
  std::vector<std::byte> bytes(std::min(size - offset, most));
  BBZ_TRY(read(source, state, tensor, offset, bytes));
  return bytes;
}

}  // namespace

Result<Model> from_torch(const SharedSource& source) {
  BBZ_ASSIGN(StateDict found, torch::read_state_dict(*source));
  const auto state = std::make_shared<const StateDict>(std::move(found));
  Model model;
  model.state = state;
  model.stored_bytes = source->size().value_or(0);
  model.file_bytes = model.stored_bytes;
  // Programs that convert PyTorch files to safetensors write this.
  model.metadata.emplace_back("format", "pt");
  model.firsts = firsts_in(*state);
  for (std::size_t i = 0; i < state->tensors.size(); ++i) {
    const Tensor& tensor = state->tensors[i];
    model.tensors.push_back({tensor.name, tensor.dtype, tensor.shape});
    BBZ_ASSIGN(const std::uint64_t size, torch::byte_size(tensor));
    const std::size_t first = model.firsts[i];
    model.reads.push_back(first == i ? bytes_read(*state, tensor, size) : model.reads[first]);
  }
  model.load = [source, state](std::size_t i) {
    return load(source, *state, state->tensors[i], 0, ~std::uint64_t{0});
  };
  model.load_part = [source, state](std::size_t i, std::uint64_t offset) {
    return load(source, *state, state->tensors[i], offset, kPartBytes);
  };
  model.read = [source, state](std::size_t i, std::uint64_t offset, MutableBytes out) {
    return read(source, *state, state->tensors[i], offset, out);
  };
  return model;
}

}  // namespace bbz::model
