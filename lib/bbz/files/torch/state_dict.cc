#include "bbz/files/torch/state_dict.h"

#include <algorithm>
#include <array>

#include "bbz/base/format.h"
#include "bbz/files/torch/internal/forms.h"

namespace bbz::torch {
namespace {

// The number 0x1950a86a20f9469cfc6c as a pickle has it: in protocols 0 and 1, and in the others,
// where it may be in a frame.
constexpr std::string_view kMagicLine = "L119547037146038801333356L\n";
constexpr std::string_view kMagicNumber = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
constexpr std::size_t kProtocolBytes = 2;
constexpr std::size_t kFrameBytes = 9;

Result<StateDict> read_unnamed(io::Source& file, const Limits& limits) {
  std::array<std::byte, kProbeBytes> start{};
  BBZ_ASSIGN(const std::size_t size, io::read_up_to(file, 0, start));
  const Bytes found = Bytes(start).first(size);
  if (looks_like_zip(found)) return read_zip_form(file, limits);
  if (looks_like_legacy(found)) return read_legacy_form(file, limits);
  if (looks_like_old_tar(found)) return read_tar_form(file, limits);
  return make_error(Code::kMalformed, "it does not begin like a zip archive");
}

}  // namespace

bool has_usual_suffix(std::string_view name) {
  constexpr std::string_view kSuffixes[] = {".pt", ".pth", ".bin", ".ckpt", ".pth.tar", ".distcp"};
  const auto same = [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? a + ('a' - 'A') : a) == b;
  };
  return std::ranges::any_of(kSuffixes, [&](std::string_view suffix) {
    return name.size() >= suffix.size() &&
           std::ranges::equal(name.substr(name.size() - suffix.size()), suffix, same);
  });
}

bool looks_like_legacy(Bytes start) {
  const std::string_view text = as_text(start);
  if (text.starts_with(kMagicLine)) return true;
  if (text.size() < kProtocolBytes || text[0] != '\x80') return false;
  std::size_t at = kProtocolBytes;
  if (text.size() > at && text[at] == '\x95') at += kFrameBytes;
  return text.size() > at && text.substr(at).starts_with(kMagicNumber);
}

bool looks_like_torch(Bytes start) {
  return looks_like_zip(start) || looks_like_legacy(start) || looks_like_old_tar(start);
}

Result<StateDict> read_state_dict(io::Source& file, const Limits& limits) {
  if (!file.seekable() || !file.size()) {
    return make_error(Code::kInvalidArgument,
                      "{}: a state dict is read from its end, and this input cannot seek",
                      file.name());
  }
  auto result = read_unnamed(file, limits);
  if (result.ok() || result.code() == Code::kIo) return result;
  return make_error(result.code(), "{}: {}", file.name(), result.error().message);
}

}  // namespace bbz::torch
