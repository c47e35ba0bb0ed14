#include "bbz/io/spool.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "bbz/base/format.h"
#include "bbz/io/unnamed_file.h"

namespace bbz::io {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 20;

}  // namespace

Result<std::unique_ptr<Spool>> Spool::create(const std::string& folder) {
  BBZ_ASSIGN(Fd file, create_unnamed_file(folder));
  return std::unique_ptr<Spool>(new Spool(std::move(file), folder + "/(temporary file)"));
}

Spool::Spool(Fd file, std::string name)
    : file_(std::move(file)), writer_(file_.get(), std::move(name)) {}

Status Spool::read(std::uint64_t offset, MutableBytes out) {
  BBZ_TRY(writer_.flush());
  return pread_fully(file_.get(), offset, out, writer_.name());
}

Status Spool::move_to(Sink& sink) {
  BBZ_TRY(writer_.flush());
  std::uint64_t left = size();
  begin_ = writer_.written();
  std::vector<std::byte> block(std::min<std::uint64_t>(left, kBlock));
  off_t at = 0;
  while (left > 0) {
    const std::size_t wanted = std::min<std::uint64_t>(left, block.size());
    const ssize_t n = ::pread(file_.get(), block.data(), wanted, at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return system_error(n < 0 ? errno : EIO, "cannot read", writer_.name());
    BBZ_TRY(sink.write(Bytes(block).first(static_cast<std::size_t>(n))));
    at += n;
    left -= static_cast<std::uint64_t>(n);
  }
  if (::ftruncate(file_.get(), 0) != 0 || ::lseek(file_.get(), 0, SEEK_SET) != 0) {
    return system_error(errno, "cannot truncate", writer_.name());
  }
  return {};
}

}  // namespace bbz::io
