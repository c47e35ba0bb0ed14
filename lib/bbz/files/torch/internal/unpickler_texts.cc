// The opcodes that push numbers and texts.
#include <algorithm>
#include <charconv>

#include "bbz/files/torch/internal/unpickler.h"

namespace bbz::torch {
namespace {

using Kind = Value::Kind;

// Returns the number that `text` begins with, or nullopt.
template <class T>
std::optional<T> parse(std::string_view text, int base) {
  T number{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number, base);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

void append_utf8(std::string& out, std::uint32_t point) {
  const auto add = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (point < 0x80) return add(point);
  if (point < 0x800) {
    add(0xc0 | point >> 6);
  } else {
    if (point < 0x10000) {
      add(0xe0 | point >> 12);
    } else {
      add(0xf0 | (point >> 18 & 7));
      add(0x80 | (point >> 12 & 0x3f));
    }
    add(0x80 | (point >> 6 & 0x3f));
  }
  add(0x80 | (point & 0x3f));
}

// The number of hexadecimal digits after the letter of an escape, or 0.
std::size_t digits_of(char letter) {
  return letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
}

// Replaces \xNN, \uNNNN and \UNNNNNNNN, of which `letters` are known, and in STRING also \\, \'
// and the like. Other escapes stay as they are: nothing but a name depends on them.
std::string without_escapes(std::string_view text, std::string_view letters, bool plain) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out.push_back(text[i]);
      continue;
    }
    const char letter = text[i + 1];
    const std::size_t digits = letters.find(letter) == letters.npos ? 0 : digits_of(letter);
    if (digits != 0 && text.size() - i - 2 >= digits) {
      const auto point = parse<std::uint32_t>(text.substr(i + 2, digits), 16);
      if (point) {
        if (plain) {
          out.push_back(static_cast<char>(*point));
        } else {
          append_utf8(out, *point);
        }
        i += 1 + digits;
        continue;
      }
    }
    if (plain && (letter == '\\' || letter == '\'' || letter == '"')) ++i;
    out.push_back(text[i]);
  }
  return out;
}

}  // namespace

Status Unpickler::push_text(Kind kind, std::uint64_t size) {
  Value value;
  value.kind = kind;
  value.text = as_text(reader_.get_bytes(size));
  return push_new(value);
}

Status Unpickler::skip(std::uint64_t size) {
  reader_.get_bytes(size);
  return push_new({});
}

Status Unpickler::put_number(Op op) {
  switch (op) {
    case Op::kBinInt:
      return push_new(
          plain_value(Kind::kInt, static_cast<std::int32_t>(reader_.get<std::uint32_t>())));
    case Op::kBinInt1:
      return push_new(plain_value(Kind::kInt, reader_.get<std::uint8_t>()));
    case Op::kBinInt2:
      return push_new(plain_value(Kind::kInt, reader_.get<std::uint16_t>()));
    case Op::kBinFloat:
      return push_new(
          plain_value(Kind::kFloat, static_cast<std::int64_t>(reader_.get<std::uint64_t>())));
    default:
      break;
  }
  const std::uint64_t size =
      op == Op::kLong1 ? reader_.get<std::uint8_t>() : reader_.get<std::uint32_t>();
  // No shape needs such a number, and the one that a file of before PyTorch 1.6 begins with is
  // known by its bytes.
  if (size > sizeof(std::int64_t)) return skip(size);
  const Bytes digits = reader_.get_bytes(size);
  const bool negative = !digits.empty() && (digits.back() & std::byte{0x80}) != std::byte{0};
  std::int64_t number = negative ? -1 : 0;  // extends the sign over the missing bytes
  std::ranges::copy(digits, reinterpret_cast<std::byte*>(&number));
  return push_new(plain_value(Kind::kInt, number));
}

Status Unpickler::put_text(Op op) {
  if (op == Op::kBinString || op == Op::kShortBinString) simplify("a text of Python 2");
  switch (op) {
    case Op::kShortBinString:
    case Op::kShortBinUnicode:
      return push_text(Kind::kString, reader_.get<std::uint8_t>());
    case Op::kBinString:
    case Op::kBinUnicode:
      return push_text(Kind::kString, reader_.get<std::uint32_t>());
    case Op::kBinUnicode8:
      return push_text(Kind::kString, reader_.get<std::uint64_t>());
    case Op::kShortBinBytes:
      return push_text(Kind::kBytes, reader_.get<std::uint8_t>());
    case Op::kBinBytes:
      return push_text(Kind::kBytes, reader_.get<std::uint32_t>());
    default:
      return push_text(Kind::kBytes, reader_.get<std::uint64_t>());
  }
}

// Pushes the value that a line of text is, in protocol 0.
Status Unpickler::put_line(Op op) {
  std::string_view text = line();
  if (!reader_.ok()) return {};
  if (text.ends_with('\r')) text.remove_suffix(1);
  switch (op) {
    case Op::kInt:
      if (text == "00" || text == "01") return push_new(plain_value(Kind::kBool, text == "01"));
      break;
    case Op::kLong:
      if (text.ends_with('L')) text.remove_suffix(1);
      break;
    case Op::kFloat:
      return push_new({});
    default: {
      const bool quotes = op == Op::kString;
      simplify("a text of protocol 0");
      if (quotes) {
        if (text.size() < 2 || text.front() != text.back())
          return malformed("a text not in quotes");
        text = text.substr(1, text.size() - 2);
      }
      Value value;
      value.kind = Kind::kString;
      value.text = text;
      if (text.find('\\') != text.npos) {
        value.text = keep(without_escapes(text, quotes ? "x" : "uU", quotes));
      }
      return push_new(value);
    }
  }
  const auto number = parse<std::int64_t>(text, 10);
  if (number) return push_new(plain_value(Kind::kInt, *number));
  if (text.find_first_not_of("-0123456789") != text.npos) return malformed("no number");
  return push_new({});  // too large for any shape
}

}  // namespace bbz::torch
