#include "bbz/files/torch/internal/pickling.h"

#include <limits>

namespace bbz::torch {
namespace {

void put_little(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

}  // namespace

void put_op(std::string& out, Op op) {
  out.push_back(static_cast<char>(op));
}

void put_int(std::string& out, std::int64_t number) {
  constexpr std::int64_t kMost1 = 0xff, kMost2 = 0xffff;
  using Int32 = std::numeric_limits<std::int32_t>;
  const auto bits = static_cast<std::uint64_t>(number);
  if (number >= 0 && number <= kMost1) {
    put_op(out, Op::kBinInt1);
    put_little(out, bits, 1);
  } else if (number >= 0 && number <= kMost2) {
    put_op(out, Op::kBinInt2);
    put_little(out, bits, 2);
  } else if (number >= Int32::min() && number <= Int32::max()) {
    put_op(out, Op::kBinInt);
    put_little(out, bits, 4);
  } else {
    put_op(out, Op::kLong1);
    put_little(out, sizeof(bits), 1);
    put_little(out, bits, sizeof(bits));
  }
}

void put_text(std::string& out, std::string_view text) {
  put_op(out, Op::kBinUnicode);
  put_little(out, text.size(), 4);
  out += text;
}

void put_global(std::string& out, std::string_view module, std::string_view name) {
  put_op(out, Op::kGlobal);
  out += module;
  out += '\n';
  out += name;
  out += '\n';
}

}  // namespace bbz::torch
