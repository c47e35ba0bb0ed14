// Any file is refused or gives tensors that lie within it. What does not begin as a file of PyTorch is
// taken as the pickle of one with two storages, so that pickles are reached without one: as a zip
// archive, and if it begins with '0' as the format of before 1.6.
#include "pickle_mutator.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
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
  require(state->storages.size() <= limits.values && state->tensors.size() <= 5 * limits.values);
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

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  if (seed % 2 == 0 || torch::looks_like_torch(std::as_bytes(std::span(data, size)))) {
    return LLVMFuzzerMutate(data, size, most);
  }
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string mutant = fuzz::PickleMutator(seed).mutate(text);
  const std::size_t length = std::min(mutant.size(), most);
  std::memcpy(data, mutant.data(), length);
  return length;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes = std::as_bytes(std::span(data, size));
  const std::vector<torch::OldStorage> storages = {
      {"0", "FloatStorage", 6, torch::counting_bytes(24)},
      {"1", "HalfStorage", 5, torch::counting_bytes(10)}};
  if (torch::looks_like_torch(bytes)) {
    check(bytes);
  } else {
    const std::string pickled(reinterpret_cast<const char*>(data), size);
    const std::string file =
        pickled.starts_with('0')
            ? torch::make_legacy(pickled.substr(1), storages)
            : torch::make_torch(pickled, {storages[0].bytes, storages[1].bytes});
    check(std::as_bytes(std::span(file)));
  }
  return 0;
}
