// Assertions about results, for the tests of every room.
#pragma once

#include <gtest/gtest.h>

// Ends the test with the error's message if a Result or a Status is an error.
#define BBZ_ASSERT_OK(expression)                               \
  do {                                                          \
    const auto& bbz_result = (expression);                      \
    ASSERT_TRUE(bbz_result.ok()) << bbz_result.error().message; \
  } while (false)
