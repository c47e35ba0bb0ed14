#include "bbz/base/names.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace bbz
