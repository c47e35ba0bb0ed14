#include "bbz/base/names.h"

#include <gtest/gtest.h>

#include "bbz/base/format.h"

namespace bbz {
namespace {

TEST(Names, TellsUtf8FromOtherBytes) {
  for (const char* good :
       {"", "a", "\xC2\xA0", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xED\x9F\xBF"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xC0\xAF", "\xC2", "\xE0\x80\x80", "\xED\xA0\x80",
                          "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xE2\x82", "a\xFF"}) {
    EXPECT_FALSE(is_utf8(bad));
  }
}

TEST(Names, AcceptsPathsThatStayBelow) {
  for (const char* good : {"a", "a/b.c", "..a/b..", "model-00001-of-00002.safetensors", "é/模型"}) {
    EXPECT_TRUE(check_safe_path(good).ok()) << good;
  }
  EXPECT_TRUE(check_safe_path(std::string(255, 'a')).ok());
}

TEST(Names, RefusesPathsThatClimbOrConfuse) {
  const std::string nul("a\0b", 3);
  for (const std::string& bad :
       {std::string(), std::string("/etc"), std::string("../a"), std::string("a/../b"),
        std::string("a//b"), std::string("a/"), std::string("."), std::string("a/./b"),
        std::string("a\\b"), std::string("a\nb"), std::string("a\x7f"), std::string("\xff"), nul,
        std::string(256, 'a'), std::string(4097, 'a')}) {
    EXPECT_EQ(check_safe_path(bad).code(), Code::kUnsafePath) << bbz::quoted(bad);
  }
}

TEST(Names, QuotesForTerminals) {
  EXPECT_EQ(quoted("a\x1b[2J\"\xff"), "\"a\\x1b[2J\\x22\\xff\"");
  EXPECT_EQ(quoted("\xC2\x9B[2J\xC2\xA0"), "\"\\xc2\\x9b[2J\xC2\xA0\"");
  EXPECT_EQ(quoted("a\xE2\x80\xAEz"), "\"a\\xe2\\x80\\xaez\"");
  EXPECT_LT(bbz::quoted(std::string(100000, 'x')).size(), 220u);
}

// A character, by its number, as UTF-8 of two or three bytes.
std::string utf8(unsigned number) {
  std::string text;
  if (number < 0x800) {
    text += static_cast<char>(0xC0 | number >> 6);
  } else {
    text += static_cast<char>(0xE0 | number >> 12);
    text += static_cast<char>(0x80 | (number >> 6 & 0x3F));
  }
  return text + static_cast<char>(0x80 | (number & 0x3F));
}

// The control characters, and what turns or ends a line, are escaped; their neighbours are not.
TEST(Names, EscapesExactlyWhatActsOnATerminal) {
  const std::pair<unsigned, unsigned> ranges[] = {
      {0x80, 0x9F}, {0x61C, 0x61C}, {0x200E, 0x200F}, {0x2028, 0x202E}, {0x2066, 0x2069}};
  for (unsigned number = 0x80; number < 0x10000; ++number) {
    if (number >= 0xD800 && number < 0xE000) continue;  // no characters
    bool acts = false;
    for (const auto& [first, last] : ranges) acts = acts || (first <= number && number <= last);
    const std::string character = utf8(number);
    ASSERT_TRUE(is_utf8(character)) << number;
    ASSERT_EQ(bbz::quoted(character) != '"' + character + '"', acts) << std::hex << number;
    ASSERT_EQ(printable(character) != character, acts) << std::hex << number;
  }
  for (char c = 1; c < 0x7F; ++c) {
    EXPECT_EQ(printable(std::string(1, c)) != std::string(1, c), c < 0x20) << int{c};
  }
  EXPECT_EQ(printable("\x7F"), "\\x7f");
}

TEST(Names, PrintableTextStaysAsItIs) {
  const std::string all = "a \"b\"\n\x1b[2J\xff\xC2\x9B\xE2\x80\xAE \xE6\xA8\xA1\xE5\x9E\x8B";
  const std::string shown = printable(all);
  EXPECT_EQ(shown, "a \"b\"\\x0a\\x1b[2J\\xff\\xc2\\x9b\\xe2\\x80\\xae \xE6\xA8\xA1\xE5\x9E\x8B");
  EXPECT_EQ(printable(shown), shown);
  EXPECT_EQ(printable(std::string(5000, 'x')).size(), 5000u);
}

TEST(Names, NoErrorHoldsWhatActsOnATerminal) {
  const Error error = make_error(Code::kIo, "{}: cannot open", "a\x1b[2J\xE2\x80\xA8\n");
  EXPECT_EQ(error.message, "a\\x1b[2J\\xe2\\x80\\xa8\\x0a: cannot open");
}

}  // namespace
}  // namespace bbz
