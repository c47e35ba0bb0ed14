#include "bbz/http/field_values.h"

#include <algorithm>

namespace bbz::http {
namespace {

bool is_letter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// Returns whether c is printable ASCII without blank and quote, or a byte above ASCII.
bool is_etag_character(char c) {
  const auto value = static_cast<unsigned char>(c);
  return value >= 0x21 && value != '"' && value != 0x7F;
}

}  // namespace

bool is_etag(std::string_view value) {
  if (value.size() > kLongestValue) return false;
  if (value.starts_with("W/")) value.remove_prefix(2);
  if (value.size() < 2 || value.front() != '"' || value.back() != '"') return false;
  return std::ranges::all_of(value.substr(1, value.size() - 2), is_etag_character);
}

bool is_http_date(std::string_view value) {
  constexpr std::size_t kShortDay = 3;  // "Mon"
  if (value.size() <= kShortDay || value.size() > kLongestValue || value.back() == ' ') {
    return false;
  }
  return std::ranges::all_of(value.substr(0, kShortDay), is_letter) &&
         std::ranges::all_of(value, [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace bbz::http
