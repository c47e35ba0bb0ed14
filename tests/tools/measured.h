// A test that measures files and asks bbzinfo about archives.
#pragma once

#include <nlohmann/json.hpp>

#include "tools/shell.h"

namespace bbz::tools {

class MeasuredTest : public ToolTest {
 protected:
  std::uintmax_t size(const std::string& name) const {
    return std::filesystem::file_size(dir_ / name);
  }
  nlohmann::json info(const std::string& arguments) {
    const Finished shown = sh("$BBZINFO --json " + arguments);
    EXPECT_EQ(shown.code, 0) << shown.err;
    return nlohmann::json::parse(shown.out);
  }
};

}  // namespace bbz::tools
