// Archives to report on, and reports as JSON.
#pragma once

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tools/models.h"
#include "tools/shell.h"
#include "tools/sliced_model.h"

namespace bbz::tools {

class Reporting : public ToolTest {
 protected:
  using Json = nlohmann::json;

  Reporting() {
    ::unsetenv("BBZ_BASE_PATH");
    ::unsetenv("SOURCE_DATE_EPOCH");
    write("model.safetensors", layered_model(3, 64));
    EXPECT_EXIT_CODE(0, "$BBZ pack -q model.safetensors");
  }

  // Makes sliced.safetensors, sliced.bbz in the polar form, and tokens for both.
  void make_sliced() {
    write("sliced.safetensors", safetensors_of(small_sliced_model()));
    std::string tokens;
    for (int i = 0; i < 64; ++i) tokens += {static_cast<char>(i * 7 % 96), '\0'};
    write("tokens.u16", tokens);
    write("config.json",
          R"({"num_attention_heads": 4, "num_key_value_heads": 4, "hidden_size": 32})");
    EXPECT_EXIT_CODE(0, "$BBZ pack -q sliced.safetensors --symmetry polar");
  }

  // Runs bbz report --json with these arguments, which must end with this exit code, and returns what it prints.
  Json report(const std::string& arguments, int code = 0) {
    const Finished finished = sh("$BBZ report --no-estimates --json " + arguments);
    EXPECT_EQ(finished.code, code) << arguments << "\n" << finished.err;
    errors_ = finished.err;
    return Json::parse(finished.out, nullptr, false);
  }

  // The data of a page.
  Json data_of(const std::string& page) const {
    const std::string begin = "<script type=\"application/json\" id=\"report\">";
    const std::size_t at = page.find(begin);
    if (at == std::string::npos) return {};
    const std::size_t from = at + begin.size();
    return Json::parse(page.substr(from, page.find("</script>", from) - from), nullptr, false);
  }

  bool has(const std::string& command) { return sh(command + " >/dev/null 2>&1").code == 0; }

  // Whether this build makes pages.
  static bool makes_pages() {
#ifdef BBZ_HAVE_REPORT_PAGE
    return true;
#else
    return false;
#endif
  }

  std::string errors_;  // of the newest report()
};

}  // namespace bbz::tools
