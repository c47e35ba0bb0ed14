#include "bbz/symmetry/internal/view_layout.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "bbz/base/checked.h"

namespace bbz::symmetry {

ViewLayout::ViewLayout(const catalog::TensorMeta& view)
    : width_(view.element_bits / 8), offset_(view.view->offset) {
  const std::vector<std::uint64_t>& strides = view.view->strides;
  for (std::size_t i = 0; i < view.shape.size(); ++i) {
    if (view.shape[i] == 1) continue;
    const auto step = checked_mul(view.shape[i], strides[i]);
    if (!axes_.empty() && step && axes_.back().stride == *step) {
      axes_.back().extent *= view.shape[i];
      axes_.back().stride = strides[i];
    } else {
      axes_.push_back({view.shape[i], strides[i]});
    }
  }
  if (axes_.empty()) axes_.push_back({1, 1});
  std::uint64_t pitch = 1;
  for (std::size_t i = axes_.size(); i-- > 0;) {
    axes_[i].pitch = pitch;
    pitch *= axes_[i].extent;
  }
  order_.resize(axes_.size());
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  std::ranges::stable_sort(order_, std::ranges::greater(),
                           [&](std::size_t i) { return axes_[i].stride; });
  std::uint64_t span = 0;  // of the axes of smaller strides, which is within the base
  for (std::size_t i = order_.size(); i-- > 0;) {
    const Axis& axis = axes_[order_[i]];
    if (axis.stride == 0 || pitch == 0) continue;
    nested_ = nested_ && axis.stride > span;
    span += (axis.extent - 1) * axis.stride;
  }
}

bool ViewLayout::ascends() const {
  return std::ranges::is_sorted(axes_, std::ranges::greater(), &Axis::stride);
}

bool ViewLayout::is_run() const {
  return axes_.size() == 1 && axes_.front().stride == 1;
}

std::uint64_t ViewLayout::span() const {
  std::uint64_t last = 0;
  for (const Axis& axis : axes_) last += (axis.extent - 1) * axis.stride;
  return (last + 1) * width_;
}

std::vector<io::ByteRange> ViewLayout::ranges(std::size_t most) const {
  std::vector<io::ByteRange> ranges = {{offset_, width_}};
  // Axes of small strides make the range longer, until there is a hole between two indices.
  for (std::size_t i = order_.size(); i-- > 0;) {
    const Axis& axis = axes_[order_[i]];
    const std::uint64_t step = axis.stride * width_;
    if (ranges.size() == 1 && step <= ranges.front().size) {
      ranges.front().size += (axis.extent - 1) * step;
      continue;
    }
    if (axis.extent > most / ranges.size()) return {{offset_, span()}};
    const std::size_t count = ranges.size();
    for (std::uint64_t index = 1; index < axis.extent; ++index) {
      for (std::size_t j = 0; j < count; ++j) {
        ranges.push_back({ranges[j].offset + index * step, ranges[j].size});
      }
    }
  }
  return ranges;
}

std::vector<ViewBox> ViewLayout::boxes(std::uint64_t first, std::uint64_t last) const {
  std::vector<ViewBox> boxes;
  ViewBox box;
  box.sides.resize(axes_.size());
  split(first, last, 0, box, boxes);
  return boxes;
}

// Adds the boxes of elements [first, last) of those that have the indices in `box` on the axes
// before `axis`.
void ViewLayout::split(std::uint64_t first, std::uint64_t last, std::size_t axis, ViewBox& box,
                       std::vector<ViewBox>& boxes) const {
  const std::uint64_t pitch = axes_[axis].pitch;
  std::uint64_t begin = first / pitch;
  const std::uint64_t end = last / pitch;
  const auto within = [&](std::uint64_t index, std::uint64_t from, std::uint64_t to) {
    box.sides[axis] = {index, index + 1};
    split(from, to, axis + 1, box, boxes);
  };
  if (first % pitch != 0) {
    const bool ends = begin == end;
    within(begin, first % pitch, ends ? last % pitch : pitch);
    if (ends) return;
    ++begin;
  }
  if (begin < end) {
    box.sides[axis] = {begin, end};
    for (std::size_t i = axis + 1; i < axes_.size(); ++i) box.sides[i] = {0, axes_[i].extent};
    boxes.push_back(box);
  }
  if (last % pitch != 0) within(end, 0, last % pitch);
}

std::uint64_t ViewLayout::begin(const ViewBox& box) const {
  std::uint64_t element = 0;
  for (std::size_t i = 0; i < axes_.size(); ++i) element += box.sides[i].begin * axes_[i].stride;
  return offset_ + element * width_;
}

std::uint64_t ViewLayout::end(const ViewBox& box) const {
  std::uint64_t element = 0;
  for (std::size_t i = 0; i < axes_.size(); ++i) {
    element += (box.sides[i].end - 1) * axes_[i].stride;
  }
  return offset_ + (element + 1) * width_;
}

// Elements of a nested view ascend like numbers whose digits are the indices, that of the largest
// stride first.
std::optional<std::uint64_t> ViewLayout::next(const ViewBox& box, std::uint64_t from) const {
  const std::uint64_t begins = begin(box);
  const std::uint64_t ends = end(box);
  if (from <= begins) return begins;
  if (from >= ends) return std::nullopt;
  std::uint64_t left = (from - begins) / width_;  // elements of the base to go
  std::uint64_t rest = (ends - begins) / width_ - 1;
  std::uint64_t element = 0;
  for (const std::size_t i : order_) {
    const std::uint64_t stride = axes_[i].stride;
    if (stride == 0) break;
    const std::uint64_t most = box.sides[i].end - box.sides[i].begin - 1;
    rest -= most * stride;
    const std::uint64_t index = std::min(left / stride, most);
    element += index * stride;
    left -= index * stride;
    if (left <= rest) continue;
    element += stride;  // none follows with this index
    break;
  }
  return std::max(from, begins + element * width_);
}

// What gather() copies.
struct ViewLayout::Gathering {
  const ViewBox& box;
  const BasePart& part;
  MutableBytes out;
  std::vector<std::uint64_t> rests;  // span of the axes after each one of the order, in elements
};

void ViewLayout::gather(const ViewBox& box, const BasePart& part, std::uint64_t first,
                        MutableBytes out) const {
  Gathering gathering{box, part, out, std::vector<std::uint64_t>(order_.size())};
  for (std::size_t level = order_.size() - 1; level > 0; --level) {
    const ViewBox::Side& side = box.sides[order_[level]];
    gathering.rests[level - 1] =
        gathering.rests[level] + (side.end - side.begin - 1) * axes_[order_[level]].stride;
  }
  std::uint64_t to = 0;
  for (std::size_t i = 0; i < axes_.size(); ++i) to += box.sides[i].begin * axes_[i].pitch;
  gather(gathering, 0, begin(box), (to - first) * width_);
}

namespace {

// Copies what an element at `from`, or a run of them, has of a part of the base.
void copy_part(const BasePart& part, std::uint64_t from, std::uint64_t size, std::byte* to) {
  const std::uint64_t begin = std::max(from, part.begin);
  const std::uint64_t end = std::min(from + size, part.begin + part.bytes.size());
  if (begin >= end) return;
  std::memcpy(to + (begin - from), part.bytes.data() + (begin - part.begin), end - begin);
}

// Copies `count` elements of kWidth bytes.
template <std::size_t kWidth>
void copy_elements(const std::byte* from, std::uint64_t from_step, std::byte* to,
                   std::uint64_t to_step, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    std::memcpy(to + i * to_step, from + i * from_step, kWidth);
  }
}

void copy_elements(std::uint64_t width, const std::byte* from, std::uint64_t from_step,
                   std::byte* to, std::uint64_t to_step, std::uint64_t count) {
  switch (width) {
    case 1:
      return copy_elements<1>(from, from_step, to, to_step, count);
    case 2:
      return copy_elements<2>(from, from_step, to, to_step, count);
    case 4:
      return copy_elements<4>(from, from_step, to, to_step, count);
    case 8:
      return copy_elements<8>(from, from_step, to, to_step, count);
    default:
      for (std::uint64_t i = 0; i < count; ++i) {
        std::memcpy(to + i * to_step, from + i * from_step, width);
      }
  }
}

}  // namespace

