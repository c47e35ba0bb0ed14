// The loops of split-number that make elements: every kernel makes the same elements of any symbols
// and lower bits as the portable one, and finds the same missing.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "bbz/codec/number/kernel.h"
#include "codec/generate.h"
#include "emulated/codec_kernels.h"

namespace bbz::codec::number {
namespace {

constexpr std::uint8_t kGuard = 0xA5;
constexpr std::size_t kAround = 64;

// The input of a job, in memory of its own.
struct Input {
  Header header;
  std::uint64_t before = 0;  // elements that are decoded
  unsigned shift = 0;
  int floor = 0;
  std::uint64_t centre = 0;
  float scale = 1;
  std::uint64_t low_at = 0;
  std::uint64_t low_bytes = 0;
  std::vector<std::uint8_t> symbols;
  std::vector<std::uint16_t> columns;
  unsigned highest_column = 0;
  std::vector<std::uint8_t> low;  // with 16 bytes more
  std::vector<std::uint8_t> wholes;
  std::vector<std::uint8_t> out;  // with guards
};

// What a kernel makes of it.
struct Output {
  std::vector<std::uint8_t> out;
  bool missing_low = false;
  bool overrun = false;
  std::uint64_t low_at = 0;
  std::size_t wholes = 0;
};

Output run(const Kernel& kernel, const Input& input) {
  KeyTable keys;
  keys.reset(input.header, input.shift + input.highest_column);
  Output output;
  output.out = input.out;
  KernelMemory memory;
  MergeJob job;
  job.memory = &memory;
  job.model = input.header.model;
  job.width = input.header.width;
  job.out = output.out.data() + kAround;
  job.keys = &keys;
  job.shift = input.shift;
  job.origin = input.header.base + input.shift;
  job.floor = input.floor;
  job.has_own_floor = input.floor != input.header.floor;
  job.highest_column = input.highest_column;
  job.centre = input.centre;
  job.scale = input.scale;
  job.low = {input.low.data(), input.low_bytes * 8, input.low_at};
  job.wholes = {input.wholes.data(), input.wholes.data() + input.wholes.size()};
  // In two parts, so that the second begins anywhere, and with what a kernel keeps.
  const std::uint64_t half = input.symbols.size() / 3;
  for (const auto& [first, count] :
       {std::pair{std::uint64_t{0}, half}, std::pair{half, input.symbols.size() - half}}) {
    job.element = input.before + first;
    job.count = count;
    job.symbols = input.symbols.data() + first;
    job.columns = input.columns.empty() ? nullptr : input.columns.data() + first;
    kernel.merge(job);
    if (job.overrun || job.low.is_overrun()) break;
  }
  output.missing_low = job.low.is_overrun();
  output.overrun = job.overrun;
  output.low_at = job.low.at;
  output.wholes = static_cast<std::size_t>(job.wholes.end - job.wholes.at);
  return output;
}

// Expects what the portable kernel makes of every other one.
void expect_same(const Input& input) {
  const Output expected = run(kPortableKernel, input);
  for (const Kernel* kernel : tested_kernels()) {
    SCOPED_TRACE(kernel->name);
    const Output output = run(*kernel, input);
    EXPECT_EQ(output.missing_low || output.overrun, expected.missing_low || expected.overrun);
    for (std::size_t i = 0; i < kAround; ++i) {
      ASSERT_EQ(output.out[i], kGuard);
      ASSERT_EQ(output.out[output.out.size() - 1 - i], kGuard);
    }
    if (expected.missing_low || expected.overrun) continue;
    ASSERT_EQ(output.low_at, expected.low_at);
    ASSERT_EQ(output.wholes, expected.wholes);
    const auto [other, wanted] = std::ranges::mismatch(output.out, expected.out);
    ASSERT_EQ(other - output.out.begin(), output.out.end() - output.out.begin())
        << "byte " << other - output.out.begin() - static_cast<std::ptrdiff_t>(kAround);
  }
}

struct Chances {
  unsigned zero = 0;     // of 1000 symbols, those of zeros
  unsigned escaped = 0;  // those that are any
  unsigned whole = 0;
  unsigned symbols = 29;  // how many keys there are
};

Input make_input(Random& random, const Header& header, std::uint64_t count,
                 const Chances& chances) {
  const auto below = [&](std::uint64_t n) { return static_cast<std::uint64_t>(random.below(n)); };
  Input input;
  input.header = header;
  const Model& model = header.model;
  input.header.width = static_cast<std::uint32_t>(count + below(3) * below(50));
  input.floor = header.floor;
  const std::uint64_t rows = below(4);
  input.before = rows * input.header.width - (rows > 0 ? below(input.header.width) : 0);
  std::uint64_t whole = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t chance = below(1000);
    std::uint64_t symbol = kFirstKey + below(chances.symbols);
    if (chance < chances.zero)
      symbol = below(2);
    else if (chance < chances.zero + chances.escaped)
      symbol = below(256);
    else if (chance < chances.zero + chances.escaped + chances.whole)
      symbol = kWhole;
    whole += symbol == kWhole ? 1 : 0;
    input.symbols.push_back(static_cast<std::uint8_t>(symbol));
  }
  input.low_at = below(16);
  input.low_bytes = 2 + count * static_cast<std::uint64_t>(most_low_bits(model)) / 8 + 1;
  for (std::uint64_t i = 0; i < input.low_bytes + 16; ++i) {
    input.low.push_back(static_cast<std::uint8_t>(below(256)));
  }
  for (std::uint64_t i = 0; i < whole * model.whole_bytes(); ++i) {
    input.wholes.push_back(static_cast<std::uint8_t>(below(model.bits == 4 ? 16 : 256)));
  }
  if (model.kind == Kind::kInteger) input.centre = below(256) * 0x0102040810204081;
  if (model.bits == 4) input.centre &= 15;
  if (model.kind == Kind::kScaled) {
    input.centre = below(65536);
    // Products that are denormal, infinite, and about as far apart as the floats of 16 bits.
    input.scale =
        std::ldexp(1 + static_cast<float>(below(4096)) / 4096, static_cast<int>(below(60)) - 40);
    if (below(8) == 0) input.scale = std::ldexp(1.37F, below(2) == 0 ? -145 : 120);
  }
  const std::uint64_t bytes =
      ((input.before + count) * static_cast<std::uint64_t>(model.bits) + 7) / 8;
  input.out = std::vector<std::uint8_t>(bytes + 2 * kAround, kGuard);
  for (std::uint64_t i = 0; i < bytes; ++i) {
    input.out[kAround + i] = static_cast<std::uint8_t>(below(256));
  }
  // A nibble is set beside that before it.
  if (model.bits == 4 && input.before % 2 != 0) input.out[kAround + input.before / 2] &= 15;
  return input;
}

void add_columns(Random& random, Input& input) {
  const int low_bits = input.header.model.low_key_bits();
  input.highest_column = 12U << low_bits;
  for (std::size_t i = 0; i < input.symbols.size(); ++i) {
    input.columns.push_back(static_cast<std::uint16_t>(random.below(13) << low_bits));
  }
}

// Models of every kind and size.
std::vector<Model> models() {
  std::vector<Model> all;
  const auto add = [&](Kind kind, int bits, int float_bits) {
    Model model;
    model.kind = kind;
    model.bits = bits;
    model.float_bits = float_bits;
    all.push_back(model);
  };
  add(Kind::kFloat, 8, 3);
  add(Kind::kFloat, 8, 2);
  add(Kind::kFloat, 8, 6);
  add(Kind::kFloat, 16, 7);
  add(Kind::kFloat, 16, 10);
  add(Kind::kFloat, 16, 1);
  add(Kind::kFloat, 16, 14);
  add(Kind::kFloat, 32, 23);
  add(Kind::kFloat, 32, 30);
  add(Kind::kFloat, 64, 52);
  for (const int bits : {4, 8, 16, 32, 64}) add(Kind::kInteger, bits, 0);
  for (const Kind kind : {Kind::kFirstDifference, Kind::kSecondDifference}) {
    for (const int bits : {8, 16, 32, 64}) {
      add(kind, bits, 0);
      add(kind, bits, 1);
    }
  }
  add(Kind::kScaled, 32, 23);
  add(Kind::kScaled, 16, 10);
  add(Kind::kScaled, 16, 7);
  return all;
}

// Calls f with headers of each model, with every way to split keys and many limits.
template <class F>
void for_each_header(Random& random, F f) {
  for (const Model& model : models()) {
    for (int top = 0; top <= kMaxTopBits; ++top) {
      for (int sign = 0; sign <= 1; ++sign) {
        for (int round = 0; round < 6; ++round) {
          Header header;
          header.model = model;
          header.model.top_bits = top;
          header.model.sign_bits = sign;
          const int mantissa = model.mantissa_bits();
          const auto any = [&](int most) {
            return static_cast<int>(random.below(static_cast<std::uint64_t>(most) + 1));
          };
          header.model.precision = round % 2 == 0 ? kMaxPrecision : any(mantissa);
          header.floor = static_cast<std::uint8_t>(round < 3 ? 0 : any(mantissa));
          // Classes about the least normal number, of small numbers, or any.
          const int order = round % 3 == 0 ? mantissa + any(4) : round % 3 == 1 ? any(8) : any(300);
          header.base = static_cast<std::uint16_t>(order << (top + sign));
          SCOPED_TRACE(testing::Message()
                       << "kind " << static_cast<int>(model.kind) << ", " << model.bits << " bits, "
                       << model.float_bits << ", top " << top << ", sign " << sign << ", precision "
                       << header.model.precision << ", floor " << int{header.floor} << ", base "
                       << header.base);
          f(header);
          if (testing::Test::HasFailure()) return;
        }
      }
    }
  }
}

TEST(NumberKernel, MakesTheSameElements) {
  Random random(1);
  for_each_header(random, [&](const Header& header) {
    for (const Chances& chances : {Chances{}, Chances{500, 0, 0, 12}, Chances{0, 3, 3, 20},
                                   Chances{300, 200, 20, 29}, Chances{1000, 0, 0, 1}}) {
      const std::uint64_t count = 150 + random.below(400);
      Input input = make_input(random, header, count, chances);
      input.shift = static_cast<unsigned>(random.below(3) * 7);
      expect_same(input);
    }
  });
}

TEST(NumberKernel, MakesTheSameElementsOfColumnsAndFloors) {
  Random random(2);
  for_each_header(random, [&](const Header& header) {
    for (const Chances& chances : {Chances{0, 1, 0, 20}, Chances{400, 5, 5, 8}}) {
      Input input = make_input(random, header, 200 + random.below(200), chances);
      if (random.below(2) == 0) input.floor += static_cast<int>(random.below(6));
      if (random.below(2) == 0) add_columns(random, input);
      expect_same(input);
    }
  });
}

TEST(NumberKernel, MakesTheSameOfKeysThatOverflow) {
  Random random(3);
  for_each_header(random, [&](Header header) {
    header.base = static_cast<std::uint16_t>(65535 - random.below(80));
    expect_same(make_input(random, header, 300, {100, 100, 5, 29}));
    header.base = static_cast<std::uint16_t>(
        (((std::uint64_t{1} << (std::min(header.model.bits, 24) - 1)) - 1) >>
         header.model.mantissa_bits()) *
            8 +
        random.below(60));
    expect_same(make_input(random, header, 300, {100, 100, 5, 29}));
  });
}

TEST(NumberKernel, FindsWhatIsMissing) {
  Random random(4);
  for_each_header(random, [&](const Header& header) {
    Input input = make_input(random, header, 250, {100, 5, 30, 15});
    if (!input.wholes.empty()) {
      Input fewer = input;
      fewer.wholes.resize(fewer.wholes.size() - header.model.whole_bytes());
      expect_same(fewer);
    }
    // The bytes after the end differ from those that are missing.
    input.low_bytes = std::max<std::uint64_t>(input.low_bytes * random.below(100) / 100, 2);
    input.low.resize(input.low_bytes + 16);
    expect_same(input);
  });
}

}  // namespace
}  // namespace bbz::codec::number
