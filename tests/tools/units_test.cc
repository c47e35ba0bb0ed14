#include "common/units.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace bbz::tools {
namespace {

TEST(Units, SizesAreParsed) {
  const std::pair<const char*, std::uint64_t> sizes[] = {
      {"0", 0},
      {"4096", 4096},
      {"512K", 512u << 10},
      {"512k", 512u << 10},
      {"1M", 1u << 20},
      {"1MiB", 1u << 20},
      {"3G", std::uint64_t{3} << 30},
      {"2TiB", std::uint64_t{2} << 40},
      {"16777215T", UINT64_MAX - ((std::uint64_t{1} << 40) - 1)},
      {"18446744073709551615", UINT64_MAX},
  };
  for (const auto& [text, size] : sizes) EXPECT_EQ(parse_size(text), size) << text;
}

TEST(Units, WhatIsNoSizeOrTooLargeIsRefused) {
  for (const char* text :
       {"", "K", "x", "-1", "+1", " 1", "1 ", "1 K", "1B", "1KB", "1m", "1MiBs", "1.5G", "0x10",
        "18446744073709551616", "16777216T", "18014398509481984K", "17592186044416M"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
}

TEST(Units, PointsInTime) {
  EXPECT_EQ(utc_time({0, 0}), "1970-01-01 00:00:00");
  EXPECT_EQ(utc_time({-1, 999'999'999}), "1969-12-31 23:59:59.999999999");
  EXPECT_EQ(utc_time({1'772'236'799, 5}), "2026-02-27 23:59:59.000000005");
  EXPECT_EQ(utc_time({INT64_MAX, 0}), "@9223372036854775807");
  EXPECT_EQ(utc_time({INT64_MIN, 1}), "@-9223372036854775808.000000001");
}

TEST(Units, NumbersHaveThreeDigits) {
  EXPECT_EQ(human_size(0), "0 bytes");
  EXPECT_EQ(human_size(1), "1 byte");
  EXPECT_EQ(human_size(999), "999 bytes");
  EXPECT_EQ(human_size(1000), "1.00 kB");
  EXPECT_EQ(human_size(9994), "9.99 kB");
  EXPECT_EQ(human_size(9995), "10.0 kB");
  EXPECT_EQ(human_size(99949), "99.9 kB");
  EXPECT_EQ(human_size(99951), "100 kB");
  EXPECT_EQ(human_size(999499), "999 kB");
  EXPECT_EQ(human_size(999500), "1.00 MB");
  EXPECT_EQ(human_size(13'500'000'000), "13.5 GB");
  EXPECT_EQ(human_size(UINT64_MAX), "18.4 EB");
  EXPECT_EQ(human_count(999), "999");
  EXPECT_EQ(human_count(6'738'415'616), "6.74 G");
}

TEST(Units, TimesGroupsAndShares) {
  EXPECT_EQ(human_time(0), "0:00");
  EXPECT_EQ(human_time(485), "8:05");
  EXPECT_EQ(human_time(3599), "59:59");
  EXPECT_EQ(human_time(3600), "1:00:00");
  EXPECT_EQ(human_time(3779), "1:02:59");
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(12'345'678), "12,345,678");
  EXPECT_EQ(percentage(663, 1000), "66.3 %");
  EXPECT_EQ(percentage(5, 5), "100.0 %");
  EXPECT_EQ(percentage(0, 0), "-");
}

}  // namespace
}  // namespace bbz::tools