// Copies the elements whose first indices lead to `from` in the base and to byte `to` of the view.
// Goes only to indices of which some element may be in the part.
void ViewLayout::gather(const Gathering& gathering, std::size_t level, std::uint64_t from,
                        std::uint64_t to) const {
  const Axis& axis = axes_[order_[level]];
  const BasePart& part = gathering.part;
  const ViewBox::Side& side = gathering.box.sides[order_[level]];
  const std::uint64_t step = axis.stride * width_;
  const std::uint64_t pitch = axis.pitch * width_;
  const std::uint64_t part_end = part.begin + part.bytes.size();
  const std::uint64_t reach = (gathering.rests[level] + 1) * width_;  // bytes of one index
  std::uint64_t index = 0;
  std::uint64_t count = side.end - side.begin;
  if (from >= part_end) return;
  if (step == 0) {
    if (from + reach <= part.begin) return;
  } else {
    if (from + reach <= part.begin) index = (part.begin - from - reach) / step + 1;
    count = std::min(count, divide_up(part_end - from, step));
  }
  if (index >= count) return;
  if (level + 1 < order_.size()) {
    for (; index < count; ++index) {
      gather(gathering, level + 1, from + index * step, to + index * pitch);
    }
    return;
  }
  std::byte* const out = gathering.out.data() + to;
  if (step == width_ && pitch == width_) {
    return copy_part(part, from + index * step, (count - index) * width_, out + index * pitch);
  }
  // The first and the last element may be cut by the ends of the part.
  for (; index < count && from + index * step < part.begin; ++index) {
    copy_part(part, from + index * step, width_, out + index * pitch);
  }
  for (; index < count && from + (count - 1) * step + width_ > part_end; --count) {
    copy_part(part, from + (count - 1) * step, width_, out + (count - 1) * pitch);
  }
  if (index >= count) return;
  copy_elements(width_, part.bytes.data() + (from + index * step - part.begin), step,
                out + index * pitch, pitch, count - index);
}

}  // namespace bbz::symmetry
