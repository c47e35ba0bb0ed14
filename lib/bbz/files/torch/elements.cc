#include "bbz/files/torch/elements.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <mutex>
#include <unordered_map>

#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz::torch {
namespace {

constexpr std::uint64_t kCacheBytes = std::uint64_t{1} << 26;
constexpr std::uint64_t kSmallestPage = std::uint64_t{1} << 9;
constexpr std::uint64_t kLargestPage = std::uint64_t{1} << 16;

// A reader of state dicts that lets a tensor leave its storage must not make memory unsafe.
Status check_within(const Storage& range, std::uint64_t offset, std::uint64_t size) {
  if (offset <= range.size && size <= range.size - offset) return {};
  return make_error(Code::kInternal, "a tensor leaves its storage {}: {} bytes at {} of {}",
                    quoted(range.key), size, offset, range.size);
}

// Reads a range of a source in pages. The oldest page is dropped when the cache is full.
class PageCache {
 public:
  // Expects `streams` places that are read in turn and each move forward: pages are so large that
  // the cache holds two for each place.
  PageCache(io::Source& file, Storage range, std::uint64_t streams)
      : file_(file), range_(std::move(range)) {
    const std::uint64_t share = kCacheBytes / 2 / std::max<std::uint64_t>(streams, 1);
    page_size_ = std::clamp(share, kSmallestPage, kLargestPage);
    capacity_ = kCacheBytes / page_size_;
  }

  // Copies bytes from `offset` of the range on. Errors: kInternal if they leave it.
  Status read(std::uint64_t offset, MutableBytes out) {
    BBZ_TRY(check_within(range_, offset, out.size()));
    while (!out.empty()) {
      const std::uint64_t number = offset / page_size_;
      if (number != newest_ || page_ == nullptr) BBZ_TRY(load(number));
      const std::uint64_t within = offset % page_size_;
      const std::size_t n =
          static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), page_->size() - within));
      std::memcpy(out.data(), page_->data() + within, n);
      out = out.subspan(n);
      offset += n;
    }
    return {};
  }

 private:
  using Page = std::vector<std::byte>;

  Status load(std::uint64_t number) {
    const auto found = pages_.find(number);
    if (found != pages_.end()) {
      page_ = &found->second;
      newest_ = number;
      return {};
    }
    page_ = nullptr;
    Page page;
    if (order_.size() >= capacity_) {
      page = std::move(pages_.extract(order_.front()).mapped());
      order_.pop_front();
    }
    const std::uint64_t begin = number * page_size_;
    page.resize(static_cast<std::size_t>(std::min(page_size_, range_.size - begin)));
    BBZ_TRY(io::read_exactly(file_, range_.offset + begin, page));
    page_ = &pages_.emplace(number, std::move(page)).first->second;
    newest_ = number;
    order_.push_back(number);
    return {};
  }

  io::Source& file_;
  Storage range_;
  std::uint64_t page_size_ = 0;
  std::uint64_t capacity_ = 0;
  std::unordered_map<std::uint64_t, Page> pages_;
  std::deque<std::uint64_t> order_;  // the oldest first
  Page* page_ = nullptr;             // the page read last, of number `newest_`
  std::uint64_t newest_ = 0;
};

// Returns the same view with fewer axes and longer inner runs: drops axes of extent 1, and joins
// neighbours that step as one.
Tensor simplify(Tensor view) {
  Shape shape;
  std::vector<std::uint64_t> strides;
  for (std::size_t i = 0; i < view.shape.size(); ++i) {
    const std::uint64_t extent = view.shape[i];
    const std::uint64_t stride = view.strides[i];
    if (extent == 1) continue;
    const auto step = checked_mul(extent, stride);
    if (!shape.empty() && step && strides.back() == *step) {
      shape.back() *= extent;
      strides.back() = stride;
    } else {
      shape.push_back(extent);
      strides.push_back(stride);
    }
  }
  view.shape = std::move(shape);
  view.strides = std::move(strides);
  return view;
}

