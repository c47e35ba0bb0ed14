#include "bbz/base/glob.h"

#include <gtest/gtest.h>

namespace bbz {
namespace {

TEST(Glob, MatchesWholeNames) {
  EXPECT_TRUE(matches_glob("model.*.weight", "model.layers.3/mlp.weight"));  // '.' and '/' too
  EXPECT_TRUE(matches_glob("*", ""));
  EXPECT_TRUE(matches_glob("*", ".hidden"));
  EXPECT_TRUE(matches_glob("w?[0-9]", "w/5"));
  EXPECT_FALSE(matches_glob("w?[0-9]", "w/a"));
  EXPECT_FALSE(matches_glob("w", "ww"));
  EXPECT_FALSE(matches_glob("w", "W"));
  EXPECT_FALSE(matches_glob("", "w"));
}

// Nobody has to know which names are patterns to choose a file or tensor of that name.
TEST(Glob, ANameStandsForItself) {
  for (const char* name : {"w[0]", "w[0", "a\\b", "[!a]", "a*", "a?", ""}) {
    EXPECT_TRUE(matches_glob(name, name)) << name;
  }
  EXPECT_TRUE(matches_glob("w[0]", "w0"));
  EXPECT_FALSE(matches_glob("w[0]", "w[1]"));
}

TEST(Glob, AnyPatternWillDo) {
  EXPECT_TRUE(matches_any_glob({"a", "b*"}, "bc"));
  EXPECT_FALSE(matches_any_glob({"a", "b*"}, "c"));
  EXPECT_FALSE(matches_any_glob({}, ""));
}

}  // namespace
}  // namespace bbz
