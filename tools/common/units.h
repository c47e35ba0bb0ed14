// Formats sizes, times and rates in units that people use.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bbz/io/file_attributes.h"

namespace bbz::tools {

// Formats a size: "812 bytes", "13.5 GB"; three digits, powers of 1000.
std::string human_size(std::uint64_t bytes);

// Formats a count, without a unit: "812", "6.74 G".
std::string human_count(std::uint64_t count);

// Formats a time: "8:05", "1:02:59".
std::string human_time(std::uint64_t seconds);

// Formats a point in time as UTC: "2026-01-02 03:04:05", and nine more digits if it is between two
// seconds. Formats a year that calendars do not reach as "@" and the seconds since 1970.
std::string utc_time(const io::FileTime& time);

// Formats 12345678 as "12,345,678".
std::string grouped(std::uint64_t number);

// Formats a share: "66.3 %"; "-" if the whole is 0.
std::string percentage(std::uint64_t part, std::uint64_t whole);

// Parses "4096", "512K", "1M" or "1MiB" (powers of 1024), in bytes. Returns nullopt for other text.
std::optional<std::uint64_t> parse_size(std::string_view text);

}  // namespace bbz::tools
