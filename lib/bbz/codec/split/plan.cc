#include "bbz/codec/split/plan.h"

#include <algorithm>
#include <array>
#include <bit>

#include "bbz/codec/split/sample.h"

namespace bbz::codec::split {
namespace {

constexpr int kClasses = 4;    // classes of a row's scale within a binade
constexpr int kMaxShift = 15;  // largest shift of a row or a column, in binades
constexpr int kSteps = kClasses * (kMaxShift + 1);
constexpr int kBins = 256;
constexpr int kCentre = 160;  // bin of a key with its row's mean exponent
constexpr std::uint32_t kBit = 4096;
constexpr std::uint64_t kKeyElements = 1 << 14;  // smallest sample for the tables

// The counts of keys relative to the scale of their row, for each scale in quarters of a binade.
using Histogram = std::array<std::array<std::uint32_t, kBins>, kSteps>;

// The tables and the cost of one way to use the scales of rows.
struct Candidate {
  int classes = 0;  // 0 means neither shifts nor tables by row
  int window = 0;   // bin of symbol 0
  std::vector<Frequencies> tables;
  std::uint64_t bits = ~std::uint64_t{0};  // in 1/4096 bit
};

// Moves the window to the first symbol that a table has.
void drop_unused_symbols(Candidate& candidate) {
  int unused = kEscapeIndex;
  for (const Frequencies& f : candidate.tables) {
    int first = 0;
    while (first < kEscapeIndex && f[first] == 0) ++first;
    unused = std::min(unused, first);
  }
  for (Frequencies& f : candidate.tables) {
    std::shift_left(f.begin(), f.begin() + kEscapeIndex, unused);
    std::fill(f.begin() + kEscapeIndex - unused, f.begin() + kEscapeIndex, std::uint8_t{0});
  }
  candidate.window += unused;
}

struct Planner {
  Layout layout;
  Grid grid;
  Sample sample;
  std::vector<std::uint8_t> row_step;  // for each row, in quarters of a binade above `low`
  std::vector<std::int32_t> means;
  std::vector<std::uint16_t> column_shifts;
  int low = 0;          // exponent of step 0
  int mean_binade = 0;  // mean of all rows, above `low`
  int lowest_step = 0;  // lowest step of all rows
  int highest_step = 0;
  Histogram histogram;

