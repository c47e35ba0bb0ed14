#include "bbz/base/names.h"

#include <algorithm>

#include "bbz/base/format.h"

namespace bbz {
namespace {

// Returns the length of the UTF-8 sequence at the beginning of `text`, or 0 if it is not
// well-formed. Precondition: `text` is not empty.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  // The range of the second byte excludes overlong forms, surrogates and numbers past U+10FFFF.
  unsigned low = 0x80;
  unsigned high = 0xBF;
  std::size_t length = 0;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  }
  if (length == 0 || text.size() < length) return 0;
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

// Returns whether a character of several bytes controls a terminal instead of being shown:
// - U+0080 to U+009F, which contain one-character escape sequences;
// - marks of the direction of text (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069);
// - line ends (U+2028, U+2029).
bool is_wide_control(std::string_view character) {
  const auto between = [&](std::string_view first, std::string_view last) {
    return first <= character && character <= last;
  };
  return (character.size() == 2 && (between("\xC2\x80", "\xC2\x9F") || character == "\xD8\x9C")) ||
         (character.size() == 3 &&
          (between("\xE2\x80\x8E", "\xE2\x80\x8F") || between("\xE2\x80\xA8", "\xE2\x80\xAE") ||
           between("\xE2\x81\xA6", "\xE2\x81\xA9")));
}

// Moves the first character of `rest` to `out`, escaped unless it can be shown.
void show_next(std::string_view& rest, std::string& out, bool escape_quote) {
  const std::size_t length = sequence_length(rest);
  const std::string_view character = rest.substr(0, std::max<std::size_t>(length, 1));
  rest.remove_prefix(character.size());
  if (length != 0 && !is_control(character[0]) && !is_wide_control(character) &&
      !(escape_quote && character[0] == '"')) {
    out += character;
    return;
  }
  for (const char c : character) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string_view fault_of_path(std::string_view path) {
  if (path.empty()) return "it is empty";
  if (path.size() > kMaxPathBytes) return "it is longer than 4096 bytes";
  if (!is_utf8(path)) return "it is not UTF-8";
  if (std::ranges::any_of(path, is_control)) return "it has a control character";
  if (path.find('\\') != std::string_view::npos) return "it has a backslash";
  if (path.front() == '/') return "it is absolute";
  while (true) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view component = path.substr(0, end);
    if (component.empty()) return "it has an empty component";
    if (component == "." || component == "..") return "it has a component . or ..";
    if (component.size() > 255) return "it has a component of more than 255 bytes";
    if (end == path.size()) return "";
    path.remove_prefix(end + 1);
  }
}

Status check_safe_path(std::string_view path) {
  const std::string_view fault = fault_of_path(path);
  if (fault.empty()) return {};
  return make_error(Code::kUnsafePath, "unsafe path {}: {}", quoted(path), fault);
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) show_next(text, out, false);
  return out;
}

std::string quoted(std::string_view text, std::size_t most) {
  std::string out = "\"";
  while (!text.empty() && out.size() < most) show_next(text, out, true);
  out += text.empty() ? "\"" : "...\"";
  return out;
}

std::string shown_path(std::string_view path) {
  // No path is longer than this, even if each of its bytes takes four characters.
  const std::string all = quoted(path, 16 * kMaxPathBytes);
  const bool plain = !path.empty() && all.size() == path.size() + 2;
  return plain ? std::string(path) : all;
}

}  // namespace bbz
