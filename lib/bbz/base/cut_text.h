// Shortens UTF-8 text without splitting a character.
#pragma once

#include <string_view>

namespace bbz {

// Returns the longest prefix of a UTF-8 text that has at most `size` bytes and ends with a whole
// character. The result refers to the memory of `text`.
inline std::string_view cut_text(std::string_view text, std::size_t size) {
  const auto continues = [&] { return (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80; };
  while (size > 0 && size < text.size() && continues()) --size;
  return text.substr(0, size);
}

}  // namespace bbz
