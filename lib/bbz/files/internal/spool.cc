#include "bbz/files/internal/spool.h"

#include <sys/statvfs.h>

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/io/file_source.h"
#include "bbz/io/unnamed_file.h"

namespace bbz::files {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{1} << 18;
constexpr std::uint64_t kBetweenChecks = std::uint64_t{1} << 26;  // of the space that is left

// A copy of the first bytes of a stream, then bytes that are only in memory, and then the rest of
// the stream.
class SpoolSource final : public io::Source {
 public:
  SpoolSource(std::unique_ptr<io::Source> copy, std::vector<std::byte> last, bool complete,
              std::unique_ptr<io::Source> stream)
      : copied_(*copy->size()),
        copy_(std::move(copy)),
        last_(std::move(last)),
        complete_(complete),
        stream_(std::move(stream)) {}

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    if (offset < copied_) return copy_->read_at(offset, out);
    if (offset - copied_ < last_.size()) {
      const Bytes rest = Bytes(last_).subspan(static_cast<std::size_t>(offset - copied_));
      const std::size_t n = std::min(rest.size(), out.size());
      std::copy_n(rest.begin(), n, out.begin());
      return n;
    }
    return complete_ ? Result<std::size_t>(std::size_t{0}) : stream_->read_at(offset, out);
  }
  std::optional<std::uint64_t> size() const override {
    return complete_ ? copied_ : stream_->size();
  }
  bool seekable() const override { return complete_; }
  std::optional<io::FileStatus> file_status() const override { return stream_->file_status(); }
  Status check_unchanged() override { return stream_->check_unchanged(); }
  std::string_view name() const override { return stream_->name(); }

 private:
  std::uint64_t copied_;
  std::unique_ptr<io::Source> copy_;
  std::vector<std::byte> last_;
  bool complete_;
  std::unique_ptr<io::Source> stream_;
};

bool has_room(int fd, std::uint64_t copied) {
  struct statvfs status {};
  if (::fstatvfs(fd, &status) != 0) return true;
  return std::uint64_t{status.f_bavail} * status.f_frsize > copied;
}

}  // namespace

Result<Spooled> spool(std::vector<std::byte> first, std::unique_ptr<io::Source> stream,
                      const std::string& folder, std::uint64_t limit) {
  const auto failed = [&](std::string why) {
    return Spooled{io::prefixed_source(std::move(first), std::move(stream)), std::move(why)};
  };
  if (folder.empty()) return failed("there is no directory for a copy");
  const std::string too_large = fmt::format("a copy of it may take {} bytes", limit);
  if (first.size() > limit || stream->size().value_or(0) > limit) return failed(too_large);
  auto opened = io::create_unnamed_file(folder);
  if (!opened.ok()) return failed(fmt::format("a copy of it fails: {}", opened.error().message));

  std::vector<std::byte> block = std::move(first);  // read, and not in the file yet
  std::uint64_t copied = 0;
  std::uint64_t checked = 0;
  std::string why_not;
  while (why_not.empty() && !block.empty()) {
    const Status written = io::write_fully(opened->get(), block, folder);
    if (!written.ok()) {
      why_not = fmt::format("a copy of it fails: {}", written.error().message);
      break;
    }
    copied += block.size();
    block.resize(kBlockBytes);
    BBZ_ASSIGN(const std::size_t n, io::read_up_to(*stream, copied, block));
    block.resize(n);
    if (n > limit - copied) why_not = too_large;
    if (copied - checked < kBetweenChecks) continue;
    checked = copied;
    if (!has_room(opened->get(), copied)) why_not = "the disk has too little space for a copy";
  }
  auto copy = io::file_source(std::move(*opened), copied, std::string(stream->name()));
  const bool complete = why_not.empty();
  return Spooled{
      std::make_unique<SpoolSource>(std::move(copy), std::move(block), complete, std::move(stream)),
      std::move(why_not)};
}

}  // namespace bbz::files
