#include "bbz/http/url.h"

#include <gtest/gtest.h>

namespace bbz::http {
namespace {

TEST(Url, IsTold) {
  EXPECT_TRUE(is_url("http://host/model.bbz"));
  EXPECT_TRUE(is_url("HTTPS://host/model.bbz"));
  EXPECT_FALSE(is_url("http:/host"));
  EXPECT_FALSE(is_url("ftp://host/model.bbz"));
  EXPECT_FALSE(is_url("file:///etc/passwd"));
  EXPECT_FALSE(is_url("model.bbz"));
  EXPECT_FALSE(is_url("-"));
}

TEST(Url, IsShownWithoutSecrets) {
  EXPECT_EQ(shown_url("https://user:pass@host:8080/a/b.bbz"), "https://host:8080/a/b.bbz");
  EXPECT_EQ(shown_url("https://us@er:p@ss@host/a"), "https://host/a");
  EXPECT_EQ(shown_url("https://host/a?token=1&x=2"), "https://host/a?...");
  EXPECT_EQ(shown_url("https://host/a#token"), "https://host/a");
  EXPECT_EQ(shown_url("https://host?token"), "https://host?...");
  EXPECT_EQ(shown_url("https://user:pass@host"), "https://host");
  EXPECT_EQ(shown_url("HTTP://user:pass@Host/A"), "http://host/A");
  EXPECT_EQ(shown_url("https://user:pa/ss@host/a"), "https://...");
  EXPECT_EQ(shown_url("https://user:pass@[::1]/a"), "https://[::1]/a");
  EXPECT_EQ(shown_url("https://[::1]:80/a"), "https://[::1]:80/a");
  EXPECT_EQ(shown_url("a@b.bbz"), "a@b.bbz");
}

TEST(Url, HasAnOrigin) {
  EXPECT_TRUE(same_origin("http://host/a", "HTTP://HOST:80/b?c"));
  EXPECT_TRUE(same_origin("https://u:p@host/a", "https://host:443/"));
  EXPECT_FALSE(same_origin("http://host/a", "https://host/a"));
  EXPECT_FALSE(same_origin("http://host/a", "http://host:8080/a"));
  EXPECT_FALSE(same_origin("http://host/a", "http://host.evil/a"));
  EXPECT_FALSE(same_origin("http://host/a", "http://evil?@host/a"));
}

TEST(Url, KeepsTheUserWithinAnOrigin) {
  EXPECT_EQ(with_user_of("http://u:p@host/a", "http://host/b"), "http://u:p@host/b");
  EXPECT_EQ(with_user_of("http://u:p@host/a", "http://v@host/b"), "http://v@host/b");
  EXPECT_EQ(with_user_of("http://host/a", "http://host/b"), "http://host/b");
  EXPECT_EQ(with_user_of("http://u:p@host/a", "http://other/b"), "http://other/b");
  EXPECT_EQ(with_user_of("https://u:p@host/a", "http://host/b"), "http://host/b");
}

TEST(Url, NamesAFile) {
  EXPECT_EQ(file_name_of("https://host/a/model.bbz?download=1"), "model.bbz");
  EXPECT_EQ(file_name_of("https://host/a/"), "");
  EXPECT_EQ(file_name_of("https://host"), "");
}

TEST(Field, IsOneLineWithAName) {
  EXPECT_TRUE(is_field("Authorization: Bearer x\ty"));
  EXPECT_TRUE(is_field("X-Key: \xC3\xA4"));
  for (const char* const line :
       {"", ":", ": x", "none", "A: b\r\nC: d", "A: b\nC: d", "A\x01: b"}) {
    EXPECT_FALSE(is_field(line)) << line;
  }
}

}  // namespace
}  // namespace bbz::http
