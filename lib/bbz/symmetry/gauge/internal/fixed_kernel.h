// The inner loops that derive a shortcut with integers, chosen at run time.
//
// The entries of F are multiples of 2^-15, stored as i16. They are arranged in groups of 48 rows,
// and a group in pairs of columns: the two entries of row 0 of the group, those of row 1, ... those
// of row 47, then the next pair of columns. A window is four groups. Every kernel computes the same
// numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bbz::gauge {

// The sizes of groups, tiles of rows, squares (a group each way) and windows.
inline constexpr std::size_t kGroupRows = 48;
inline constexpr std::size_t kTileRows = 8;
inline constexpr std::size_t kPairWords = 2 * kGroupRows;  // of a pair of columns of a group
inline constexpr std::size_t kTileSize = kTileRows * kGroupRows;
inline constexpr std::size_t kSquareSize = kGroupRows * kGroupRows;
inline constexpr std::size_t kWindowGroups = 4;
inline constexpr std::size_t kWindowRows = kWindowGroups * kGroupRows;

// The functions of a kernel. None checks its arguments.
struct FixedKernel {
  const char* name;  // of the instruction set
  // Converts `count` elements of F16 to multiples of 2^-15. Returns false, with `fixed`
  // unspecified, if an element is not such a multiple in [-1, 1), or if the squares sum to 2 or
  // more.
  bool (*to_fixed)(const std::byte* elements, std::size_t count, std::int16_t* fixed);
  // Computes sums[i][j], of kTileRows x kGroupRows: the sum of a(i) b(j) over the first `pairs`
  // pairs of columns. `b` is a group, and `a` points to the first of eight rows in a group.
  void (*multiply)(const std::int16_t* a, const std::int16_t* b, std::size_t pairs,
                   std::int32_t* sums);
  // Rounds a square, of kGroupRows each way, of multiples of -2^-30, none of them -2^31, to F16 or
  // BF16, to nearest, ties to even. Writes it row by row to `rounded` and column by column to
  // `mirrored`, whose rows are kWindowRows apart.
  void (*round)(const std::int32_t* square, bool bf16, std::uint16_t* rounded,
                std::uint16_t* mirrored);
  // Writes words[from[i]] for i below `count` <= kWindowRows. Both arrays have kWindowRows
  // elements, and those of `from` are below kWindowRows.
  void (*permute)(const std::uint16_t* words, const std::uint16_t* from, std::size_t count,
                  std::byte* out);
};

// Returns the kernels that this machine can run, the fastest first. There may be none.
const std::vector<const FixedKernel*>& fixed_kernels();

// The functions that kernels consist of, by instruction set.
void permute_portable(const std::uint16_t* words, const std::uint16_t* from, std::size_t count,
                      std::byte* out);
#if defined(__x86_64__)
bool to_fixed_avx2(const std::byte* elements, std::size_t count, std::int16_t* fixed);
void multiply_avx2(const std::int16_t* a, const std::int16_t* b, std::size_t pairs,
                   std::int32_t* sums);
void multiply_avx512_vnni(const std::int16_t* a, const std::int16_t* b, std::size_t pairs,
                          std::int32_t* sums);
void permute_avx512(const std::uint16_t* words, const std::uint16_t* from, std::size_t count,
                    std::byte* out);
void round_avx2(const std::int32_t* square, bool bf16, std::uint16_t* rounded,
                std::uint16_t* mirrored);
#elif defined(__aarch64__)
bool to_fixed_neon(const std::byte* elements, std::size_t count, std::int16_t* fixed);
void multiply_neon(const std::int16_t* a, const std::int16_t* b, std::size_t pairs,
                   std::int32_t* sums);
void round_neon(const std::int32_t* square, bool bf16, std::uint16_t* rounded,
                std::uint16_t* mirrored);
#endif

}  // namespace bbz::gauge
