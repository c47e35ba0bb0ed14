#include "bbz/codec/number/scale.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "bbz/codec/number/merge.h"

namespace bbz::codec::number {
namespace {

// The largest integers that quantisers use for the largest magnitude of a row, the usual ones first.
constexpr int kUsual[] = {127, 7,  128, 8,  255, 15, 3,   1,     2,
                          4,   31, 63,  16, 32,  64, 256, 32767, 32768};
// The scale was rounded once, and so was the quotient that it is found by.
constexpr int kNeighbours = 3;
// One of so many elements may be no product.
constexpr std::size_t kExceptions = 64;

// Returns the float that an element is. Floats of 16 bits are exact in 32.
float value_of(const Model& model, std::uint64_t element) {
  const auto bits = static_cast<std::uint32_t>(element);
  if (model.bits == 32) return std::bit_cast<float>(bits);
  const std::uint32_t sign = bits >> 15 << 31;
  const std::uint32_t magnitude = bits & 0x7FFF;
  const int mantissa = model.float_bits;
  if (mantissa == 7) return std::bit_cast<float>(bits << 16);
  if (magnitude >> mantissa == 31) {
    return std::bit_cast<float>(sign | 0x7F800000 | magnitude << (23 - mantissa));
  }
  // Multiplying by a power of two makes the exponent that of binary32, for denormals too.
  const float scaled = std::bit_cast<float>(magnitude << (23 - mantissa)) * 0x1p112F;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(scaled) | sign);
}

// Returns how many elements are no products of the scale; stops at `most`.
std::size_t count_exceptions(const Model& model, const std::vector<std::uint32_t>& elements,
                             float scale, std::size_t most) {
  std::size_t count = 0;
  for (const std::uint32_t element : elements) {
    const bool is_minus_zero = element == 1U << (model.bits - 1);
    if (is_minus_zero || scaled(model, integer_of(model, element, scale), scale) == element)
      continue;
    if (++count >= most) break;
  }
  return count;
}

// Real numbers from one on to another.
struct Range {
  double least;
  double most;
};

// Returns the numbers that are rounded to a magnitude, which is not zero and is finite.
Range rounded_to(const Model& model, std::uint32_t magnitude) {
  const auto at = [&](std::uint32_t m) { return static_cast<double>(value_of(model, m)); };
  return {(at(magnitude - 1) + at(magnitude)) / 2, (at(magnitude) + at(magnitude + 1)) / 2};
}

// Finds a scale whose product with `steps` is the largest element, for elements of 16 bits. These are
// rounded so much that the largest one alone does not tell the scale, but each one whose integer
// is certain narrows the range of it. Allows fewer than `most` elements that are no products.
std::optional<float> narrow_scale(const std::vector<Range>& cells, const Range& largest,
                                  double steps, std::size_t most) {
  Range scale{largest.least / steps, largest.most / steps};
  constexpr int kNarrowings = 3;
  for (int round = 0; round < kNarrowings; ++round) {
    std::size_t exceptions = 0;
    for (const Range& cell : cells) {
      const double low = std::ceil(cell.least / scale.most);
      const double high = std::floor(cell.most / scale.least);
      if (low > high) {
        if (++exceptions >= most) return std::nullopt;
      } else if (low == high && low > 0) {
        const Range narrower{std::max(scale.least, cell.least / low),
                             std::min(scale.most, cell.most / low)};
        if (narrower.least <= narrower.most) {
          scale = narrower;
        } else if (++exceptions >= most) {
          return std::nullopt;
        }
      }
    }
  }
  return static_cast<float>((scale.least + scale.most) / 2);
}

std::optional<float> find_scale_of_halves(const Model& model,
                                          const std::vector<std::uint32_t>& elements) {
  const auto infinity =
      static_cast<std::uint32_t>(low_mask(15 - model.float_bits) << model.float_bits);
  std::vector<Range> cells;
  std::uint32_t largest = 0;
  std::uint32_t least = infinity;
  cells.reserve(elements.size());
  for (const std::uint32_t element : elements) {
    const std::uint32_t magnitude = element & 0x7FFF;
    if (magnitude == 0 || magnitude >= infinity - 1) continue;
    cells.push_back(rounded_to(model, magnitude));
    largest = std::max(largest, magnitude);
    least = std::min(least, magnitude);
  }
  if (largest == 0) return std::nullopt;
  std::vector<double> counts(std::begin(kUsual), std::end(kUsual));
  const float ratio = value_of(model, largest) / value_of(model, least);
  for (int step = -1; step <= 1; ++step) {
    const double steps = static_cast<double>(std::nearbyint(ratio)) + step;
    if (steps >= 1 && steps <= 32768) counts.push_back(steps);
  }
  // Floats of few bits may be products of larger integers too.
  std::ranges::sort(counts);
  std::size_t fewest = elements.size() / kExceptions + 1;
  std::optional<float> best;
  for (const double steps : counts) {
    const std::optional<float> scale =
        narrow_scale(cells, rounded_to(model, largest), steps, fewest);
    if (!scale || !std::isfinite(*scale) || !(*scale > 0)) continue;
    const std::size_t count = count_exceptions(model, elements, *scale, fewest);
    if (count >= fewest) continue;
    fewest = count;
    best = scale;
    if (count == 0) break;
  }
  return best;
}

}  // namespace

std::int32_t integer_of(const Model& model, std::uint64_t element, float scale) {
  const float quotient = value_of(model, element) / scale;
  if (!(std::fabs(quotient) < 32767.5F)) return 0;
  return static_cast<std::int32_t>(std::lrint(quotient));
}

std::optional<float> find_scale(const Model& model, const std::vector<std::uint32_t>& elements) {
  if (model.bits == 16) return find_scale_of_halves(model, elements);
  float largest = 0;
  float least = 0;
  for (const std::uint32_t element : elements) {
    const float value = std::fabs(value_of(model, element));
    if (!std::isfinite(value) || value == 0) continue;
    largest = std::max(largest, value);
    if (least == 0 || value < least) least = value;
  }
  if (largest == 0) return std::nullopt;
  std::size_t fewest = elements.size() / kExceptions + 1;
  std::optional<float> best;
  // The least magnitude is a small multiple of the scale, if the row is long enough.
  std::vector<float> quotients;
  for (const int most : kUsual) quotients.push_back(largest / static_cast<float>(most));
  for (int multiple = 1; multiple <= 4; ++multiple) {
    const float steps = std::nearbyint(largest / least * static_cast<float>(multiple));
    if (steps >= 1 && steps <= 32768) quotients.push_back(largest / steps);
  }
  for (const float quotient : quotients) {
    // A few elements tell most wrong ones.
    for (int step = 0; step <= 2 * kNeighbours; ++step) {
      const int neighbour = (step + 1) / 2 * (step % 2 == 0 ? 1 : -1);
      const auto bits =
          std::bit_cast<std::uint32_t>(quotient) + static_cast<std::uint32_t>(neighbour);
      const auto scale = std::bit_cast<float>(bits);
      if (!std::isfinite(scale) || !(scale > 0)) continue;
      const std::size_t count = count_exceptions(model, elements, scale, fewest);
      if (count >= fewest) continue;
      fewest = count;
      best = scale;
      if (count == 0) return best;
    }
  }
  return best;
}

}  // namespace bbz::codec::number
