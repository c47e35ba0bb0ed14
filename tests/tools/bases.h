// A model, one that leans on it, and another one that does not serve as its base.
#pragma once

#include <gmock/gmock.h>

#include "tools/measured.h"
#include "tools/models.h"

namespace bbz::tools {

// Returns the model after a step of training: every 40th weight or so is a unit of the last place more.
inline std::string stepped(std::string model, unsigned step) {
  std::mt19937 random(step);
  std::uint64_t header = 0;
  std::memcpy(&header, model.data(), sizeof header);
  for (std::size_t at = 8 + header; at + 1 < model.size(); at += 2 * (1 + random() % 80)) {
    if (model[at] != '\x7F') model[at] = static_cast<char>(model[at] + 1);
  }
  return model;
}

class Bases : public MeasuredTest {
 protected:
  Bases() {
    ::unsetenv("BBZ_BASE_PATH");
    const std::string base = layered_model(3, 128);
    write("base.safetensors", base);
    write("tuned.safetensors", stepped(base, 1));
    write("other.safetensors", layered_model(3, 128, 50));
    EXPECT_EXIT_CODE(0, "$BBZ pack -q base.safetensors");
    EXPECT_EXIT_CODE(0, "$BBZ pack -q tuned.safetensors --base base.safetensors");
  }

  // Runs a command that must fail so, with this text in its message, and leave no output.
  void refused(int code, const std::string& command, const std::string& text) {
    const Finished finished = sh(command);
    EXPECT_EQ(finished.code, code) << command << "\n" << finished.err;
    EXPECT_THAT(finished.err, ::testing::HasSubstr(text)) << command;
    EXPECT_FALSE(exists("out")) << command;
    EXPECT_FALSE(left_temporaries()) << command;
  }
};

}  // namespace bbz::tools
