#include "bbz/http/source.h"

#include <algorithm>
#include <list>
#include <mutex>

#include "bbz/base/format.h"
#include "bbz/http/internal/prefetcher.h"
#include "bbz/http/remote_file.h"

namespace bbz::http {
namespace {

constexpr std::uint64_t kLeastRead = 16 * 1024;  // fetched by a small read
constexpr std::uint64_t kKeptBytes = 4 * 1024 * 1024;

// Returns the number of bytes to fetch for an index, which takes about 1/6000 of an archive with
// chunks of the usual size.
std::uint64_t likely_index_bytes(std::uint64_t file_size) {
  constexpr std::uint64_t kLeast = 64 * 1024;
  constexpr std::uint64_t kMost = 32 * 1024 * 1024;
  return std::clamp(file_size / 4096, kLeast, kMost);
}

// A cache of pieces of the file, the newest first.
class Blocks {
 public:
  void add(std::uint64_t offset, std::vector<std::byte> bytes) {
    if (bytes.empty()) return;
    const std::lock_guard lock(mutex_);
    total_ += bytes.size();
    blocks_.push_front({{offset, bytes.size()}, std::move(bytes)});
    while (blocks_.size() > 1 && total_ > kKeptBytes) {
      total_ -= blocks_.back().bytes.size();
      blocks_.pop_back();
    }
  }

  // Copies the bytes that a block has from `offset` on and returns their number, or 0 if no block
  // has them.
  std::size_t read(std::uint64_t offset, MutableBytes out) const {
    const std::lock_guard lock(mutex_);
    for (const Block& block : blocks_) {
      if (offset < block.range.offset || offset >= block.range.end()) continue;
      const Bytes from = Bytes(block.bytes).subspan(offset - block.range.offset);
      const std::size_t size = std::min(from.size(), out.size());
      std::ranges::copy(from.first(size), out.begin());
      return size;
    }
    return 0;
  }

  // Returns the range without those bytes at its beginning and its end that blocks have.
  io::ByteRange without(io::ByteRange range) const {
    const std::lock_guard lock(mutex_);
    for (bool again = true; again && range.size > 0;) {
      again = false;
      for (const Block& block : blocks_) {
        const std::uint64_t end = range.end();
        if (block.range.offset <= range.offset && block.range.end() > range.offset) {
          range.offset = std::min(block.range.end(), end);
        } else if (block.range.end() >= end && block.range.offset < end) {
          range.size = block.range.offset - range.offset;
          again = true;
          continue;
        } else {
          continue;
        }
        range.size = end - range.offset;
        again = true;
      }
    }
    return range;
  }

 private:
  struct Block {
    io::ByteRange range;
    std::vector<std::byte> bytes;
  };

  mutable std::mutex mutex_;
  std::list<Block> blocks_;
  std::uint64_t total_ = 0;
};

class RangeSource final : public io::Source {
 public:
  RangeSource(std::shared_ptr<RemoteFile> file, const Options& options,
              std::vector<std::byte> front)
      : options_(options), file_(std::move(file)), size_(*file_->size()), ahead_(*file_, options_) {
    blocks_.add(0, std::move(front));
  }

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    if (out.empty() || offset >= size_) return std::size_t{0};
    out = out.first(std::min<std::uint64_t>(out.size(), size_ - offset));
    if (const std::size_t size = blocks_.read(offset, out); size != 0) return size;
    BBZ_ASSIGN(const std::size_t size, ahead_.read(offset, out));
    if (size != 0) return size;
    if (out.size() < kLeastRead) {
      BBZ_TRY(read_around(offset));
      return blocks_.read(offset, out);
    }
    BBZ_TRY(file_->fetch_into(offset, out));
    return out.size();
  }

  std::unique_ptr<io::Prefetch> prefetch(std::span<const io::ByteRange> ranges) override {
    if (options_.connections == 0) return nullptr;
    std::vector<io::ByteRange> missing;
    for (io::ByteRange range : ranges) {
      if (range.offset >= size_) continue;
      range.size = std::min(range.size, size_ - range.offset);
      range = blocks_.without(range);
      if (range.size > 0) missing.push_back(range);
    }
    return ahead_.prefetch(missing);
  }

  std::optional<std::uint64_t> size() const override { return size_; }
  bool seekable() const override { return true; }
  std::string_view name() const override { return file_->name(); }

 private:
  // Fetches the block for a small read at `offset`.
  Status read_around(std::uint64_t offset) {
    io::ByteRange range{offset, std::min(kLeastRead, size_ - offset)};
    const std::uint64_t tail = std::min(likely_index_bytes(size_), size_);
    if (offset >= size_ - tail && !tail_taken_.exchange(true)) {
      range = blocks_.without({size_ - tail, tail});
    }
    std::vector<std::byte> bytes(range.size);
    BBZ_TRY(file_->fetch_into(range.offset, bytes));
    blocks_.add(range.offset, std::move(bytes));
    return {};
  }

  const Options options_;
  const std::shared_ptr<RemoteFile> file_;
  const std::uint64_t size_;
  Blocks blocks_;
  std::atomic<bool> tail_taken_{false};
  Prefetcher ahead_;
};

// Reads the whole file front to back, from a server that does not support ranges.
class WholeSource final : public io::Source {
 public:
  explicit WholeSource(std::shared_ptr<RemoteFile> file) : file_(std::move(file)) {}

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    if (offset != position_) {
      return make_error(Code::kInvalidArgument,
                        "{}: cannot seek to offset {}: the server does not support ranges, and the "
                        "position is {}",
                        name(), offset, position_);
    }
    BBZ_ASSIGN(const std::size_t size, file_->read_whole(out));
    position_ += size;
    return size;
  }
  std::optional<std::uint64_t> size() const override { return file_->size(); }
  bool seekable() const override { return false; }
  std::string_view name() const override { return file_->name(); }

 private:
  std::shared_ptr<RemoteFile> file_;
  std::uint64_t position_ = 0;
};

}  // namespace

Result<std::unique_ptr<io::Source>> open(const std::string& url, const Options& options) {
  BBZ_ASSIGN(auto file, RemoteFile::open(url, options, options.front_bytes));
  if (!file->ranges()) {
    return std::unique_ptr<io::Source>(std::make_unique<WholeSource>(std::move(file)));
  }
  std::vector<std::byte> front(std::min(options.front_bytes, *file->size()));
  BBZ_TRY(file->fetch_into(0, front));
  return std::unique_ptr<io::Source>(
      std::make_unique<RangeSource>(std::move(file), options, std::move(front)));
}

}  // namespace bbz::http
