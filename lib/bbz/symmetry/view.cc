#include "bbz/symmetry/view.h"

#include <algorithm>
#include <optional>

#include "bbz/base/checked.h"
#include "bbz/symmetry/internal/view_layout.h"

namespace bbz::symmetry {
namespace {

// The bytes of the base that are read at a time, but for chunks that are larger.
constexpr std::uint64_t kWindow = std::uint64_t{8} << 20;

std::uint64_t chunk_bytes(const catalog::Tensor& base) {
  return std::max<std::uint64_t>(base.meta.chunk_elements * base.meta.element_bits / 8, 1);
}

// Finds the parts of a base that some elements of a view need.
class Windows {
 public:
  Windows(const ViewLayout& layout, std::vector<ViewBox> boxes, std::uint64_t step)
      : layout_(layout), boxes_(std::move(boxes)), step_(step) {
    for (const ViewBox& box : boxes_) {
      begin_ = std::min(begin_, layout.begin(box));
      end_ = std::max(end_, layout.end(box));
    }
  }

  const std::vector<ViewBox>& boxes() const { return boxes_; }
  std::uint64_t begin() const { return begin_; }
  // Returns the bytes from the first needed one to the last.
  std::uint64_t span() const { return end_ - begin_; }

  // Returns the first needed place from `from` on.
  std::optional<std::uint64_t> next(std::uint64_t from) const {
    if (from >= end_) return std::nullopt;
    if (!layout_.is_nested()) return std::max(from, begin_);
    std::optional<std::uint64_t> first;
    for (const ViewBox& box : boxes_) {
      const auto found = layout_.next(box, from);
      if (found && (!first || *found < *first)) first = found;
    }
    return first;
  }

  // Returns the end of the part that begins at `at`: that of a chunk, of which more follow as long
  // as they are needed. No other chunk is read, because who fetched a part may have no other.
  std::uint64_t end_after(std::uint64_t at) const {
    if (!layout_.is_nested()) return end_;
    std::uint64_t end = (at / step_ + 1) * step_;
    while (end < end_ && end - at < kWindow) {
      const auto following = next(end);
      if (!following || *following >= end + step_) break;
      end += step_;
    }
    return std::min(end, end_);
  }

