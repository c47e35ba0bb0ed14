#include "bbz/access/download/identity.h"

#include <gtest/gtest.h>

namespace bbz::download {
namespace {

const std::string kDate = "Wed, 21 Oct 2015 07:28:00 GMT";

TEST(Origin, ComesBackAsItWas) {
  const Origin origins[] = {{"\"a\"", kDate, "https://host/m.bbz"},
                            {"W/\"\"", "", "http://host:8080/a/m.bbz?..."},
                            {"", kDate, "http://[::1]/"},
                            {"", "", "http://host"}};
  for (const Origin& origin : origins) {
    const auto back = decode_origin(encode_origin(origin));
    ASSERT_TRUE(back) << origin.url;
    EXPECT_EQ(back->etag, origin.etag);
    EXPECT_EQ(back->last_modified, origin.last_modified);
    EXPECT_EQ(back->url, origin.url);
  }
  EXPECT_EQ(encode_origin(origins[0]), "\"a\"\n" + kDate + "\nhttps://host/m.bbz");
}

TEST(Origin, HoldsNothingThatIsNotWellFormed) {
  const std::string url = "https://host/m.bbz";
  for (const std::string& identity : std::vector<std::string>{
           std::string(),
           std::string("\n\n"),
           "\"a\"\n" + kDate,
           url,
           "\"a\"\n" + url,
           "\"a\"\n" + kDate + "\n",
           "\"a\"\n" + kDate + "\n" + url + "\n",
           "a\n" + kDate + "\n" + url,
           "\"a\"\n21 Oct\n" + url,
           "\"a\"\r\n" + kDate + "\n" + url,
           "\"a\"\n" + kDate + "\r\n" + url,
           "\n\nftp://host/m.bbz",
           "\n\nHTTPS://host/m.bbz",
           "\n\nhttps://user@host/m.bbz",
           "\n\nhttps://host/m.bbz?query",
           "\n\nhttps://host/m.bbz#fragment",
           "\n\nhttps://host:password/m.bbz",
       }) {
    EXPECT_FALSE(decode_origin(identity)) << identity;
  }
}

TEST(Origin, KeepsOfAServerWhatIsWellFormedAndOfAUrlNoSecret) {
  const auto of = [](const std::string& url, const std::string& etag, const std::string& date) {
    return encode_origin(origin_of(url, {etag, date, 5}));
  };
  EXPECT_EQ(of("https://bob:secret@Host/m.bbz?token=1#x", "\"a\"", kDate),
            "\"a\"\n" + kDate + "\nhttps://host/m.bbz?...");
  EXPECT_EQ(of("https://host/m.bbz", "a", "today\r"), "\n\nhttps://host/m.bbz");
  // Which of it is a password is not known, and so no other URL is the same.
  EXPECT_EQ(of("https://bob:a/b@host/m.bbz", "", ""), "\n\n");
  EXPECT_EQ(of("https://host/" + std::string(40'000, 'x'), "", ""), "\n\n");
}

}  // namespace
}  // namespace bbz::download
