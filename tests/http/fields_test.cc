#include "bbz/http/fields.h"

#include <gtest/gtest.h>

namespace bbz::http {
namespace {

TEST(ContentRange, IsParsed) {
  const auto whole = parse_content_range("bytes 5-9/1000");
  ASSERT_TRUE(whole && whole->range);
  EXPECT_EQ(*whole->range, (io::ByteRange{5, 5}));
  EXPECT_EQ(whole->total, 1000u);
  const auto open = parse_content_range("Bytes 0-0/*");
  ASSERT_TRUE(open && open->range);
  EXPECT_EQ(open->range->size, 1u);
  EXPECT_FALSE(open->total);
  const auto none = parse_content_range("bytes */7");
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->range);
  EXPECT_EQ(none->total, 7u);
}

TEST(ContentRange, IsRefused) {
  for (const char* value :
       {"", "bytes", "bytes ", "bytes 5-9", "bytes 9-5/1000", "bytes 0-1000/1000", "bytes -5/10",
        "bytes 5-/10", "bytes */*", "items 0-1/2", "bytes 0-1/2x", "bytes 0x1-2/9",
        "bytes 0-1,3-4/9", "bytes 0-99999999999999999999/*", "bytes +1-2/9", "bytes 0--1/9"}) {
    EXPECT_FALSE(parse_content_range(value)) << value;
  }
}

TEST(Identity, TellsVersionsApart) {
  const Identity one{"\"a\"", "Mon", 10};
  EXPECT_FALSE(difference(one, one));
  EXPECT_FALSE(difference(one, {"", "", 10}));  // nothing is said
  EXPECT_TRUE(difference(one, {"\"b\"", "Mon", 10}));
  EXPECT_TRUE(difference(one, {"\"a\"", "Tue", 10}));
  EXPECT_TRUE(difference(one, {"\"a\"", "Mon", 11}));
  EXPECT_EQ(one.if_range(), "\"a\"");
  EXPECT_EQ((Identity{"W/\"a\"", "Mon", 1}.if_range()), "Mon");  // a weak one cannot be used
  EXPECT_EQ((Identity{"W/\"a\"", "", 1}.if_range()), "");
}

TEST(ResponseHead, TakesLines) {
  ResponseHead head;
  for (const char* line : {"HTTP/1.1 100 Continue\r\n", "\r\n", "HTTP/1.1 206 Partial Content\r\n",
                           "content-LENGTH:  12\r\n", "ETag: \"x\"\r\n", "no colon\r\n",
                           "Content-Range: bytes 0-11/12\r\n", "Retry-After: 3\r\n"}) {
    head.add_line(line);
  }
  EXPECT_EQ(head.status, 206);
  EXPECT_EQ(head.content_length, 12u);
  EXPECT_EQ(head.etag, "\"x\"");
  EXPECT_EQ(head.content_range, "bytes 0-11/12");
  EXPECT_EQ(retry_after(head), std::chrono::seconds(3));
  head.add_line("HTTP/2 503");
  EXPECT_EQ(head.status, 503);
  EXPECT_TRUE(head.etag.empty());
  head.add_line("Retry-After: Wed, 21 Oct 2015 07:28:00 GMT");
  EXPECT_FALSE(retry_after(head));
  head.add_line("ETag: \"x\"");
  head.add_line("  ETag: \"continues the line before\"");
  head.add_line("\tRetry-After: 4");
  EXPECT_EQ(head.etag, "\"x\"");
  EXPECT_FALSE(retry_after(head));
  head.add_line("Content-Length: -1");
  EXPECT_FALSE(head.content_length);
}

// Returns what If-Range would send after a head with this field.
std::string sent_after(const std::string& field) {
  ResponseHead head;
  head.add_line("HTTP/1.1 206 Partial Content\r\n");
  head.add_line("ETag: \"before\"\r\n");
  head.add_line("Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n");
  head.add_line(field + "\r\n");
  return Identity{head.etag, head.last_modified, 1}.if_range();
}

TEST(ResponseHead, TakesNoVersionThatIsNone) {
  using namespace std::string_literals;
  const std::string date = "Wed, 21 Oct 2015 07:28:00 GMT";
  EXPECT_EQ(sent_after("ETag: \"x\""), "\"x\"");
  EXPECT_EQ(sent_after("ETag: W/\"x\""), date);  // a weak one cannot be used
  for (const std::string& value :
       {"x"s, "\"a\rX: y\""s, "\"a\nX: y\""s, "\"a\0\""s, "\"a\x7F\""s, "\"a\" X: y"s, "\"a\"b\""s,
        "\""s, "w/\"a\""s, "\"a\"" + std::string(1'020, ' ') + "b\"",
        "\"" + std::string(1'022, 'a') + "\" of more"}) {
    EXPECT_EQ(sent_after("ETag: " + value), date) << value;
  }
  for (const std::string& value : {"Wed\rX: y"s, "Wed\0"s, "\"x\""s, "Wed, \xC2\x9B GMT"s,
                                   "Wed, " + std::string(1'020, ' ') + "2015"}) {
    ResponseHead head;
    head.add_line("Last-Modified: " + date);
    EXPECT_EQ(head.last_modified, date);
    head.add_line("Last-Modified: " + value);
    EXPECT_EQ(head.last_modified, "") << value;
  }
}

}  // namespace
}  // namespace bbz::http
