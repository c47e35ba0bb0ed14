// Tensors of chunks of codec split-number, and numbers for them.
#pragma once

#include <stdexcept>

#include "vectors/maker.h"
#include "vectors/number_payload.h"

namespace bbz::vectors {

inline constexpr std::uint8_t kSplitNumber = 8;
inline constexpr std::uint8_t kFieldsCodec = 9;

// Numbers that are the same on every machine.
class Noise {
 public:
  explicit Noise(std::uint64_t seed) : state_(seed) {}
  unsigned below(unsigned limit) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<unsigned>((state_ >> 33) % limit);
  }
  // About a Gaussian, within 1.
  float number() {
    return (static_cast<float>(below(4096) + below(4096) + below(4096)) - 6142.5F) / 6144;
  }

 private:
  std::uint64_t state_;
};

// So many numbers, each made from its place.
template <class Make>
std::vector<std::uint64_t> make(std::size_t count, const Make& of) {
  std::vector<std::uint64_t> all;
  all.reserve(count);
  for (std::size_t i = 0; i < count; ++i) all.push_back(of(i));
  return all;
}

struct ElementType {
  std::uint8_t dtype = 2;
  std::uint8_t bits = 8;
};

struct NumberChunk {
  NumberPlan plan;
  std::vector<Item> items;
};

// The dtype that a plan is for. Its number is not needed to decode, so it may be another one.
inline ElementType type_of(const NumberPlan& plan) {
  const bool is_float = plan.kind != kInteger && plan.mantissa_bits != 0;
  const auto bits = static_cast<std::uint8_t>(plan.element_bits);
  switch (plan.element_bits) {
    case 4:
      return {48, bits};
    case 8:
      return {static_cast<std::uint8_t>(!is_float ? 3 : plan.mantissa_bits == 2 ? 33 : 32), bits};
    case 16:
      return {plan.mantissa_bits == 7 ? kBF16 : is_float ? kF16 : std::uint8_t{5}, bits};
    case 32:
      return {static_cast<std::uint8_t>(is_float ? 18 : 7), bits};
    default:
      return {static_cast<std::uint8_t>(is_float ? 19 : 9), bits};
  }
}

// A tensor of these chunks, all but the last of the same size.
inline void add_number(Maker& m, const std::string& name, const std::vector<NumberChunk>& chunks,
                       ElementType type) {
  Buffer plain;
  Maker::Options options;
  for (const NumberChunk& c : chunks) {
    const Buffer part = compose(c.plan, c.items);
    if (options.coded.empty()) options.chunk = part.size() * 8 / type.bits;
    options.coded.push_back({kSplitNumber, encode_number(c.plan, c.items).payload()});
    if (options.coded.back().payload.size() >= part.size()) throw std::logic_error(name);
    raw::append(plain, part);
  }
  m.tensor(name, type.dtype, type.bits, {plain.size() * 8 / type.bits}, plain, options);
}
inline void add_number(Maker& m, const std::string& name, const NumberPlan& plan,
                       const std::vector<Item>& items) {
  add_number(m, name, {{plan, items}}, type_of(plan));
}

// The same of these numbers: see items_of().
inline void add_numbers(Maker& m, const std::string& name, const NumberPlan& plan,
                        const std::vector<std::uint64_t>& numbers) {
  add_number(m, name, plan, items_of(plan, numbers));
}

}  // namespace bbz::vectors
