// Elements of 1, 2 or 4 bytes in the lanes of a register.
#pragma once

#include "bbz/codec/number/avx512/avx512.h"
#include "bbz/codec/split/avx512/avx512.h"

#if defined(__x86_64__)

#include <array>

namespace bbz::codec::number::avx512 {

// Returns the bytes of a register by a function of their places.
template <class F>
constexpr std::array<std::uint8_t, 64> make_bytes(F f) {
  std::array<std::uint8_t, 64> bytes{};
  for (unsigned i = 0; i < 64; ++i) bytes[i] = static_cast<std::uint8_t>(f(i));
  return bytes;
}

// The number of the lane of each byte.
template <unsigned kBytes>
alignas(64) inline constexpr auto kLaneOf = make_bytes([](unsigned i) { return i / kBytes; });
// The number of a byte within its lane, or within its eight bytes.
template <unsigned kBytes>
alignas(64) inline constexpr auto kByteOf = make_bytes([](unsigned i) { return i % kBytes; });

}  // namespace bbz::codec::number::avx512

BBZ_AVX512_BEGIN

namespace bbz::codec::number::avx512 {

using split::avx512::first_lanes;
using split::avx512::join;
using split::avx512::load;
using split::avx512::V;

inline V set_bytes(int value) {
  return _mm512_set1_epi8(static_cast<char>(value));
}

// A table of what symbols of the window mean, 32 lanes or 64 bytes.
using Table = V[2];

template <int kBytes>
struct Lanes;

template <>
struct Lanes<1> {
  static V set1(std::uint64_t v) { return set_bytes(static_cast<int>(v)); }
  static V add(V a, V b) { return _mm512_add_epi8(a, b); }
  static V sub(V a, V b) { return _mm512_sub_epi8(a, b); }
  // Shifts by what make_shifts() made of numbers.
  static V shift_left(V v, V powers) {
    const V low = _mm512_set1_epi16(0xFF);
    const V even = _mm512_mullo_epi16(_mm512_and_si512(v, low), _mm512_and_si512(powers, low));
    const V odd = _mm512_mullo_epi16(_mm512_srli_epi16(v, 8), _mm512_srli_epi16(powers, 8));
    return _mm512_or_si512(_mm512_and_si512(even, low), _mm512_slli_epi16(odd, 8));
  }
  static V half(V v) { return _mm512_and_si512(_mm512_srli_epi16(v, 1), set_bytes(0x7F)); }
  static V sign_of_lowest(V v) { return _mm512_slli_epi16(_mm512_and_si512(v, set_bytes(1)), 7); }
  static V look_up(const Table& table, V at) { return _mm512_permutexvar_epi8(at, table[0]); }
  static V load_lanes(const std::uint8_t* p, std::uint64_t count) {
    return _mm512_maskz_loadu_epi8(first_lanes(count), p);
  }
  static void store_lanes(std::uint8_t* p, std::uint64_t count, V v) {
    _mm512_mask_storeu_epi8(p, first_lanes(count), v);
  }
  // Adds the numbers of lower lanes of the same eight bytes.
  static V add_lower(V v) {
    v = _mm512_add_epi8(v, _mm512_slli_epi64(v, 8));
    v = _mm512_add_epi8(v, _mm512_slli_epi64(v, 16));
    return _mm512_add_epi8(v, _mm512_slli_epi64(v, 32));
  }
  // Makes a table of bytes, of which the last two are those of zeros.
  static void make_table(V bytes, Table& table) { table[0] = bytes; }
  // Makes a table of masks of as many bits as bytes say.
  static void make_masks(V bits, Table& table) {
    const V masks = _mm512_set1_epi64(0x7F3F1F0F07030100);
    table[0] = _mm512_permutexvar_epi8(bits, masks);
  }
  // Makes a table of shifts, each below 8.
  static void make_shifts(V bits, Table& table) {
    table[0] = _mm512_permutexvar_epi8(
        bits, _mm512_set1_epi64(static_cast<long long>(0x8040201008040201)));
  }
  // Makes a table of magnitudes.
  static void make_magnitudes(const std::uint32_t* from, Table& table) {
    const V words = join(_mm512_cvtepi32_epi16(load(from)), _mm512_cvtepi32_epi16(load(from + 16)));
    table[0] = join(_mm512_cvtepi16_epi8(words), _mm512_cvtepi16_epi8(V{}));
  }
  static V order(V v) { return v; }
};

template <>
struct Lanes<2> {
  static V set1(std::uint64_t v) { return _mm512_set1_epi16(static_cast<short>(v)); }
  static V add(V a, V b) { return _mm512_add_epi16(a, b); }
  static V sub(V a, V b) { return _mm512_sub_epi16(a, b); }
  static V shift_left(V v, V by) { return _mm512_sllv_epi16(v, by); }
  static V half(V v) { return _mm512_srli_epi16(v, 1); }
  static V sign_of_lowest(V v) { return _mm512_slli_epi16(v, 15); }
  static V look_up(const Table& table, V at) { return _mm512_permutexvar_epi16(at, table[0]); }
  static V load_lanes(const std::uint8_t* p, std::uint64_t count) {
    return _mm512_maskz_loadu_epi16(static_cast<__mmask32>(first_lanes(count)), p);
  }
  static void store_lanes(std::uint8_t* p, std::uint64_t count, V v) {
    _mm512_mask_storeu_epi16(p, static_cast<__mmask32>(first_lanes(count)), v);
  }
  static V add_lower(V v) {
    v = _mm512_add_epi8(v, _mm512_slli_epi64(v, 16));
    return _mm512_add_epi8(v, _mm512_slli_epi64(v, 32));
  }
  static V expand(__mmask64 lanes, V v) {
    return _mm512_maskz_expand_epi16(static_cast<__mmask32>(lanes), v);
  }
  static V mask_add(V other, __mmask64 lanes, V a, V b) {
    return _mm512_mask_add_epi16(other, static_cast<__mmask32>(lanes), a, b);
  }
  // Converts 32 bytes.
  static V load_bytes(const std::uint8_t* p) {
    return _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static V load_words(const std::uint16_t* p) { return load(p); }
  static V mask_sub(V v, __mmask64 lanes, V b) {
    return _mm512_mask_sub_epi16(v, static_cast<__mmask32>(lanes), v, b);
  }
  static void make_table(V bytes, Table& table) {
    table[0] = _mm512_cvtepu8_epi16(_mm512_castsi512_si256(bytes));
  }
  static void make_masks(V bits, Table& table) {
    make_table(bits, table);
    table[0] = sub(shift_left(set1(1), table[0]), set1(1));
  }
  static void make_shifts(V bits, Table& table) { make_table(bits, table); }
  static void make_magnitudes(const std::uint32_t* from, Table& table) {
    table[0] = join(_mm512_cvtepi32_epi16(load(from)), _mm512_cvtepi32_epi16(load(from + 16)));
  }
  static V order(V v) {
    return _mm512_xor_si512(v, _mm512_srli_epi16(_mm512_srai_epi16(v, 15), 1));
  }
};

template <>
struct Lanes<4> {
  static V set1(std::uint64_t v) { return _mm512_set1_epi32(static_cast<int>(v)); }
  static V add(V a, V b) { return _mm512_add_epi32(a, b); }
  static V sub(V a, V b) { return _mm512_sub_epi32(a, b); }
  static V shift_left(V v, V by) { return _mm512_sllv_epi32(v, by); }
  static V half(V v) { return _mm512_srli_epi32(v, 1); }
  static V sign_of_lowest(V v) { return _mm512_slli_epi32(v, 31); }
  static V look_up(const Table& table, V at) {
    return _mm512_permutex2var_epi32(table[0], at, table[1]);
  }
  static V load_lanes(const std::uint8_t* p, std::uint64_t count) {
    return _mm512_maskz_loadu_epi32(static_cast<__mmask16>(first_lanes(count)), p);
  }
  static void store_lanes(std::uint8_t* p, std::uint64_t count, V v) {
    _mm512_mask_storeu_epi32(p, static_cast<__mmask16>(first_lanes(count)), v);
  }
  static V add_lower(V v) { return _mm512_add_epi8(v, _mm512_slli_epi64(v, 32)); }
  static V expand(__mmask64 lanes, V v) {
    return _mm512_maskz_expand_epi32(static_cast<__mmask16>(lanes), v);
  }
  static V mask_add(V other, __mmask64 lanes, V a, V b) {
    return _mm512_mask_add_epi32(other, static_cast<__mmask16>(lanes), a, b);
  }
  // Converts 16 bytes.
  static V load_bytes(const std::uint8_t* p) {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static V load_words(const std::uint16_t* p) {
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static V mask_sub(V v, __mmask64 lanes, V b) {
    return _mm512_mask_sub_epi32(v, static_cast<__mmask16>(lanes), v, b);
  }
  static void make_table(V bytes, Table& table) {
    const V words = _mm512_cvtepu8_epi16(_mm512_castsi512_si256(bytes));
    table[0] = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(words));
    table[1] = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(words, 1));
  }
  static void make_masks(V bits, Table& table) {
    make_table(bits, table);
    for (V& part : table) part = sub(shift_left(set1(1), part), set1(1));
  }
  static void make_shifts(V bits, Table& table) { make_table(bits, table); }
  static void make_magnitudes(const std::uint32_t* from, Table& table) {
    table[0] = load(from);
    table[1] = load(from + 16);
  }
  static V order(V v) {
    return _mm512_xor_si512(v, _mm512_srli_epi32(_mm512_srai_epi32(v, 31), 1));
  }
};

}  // namespace bbz::codec::number::avx512

BBZ_AVX512_END

#endif  // defined(__x86_64__)
