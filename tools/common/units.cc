#include "common/units.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <ctime>

#include "bbz/base/checked.h"

namespace bbz::tools {
namespace {

// Returns three digits and the letter of the power of 1000.
std::string scaled(std::uint64_t number) {
  constexpr std::string_view kLetters = "kMGTPE";
  double value = static_cast<double>(number) / 1000;
  std::size_t power = 0;
  while (value >= 999.5 && power + 1 < kLetters.size()) {
    value /= 1000;
    ++power;
  }
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f} {}", value, decimals, kLetters[power]);
}

}  // namespace

std::string human_size(std::uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} byte{}", bytes, bytes == 1 ? "" : "s");
  return scaled(bytes) + "B";
}

std::string human_count(std::uint64_t count) {
  return count < 1000 ? std::to_string(count) : scaled(count);
}

std::string human_time(std::uint64_t seconds) {
  const std::uint64_t minutes = seconds / 60;
  if (minutes < 60) return fmt::format("{}:{:02}", minutes, seconds % 60);
  return fmt::format("{}:{:02}:{:02}", minutes / 60, minutes % 60, seconds % 60);
}

std::string utc_time(const io::FileTime& time) {
  const std::time_t seconds = time.seconds;
  std::tm parts{};
  const bool known = ::gmtime_r(&seconds, &parts) != nullptr;
  std::string text = known ? fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
                                         std::int64_t{parts.tm_year} + 1900, parts.tm_mon + 1,
                                         parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec)
                           : fmt::format("@{}", time.seconds);
  if (time.nanoseconds != 0) text += fmt::format(".{:09}", time.nanoseconds);
  return text;
}

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

std::string percentage(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "-";
  return fmt::format("{:.1f} %", 100 * static_cast<double>(part) / static_cast<double>(whole));
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  const std::string_view unit(rest, static_cast<std::size_t>(text.data() + text.size() - rest));
  struct Unit {
    std::string_view letter;
    int shift;
  };
  constexpr std::array<Unit, 4> kUnits = {{{"K", 10}, {"M", 20}, {"G", 30}, {"T", 40}}};
  if (unit.empty()) return number;
  for (const Unit& row : kUnits) {
    const std::string letter(row.letter);
    if (unit == letter || unit == letter + "iB" || (letter == "K" && unit == "k")) {
      return checked_mul(number, std::uint64_t{1} << row.shift);
    }
  }
  return std::nullopt;
}

}  // namespace bbz::tools
