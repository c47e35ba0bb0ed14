// A text's first bytes.
#pragma once

#include <string_view>

namespace bbz {

// Returns the first `size` bytes of a UTF-8 text, or fewer: it ends at the end of a character.
inline std::string_view cut_text(std::string_view text, std::size_t size) {
  const auto continues = [&] { return (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80; };
  while (size > 0 && size < text.size() && continues()) --size;
  return text.substr(0, size);
}

}  // namespace bbz