  void place_rows();
  void place_columns();
  void count_keys();
  Candidate try_classes(int classes) const;
  std::uint64_t side_bits(int classes) const;
  int lowest_shift() const { return lowest_step / kClasses; }
  int highest_shift() const { return highest_step / kClasses; }
};

// Returns a grid with rows of about so many elements: shorter ones are joined, and longer ones are cut.
Grid make_grid(const ChunkShape& shape, std::uint64_t width, std::uint64_t first) {
  constexpr std::uint64_t kLong = 8192;  // longer rows are cut
  constexpr std::uint64_t kPiece = 4096;
  if (width > kLong) {
    first = width % kPiece == 0 ? first % kPiece : 0;
    width = kPiece;
  } else if (width < kJoinedLength) {
    width *= divide_up(256, width);
  }
  while (divide_up(first + shape.elements, width) > kMaxRows) width *= 2;
  // The state of each lane takes two bytes, so a small chunk has few lanes.
  const int lanes = shape.elements >= (1u << 18)   ? 256
                    : shape.elements >= (1u << 17) ? 128
                    : shape.elements >= (1u << 15) ? 64
                    : shape.elements >= (1u << 12) ? 32
                                                   : 8;
  return {shape.elements, static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(first),
          lanes};
}

// Returns the grids to try, the better one first if it must be chosen without a look. Rows of a few
// elements, as those of a convolution, are joined to what belongs to a channel. Longer rows that are
// too short may be better joined as they come, if the tensor is much larger than a channel.
std::vector<Grid> find_grids(const ChunkShape& shape) {
  constexpr std::uint64_t kFew = 32;
  const Grid rows = make_grid(shape, shape.row_length, shape.first_column);
  if (shape.joined_length == 0 || shape.row_length >= kJoinedLength ||
      shape.joined_length == shape.row_length) {
    return {rows};
  }
  const Grid joined = make_grid(shape, shape.joined_length, shape.joined_first);
  if (shape.row_length < kFew) return {joined, rows};
  return {rows, joined};
}

void Planner::place_rows() {
  const auto [least, most] = std::ranges::minmax(sample.row_mean);
  low = std::max(least / kMeanUnit, most / kMeanUnit - kMaxShift);
  mean_binade = std::clamp(sample.mean / kMeanUnit - low, 0, kMaxShift);
  row_step.resize(sample.row_mean.size());
  for (std::size_t r = 0; r < row_step.size(); ++r) {
    const int step = sample.row_mean[r] / (kMeanUnit / kClasses) - low * kClasses;
    row_step[r] = static_cast<std::uint8_t>(std::clamp(step, 0, kSteps - 1));
  }
  lowest_step = *std::ranges::min_element(row_step);
  highest_step = *std::ranges::max_element(row_step);
}

void Planner::place_columns() {
  const std::int32_t least = std::ranges::min(means);
  column_shifts.resize(means.size());
  for (std::size_t c = 0; c < means.size(); ++c) {
    const std::int32_t shift = (means[c] - least + kMeanUnit / 2) / kMeanUnit;
    column_shifts[c] = static_cast<std::uint16_t>(std::min(shift, kMaxShift));
  }
}

void Planner::count_keys() {
  for (int step = lowest_step; step <= highest_step; ++step) histogram[step].fill(0);
  for (const Block& block : sample.blocks) {
    const int step = row_step[block.row];
    auto& bins = histogram[step];
    const int scale = ((low + step / kClasses) << layout.top_bits) - kCentre;
    const std::uint16_t* keys = sample.keys.data() + block.begin;
    if (column_shifts.empty()) {
      for (std::uint32_t i = 0; i < block.count; ++i) {
        ++bins[std::clamp(keys[i] - scale, 0, kBins - 1)];
      }
    } else {
      const std::uint16_t* shifts = column_shifts.data() + block.column;
      for (std::uint32_t i = 0; i < block.count; ++i) {
        ++bins[std::clamp(keys[i] - scale - (shifts[i] << layout.top_bits), 0, kBins - 1)];
      }
    }
  }
}

std::uint64_t Planner::side_bits(int classes) const {
  std::uint64_t bits = 0;
  if (classes != 0) {
    const int shift_bits = std::bit_width(static_cast<unsigned>(highest_shift() - lowest_shift()));
    const int table_bits = std::countr_zero(static_cast<unsigned>(classes));
    bits += grid.rows() * static_cast<std::uint64_t>(shift_bits + table_bits);
  }
  if (!column_shifts.empty()) {
    const unsigned most = *std::ranges::max_element(column_shifts);
    bits += std::uint64_t{grid.width} * static_cast<std::uint64_t>(std::bit_width(most));
  }
  return bits;
}

Candidate Planner::try_classes(int classes) const {
  Candidate candidate;
  candidate.classes = classes;
  std::array<std::array<std::uint32_t, kBins>, kClasses> merged{};
  for (int step = lowest_step; step <= highest_step; ++step) {
    const auto& from = histogram[step];
    auto& to = merged[classes == 0 ? 0 : (step % kClasses) * classes / kClasses];
    if (classes != 0 || step / kClasses == mean_binade) {
      for (int bin = 0; bin < kBins; ++bin) to[bin] += from[bin];
      continue;
    }
    const int move = (step / kClasses - mean_binade) * (1 << layout.top_bits);
    for (int bin = 0; bin < kBins; ++bin) to[std::clamp(bin + move, 0, kBins - 1)] += from[bin];
  }
  std::array<std::uint32_t, kBins> all{};
  for (const auto& bins : merged) {
    for (int bin = 0; bin < kBins; ++bin) all[bin] += bins[bin];
  }
  // The outermost bins also count all keys beyond them.
  std::uint64_t inside = 0;
  std::uint64_t most = 0;
  candidate.window = kCentre - kMaxSymbols / 2;
  for (int end = 1; end < kBins - 1; ++end) {
    inside += all[end];
    if (end > kMaxSymbols) inside -= all[end - kMaxSymbols];
    if (end >= kMaxSymbols && inside >= most) {
      most = inside;
      candidate.window = end - kMaxSymbols + 1;
    }
  }
  std::uint64_t bits = 0;
  for (int table = 0; table < std::max(classes, 1); ++table) {
    std::array<std::uint32_t, kIndices> counts{};
    for (int bin = 0; bin < kBins; ++bin) {
      const int symbol = bin - candidate.window;
      const bool coded = symbol >= 0 && symbol < kMaxSymbols && bin != 0 && bin != kBins - 1;
      counts[coded ? symbol : kEscapeIndex] += merged[table][bin];
    }
    const FrequencyChoice choice = choose_frequencies(counts);
    candidate.tables.push_back(choice.frequencies);
    bits += choice.bits;
  }
  drop_unused_symbols(candidate);
  const std::uint64_t seen = std::max<std::uint64_t>(sample.keys.size(), 1);
  candidate.bits = bits / seen * grid.elements + bits % seen * grid.elements / seen;
  candidate.bits += kBit * side_bits(classes);
  for (const Frequencies& f : candidate.tables) {
    candidate.bits += kBit * 8 * static_cast<std::uint64_t>(kIndices - std::ranges::count(f, 0));
  }
  return candidate;
}

void make_plan(const ChunkShape& shape, const Grid& grid, Bytes plain, Level level, Plan& plan) {
  thread_local Planner planner;
  const auto* in = reinterpret_cast<const std::uint8_t*>(plain.data());
  const int top_bits = shape.elements < 2048 ? 0 : 1;  // long tables do not pay for few elements
  planner.layout = layout_of(shape.dtype, top_bits);
  planner.grid = grid;
  const std::uint64_t keys = level == Level::kFast      ? kKeyElements
                             : level == Level::kDefault ? 2 * kKeyElements
                                                        : shape.elements;
  take_sample(planner.layout, planner.grid, in, keys, planner.sample);
  planner.place_rows();
  planner.column_shifts.clear();
  planner.count_keys();

  Candidate best;
  const auto consider = [&] {
    bool better = false;
    for (const int classes : {0, 1, 2, 4}) {
      if (classes != 0 && planner.grid.rows() == 1) break;
      Candidate candidate = planner.try_classes(classes);
      if (candidate.bits >= best.bits) continue;
      best = std::move(candidate);
      better = true;
    }
    return better;
  };
  consider();
  plan.column_shifts.clear();
  if (column_means(planner.layout, planner.grid, in, planner.sample, planner.means)) {
    planner.place_columns();
    planner.count_keys();
    if (consider()) plan.column_shifts = planner.column_shifts;
  }

  Header& header = plan.header;
  header = {};
  header.top_bits = static_cast<std::uint8_t>(top_bits);
  header.lanes_log2 =
      static_cast<std::uint8_t>(std::countr_zero(static_cast<unsigned>(planner.grid.lanes)));
  header.tables = static_cast<std::uint8_t>(best.tables.size());
  header.width = planner.grid.width;
  header.first = planner.grid.first;
  plan.grid = planner.grid;
  plan.tables = best.tables;
  const int lowest = best.classes == 0 ? planner.mean_binade : planner.lowest_shift();
  header.base =
      static_cast<std::uint16_t>((((planner.low + lowest) << top_bits) + best.window - kCentre) &
                                 static_cast<int>(planner.layout.key_mask()));
  plan.row_fields.assign(planner.grid.rows(), 0);
  if (best.classes != 0) {
    header.row_bits = static_cast<std::uint8_t>(
        std::bit_width(static_cast<unsigned>(planner.highest_shift() - lowest)));
    for (std::size_t r = 0; r < plan.row_fields.size(); ++r) {
      const int step = planner.row_step[r];
      const int table = (step % kClasses) * best.classes / kClasses;
      plan.row_fields[r] =
          static_cast<std::uint16_t>((step / kClasses - lowest) << header.table_bits() | table);
    }
  }
  if (!plan.column_shifts.empty()) {
    const unsigned most = *std::ranges::max_element(plan.column_shifts);
    header.column_bits = static_cast<std::uint8_t>(std::bit_width(most));
    if (most == 0) plan.column_shifts.clear();
  }
  plan.key_bytes = best.bits / kBit / 8;
}

}  // namespace

void make_plan(const ChunkShape& shape, Bytes plain, Level level, Plan& plan) {
  const std::vector<Grid> grids = find_grids(shape);
  make_plan(shape, grids.front(), plain, level, plan);
  if (grids.size() == 1 || level != Level::kSmall) return;
  Plan other;
  make_plan(shape, grids.back(), plain, level, other);
  if (other.key_bytes < plan.key_bytes) plan = std::move(other);
}

}  // namespace bbz::codec::split
