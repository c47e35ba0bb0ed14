#include "bbz/download/ours.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/container/constants.h"
#include "bbz/container/scan.h"
#include "bbz/io/fd.h"
#include "bbz/io/file_source.h"
#include "bbz/push/state.h"

namespace bbz::download {
namespace {

// Opens a regular file; null for anything else, which is not waited for.
Result<std::unique_ptr<io::Source>> open_regular(const std::string& path) {
  io::Fd file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file && errno == ELOOP) return std::unique_ptr<io::Source>();
  if (!file) return io::system_error(errno, "cannot open", path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return io::system_error(errno, "cannot open", path);
  if (!S_ISREG(status.st_mode)) return std::unique_ptr<io::Source>();
  return io::file_source(std::move(file), static_cast<std::uint64_t>(status.st_size), path);
}

// Whether the file begins with these bytes, as far as it goes.
Result<bool> begins_with(io::Source& source, Bytes magic) {
  std::vector<std::byte> start(magic.size());
  BBZ_ASSIGN(const std::size_t size, io::read_up_to(source, 0, start));
  return std::ranges::equal(Bytes(start).first(size), magic.first(size));
}

// Whether a download keeps its state so; one that is torn counts.
Result<bool> holds_state(const std::string& path) {
  BBZ_ASSIGN(const auto source, open_regular(path));
  if (source == nullptr) return false;
  const std::vector<std::byte> state = push::encode_state({});
  return begins_with(*source, Bytes(state).first(container::kMagic.size()));
}

Error not_ours(const std::string& path) {
  return make_error(Code::kExists, "{}: already exists and is no part of a download",
                    bbz::quoted(path));
}

}  // namespace

Result<bool> holds_archive(const std::string& path, const Limits& limits) {
  BBZ_ASSIGN(const auto source, open_regular(path));
  if (source == nullptr) return false;
  BBZ_ASSIGN(const bool begins, begins_with(*source, std::as_bytes(std::span(container::kMagic))));
  if (begins) return true;
  bool found = false;
  const Status scanned = container::scan_records(
      *source, limits,
      [&](const container::RecordView&) -> Status {
        found = true;
        return error_with_message(Code::kCancelled, "found");  // no need to look further
      },
      [](const container::Gap&) {});
  if (!scanned.ok() && !found) return scanned.error();
  return found;
}

Status check_partial(const std::string& path, const Limits& limits) {
  const std::string part = path + ".part";
  const std::string state = part + ".state";
  const auto known = holds_state(state);
  if (!known.ok() && known.code() != Code::kNotFound) return known.error();
  if (known.ok() && !*known) return not_ours(state);
  if (known.ok()) return {};
  const auto archive = holds_archive(part, limits);
  if (!archive.ok() && archive.code() != Code::kNotFound) return archive.error();
  if (archive.ok() && !*archive) return not_ours(part);
  return {};
}

}  // namespace bbz::download
