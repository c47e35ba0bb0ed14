// The inner loops of deriving a shortcut by integers, chosen at run time. Internal.
//
// F's entries are whole numbers of 2^-15, as i16. They lie in groups of 48 rows, a group in pairs
// of columns: the two entries of row 0 of the group, the two of row 1, ... row 47, then the next
// pair of columns. Four groups are a window. Every kernel computes the same numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bbz::gauge {

inline constexpr std::size_t kGroupRows = 48;
inline constexpr std::size_t kTileRows = 8;
inline constexpr std::size_t kPairWords = 2 * kGroupRows;  // of a group's pair of columns
inline constexpr std::size_t kTileSize = kTileRows * kGroupRows;
inline constexpr std::size_t kSquareSize = kGroupRows * kGroupRows;
inline constexpr std::size_t kWindowGroups = 4;
inline constexpr std::size_t kWindowRows = kWindowGroups * kGroupRows;

struct FixedKernel {
  const char* name;
  // F16 as whole numbers of 2^-15, `count` of them. False, and `fixed` means nothing, where an
  // element is none of -2^15 ... 2^15 - 1, or their squares reach 2^31.
  bool (*to_fixed)(const std::byte* elements, std::size_t count, std::int16_t* fixed);
  // sums[i][j], of kTileRows x kGroupRows, is the sum over the first `pairs` of columns of a(i)
  // b(j). `b` is a group; `a` the first of eight rows within one.
  void (*multiply)(const std::int16_t* a, const std::int16_t* b, std::size_t pairs,
                   std::int32_t* sums);
  // A square, of kGroupRows each way, of whole numbers of -2^-30, none of them -2^31, rounded to
  // F16 or BF16, to nearest, ties to even; and the same column by column. Both come to lie in
  // squares of kWindowRows each way.
  void (*round)(const std::int32_t* square, bool bf16, std::uint16_t* rounded,
                std::uint16_t* mirrored);
  // Word i of the output, of `count` <= kWindowRows, is words[from[i]]; there are kWindowRows of
  // them, and `from` has as many elements, below that.
  void (*permute)(const std::uint16_t* words, const std::uint16_t* from, std::size_t count,
                  std::byte* out);
};

// The kernels that this machine can run, the fastest first; none where float64 is as good.
const std::vector<const FixedKernel*>& fixed_kernels();

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
