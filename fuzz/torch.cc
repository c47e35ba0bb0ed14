// Any file is refused or gives tensors that lie within it, and its layout for packing has all of them.
// What does not begin as a file of PyTorch is taken as the pickle of one with two storages, so that
// pickles are reached without one: as a zip archive, and if it begins with '0' as the format of before
// 1.6.
#include "zip_mutator.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <span>

#include "bbz/base/names.h"
#include "bbz/files/source_file.h"
#include "bbz/files/torch/elements.h"
#include "files/torch/rewriting.h"

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

// The extents tile the file, and each tensor is one or a view of one, with its elements where they are.
void check_layout(Bytes bytes, const torch::StateDict& state, const torch::Limits& limits) {
  files::Options options;
  options.torch = limits;
  auto files = files::open_stream(io::memory_source(bytes), options);
  require(files.ok());
  const auto file = (*files)->next();
  require(file.ok() && file->has_value());
  const files::Layout& layout = (*file)->layout;
  constexpr std::size_t kTarMagic = 257;
  if (as_text(bytes).find("ustar") == kTarMagic && !torch::looks_like_old_tar(bytes)) return;
  require(layout.format == "pytorch");
  std::uint64_t end = 0;
  std::map<std::string_view, std::uint64_t> places;  // of the first elements in the file
  for (const files::Extent& extent : layout.extents) {
    require(extent.offset == end && extent.length);
    end += *extent.length;
    if (extent.kind == files::Extent::Kind::kBytes) continue;
    require(bbz::byte_size(extent.dtype, element_count(extent.shape).value()).value() ==
            *extent.length);
    require(places.emplace(extent.name, extent.offset).second);
  }
  require(end == bytes.size());
  for (const files::View& view : layout.views) {
    const files::Extent& base = layout.extents.at(view.extent);
    std::uint64_t last = view.offset;
    for (std::size_t i = 0; i < view.shape.size(); ++i) {
      last += (view.shape[i] - 1) * view.strides[i] * element_bytes(view.dtype);
    }
    require(last + element_bytes(view.dtype) <= *base.length);
    require(places.emplace(view.name, base.offset + view.offset).second);
  }
  for (const torch::Tensor& tensor : state.tensors) {
    const auto found = places.find(tensor.name);
    require(found != places.end());
    const bool empty = std::ranges::find(tensor.shape, 0u) != tensor.shape.end();
    require(empty || found->second == state.storages[tensor.storage].offset +
                                          tensor.storage_offset * element_bytes(tensor.dtype));
  }
}

// What can be written anew has the same tensors, and is the same if it is written anew once more.
void check_rewriting(io::Source& file, const torch::StateDict& state, const torch::Limits& limits) {
  for (const torch::Tensor& tensor : state.tensors) {
    if (torch::byte_size(tensor).value() > kMostRead) return;  // strides of 0 make it large
  }
  const auto once = torch::rewrite(file, "note", limits);
  if (!once.ok()) {
    require(once.code() == Code::kUnsupported || once.code() == Code::kLimit);
    return;
  }
  const auto source = io::memory_source(std::as_bytes(std::span(*once)));
  const auto found = torch::read_state_dict(*source);
  require(found.ok() && found->tensors.size() == state.tensors.size());
  for (std::size_t i = 0; i < state.tensors.size(); ++i) {
    const torch::Tensor &one = state.tensors[i], &other = found->tensors[i];
    require(one.name == other.name && one.dtype == other.dtype && one.shape == other.shape);
  }
  require(torch::rewrite(*source, "note").value() == *once);
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
  check_layout(bytes, *state, limits);
  check_rewriting(*file, *state, limits);
}

}  // namespace

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  if (seed % 4 == 0) return LLVMFuzzerMutate(data, size, most);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const bool zip = torch::looks_like_zip(std::as_bytes(std::span(data, size)));
  std::optional<std::string> mutant;
  if (zip) mutant = fuzz::ZipMutator(seed).mutate(text);
  // Its directory is at the end: one that is too long would be none.
  if (zip && mutant && mutant->size() > most) return LLVMFuzzerMutate(data, size, most);
  // In files of the older forms, pickles are not alone, but most of what is there.
  if (!mutant) mutant = fuzz::PickleMutator(seed).mutate(text);
  const std::size_t length = std::min(mutant->size(), most);
  std::memcpy(data, mutant->data(), length);
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