class ElementSource final : public io::Source {
 public:
  ElementSource(io::Source& file, const Storage& storage, Tensor view, std::uint64_t size)
      : file_(file),
        storage_(storage),
        view_(simplify(std::move(view))),
        size_(size),
        width_(element_bytes(view_.dtype)),
        contiguous_(is_contiguous(view_)),
        name_(fmt::format("{}: tensor {}", file.name(), quoted(view_.name))),
        cache_(file, storage, streams(view_)) {}

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    if (offset >= size_ || out.empty()) return std::size_t{0};
    if (size_ - offset < out.size()) out = out.first(static_cast<std::size_t>(size_ - offset));
    if (contiguous_) {
      BBZ_TRY(check_within(storage_, view_.storage_offset * width_ + offset, out.size()));
      BBZ_TRY(io::read_exactly(file_, start() + offset, out));
    } else {
      const std::scoped_lock lock(mutex_);
      BBZ_TRY(gather(offset, out));
    }
    return out.size();
  }
  std::optional<std::uint64_t> size() const override { return size_; }
  bool seekable() const override { return true; }
  std::optional<Bytes> view(std::uint64_t offset, std::size_t size) const override {
    if (!contiguous_ || offset > size_ || size > size_ - offset) return std::nullopt;
    return file_.view(start() + offset, size);
  }
  std::string_view name() const override { return name_; }

 private:
  // Returns the number of places of the storage that a row-major reader visits in turn.
  static std::uint64_t streams(const Tensor& view) {
    return view.shape.empty() || view.strides.back() == 1 ? 1 : view.shape.back();
  }

  std::uint64_t start() const { return storage_.offset + view_.storage_offset * width_; }

  // Copies run after run of the innermost axis, from byte `offset` of the result on. Precondition:
  // the view is not contiguous, and so has an axis.
  Status gather(std::uint64_t offset, MutableBytes out) {
    const std::size_t inner = view_.shape.size() - 1;
    std::vector<std::uint64_t> index(view_.shape.size());
    std::uint64_t rest = offset / width_;
    for (std::size_t i = index.size(); i-- > 0;) {
      index[i] = rest % view_.shape[i];
      rest /= view_.shape[i];
    }
    std::uint64_t skipped = offset % width_;  // bytes of the first element before `offset`
    while (!out.empty()) {
      std::uint64_t element = view_.storage_offset;
      for (std::size_t i = 0; i < index.size(); ++i) element += index[i] * view_.strides[i];
      const std::uint64_t left = view_.shape[inner] - index[inner];
      BBZ_TRY(copy_run(element, left, view_.strides[inner], skipped, out));
      skipped = 0;
      index[inner] = 0;
      for (std::size_t i = inner; i-- > 0;) {
        if (++index[i] < view_.shape[i]) break;
        index[i] = 0;
      }
    }
    return {};
  }

  // Copies elements with a stride, as many as fit into `out`, and advances `out`.
  Status copy_run(std::uint64_t element, std::uint64_t elements, std::uint64_t stride,
                  std::uint64_t skipped, MutableBytes& out) {
    if (stride == 1) {  // one contiguous range
      elements *= width_;
      return copy(element * width_ + skipped, elements - skipped, out);
    }
    for (std::uint64_t i = 0; i < elements && !out.empty(); ++i, skipped = 0) {
      BBZ_TRY(copy((element + i * stride) * width_ + skipped, width_ - skipped, out));
    }
    return {};
  }

  Status copy(std::uint64_t from, std::uint64_t size, MutableBytes& out) {
    const std::size_t n = static_cast<std::size_t>(std::min<std::uint64_t>(size, out.size()));
    BBZ_TRY(cache_.read(from, out.first(n)));
    out = out.subspan(n);
    return {};
  }

  io::Source& file_;
  Storage storage_;
  Tensor view_;
  std::uint64_t size_;
  std::uint64_t width_;  // of an element, in bytes
  bool contiguous_;
  std::string name_;
  std::mutex mutex_;  // of the cache
  PageCache cache_;
};

}  // namespace

bool is_contiguous(const Tensor& tensor) {
  if (std::ranges::find(tensor.shape, 0u) != tensor.shape.end()) return true;
  std::uint64_t expected = 1;  // cannot overflow: the tensor lies within its storage
  for (std::size_t i = tensor.shape.size(); i-- > 0;) {
    if (tensor.shape[i] == 1) continue;
    if (tensor.strides[i] != expected) return false;
    expected *= tensor.shape[i];
  }
  return true;
}

Result<std::uint64_t> byte_size(const Tensor& tensor) {
  BBZ_ASSIGN(const std::uint64_t elements, element_count(tensor.shape));
  return bbz::byte_size(tensor.dtype, elements);
}

Result<std::unique_ptr<io::Source>> element_source(io::Source& file, const StateDict& state,
                                                   const Tensor& tensor) {
  BBZ_ASSIGN(const std::uint64_t size, byte_size(tensor));
  return std::unique_ptr<io::Source>(
      std::make_unique<ElementSource>(file, state.storages[tensor.storage], tensor, size));
}

}  // namespace bbz::torch
