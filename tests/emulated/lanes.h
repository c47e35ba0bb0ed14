// Registers as arrays of lanes, for the emulated instructions.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace bbz::emulated {

using Mask = unsigned long long;  // a bit a lane, of lane 0 the lowest

struct Quarter {
  std::array<std::uint8_t, 16> bytes;
};
struct Half {
  std::array<std::uint8_t, 32> bytes;
};
struct Register {
  std::array<std::uint8_t, 64> bytes;
};

template <class T>
inline constexpr std::size_t kLanes = sizeof(Register) / sizeof(T);

template <class T>
using Lanes = std::array<T, kLanes<T>>;

template <class T>
Lanes<T> lanes(Register v) {
  return std::bit_cast<Lanes<T>>(v);
}
template <class T>
Register of(const Lanes<T>& lanes) {
  return std::bit_cast<Register>(lanes);
}
template <class T>
Register all(T value) {
  Lanes<T> out;
  out.fill(value);
  return of<T>(out);
}

// Memory, for sanitizers to see in memory.cc: registers are none, and they would take long to find
// nothing in them. What kernels read and write without registers they do not see.
Register load(const void* p);
void store(void* p, Register v);
// The lanes of `size` bytes that the mask names, zero elsewhere; nothing else is read or written.
Register load(Mask mask, std::size_t size, const void* p);
void store(void* p, Mask mask, std::size_t size, Register v);
// Ends the program, as the processor does.
void require_aligned(const void* p);

// f of the lanes of `registers`, lane by lane.
template <class T, class F, class... Registers>
Register map(F f, Registers... registers) {
  return [&](const auto&... in) {
    Lanes<T> out;
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<T>(f(in[i]...));
    return of<T>(out);
  }(lanes<T>(registers)...);
}

// The lanes of which f is true.
template <class T, class F, class... Registers>
Mask where(F f, Registers... registers) {
  return [&](const auto&... in) {
    Mask mask = 0;
    for (std::size_t i = 0; i < kLanes<T>; ++i) mask |= Mask{f(in[i]...)} << i;
    return mask;
  }(lanes<T>(registers)...);
}

// Lanes of `chosen` where the mask says so, of `others` where not.
template <class T>
Register blend(Mask mask, Register others, Register chosen) {
  const Lanes<T> from = lanes<T>(chosen);
  Lanes<T> out = lanes<T>(others);
  for (std::size_t i = 0; i < out.size(); ++i) {
    if ((mask >> i & 1) != 0) out[i] = from[i];
  }
  return of<T>(out);
}

// Lane i is the one that lane i of `at` numbers, those of `b` following those of `a`; higher bits
// of the number mean nothing.
template <class T>
Register permute(Register a, Register at, Register b) {
  const Lanes<T> numbers = lanes<T>(at);
  const Lanes<T> from[2] = {lanes<T>(a), lanes<T>(b)};
  Lanes<T> out;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t number = numbers[i];
    out[i] = from[number / kLanes<T> % 2][number % kLanes<T>];
  }
  return of<T>(out);
}

// The first lanes of v, as many as the mask has bits, where it has them, and zeros.
template <class T>
Register expand(Mask mask, Register v) {
  const Lanes<T> in = lanes<T>(v);
  Lanes<T> out{};
  std::size_t next = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if ((mask >> i & 1) != 0) out[i] = in[next++];
  }
  return of<T>(out);
}

// The lower bits of every lane, as lanes of half the size.
template <class T, class Narrow>
Half narrow(Register v) {
  const Lanes<T> in = lanes<T>(v);
  std::array<Narrow, kLanes<T>> out;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<Narrow>(in[i]);
  return std::bit_cast<Half>(out);
}

}  // namespace bbz::emulated
