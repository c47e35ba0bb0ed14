#include "bbz/base/error.h"

#include <gtest/gtest.h>

#include "bbz/base/format.h"

namespace bbz {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return make_error(Code::kInvalidArgument, "{} is odd", n);
  return n / 2;
}

Result<int> quarter(int n) {
  BBZ_ASSIGN(const int h, half(n));
  BBZ_ASSIGN(const int q, half(h));
  return q;
}

Status check_even(int n) {
  BBZ_TRY(half(n));
  return {};
}

TEST(Error, CodesKeepTheirNumbersAndNames) {
  EXPECT_EQ(static_cast<int>(Code::kChecksum), 5);
  EXPECT_EQ(static_cast<int>(Code::kInternal), 14);
  EXPECT_EQ(static_cast<int>(Code::kOutOfMemory), 15);
  EXPECT_EQ(static_cast<int>(Code::kBase), 16);
  EXPECT_EQ(code_name(Code::kOk), "ok");
  EXPECT_EQ(code_name(Code::kNotAnArchive), "not-an-archive");
  EXPECT_EQ(code_name(Code::kInternal), "internal");
  EXPECT_EQ(code_name(Code::kOutOfMemory), "out-of-memory");
  EXPECT_EQ(code_name(Code::kBase), "base");
  EXPECT_EQ(code_name(static_cast<Code>(99)), "unknown");
}

TEST(Error, AssignPassesValuesAndErrorsOn) {
  EXPECT_EQ(*quarter(12), 3);
  const Result<int> failed = quarter(6);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.code(), Code::kInvalidArgument);
  EXPECT_EQ(failed.error().message, "3 is odd");
}

TEST(Error, TryPassesErrorsOn) {
  EXPECT_TRUE(check_even(2).ok());
  EXPECT_EQ(check_even(2).code(), Code::kOk);
  EXPECT_EQ(check_even(5).error().message, "5 is odd");
}

// Takes a value through a call that the compiler does not see into.
int taken(const Result<int>& result) {
  return result.value();
}

TEST(ErrorDeathTest, TheValueOfAnErrorEndsTheProgramWithItsMessage) {
  Result<int> failed = quarter(6);
  EXPECT_DEATH(taken(failed), "3 is odd.*invalid-argument");
  EXPECT_DEATH(*failed = 1, "3 is odd.*invalid-argument");
  EXPECT_DEATH((void)std::move(failed).value(), "3 is odd.*invalid-argument");
  const Result<std::string> text = error_with_message(Code::kIo, "it is gone");
  EXPECT_DEATH((void)text->size(), "it is gone.*io");
}

TEST(ErrorDeathTest, TheErrorOfASuccessEndsTheProgram) {
  Result<int> half_of = half(4);
  EXPECT_DEATH((void)half_of.error().message.size(), "holds a value");
  EXPECT_DEATH((void)std::move(half_of).error().message.size(), "holds a value");
  Status status;
  EXPECT_DEATH((void)status.error().message.size(), "holds a value");
  EXPECT_DEATH((void)std::move(status).error().message.size(), "holds a value");
}

}  // namespace
}  // namespace bbz
