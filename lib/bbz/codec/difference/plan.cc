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
// The folded differences up to 2^kWindow have symbols of their own.
constexpr int kWindow = 5;

// The folded differences of a part of a chunk, and the exponents of the base.
struct Sample {
  std::vector<std::uint32_t> folded;
  std::vector<std::uint8_t> exponents;
};

template <class T>
void take_sample(const Classes& classes, Bytes plain, Bytes base, std::uint64_t wanted,
                 Sample& sample) {
  const std::uint64_t elements = plain.size() / sizeof(T);
  const std::uint64_t pieces = std::max<std::uint64_t>(wanted / kSamplePiece, 1);
  const std::uint64_t stride = std::max(elements / pieces, kSamplePiece);
  const unsigned mask = (1u << classes.exponent_bits) - 1;
  sample.folded.clear();
  sample.exponents.clear();
  for (std::uint64_t begin = 0; begin < elements; begin += stride) {
    const std::uint64_t end = std::min(begin + kSamplePiece, elements);
    for (std::uint64_t i = begin; i < end; ++i) {
      const T a = load_le<T>(base.data() + i * sizeof(T));
      const T b = load_le<T>(plain.data() + i * sizeof(T));
      sample.folded.push_back(fold(static_cast<T>(turn(b) - turn(a))));
      sample.exponents.push_back(static_cast<std::uint8_t>(a >> classes.mantissa_bits & mask));
    }
  }
}

// Returns the reference: that from which most changed elements of lower exponents are so far that
// their symbols are in the window. It is a median, because elements of the exponent 0 may be
// anything.
std::uint8_t choose_reference(const Classes& classes, const Sample& sample) {
  if (classes.most_low_bits() == 0) return 0;
  thread_local std::array<std::array<std::uint32_t, 33>, kExponents> widths;
  for (auto& each : widths) each.fill(0);
  for (std::size_t i = 0; i < sample.folded.size(); ++i) {
    ++widths[sample.exponents[i]][std::bit_width(sample.folded[i])];
  }
  std::array<std::uint64_t, 512> votes{};
  std::uint64_t all = 0;
  for (int exponent = 0; exponent < kExponents; ++exponent) {
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

Group joined(const Group& a, const Group& b) {
  Group group = a;
  for (int i = 0; i < split::kIndices; ++i) group.counts[i] += b.counts[i];
  group.total += b.total;
  group.measure();
  return group;
}

std::vector<Group> group_exponents(const Classes& classes, const Sample& sample) {
  thread_local std::array<Group, kExponents> all;
  for (Group& group : all) group = {};
  for (std::size_t i = 0; i < sample.folded.size(); ++i) {
    const std::uint32_t folded = sample.folded[i];
    const int exponent = sample.exponents[i];
    std::uint32_t index = 0;
    if (folded != 0) {
      index = ((folded - 1) >> classes.low_bits(exponent)) + 1;
      index = std::min<std::uint32_t>(index, split::kEscapeIndex);
    }
    ++all[exponent].counts[index];
    ++all[exponent].total;
  }
  std::vector<Group> groups;
  for (int exponent = 0; exponent < kExponents; ++exponent) {
    Group& group = all[exponent];
    if (group.total == 0) continue;
    group.first = exponent;
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
    // Each table also takes time, for which it must save a little.
    const std::uint64_t worth = 8 * kBit * static_cast<std::uint64_t>(symbols) / scale + all / 512;
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
  const std::uint64_t wanted = level == Level::kSmall ? shape.elements : kSampleElements;
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
  classes.reference = choose_reference(classes, sample);
  std::vector<Group> groups = group_exponents(classes, sample);
  const std::uint64_t sampled = sample.folded.size();
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
  for (std::size_t i = 0; i < sampled; ++i) {
    if (sample.folded[i] != 0) {
      bits +=
          std::uint64_t{kBit} * static_cast<std::uint64_t>(classes.low_bits(sample.exponents[i]));
    }
  }
  plan.coded_bytes = bits / kBit * shape.elements / sampled / 8;
  plan.live_elements = live * shape.elements / sampled;
}

}  // namespace bbz::codec::difference
