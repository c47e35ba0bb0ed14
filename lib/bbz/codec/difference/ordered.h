// Floats as ordered integers, and their differences.
#pragma once

#include <type_traits>

namespace bbz::codec::difference {

// Maps a float of type T, which is sign and magnitude, to an integer in two's complement that is
// ordered like it, and maps such an integer back: the function is its own inverse. +0 is 0 and -0
// is -1.
template <class T>
constexpr T turn(T x) {
  constexpr int kTop = static_cast<int>(8 * sizeof(T)) - 1;
  const T negative = static_cast<T>(0 - (x >> kTop));
  return static_cast<T>(x ^ (negative >> 1));
}

// Folds the sign of a difference: 0, -1, 1, -2, 2 become 0, 1, 2, 3, 4.
template <class T>
constexpr T fold(T difference) {
  constexpr int kTop = static_cast<int>(8 * sizeof(T)) - 1;
  const T negative = static_cast<T>(0 - (difference >> kTop));
  return static_cast<T>((difference << 1) ^ negative);
}

// Returns the difference that fold() folded.
template <class T>
constexpr T unfold(T folded) {
  return static_cast<T>((folded >> 1) ^ (0 - (folded & 1u)));
}

}  // namespace bbz::codec::difference
