#include "bbz/files/internal/pytorch.h"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/files/torch/elements.h"

namespace bbz::files {
namespace {

using Names = std::unordered_set<std::string>;

// A range of the bytes of a storage. Each tensor of the storage is within one.
struct Part {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  const torch::Tensor* whole = nullptr;  // the first tensor that is exactly the part
  std::optional<DType> dtype{};          // of its tensors, unless mixed
  bool mixed = false;                    // they have several dtypes
};

bool is_empty(const torch::Tensor& tensor) {
  return std::ranges::find(tensor.shape, 0u) != tensor.shape.end();
}

// Returns the bytes of a tensor with elements from its first to its last, as a part of its storage.
Part span_of(const torch::Tensor& tensor) {
  const std::uint64_t width = element_bytes(tensor.dtype);
  std::uint64_t last = 0;
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    last += (tensor.shape[i] - 1) * tensor.strides[i];
  }
  Part part;
  part.begin = tensor.storage_offset * width;
  part.end = part.begin + (last + 1) * width;
  part.dtype = tensor.dtype;
  if (torch::is_contiguous(tensor)) part.whole = &tensor;
  return part;
}

// Returns the parts of a storage that tensors have: those that overlap are one.
std::vector<Part> parts_of(const std::vector<const torch::Tensor*>& tensors) {
  std::vector<Part> spans;
  spans.reserve(tensors.size());
  for (const torch::Tensor* const tensor : tensors) spans.push_back(span_of(*tensor));
  // The longest comes first: it may be the whole of a part, and the first of several equal ones is.
  std::ranges::stable_sort(spans, {},
                           [](const Part& span) { return std::pair(span.begin, ~span.end); });
  std::vector<Part> parts;
  for (const Part& span : spans) {
    if (parts.empty() || span.begin >= parts.back().end) {
      parts.push_back(span);
      continue;
    }
    Part& part = parts.back();
    const bool same = span.begin == part.begin && span.end == part.end;
    if (same && part.whole == nullptr) part.whole = span.whole;
    if (span.end > part.end) {
      part.end = span.end;
      part.whole = nullptr;
    }
    part.mixed = part.mixed || span.dtype != part.dtype;
  }
  return parts;
}

// Returns the parts with what is between them, so that they are all of the storage. What no tensor has
// is joined to a part that is no tensor itself, if there is one beside it.
std::vector<Part> with_gaps(const std::vector<Part>& parts, std::uint64_t size) {
  std::vector<Part> all;
  std::uint64_t end = 0;
  const auto fill = [&](std::uint64_t to, std::optional<DType> dtype) {
    if (to == end) return;
    if (!all.empty() && all.back().whole == nullptr) {
      all.back().end = to;
    } else {
      all.push_back({end, to, nullptr, dtype, false});
    }
  };
  for (const Part& part : parts) {
    const bool joins = part.whole == nullptr && (all.empty() || all.back().whole != nullptr);
    if (!joins) fill(part.begin, part.dtype);
    all.push_back(part);
    if (joins) all.back().begin = end;
    end = part.end;
  }
  if (!parts.empty()) fill(size, parts.back().dtype);
  return all;
}

// Returns a name for a part of a storage that no tensor has. A key that is no good name is replaced by
// the number of the storage, so that however many there are, names stay short.
std::string part_name(const torch::Storage& storage, std::size_t number, std::uint64_t begin,
                      const Names& names, const torch::Limits& limits) {
  const bool usable = is_utf8(storage.key) && storage.key.size() < limits.name_bytes / 2;
  std::string base = "data/" + (usable ? storage.key : fmt::format("#{}", number));
  if (begin != 0) base += fmt::format(":{}", begin);
  std::string name = base;
  for (std::uint64_t i = 2; names.contains(name); ++i) name = fmt::format("{}~{}", base, i);
  return name;
}

// Returns the extent of a part of the storage of this number.
Extent extent_of(const torch::StateDict& state, std::size_t number, const Part& part, Names& names,
                 const torch::Limits& limits) {
  const torch::Storage& storage = state.storages[number];
  const std::uint64_t size = part.end - part.begin;
  const std::uint64_t offset = storage.offset + part.begin;
  Extent extent{Extent::Kind::kTensor, "", {}, {}, offset, size};
  extent.dtype = part.dtype.value_or(DType::kU8);
  if (part.whole != nullptr) {
    extent.name = part.whole->name;
    extent.dtype = part.whole->dtype;
    extent.shape = part.whole->shape;
    return extent;
  }
  const std::uint64_t width = element_bytes(extent.dtype);
  if (part.mixed || size % width != 0) return bytes_extent(offset, size);
  extent.name = part_name(storage, number, part.begin, names, limits);
  names.insert(extent.name);
  extent.shape = {size / width};
  extent.storage = true;
  return extent;
}

// Returns the extents of all storages that tensors have elements in or whose dtype is known, and of
// tensors without elements, in order of offset.
std::vector<Extent> extents_of(const torch::StateDict& state, const torch::Limits& limits) {
  Names names;
  std::vector<std::vector<const torch::Tensor*>> tensors(state.storages.size());
  std::vector<Extent> extents;
  for (const torch::Tensor& tensor : state.tensors) {
    names.insert(tensor.name);
    if (!is_empty(tensor)) {
      tensors[tensor.storage].push_back(&tensor);
      continue;
    }
    extents.push_back({Extent::Kind::kTensor, tensor.name, tensor.dtype, tensor.shape,
                       state.storages[tensor.storage].offset, 0});
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const torch::Storage& storage = state.storages[i];
    std::vector<Part> parts = with_gaps(parts_of(tensors[i]), storage.size);
    if (parts.empty() && storage.size != 0 && storage.dtype) {
      parts.push_back({0, storage.size, nullptr, storage.dtype, false});
    }
    for (const Part& part : parts) extents.push_back(extent_of(state, i, part, names, limits));
  }
  std::ranges::stable_sort(extents, {}, [](const Extent& extent) {
    return std::pair(extent.offset, *extent.length != 0);
  });
  return extents;
}

// Adds the tensors that are not extents themselves.
void add_views(const torch::StateDict& state, Layout& layout) {
  for (const torch::Tensor& tensor : state.tensors) {
    if (is_empty(tensor)) continue;
    const std::uint64_t begin =
        state.storages[tensor.storage].offset + tensor.storage_offset * element_bytes(tensor.dtype);
    const auto after = std::ranges::upper_bound(layout.extents, begin, {}, &Extent::offset);
    const auto place = static_cast<std::size_t>(after - layout.extents.begin()) - 1;
    const Extent& extent = layout.extents[place];
    const bool itself =
        !extent.storage && extent.kind == Extent::Kind::kTensor && extent.name == tensor.name;
    if (itself) continue;
    layout.views.push_back(
        {tensor.name, tensor.dtype, tensor.shape, tensor.strides, place, begin - extent.offset});
  }
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
  Layout layout;
  std::uint64_t position = 0;
  for (Extent& extent : extents_of(state, options.torch)) {
    if (extent.offset != position) {
      layout.extents.push_back(bytes_extent(position, extent.offset - position));
    }
    position = extent.offset + *extent.length;
    layout.extents.push_back(std::move(extent));
  }
  if (position != file->size()) {
    layout.extents.push_back(bytes_extent(position, *file->size() - position));
  }
  add_views(state, layout);
  return layout;
}

}  // namespace bbz::files
