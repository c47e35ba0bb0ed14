#include "bbz/access/download/internal/ours.h"

#include <algorithm>

#include "bbz/access/push/state.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/format/container/constants.h"
#include "bbz/format/container/scan.h"
#include "bbz/io/own_file.h"

namespace bbz::download {
namespace {

// Returns whether the file begins with these bytes. If the file is shorter, only its own bytes are
// compared.
Result<bool> begins_with(io::Source& source, Bytes magic) {
  std::vector<std::byte> start(magic.size());
  BBZ_ASSIGN(const std::size_t size, io::read_up_to(source, 0, start));
  return std::ranges::equal(Bytes(start).first(size), magic.first(size));
}

// Returns whether a file begins as the state of a download does, even if it is cut short.
Result<bool> begins_as_state(io::Source& source) {
  const std::vector<std::byte> state = push::encode_state({});
  return begins_with(source, Bytes(state).first(container::kMagic.size()));
}

// Returns whether a file is empty, begins as an archive does or has a whole index or trailer
// anywhere.
Result<bool> begins_as_archive(io::Source& source) {
  BBZ_ASSIGN(const bool begins, begins_with(source, std::as_bytes(std::span(container::kMagic))));
  if (begins) return true;
  BBZ_ASSIGN(const auto id, container::find_id(source));
  return id.has_value();
}

// Examines a file beside a download. Returns false if there is none. Errors: kExists if `is_ours`
// rejects it or if it is not this user's alone.
template <class IsOurs>
Result<bool> find_own(const std::string& path, IsOurs&& is_ours) {
  const auto source = io::open_own_source(path);
  if (source.code() == Code::kNotFound) return false;
  if (source.code() == Code::kExists) {
    return make_error(Code::kExists, Remedy::kReplace, "{}, so it is not from a download",
                      source.error().message);
  }
  if (!source.ok()) return source.error();
  BBZ_ASSIGN(const bool ours, is_ours(**source));
  if (ours) return true;
  return make_error(Code::kExists, Remedy::kReplace,
                    "{}: already exists and is not from a download", bbz::quoted(path));
}

}  // namespace

Result<bool> holds_archive(const std::string& path) {
  BBZ_ASSIGN(const auto source, io::open_own_source(path, io::OthersMayWrite::kLeft));
  return begins_as_archive(*source);
}

Status check_partial(const std::string& path) {
  const std::string part = path + ".part";
  BBZ_ASSIGN(const bool known, find_own(part + ".state", begins_as_state));
  BBZ_TRY(find_own(part, [&](io::Source& source) -> Result<bool> {
    return known ? Result<bool>(true) : begins_as_archive(source);
  }));
  return {};
}

}  // namespace bbz::download
