#include "bbz/base/late_library.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bbz {
namespace {

using testing::HasSubstr;

TEST(LateLibrary, FindsFunctions) {
  LateLibrary library("libm.so.6");
  double (*cosine)(double) = nullptr;
  library.bind(cosine, "cos");
  ASSERT_TRUE(library.status().ok()) << library.status().error().message;
  EXPECT_EQ(cosine(0.0), 1.0);
}

TEST(LateLibrary, NamesTheLibraryThatIsNotThere) {
  LateLibrary library("libbbz-no-such-library.so.7");
  double (*cosine)(double) = nullptr;
  library.bind(cosine, "cos");
  EXPECT_EQ(cosine, nullptr);
  ASSERT_FALSE(library.status().ok());
  EXPECT_EQ(library.status().error().code, Code::kUnsupported);
  EXPECT_THAT(library.status().error().message, HasSubstr("libbbz-no-such-library.so.7"));
}

TEST(LateLibrary, NamesTheFirstFunctionThatIsNotThere) {
  LateLibrary library("libm.so.6");
  double (*first)(double) = nullptr;
  double (*second)(double) = nullptr;
  double (*cosine)(double) = nullptr;
  library.bind(first, "no_such_function");
  library.bind(second, "nor_this_one");
  library.bind(cosine, "cos");
  ASSERT_FALSE(library.status().ok());
  EXPECT_EQ(library.status().error().code, Code::kUnsupported);
  EXPECT_EQ(library.status().error().message,
            "the library libm.so.6 has no symbol no_such_function");
}

}  // namespace
}  // namespace bbz
