// The archives of format-spec/vectors/valid for tests of the rooms that read archives: a new codec or form is in one of them,
// and every way of reading must take it. That Reader takes them is what tests/vectors says.
#pragma once

#include <filesystem>

#include "archive/sample.h"
#include "support/assert.h"
#include "support/temp_dir.h"

namespace bbz {

// Calls check(reader, archive) for each.
template <class Check>
void for_each_valid_vector(const Check& check) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(BBZ_VECTORS "/valid")) {
    if (entry.path().extension() != ".bbz") continue;
    SCOPED_TRACE(entry.path());
    ++count;
    const std::string text = io::read_text(entry.path().string());
    const Bytes archive = std::as_bytes(std::span(text));
    const auto reader = Reader::open(io::memory_source(archive));
    BBZ_ASSERT_OK(reader);
    check(*reader, archive);
    if (testing::Test::HasFatalFailure()) return;
  }
  EXPECT_GT(count, 30);
}

}  // namespace bbz
