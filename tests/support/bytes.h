// Bytes to test with: those of a text, and those without a pattern.
#pragma once

#include <cstddef>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bbz/base/checked.h"

namespace bbz {

// Returns the bytes of a text, which must outlive them.
inline Bytes bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// Returns bytes without a pattern, the same for a seed on every machine, as a text.
inline std::string noise_text(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random() >> 24);
  return text;
}

// Returns the bytes of noise_text().
inline std::vector<std::byte> noise(std::size_t size, unsigned seed) {
  const std::string text = noise_text(size, seed);
  const Bytes bytes = bytes_of(text);
  return {bytes.begin(), bytes.end()};
}

}  // namespace bbz