 private:
  const ViewLayout& layout_;
  std::vector<ViewBox> boxes_;
  std::uint64_t step_;
  std::uint64_t begin_ = UINT64_MAX;
  std::uint64_t end_ = 0;
};

// Reads elements [first, last) of a view.
Status read_elements(const ViewLayout& layout, const catalog::Tensor& base, std::uint64_t first,
                     std::uint64_t last, MutableBytes out, const ReadBase& read) {
  if (layout.is_run()) return read(layout.offset() + first * layout.width(), out);
  const Windows windows(layout, layout.boxes(first, last), chunk_bytes(base));
  std::vector<std::byte> bytes;
  for (auto at = windows.next(windows.begin()); at;) {
    const std::uint64_t end = windows.end_after(*at);
    bytes.resize(end - *at);
    BBZ_TRY(read(*at, bytes));
    for (const ViewBox& box : windows.boxes()) layout.gather(box, {*at, bytes}, first, out);
    at = windows.next(end);
  }
  return {};
}

}  // namespace

bool is_readable_view(const catalog::TensorMeta& view) {
  const auto elements = element_count(view.shape);
  if (elements.ok() && *elements == 0) return true;
  const ViewLayout layout(view);
  return layout.is_nested() || layout.span() <= kMaxViewSpan;
}

bool is_run_of_view(const catalog::TensorMeta& view) {
  const auto elements = element_count(view.shape);
  return (elements.ok() && *elements == 0) || ViewLayout(view).is_run();
}

Status read_base(const catalog::Tensor& base, std::uint64_t offset, MutableBytes out,
                 const DecodeBase& decode) {
  const std::uint64_t size = chunk_bytes(base);
  while (!out.empty()) {
    const std::uint64_t number = offset / size;
    BBZ_ASSIGN(const Bytes chunk, decode(number));
    const std::uint64_t from = offset - number * size;
    const std::uint64_t part = std::min<std::uint64_t>(out.size(), chunk.size() - from);
    std::ranges::copy(chunk.subspan(from, part), out.begin());
    out = out.subspan(part);
    offset += part;
  }
  return {};
}

Status read_view(const catalog::TensorMeta& view, const catalog::Tensor& base, std::uint64_t offset,
                 MutableBytes out, const ReadBase& read) {
  if (out.empty()) return {};
  const ViewLayout layout(view);
  const std::uint64_t width = layout.width();
  const std::uint64_t first = offset / width;
  const std::uint64_t last = divide_up(offset + out.size(), width);
  if (out.size() == (last - first) * width) {
    return read_elements(layout, base, first, last, out, read);
  }
  std::vector<std::byte> whole((last - first) * width);
  BBZ_TRY(read_elements(layout, base, first, last, whole, read));
  std::ranges::copy(Bytes(whole).subspan(offset - first * width, out.size()), out.begin());
  return {};
}

std::uint64_t part_bytes_of_view(const catalog::TensorMeta& view, const catalog::Tensor& base) {
  const ViewLayout layout(view);
  // If the elements do not ascend, each part may need all of the base. If they do, a part decodes
  // the chunks at its ends, so it must not be small beside a chunk.
  constexpr std::uint64_t kMost = 8 * kWindow;
  const std::uint64_t most =
      layout.ascends() ? std::clamp(2 * std::min(chunk_bytes(base), kMost), kWindow / 2, kMost)
                       : kMost;
  return most / layout.width() * layout.width();
}

Status read_view(const catalog::TensorMeta& view, const catalog::Tensor& base, const ReadBase& read,
                 const TakeView& take) {
  BBZ_ASSIGN(const std::uint64_t elements, element_count(view.shape));
  if (elements == 0) return {};
  const ViewLayout layout(view);
  const std::uint64_t most = part_bytes_of_view(view, base) / layout.width();
  std::vector<std::byte> part;
  for (std::uint64_t first = 0; first < elements; first += most) {
    const std::uint64_t count = std::min(most, elements - first);
    part.resize(count * layout.width());
    BBZ_TRY(read_elements(layout, base, first, first + count, part, read));
    BBZ_TRY(take(first * layout.width(), part));
  }
  return {};
}

std::uint64_t bytes_read_for_view(const catalog::TensorMeta& view, const catalog::Tensor& base) {
  const auto elements = element_count(view.shape);
  if (!elements.ok() || *elements == 0) return 0;
  const ViewLayout layout(view);
  const std::uint64_t chunk = std::min(chunk_bytes(base), base.byte_size);
  const std::uint64_t part = part_bytes_of_view(view, base) / layout.width();
  const std::uint64_t parts = divide_up(*elements, part);
  const auto times = [](std::uint64_t a, std::uint64_t b) {
    return checked_mul(a, b).value_or(UINT64_MAX);
  };
  // A run of elements takes the chunks that it is in, if axes do not overlap, and a part those from its
  // first byte to its last.
  const std::uint64_t alone =
      times(*elements / layout.run(), layout.run() * layout.width() + 2 * chunk);
  std::uint64_t sum = times(parts, 2 * chunk);
  const auto add = [&](std::uint64_t bytes) { sum = checked_add(sum, bytes).value_or(UINT64_MAX); };
  constexpr std::uint64_t kMostParts = 1 << 16;  // that are looked at
  if (layout.is_nested() && layout.ascends()) {
    add(layout.span());
  } else if (parts > kMostParts) {
    add(times(parts, layout.span()));
  } else {
    for (std::uint64_t first = 0; first < *elements; first += part) {
      const std::uint64_t last = std::min(first + part, *elements);
      add(Windows(layout, layout.boxes(first, last), chunk).span());
    }
  }
  return layout.is_nested() ? std::min(alone, sum) : sum;
}

std::vector<io::ByteRange> ranges_of_view(const catalog::TensorMeta& view, std::size_t most) {
  const auto elements = element_count(view.shape);
  if (!elements.ok() || *elements == 0) return {};
  return ViewLayout(view).ranges(most);
}

std::vector<std::uint64_t> chunks_of_view(const catalog::TensorMeta& view,
                                          const catalog::Tensor& base, const io::ByteRange& part) {
  if (part.size == 0) return {};
  const ViewLayout layout(view);
  const std::uint64_t chunk = chunk_bytes(base);
  const std::uint64_t width = layout.width();
  const Windows windows(layout, layout.boxes(part.offset / width, divide_up(part.end(), width)),
                        chunk);
  std::vector<std::uint64_t> chunks;
  for (auto at = windows.next(windows.begin()); at;) {
    chunks.push_back(*at / chunk);
    at = windows.next((*at / chunk + 1) * chunk);
  }
  return chunks;
}

std::optional<std::uint64_t> find_chunk_of_view(const catalog::TensorMeta& view,
                                                const catalog::Tensor& base, std::uint64_t from,
                                                const std::function<bool(std::uint64_t)>& sought) {
  const auto elements = element_count(view.shape);
  if (!elements.ok() || *elements == 0) return std::nullopt;
  const ViewLayout layout(view);
  const std::uint64_t chunk = chunk_bytes(base);
  const Windows windows(layout, layout.boxes(0, *elements), chunk);
  for (auto at = windows.next(from * chunk); at; at = windows.next((*at / chunk + 1) * chunk)) {
    if (sought(*at / chunk)) return *at / chunk;
  }
  return std::nullopt;
}

}  // namespace bbz::symmetry
