// Every kernel's encoder beside the portable one, on jobs that no plan would make: any tables,
// rows, columns and states, and not a byte written around what is theirs.
#include <gtest/gtest.h>

#include <cstring>

#include "bbz/codec/split/kernel.h"
#include "codec/generate.h"
#include "emulated/codec_kernels.h"

namespace bbz::codec::split {
namespace {

constexpr DType kFloats[] = {DType::kBF16, DType::kF16,    DType::kF32,
                             DType::kF64,  DType::kF8E4M3, DType::kF8E5M2};

// The parameters with which a chunk is coded.
struct Case {
  Layout layout;
  Grid grid;
  std::vector<EncodeTable> tables;
  std::vector<Row> rows;
  std::vector<std::uint16_t> columns;  // empty for none
  std::vector<std::byte> in;
  States states{};
};

// The result of coding it.
struct Coded {
  std::vector<std::uint8_t> rest;  // packed bits and bytes, with what lies around them
  std::array<std::vector<std::uint8_t>, kMaxStreams> streams;
  std::vector<std::uint8_t> escapes;
  std::vector<std::uint64_t> patches;
  std::vector<std::uint16_t> states;

  bool operator==(const Coded&) const = default;
};

Coded encode(const Kernel& kernel, const Case& c) {
  constexpr std::size_t kAround = 64;
  Coded coded;
  const std::size_t packed = packed_total(c.layout, c.grid);
  const std::size_t bytes = c.grid.elements * static_cast<std::size_t>(c.layout.rest_bytes);
  coded.rest.assign(packed + bytes + 3 * kAround, 0xA5);
  const std::size_t room = c.grid.elements + 64;
  std::vector<std::uint8_t> buffer((kMaxStreams + 1) * room);
  std::vector<Patch> patches;
  EncodeJob job;
  job.layout = c.layout;
  job.grid = c.grid;
  job.tables = c.tables.data();
  job.rows = c.rows.data();
  job.columns = c.columns.empty() ? nullptr : c.columns.data();
  job.in = reinterpret_cast<const std::uint8_t*>(c.in.data());
  job.packed = coded.rest.data() + kAround;
  job.bytes = job.packed + packed + kAround;
  job.states = c.states;
  for (std::size_t i = 0; i < kMaxStreams; ++i) job.streams[i] = buffer.data() + (i + 1) * room;
  job.escapes = buffer.data() + buffer.size();
  job.patches = &patches;
  kernel.encode(job);
  for (std::size_t i = 0; i < kMaxStreams; ++i) {
    coded.streams[i].assign(job.streams[i], buffer.data() + (i + 1) * room);
  }
  coded.escapes.assign(job.escapes, buffer.data() + buffer.size());
  for (const Patch& p : patches) coded.patches.push_back(std::uint64_t{p.element} << 16 | p.key);
  coded.states.assign(job.states.begin(), job.states.begin() + c.grid.lanes);
  return coded;
}

// Expects the same of every kernel; returns it.
Coded encode_with_all(const Case& c) {
  const Coded expected = encode(kPortableKernel, c);
  for (const Kernel* kernel : tested_kernels()) {
    if (!kernel->takes(c.layout, c.grid)) continue;
    SCOPED_TRACE(kernel->name);
    const Coded coded = encode(*kernel, c);
    EXPECT_TRUE(coded.rest == expected.rest);
    EXPECT_TRUE(coded.streams == expected.streams);
    EXPECT_EQ(coded.escapes.size(), expected.escapes.size());
    EXPECT_TRUE(coded.escapes == expected.escapes);
    EXPECT_TRUE(coded.patches == expected.patches);
    EXPECT_TRUE(coded.states == expected.states);
  }
  return expected;
}

EncodeTable table_of(const Frequencies& frequencies) {
  EncodeTable table;
  make_encode_table(frequencies, table);
  return table;
}

Frequencies random_frequencies(Random& random) {
  Frequencies f{};
  f[kEscapeIndex] = 1;
  const auto symbols = 1 + random.below(kMaxSymbols);
  for (int left = kSlots - 1; left > 0;) {
    const auto some = static_cast<int>(1 + random.below(static_cast<std::uint64_t>(left)));
    auto& to = f[random.below(8) == 0 ? kEscapeIndex : random.below(symbols)];
    to = static_cast<std::uint8_t>(std::min(to + some, 255));
    left -= some;
  }
  int sum = 0;
  for (const int each : f) sum += each;
  for (int i = 0; sum < kSlots; i = (i + 1) % kIndices) {
    if (f[i] == 255) continue;
    ++f[i];
    ++sum;
  }
  return f;
}

TEST(SplitKernel, EncodersAgreeOnAnyJob) {
  Random random(1);
  std::size_t escapes = 0;
  std::size_t patches = 0;
  for (const DType dtype : kFloats) {
    SCOPED_TRACE(dtype_info(dtype).name);
    for (int round = 0; round < 300; ++round) {
      SCOPED_TRACE(round);
      Case c;
      c.layout = layout_of(dtype, 1);
      const std::uint32_t mask = c.layout.key_mask();
      const auto width = static_cast<std::uint32_t>(1 + random.below(random.below(3) ? 700 : 90));
      c.grid = {1 + random.below(3000), width, static_cast<std::uint32_t>(random.below(width)),
                64 << random.below(3)};
      const std::uint64_t tables = 1 + random.below(kMaxTables);
      for (std::uint64_t i = 0; i < tables; ++i) {
        c.tables.push_back(table_of(random_frequencies(random)));
      }
      for (std::uint64_t r = 0; r < c.grid.rows(); ++r) {
        c.rows.push_back({static_cast<std::uint16_t>(random.below(mask + 1)),
                          static_cast<std::uint16_t>(random.below(tables))});
      }
      if (random.below(2) != 0) {
        for (std::uint32_t i = 0; i < width; ++i) {
          c.columns.push_back(static_cast<std::uint16_t>(random.below(512)));
        }
      }
      // Symbols that the tables have, some just outside, and some anywhere.
      const auto size = static_cast<std::size_t>(c.layout.element_bytes);
      c.in.resize(c.grid.elements * size);
      for (std::uint64_t r = 0; r < c.grid.rows(); ++r) {
        for (std::uint64_t i = c.grid.row_begin(r); i < c.grid.row_end(r); ++i) {
          std::uint64_t value = random.bits();
          if (random.below(50) != 0) {
            std::uint64_t key = c.rows[r].base + random.below(33);
            if (!c.columns.empty()) key += c.columns[(c.grid.first + i) % width];
            const int at = c.layout.rest_bits() - 1;
            value &= ~(std::uint64_t{mask} << at);
            value |= (key & mask) << at;
          }
          std::memcpy(c.in.data() + i * size, &value, size);
        }
      }
      for (auto& x : c.states) x = static_cast<std::uint16_t>(256 + random.below(65536 - 256));
      const Coded coded = encode_with_all(c);
      escapes += coded.escapes.size();
      patches += coded.patches.size();
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(escapes, 10000u);
  EXPECT_GT(patches, 1000u);
}

// Gives lanes every state, or a block of them of every `step`, other ones for each frequency.
void expect_encoders_divide(unsigned step) {
  Case c;
  c.layout = layout_of(DType::kBF16, 1);
  c.grid = {256, 256, 0, 256};
  c.rows = {{0, 0}};
  c.in.resize(2 * c.grid.elements);  // symbol 0
  for (int f = 1; f < kSlots; ++f) {
    SCOPED_TRACE(f);
    Frequencies frequencies{};
    frequencies[0] = static_cast<std::uint8_t>(f);
    frequencies[kEscapeIndex] = static_cast<std::uint8_t>(kSlots - f);
    c.tables = {table_of(frequencies)};
    for (unsigned first = 256 * (1 + f % step); first < 65536; first += 256 * step) {
      for (unsigned lane = 0; lane < 256; ++lane) {
        c.states[lane] = static_cast<std::uint16_t>(first + lane);
      }
      encode_with_all(c);
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST(SplitKernel, EncodersDivideStatesByEveryFrequency) {
  expect_encoders_divide(9);
}

TEST(SplitKernel, EncodersDivideEveryStateByEveryFrequencyExhaustive) {
  expect_encoders_divide(1);
}

}  // namespace
}  // namespace bbz::codec::split
