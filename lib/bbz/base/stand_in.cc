#include "bbz/base/stand_in.h"

#include <algorithm>
#include <string_view>

namespace bbz {
namespace {

constexpr std::string_view kPointer = "version https://git-lfs";
constexpr std::string_view kGzip = "\x1F\x8B\x08";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kSpaces = " \t\r\n";

bool begins_page(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  text.remove_prefix(std::min(text.find_first_not_of(kSpaces), text.size()));
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  for (const std::string_view tag : {"<!doctype html", "<html"}) {
    if (text.size() >= tag.size() &&
        std::ranges::equal(text.substr(0, tag.size()), tag, {}, lower)) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string stand_in(Bytes start) {
  const std::string_view text = as_text(start);
  if (text.starts_with(kPointer)) {
    return "a git-lfs pointer, which only says where the file is: \"git lfs pull\" downloads it";
  }
  if (begins_page(text)) {
    return "a web page: download the file again, after logging in or accepting its licence";
  }
  if (text.starts_with(kGzip)) return "compressed with gzip";
  return {};
}

}  // namespace bbz
