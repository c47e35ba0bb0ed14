#include "bbz/http/field_values.h"

#include <gtest/gtest.h>

#include <string>

namespace bbz::http {
namespace {

TEST(Etag, IsAccepted) {
  for (const char* value : {"\"\"", "\"a\"", "W/\"a\"", "W/\"\"", "\"5f3-1a2b;:,.!#$%&'()*+/~\"",
                            "\"W/\"", "\"\\\"", "\"\x80\xFF\""}) {
    EXPECT_TRUE(is_etag(value)) << value;
  }
  EXPECT_TRUE(is_etag('"' + std::string(kLongestValue - 2, 'a') + '"'));
}

TEST(Etag, IsRefused) {
  for (const char* value :
       {"", "a", "\"", "\"a", "a\"", "W/", "W/\"", "W/a", "w/\"a\"", "W\"a\"", "W/W/\"a\"",
        "\"a\"\"", "\"a\"b\"", "\"a\", \"b\"", "\"a b\"", " \"a\"", "\"a\" ", "'a'", "*"}) {
    EXPECT_FALSE(is_etag(value)) << value;
  }
  EXPECT_FALSE(is_etag('"' + std::string(kLongestValue - 1, 'a') + '"'));
}

TEST(Etag, HasNoControlCharacter) {
  for (int c = 0; c < 256; ++c) {
    const bool fine = c > ' ' && c != '"' && c != 127;
    const std::string text(1, static_cast<char>(c));
    EXPECT_EQ(is_etag('"' + text + '"'), fine) << c;
    EXPECT_EQ(is_etag("W/\"x" + text + "y\""), fine) << c;
    EXPECT_FALSE(is_etag("\"a\"" + text)) << c;
  }
}

TEST(HttpDate, IsAccepted) {
  for (const char* value :
       {"Wed, 21 Oct 2015 07:28:00 GMT", "Wednesday, 21-Oct-15 07:28:00 GMT",
        "Wed Oct 21 07:28:00 2015", "Thu, 01 Jan 1970 00:00:00 +0000", "Mon, 1"}) {
    EXPECT_TRUE(is_http_date(value)) << value;
  }
  EXPECT_TRUE(is_http_date("Mon" + std::string(kLongestValue - 3, '1')));
}

TEST(HttpDate, IsRefused) {
  for (const char* value : {"", "Mon", "0", "21 Oct 2015", " Wed, 21 Oct 2015", "Wed, 21 Oct ",
                            "\"Wed\"", "W/\"Wed\"", "Wéd, 21 Oct", "We\xC3"}) {
    EXPECT_FALSE(is_http_date(value)) << value;
  }
  EXPECT_FALSE(is_http_date("Mon" + std::string(kLongestValue - 2, '1')));
}

TEST(HttpDate, HasNoControlCharacter) {
  for (int c = 0; c < 256; ++c) {
    const std::string text(1, static_cast<char>(c));
    EXPECT_EQ(is_http_date("Wed, 21 Oct" + text + "2015"), c >= ' ' && c < 127) << c;
    EXPECT_EQ(is_http_date("Wed, 21 Oct 2015" + text), c > ' ' && c < 127) << c;
  }
}

}  // namespace
}  // namespace bbz::http
