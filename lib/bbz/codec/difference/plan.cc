#include "bbz/codec/difference/plan.h"

#include <bit>

#include "bbz/base/wire.h"
#include "bbz/codec/difference/ordered.h"

namespace bbz::codec::difference {
namespace {

constexpr int kExponents = 256;
constexpr std::uint32_t kBit = 4096;  // in units of split::log2_fixed()
constexpr std::uint64_t kSamplePiece = 64;
constexpr std::uint64_t kSampleElements = 1 << 14;
constexpr std::uint64_t kSmallSample = 1 << 13;
constexpr std::uint64_t kSampleShare = 16;  // a sample is so small a part of a chunk, in between
// The folded differences up to 2^kWindow have symbols of their own.
constexpr int kWindow = 5;

// The folded differences of a part of a chunk, and the exponents of the base.
struct Sample {
  std::vector<std::uint32_t> folded;
  std::vector<std::uint8_t> exponents;
  std::size_t size = 0;
};

template <class T>
void take_sample(const Classes& classes, Bytes plain, Bytes base, std::uint64_t wanted,
                 Sample& sample) {
  const std::uint64_t elements = plain.size() / sizeof(T);
  const std::uint64_t pieces = std::max<std::uint64_t>(wanted / kSamplePiece, 1);
  const std::uint64_t stride = std::max(elements / pieces, kSamplePiece);
  const auto mask = static_cast<T>((1u << classes.exponent_bits) - 1);
  const int shift = classes.mantissa_bits;
  sample.folded.resize((elements / stride + 1) * kSamplePiece);
  sample.exponents.resize(sample.folded.size());
  sample.size = 0;
  for (std::uint64_t begin = 0; begin < elements; begin += stride) {
    const std::uint64_t count = std::min(kSamplePiece, elements - begin);
    std::uint32_t* const folded = sample.folded.data() + sample.size;
    std::uint8_t* const exponents = sample.exponents.data() + sample.size;
    for (std::uint64_t i = 0; i < count; ++i) {
      const T a = load_le<T>(base.data() + (begin + i) * sizeof(T));
      const T b = load_le<T>(plain.data() + (begin + i) * sizeof(T));
      folded[i] = fold(static_cast<T>(turn(b) - turn(a)));
      exponents[i] = static_cast<std::uint8_t>(static_cast<T>(a >> shift) & mask);
    }
    sample.size += count;
  }
}

// Returns the reference: that from which most changed elements of lower exponents are so far that
// their symbols are in the window. It is a median, because elements of the exponent 0 may be
// anything.
std::uint8_t choose_reference(const Sample& sample) {
  thread_local std::array<std::array<std::uint32_t, 33>, kExponents> widths;
  for (auto& each : widths) each.fill(0);
  std::array<bool, kExponents> seen{};
  for (std::size_t i = 0; i < sample.size; ++i) {
    seen[sample.exponents[i]] = true;
    // Of a number that is not zero, because a branch for zero would be mispredicted often.
    const auto width = std::bit_width(2 * std::uint64_t{sample.folded[i]} + 1) - 1;
    ++widths[sample.exponents[i]][static_cast<std::size_t>(width)];
  }
  std::array<std::uint64_t, 512> votes{};
  std::uint64_t all = 0;
  for (int exponent = 0; exponent < kExponents; ++exponent) {
    if (!seen[exponent]) continue;
    std::uint64_t changed = 0;
    for (int width = 1; width <= 32; ++width) changed += widths[exponent][width];
    std::uint64_t inside = 0;
    int width = 1;
    for (; width < 32; ++width) {
      inside += widths[exponent][width];
      if (inside * 32 >= changed * 31) break;  // the rest may be escaped
    }
    if (changed == 0 || width <= kWindow) continue;
    votes[exponent + width - kWindow] += changed;
    all += changed;
  }
  if (all == 0) return 0;
  std::uint64_t below = 0;
  int reference = 0;
  while (2 * (below += votes[reference]) < all) ++reference;
  return static_cast<std::uint8_t>(std::min(reference, 255));
}

// Elements of a range of exponents, by symbol.
struct Group {
  int first = 0;           // lowest exponent
  std::uint64_t more = 0;  // what joining it with the next one costs
  std::array<std::uint32_t, split::kIndices> counts{};
  std::uint32_t total = 0;
  std::uint64_t bits = 0;

