// Which rows share a table: clusters of rows whose symbols are distributed alike. The algorithm is that
// of k-means with the cost of coding as distance (Lloyd, "Least squares quantization in PCM", 1982).
#include <algorithm>
#include <limits>
#include <numeric>

#include "bbz/codec/number/analysis.h"

namespace bbz::codec::number {
namespace {

constexpr int kRounds = 3;

using Counts = std::array<std::uint32_t, split::kIndices>;
// The cost of each index, in units of 1 / kBit.
using Costs = std::array<std::uint32_t, split::kIndices>;

void add(Counts& sum, const Counts& counts) {
  for (int i = 0; i < split::kIndices; ++i) sum[i] += counts[i];
}

Costs costs_of(const split::Frequencies& frequencies) {
  Costs costs{};
  const std::uint32_t escape = 8 * kBit - split::log2_fixed(frequencies[split::kEscapeIndex]);
  for (int i = 0; i < split::kIndices; ++i) {
    costs[i] = i != split::kEscapeIndex && frequencies[i] != 0
                   ? 8 * kBit - split::log2_fixed(frequencies[i])
                   : escape + 8 * kBit;
  }
  return costs;
}

std::uint64_t cost(const Counts& counts, const Costs& costs) {
  std::uint64_t sum = 0;
  for (int i = 0; i < split::kIndices; ++i) sum += std::uint64_t{counts[i]} * costs[i];
  return sum;
}

class Clusters {
 public:
  Clusters(const std::vector<Counts>& rows, const std::vector<std::uint32_t>& ranking, int count)
      : rows_(rows), of_row_(rows.size()), count_(count) {
    for (std::size_t i = 0; i < ranking.size(); ++i) {
      of_row_[ranking[i]] =
          static_cast<std::uint8_t>(i * static_cast<std::size_t>(count) / rows.size());
    }
    measure();
  }

  // Gives each row the table that codes it in the fewest bits, and makes the tables anew.
  void improve() {
    std::array<Costs, split::kMaxTables> costs;
    for (int t = 0; t < count_; ++t) costs[t] = costs_of(tables_[t]);
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
      for (int t = 0; t < count_; ++t) {
        const std::uint64_t c = cost(rows_[r], costs[t]);
        if (c >= least) continue;
        least = c;
        of_row_[r] = static_cast<std::uint8_t>(t);
      }
    }
    measure();
  }

  RowTables result() const {
    RowTables result;
    result.rows = of_row_;
    result.tables.assign(tables_.begin(), tables_.begin() + count_);
    result.cost = bits_;
    return result;
  }

 private:
  void measure() {
    std::array<Counts, split::kMaxTables> sums{};
    for (std::size_t r = 0; r < rows_.size(); ++r) add(sums[of_row_[r]], rows_[r]);
    std::uint64_t bits = 0;
    for (int t = 0; t < count_; ++t) {
      const split::FrequencyChoice choice = split::choose_frequencies(sums[t]);
      tables_[t] = choice.frequencies;
      const auto symbols = split::kIndices - std::ranges::count(tables_[t], std::uint8_t{0});
      bits += choice.bits + static_cast<std::uint64_t>(symbols + 1) * 8 * kBit;
    }
    int table_bits = 0;
    while (1 << table_bits < count_) ++table_bits;
    bits_ = bits / kBit + static_cast<std::uint64_t>(table_bits) * rows_.size();
  }

  const std::vector<Counts>& rows_;
  std::vector<std::uint8_t> of_row_;
  int count_;
  std::array<split::Frequencies, split::kMaxTables> tables_{};
  std::uint64_t bits_ = 0;
};

}  // namespace

RowTables choose_tables(const split::Grid& grid, const std::uint8_t* symbols, int most) {
  const std::uint64_t rows = grid.rows();
  std::vector<Counts> counts(rows);
  // The mean symbol of each row, in sixteenths: rows of similar scale are neighbours in its order.
  std::vector<std::uint32_t> means(rows);
  for (std::uint64_t r = 0; r < rows; ++r) {
    std::uint64_t sum = 0;
    for (std::uint64_t i = grid.row_begin(r); i < grid.row_end(r); ++i) {
      const unsigned index = std::min<unsigned>(symbols[i], split::kEscapeIndex);
      ++counts[r][index];
      sum += index;
    }
    const std::uint64_t size = grid.row_end(r) - grid.row_begin(r);
    means[r] = static_cast<std::uint32_t>(sum * 16 / std::max<std::uint64_t>(size, 1));
  }
  std::vector<std::uint32_t> ranking(rows);
  std::iota(ranking.begin(), ranking.end(), 0);
  std::stable_sort(ranking.begin(), ranking.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return means[a] < means[b]; });
  RowTables best = Clusters(counts, ranking, 1).result();
  for (int count = 2; count <= most && static_cast<std::uint64_t>(count) <= rows; count *= 2) {
    Clusters clusters(counts, ranking, count);
    for (int round = 0; round < kRounds; ++round) clusters.improve();
    RowTables result = clusters.result();
    if (result.cost < best.cost) best = std::move(result);
  }
  return best;
}

}  // namespace bbz::codec::number
