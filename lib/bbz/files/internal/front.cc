#include "bbz/files/internal/front.h"

#include <algorithm>
#include <array>

#include "bbz/base/format.h"
#include "bbz/files/internal/spool.h"

namespace bbz::files {
namespace {

constexpr std::uint64_t kStep = std::uint64_t{1} << 20;

class SizedSource final : public io::Source {
 public:
  SizedSource(std::unique_ptr<io::Source> stream, std::uint64_t size)
      : stream_(std::move(stream)), size_(size) {}

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    const std::uint64_t left = size_ - std::min(offset, size_);
    if (left < out.size()) out = out.first(static_cast<std::size_t>(left));
    if (out.empty()) return std::size_t{0};
    BBZ_ASSIGN(const std::size_t n, stream_->read_at(offset, out));
    if (offset + n == size_) BBZ_TRY(expect_end());
    return n;
  }
  std::optional<std::uint64_t> size() const override { return size_; }
  bool seekable() const override { return false; }
  std::optional<io::FileStatus> file_status() const override { return stream_->file_status(); }
  Status check_unchanged() override { return stream_->check_unchanged(); }
  std::string_view name() const override { return stream_->name(); }

 private:
  Status expect_end() {
    std::array<std::byte, 1> more{};
    BBZ_ASSIGN(const std::size_t n, stream_->read_at(size_, more));
    if (n == 0) return {};
    return make_error(Code::kMalformed, "{}: expected {} bytes by its header, found more", name(),
                      size_);
  }

  std::unique_ptr<io::Source> stream_;
  std::uint64_t size_;
};

}  // namespace

Result<Bytes> Front::first(std::uint64_t size) {
  while (bytes_.size() < size) {
    const std::size_t have = bytes_.size();
    bytes_.resize(static_cast<std::size_t>(std::min(size, have + kStep)));
    const auto n = io::read_up_to(*source_, have, MutableBytes(bytes_).subspan(have));
    const bool ended = n.ok() && *n < bytes_.size() - have;
    bytes_.resize(have + (n.ok() ? *n : 0));
    if (!n.ok()) return n.error();
    if (ended) break;
  }
  return Bytes(bytes_).first(
      static_cast<std::size_t>(std::min<std::uint64_t>(size, bytes_.size())));
}

Result<std::string> Front::copy(const std::string& folder, std::uint64_t limit) {
  if (source_->seekable()) return std::string();
  BBZ_ASSIGN(Spooled spooled, spool(std::move(bytes_), std::move(source_), folder, limit));
  bytes_.clear();
  source_ = std::move(spooled.source);
  return std::move(spooled.why_not);
}

std::unique_ptr<io::Source> Front::release() {
  if (source_->seekable()) return std::move(source_);
  return io::prefixed_source(std::move(bytes_), std::move(source_));
}

std::unique_ptr<io::Source> sized_source(std::unique_ptr<io::Source> stream, std::uint64_t size) {
  return std::make_unique<SizedSource>(std::move(stream), size);
}

}  // namespace bbz::files