  bool changes() const { return total != counts[0]; }
  // Computes the cost of the symbols in units of 1 / kBit.
  void measure() {
    bits = 0;
    if (!changes()) return;
    const std::uint64_t log = split::log2_fixed(total);
    for (const std::uint32_t c : counts) {
      if (c != 0) bits += c * (log - split::log2_fixed(c));
    }
    bits += std::uint64_t{counts[split::kEscapeIndex]} * 8 * kBit;
    bits += total * 20ull;  // a table is a little less exact than that
  }
};

// Returns the reference of elements of eight bits: that with which the symbols and the lower bits of
// each exponent cost the least. Their mantissas are so short that differences grow by a few units with
// each exponent, instead of twofold, so that no width says which one is best.
std::uint8_t choose_reference_of_octets(const Classes& classes, const Sample& sample) {
  constexpr std::size_t kMost = 32;  // exponents
  thread_local std::array<std::array<std::uint32_t, 256>, kMost> counts;
  for (auto& each : counts) each.fill(0);
  for (std::size_t i = 0; i < sample.size; ++i) ++counts[sample.exponents[i]][sample.folded[i]];
  const int most = classes.most_low_bits();
  const int exponents = 1 << classes.exponent_bits;
  std::array<std::uint64_t, kMost + 3> costs{};  // of each reference
  for (int exponent = 0; exponent < exponents; ++exponent) {
    const auto& of = counts[static_cast<std::size_t>(exponent)];
    for (int low = 0; low <= most; ++low) {
      Group group;
      for (std::size_t folded = 0; folded < of.size(); ++folded) {
        const std::size_t upper = folded == 0 ? 0 : ((folded - 1) >> low) + 1;
        group.counts[std::min<std::size_t>(upper, split::kEscapeIndex)] += of[folded];
        group.total += of[folded];
      }
      group.measure();
      const std::uint64_t bits = std::uint64_t{group.total - group.counts[0]} * kBit;
      const std::uint64_t cost = group.bits + static_cast<std::uint64_t>(low) * bits;
      for (std::size_t reference = 0; reference < costs.size(); ++reference) {
        const int wanted = std::clamp(static_cast<int>(reference) - exponent, 0, most);
        if (wanted == low) costs[reference] += cost;
      }
    }
  }
  return static_cast<std::uint8_t>(std::ranges::min_element(costs) - costs.begin());
}

Group joined(const Group& a, const Group& b) {
  Group group = a;
  for (int i = 0; i < split::kIndices; ++i) group.counts[i] += b.counts[i];
  group.total += b.total;
  group.measure();
  return group;
}

// Counts the symbols of each exponent of the sample. Adds the lower bits of all to `low`.
std::vector<Group> group_exponents(const Classes& classes, const Sample& sample,
                                   std::uint64_t& low) {
  thread_local std::array<std::array<std::uint32_t, split::kIndices>, kExponents> counts;
  for (auto& each : counts) each.fill(0);
  std::array<std::uint8_t, kExponents> low_bits{};
  for (int i = 0; i < kExponents; ++i) low_bits[i] = static_cast<std::uint8_t>(classes.low_bits(i));
  for (std::size_t i = 0; i < sample.size; ++i) {
    const std::uint32_t upper = (sample.folded[i] - 1) >> low_bits[sample.exponents[i]];
    const std::uint32_t symbol = std::min<std::uint32_t>(upper, split::kEscapeIndex - 1) + 1;
    const std::uint32_t index = symbol & (0 - std::uint32_t{sample.folded[i] != 0});
    ++counts[sample.exponents[i]][index];
  }
  std::vector<Group> groups;
  for (int exponent = 0; exponent < kExponents; ++exponent) {
    Group group;
    group.first = exponent;
    group.counts = counts[exponent];
    for (const std::uint32_t c : group.counts) group.total += c;
    if (group.total == 0) continue;
    low += std::uint64_t{low_bits[exponent]} * (group.total - group.counts[0]);
    group.measure();
    if (!groups.empty() && !group.changes() && !groups.back().changes()) {
      groups.back().total += group.total;
      groups.back().counts[0] += group.total;
    } else {
      groups.push_back(group);
    }
  }
  return groups;
}

// Joins neighbours for as long as there are too many, or a table costs more than it saves.
void join_groups(std::vector<Group>& groups, std::uint64_t elements, std::uint64_t sampled) {
  const std::uint64_t scale = std::max<std::uint64_t>(elements / sampled, 1);
  std::uint64_t all = 0;
  for (const Group& group : groups) all += group.bits;
  const auto compare = [&](std::size_t i) {
    if (i + 1 >= groups.size()) return;
    const std::uint64_t apart = groups[i].bits + groups[i + 1].bits;
    const std::uint64_t both = joined(groups[i], groups[i + 1]).bits;
    groups[i].more = both - std::min(both, apart);
  };
  for (std::size_t i = 0; i < groups.size(); ++i) compare(i);
  while (groups.size() > 1) {
    const auto end = groups.end() - 1;
    const auto best = std::min_element(
        groups.begin(), end, [](const Group& a, const Group& b) { return a.more < b.more; });
    const auto symbols = split::kIndices - std::ranges::count(best->counts, std::uint32_t{0}) + 2;
    // Each table also takes time, for which it must save a little of the whole, and of each element.
    const std::uint64_t worth = 8 * kBit * static_cast<std::uint64_t>(symbols) / scale +
                                std::max(all / 256, sampled * kBit / 256);
    if (groups.size() <= kMaxTables && best->more > worth) break;
    all += best->more;
    *best = joined(*best, *(best + 1));
    const auto at = static_cast<std::size_t>(best - groups.begin());
    groups.erase(best + 1);
    compare(at);
    if (at > 0) compare(at - 1);
  }
}

}  // namespace

void make_plan(const ChunkShape& shape, Bytes plain, Bytes base, Level level, Plan& plan) {
  thread_local Sample sample;
  plan = {};
  plan.classes = classes_of(shape.dtype);
  Classes& classes = plan.classes;
  const std::uint64_t wanted = level == Level::kSmall ? shape.elements
                                                      : std::clamp(shape.elements / kSampleShare,
                                                                   kSmallSample, kSampleElements);
  switch (classes.element_bytes) {
    case 1:
      take_sample<std::uint8_t>(classes, plain, base, wanted, sample);
      break;
    case 2:
      take_sample<std::uint16_t>(classes, plain, base, wanted, sample);
      break;
    default:
      take_sample<std::uint32_t>(classes, plain, base, wanted, sample);
  }
  classes.reference = classes.element_bytes == 1 ? choose_reference_of_octets(classes, sample)
                                                 : choose_reference(sample);
  std::uint64_t low = 0;
  std::vector<Group> groups = group_exponents(classes, sample, low);
  const std::uint64_t sampled = sample.size;
  join_groups(groups, shape.elements, sampled);
  classes.tables = static_cast<int>(groups.size());
  std::uint64_t bits = 0;
  std::uint64_t live = 0;
  for (int t = 0; t < classes.tables; ++t) {
    classes.first[t] = static_cast<std::uint8_t>(t == 0 ? 0 : groups[t].first);
    if (!groups[t].changes()) continue;
    classes.live |= static_cast<std::uint8_t>(1 << t);
    const split::FrequencyChoice choice = split::choose_frequencies(groups[t].counts);
    plan.tables[t] = choice.frequencies;
    bits += choice.bits;
    live += groups[t].total;
  }
  bits += low * kBit;
  plan.coded_bytes = bits / kBit * shape.elements / sampled / 8;
  plan.live_elements = live * shape.elements / sampled;
}

}  // namespace bbz::codec::difference
