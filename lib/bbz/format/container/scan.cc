#include "bbz/format/container/scan.h"

#include <algorithm>
#include <string_view>

#include "bbz/base/format.h"

namespace bbz::container {
namespace {

// Buffers a part of the source while the search moves through it, so that false sync bytes cause
// few extra reads.
class Window {
 public:
  Window(io::Source& source, std::uint64_t size) : source_(source), size_(size) {}

  // Returns the bytes from `offset` on: at least `need`, or all that the source has. The view is
  // valid until the next call.
  Result<Bytes> from(std::uint64_t offset, std::size_t need) {
    const bool within = offset >= begin_ && offset - begin_ <= buffer_.size();
    const std::size_t have = within ? buffer_.size() - (offset - begin_) : 0;
    if (have < std::min<std::uint64_t>(need, size_ - offset)) {
      buffer_.resize(std::min<std::uint64_t>(kSize, size_ - offset));
      BBZ_ASSIGN(const std::size_t got, io::read_up_to(source_, offset, buffer_));
      buffer_.resize(got);
      begin_ = offset;
    }
    return Bytes(buffer_).subspan(offset - begin_);
  }

 private:
  static constexpr std::size_t kSize = std::size_t{1} << 20;
  static_assert(kSize >= 2 * kLongestHeadAndMeta);

  io::Source& source_;
  std::uint64_t size_;
  std::uint64_t begin_ = 0;
  std::vector<std::byte> buffer_;
};

// Returns the offset of the next sync bytes at or after `from`, or `size` if there are none.
Result<std::uint64_t> find_sync(Window& window, std::uint64_t from, std::uint64_t size) {
  const std::string_view sync = as_text(std::as_bytes(std::span(kSync)));
  while (from < size) {
    BBZ_ASSIGN(const Bytes bytes, window.from(from, sync.size()));
    const std::string_view text = as_text(bytes);
    const std::size_t at = text.find(sync);
    if (at != std::string_view::npos) return from + at;
    if (text.size() < sync.size()) break;
    from += text.size() - (sync.size() - 1);  // the sync bytes may lie across two windows
  }
  return size;
}

// Returns the record at `offset`, or nothing if there is no intact head.
Result<std::optional<RecordView>> try_record(Window& window, std::uint64_t offset) {
  BBZ_ASSIGN(const Bytes bytes, window.from(offset, kLongestHeadAndMeta));
  if (bytes.size() < kHeadSize) return std::optional<RecordView>();
  const auto size = peek_size(bytes, offset);
  if (!size.ok() || bytes.size() < *size) return std::optional<RecordView>();
  const auto record = decode_intact_head(bytes.first(*size), offset);
  if (!record.ok()) return std::optional<RecordView>();
  return std::optional<RecordView>(*record);
}

}  // namespace

Status scan_records(io::Source& source, const Limits& limits,
                    const std::function<Status(const RecordView&)>& found,
                    const std::function<void(const Gap&)>& lost) {
  const std::optional<std::uint64_t> size = source.size();
  if (!source.seekable() || !size) {
    return make_error(Code::kInvalidArgument, "{}: salvaging needs a source that can seek",
                      source.name());
  }
  Window window(source, *size);
  // The end of the last record that was found.
  std::uint64_t covered = std::min<std::uint64_t>(kFileHeaderSize, *size);
  std::uint64_t at = covered;
  while (at < *size) {
    BBZ_ASSIGN(at, find_sync(window, at, *size));
    if (at >= *size) break;
    BBZ_ASSIGN(const auto record, try_record(window, at));
    if (!record) {
      ++at;
      continue;
    }
    const std::uint64_t begin = at;
    // The head checksum covers the payload length, so the next record begins at the end of this
    // one, or the archive is truncated.
    at = std::min(record->head.end(), *size);
    if (!check_fields(record->head, limits).ok()) continue;
    if (begin > covered) lost({covered, begin});
    BBZ_TRY(found(*record));
    covered = at;
  }
  if (covered < *size) lost({covered, *size});
  return {};
}

}  // namespace bbz::container
