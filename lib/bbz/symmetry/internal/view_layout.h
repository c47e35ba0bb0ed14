// ViewLayout: where the elements of a view are in its base.
#pragma once

#include <optional>
#include <vector>

#include "bbz/base/error.h"
#include "bbz/format/catalog/metas.h"
#include "bbz/io/byte_range.h"

namespace bbz::symmetry {

// The indices of some elements of a view: on each axis, those from `begin` to before `end`.
struct ViewBox {
  // The indices on one axis. There is at least one.
  struct Side {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };
  std::vector<Side> sides;
};

// A part of a base: bytes from `begin` of it on.
struct BasePart {
  std::uint64_t begin = 0;
  Bytes bytes;
};

// The axes of a view, with neighbours joined that step as one. All places are bytes of the base.
class ViewLayout {
 public:
  // Precondition: the view was added to a catalog.
  explicit ViewLayout(const catalog::TensorMeta& view);

  // Returns the bytes of an element.
  std::uint64_t width() const { return width_; }
  // Returns whether no two axes overlap: elements with other indices on axes of a stride that is
  // not 0 are different bytes, and ascend with the indices of the largest stride first.
  bool is_nested() const { return nested_; }
  // Returns whether the elements ascend in the base, in the order of the view.
  bool ascends() const;
  // Returns whether all elements are consecutive, in the order of the view.
  bool is_run() const;
  // Returns the number of elements that follow each other in the base and in the view, wherever they
  // begin: 1 if the last axis has another stride. Precondition: there are elements.
  std::uint64_t run() const { return axes_.back().stride == 1 ? axes_.back().extent : 1; }
  // Returns the place of the first element.
  std::uint64_t offset() const { return offset_; }
  // Returns the bytes from the first to the last of all elements. Precondition: there are elements.
  std::uint64_t span() const;

  // Returns the bytes of all elements as ranges, or as one if they are more than `most`.
  // Precondition: there are elements.
  std::vector<io::ByteRange> ranges(std::size_t most) const;

  // Returns the boxes that together have elements [first, last) of the view, in its order. There
  // are fewer than twice the axes. Precondition: first < last <= the number of elements.
  std::vector<ViewBox> boxes(std::uint64_t first, std::uint64_t last) const;
  // Returns the place of the first element of a box.
  std::uint64_t begin(const ViewBox& box) const;
  // Returns the end of the last element of a box.
  std::uint64_t end(const ViewBox& box) const;
  // Returns the first place from `from` on that is in an element of the box, or nullopt if there is
  // none. Precondition: is_nested().
  std::optional<std::uint64_t> next(const ViewBox& box, std::uint64_t from) const;
  // Copies what elements of a box have of a part of the base to `out`, which begins with element
  // `first` of the view and has those of the box.
  void gather(const ViewBox& box, const BasePart& part, std::uint64_t first,
              MutableBytes out) const;

 private:
  struct Axis {
    std::uint64_t extent = 0;
    std::uint64_t stride = 0;  // in elements of the base's bytes
    std::uint64_t pitch = 0;   // in elements of the view
  };
  struct Gathering;

  void split(std::uint64_t first, std::uint64_t last, std::size_t axis, ViewBox& box,
             std::vector<ViewBox>& boxes) const;
  void gather(const Gathering& gathering, std::size_t level, std::uint64_t from,
              std::uint64_t to) const;

  std::uint64_t width_;
  std::uint64_t offset_;
  std::vector<Axis> axes_;          // in the order of the view; at least one
  std::vector<std::size_t> order_;  // of the axes: the largest stride first
  bool nested_ = true;
};

}  // namespace bbz::symmetry
