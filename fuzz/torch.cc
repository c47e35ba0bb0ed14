// Any file is refused or gives tensors that lie within it. What does not begin as a zip archive is
// taken as the pickle of one with a single storage, so that pickles are reached without one.
#include "../tests/files/torch/make_files.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <span>

#include "bbz/base/names.h"
#include "bbz/files/torch/elements.h"

namespace {

using namespace bbz;

constexpr std::uint64_t kMostRead = std::uint64_t{1} << 16;

void require(bool condition) {
  if (!condition) std::abort();
}

// The element at a place of the row-major order, by the definition of strides.
std::uint64_t element_at(const torch::Tensor& tensor, std::uint64_t place) {
  std::uint64_t element = tensor.storage_offset;
  for (std::size_t i = tensor.shape.size(); i-- > 0;) {
    element += place % tensor.shape[i] * tensor.strides[i];
    place /= tensor.shape[i];
  }
  return element;
}

void check_elements(io::Source& file, const torch::StateDict& state, const torch::Tensor& tensor) {
  const torch::Storage& storage = state.storages[tensor.storage];
  const auto width = static_cast<std::uint64_t>(dtype_info(tensor.dtype).bits) / 8;
  const auto size = torch::byte_size(tensor);
  require(size.ok());
  const auto elements = torch::element_source(file, state, tensor);
  require(elements.ok() && (*elements)->size() == *size);
  std::vector<std::byte> found(std::min(*size, kMostRead) / width * width);
  require(io::read_exactly(**elements, 0, found).ok());
  std::vector<std::byte> expected(width);
  for (std::uint64_t i = 0; i < found.size() / width; i += 1 + i / 16) {
    const std::uint64_t at = element_at(tensor, i) * width;
    require(at + width <= storage.size);
    require(io::read_exactly(file, storage.offset + at, expected).ok());
    require(std::ranges::equal(expected, std::span(found).subspan(i * width, width)));
  }
}

void check(Bytes bytes) {
  torch::Limits limits;
  limits.values = 20'000;
  const auto file = io::memory_source(bytes);
  const auto state = torch::read_state_dict(*file, limits);
  if (!state.ok()) return;
  for (const torch::Storage& storage : state->storages) {
    require(storage.offset <= bytes.size() && storage.size <= bytes.size() - storage.offset);
  }
  std::set<std::string_view> names;
  std::size_t checked = 0;
  for (const torch::Tensor& tensor : state->tensors) {
    require(is_utf8(tensor.name) && names.insert(tensor.name).second);
    require(tensor.storage < state->storages.size());
    require(tensor.shape.size() == tensor.strides.size());
    if (++checked <= 8) check_elements(*file, *state, tensor);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes = std::as_bytes(std::span(data, size));
  if (size == 0 || data[0] == 'P') {
    check(bytes);
  } else {
    const std::string pickled(reinterpret_cast<const char*>(data), size);
    const std::string file = torch::make_torch(pickled, {torch::counting_bytes(24)});
    check(std::as_bytes(std::span(file)));
  }
  return 0;
}
