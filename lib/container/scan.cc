#include "bbz/container/scan.h"

#include <algorithm>
#include <string_view>

#include "bbz/base/format.h"

namespace bbz::container {
namespace {

// The offset of the next sync bytes at or after `from`, or `size` where there are none.
Result<std::uint64_t> find_sync(io::Source& source, std::uint64_t from, std::uint64_t size) {
  constexpr std::size_t kWindow = std::size_t{1} << 20;
  const std::string_view sync(reinterpret_cast<const char*>(kSync.data()), kSync.size());
  std::vector<std::byte> window(std::min<std::uint64_t>(kWindow, size - from));
  while (from < size) {
    BBZ_ASSIGN(const std::size_t got, io::read_up_to(source, from, window));
    const std::string_view text(reinterpret_cast<const char*>(window.data()), got);
    const std::size_t at = text.find(sync);
    if (at != std::string_view::npos) return from + at;
    if (got < window.size() || from + got >= size) break;
    from += got - (sync.size() - 1);  // the sync bytes may lie across two windows
  }
  return size;
}

// The record at `offset`, or nothing where no whole head lies there.
Result<std::optional<RecordView>> try_record(io::Source& source, std::uint64_t offset,
                                             const Limits& limits, std::vector<std::byte>& buffer) {
  buffer.resize(kHeadSize + 0xFFFF);
  BBZ_ASSIGN(const std::size_t got, io::read_up_to(source, offset, buffer));
  buffer.resize(got);
  if (buffer.size() < kHeadSize) return std::optional<RecordView>();
  const auto meta_length = peek_meta_length(buffer, offset);
  if (!meta_length.ok() || buffer.size() < kHeadSize + *meta_length) {
    return std::optional<RecordView>();
  }
  auto record = decode_head(Bytes(buffer).first(kHeadSize + *meta_length), offset, limits);
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
  std::vector<std::byte> buffer;
  // Where the bytes begin that no record has accounted for yet.
  std::uint64_t covered = std::min<std::uint64_t>(kFileHeaderSize, *size);
  std::uint64_t at = covered;
  while (at < *size) {
    BBZ_ASSIGN(at, find_sync(source, at, *size));
    if (at >= *size) break;
    BBZ_ASSIGN(const auto record, try_record(source, at, limits, buffer));
    if (!record) {
      ++at;
      continue;
    }
    if (at > covered) lost({covered, at});
    BBZ_TRY(found(*record));
    // A damaged payload length cannot get here (the head checksum covers it), so the next record is
    // at the end of this one, or the archive is cut.
    covered = at = std::min(record->head.end(), *size);
  }
  if (covered < *size) lost({covered, *size});
  return {};
}

}  // namespace bbz::container
