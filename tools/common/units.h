// Sizes, times and rates in the units people use.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bbz::tools {

// "812 bytes", "13.5 GB": three digits, powers of 1000.
std::string human_size(std::uint64_t bytes);

// The same for counts, without a unit: "812", "6.74 G".
std::string human_count(std::uint64_t count);

// "8:05", "1:02:59".
std::string human_time(std::uint64_t seconds);

// 12345678 as "12,345,678".
std::string grouped(std::uint64_t number);

// "66.3 %" of a part; "-" of nothing.
std::string percentage(std::uint64_t part, std::uint64_t whole);

// "4096", "512K", "1M", "1MiB" (powers of 1024) in bytes, or nothing.
std::optional<std::uint64_t> parse_size(std::string_view text);

}  // namespace bbz::tools
