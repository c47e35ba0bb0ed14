// The pages of --help: each has examples, before its options, and they run as written.
#include <sstream>

#include "tools/documented.h"

namespace bbz::tools {
namespace {

// The commands of a page's examples, each of which has two spaces before it.
std::vector<std::string> examples_of(const std::string& page) {
  std::vector<std::string> commands;
  std::istringstream text(page);
  bool inside = false;
  for (std::string line; std::getline(text, line);) {
    if (line == "Examples:") {
      inside = true;
    } else if (line.empty()) {
      inside = false;
    } else if (inside && line.starts_with("  ") && line[2] != ' ') {
      commands.push_back(line.substr(2));
    }
  }
  return commands;
}

class Help : public Documented {
 protected:
  // Makes sources/ with what is packed, archives/ with archives too, and broken/ with one to
  // salvage.
  Help() {
    std::string tokens;
    for (int i = 0; i < 3 * 129; ++i) tokens += {static_cast<char>(i * 7 % 96), '\0'};
    write("tokens.u16", tokens);
    write("config.json",
          R"({"num_attention_heads": 4, "num_key_value_heads": 4, "hidden_size": 32})");
    write("run/model-00001-of-00002.safetensors", llama_model());
    write("run/optimizer.pt", "state");
    write("run/checkpoint-1/model-00002-of-00002.safetensors", "not one");
    EXPECT_EXIT_CODE(
        0,
        "mkdir sources broken && cp -r model.safetensors llama sliced.pt factored.safetensors tokens.u16 config.json run "
        "base.safetensors tuned.safetensors sources && cp -r sources archives && cd archives && $BBZ pack -q model.safetensors && "
        "$BBZ pack -q llama && $BBZ pack -q sliced.pt --symmetry auto && "
        "$BBZ pack -q base.safetensors && $BBZ pack -q tuned.safetensors --base base.bbz && "
        "$BBZINFO model.bbz --json | sed -n 's/.*\"root_digest\": *\"\\([^\"]*\\)\".*/\\1/p' "
        "> model.digest");
    EXPECT_EXIT_CODE(
        0,
        "$BBZINFO there --json | sed -n 's/.*\"root_digest\": *\"\\([^\"]*\\)\".*/\\1/p' "
        "> sources/llama.digest && head -c 50000 there > sources/copy.bbz && "
        "head -c 50000 archives/model.bbz > broken/broken.bbz && cp archives/base.bbz broken");
  }
  ~Help() override { ::umount2((dir_ / "at/mnt").c_str(), MNT_DETACH); }

  std::optional<std::string> why_not(const std::string& line) {
    if (line.find("ssh ") != std::string::npos) return "needs another machine";
    if (line.find("mount -f") != std::string::npos) return "serves until it is interrupted";
#ifndef BBZ_HAVE_REPORT_PAGE
    if (line.starts_with("bbz report") && line.find("--json") == std::string::npos) {
      return "this build makes no pages";
    }
#endif
    return Documented::why_not(line);
  }

  // Runs the examples of a page one after the other, and returns how many ran. Each begins in a new
  // copy of `start`, unless they are steps of one use.
  std::size_t run_examples(const std::string& command, const std::string& start, bool steps,
                           int expected = 0) {
    const Finished help = run_line(command + " --help");
    EXPECT_EQ(help.code, 0) << command << "\n" << help.err;
    EXPECT_LT(help.out.find("\nExamples:\n"), help.out.find("\nOptions:\n")) << help.out;
    const auto lines = examples_of(help.out);
    EXPECT_FALSE(lines.empty()) << command;
    std::size_t run = 0;
    for (const std::string& line : lines) {
      if (const auto why = why_not(line)) {
        std::printf("not run: %s (%s)\n", line.c_str(), why->c_str());
        continue;
      }
      if (!steps || run == 0) EXPECT_EXIT_CODE(0, "rm -rf at && cp -r " + start + " at");
      const Finished finished = run_line(line, "at");
      EXPECT_EQ(finished.code, expected) << line << "\n" << finished.err;
      ++run;
    }
    return run;
  }
};

TEST_F(Help, ItsExamplesRunAsWritten) {
  std::size_t run = run_examples("bbz", "sources", true);
  for (const std::string command : {"bbz pack", "bbz get"}) {
    run += run_examples(command, "sources", false);
  }
  for (const std::string command :
       {"bbz unpack", "bbz cat", "bbz verify", "bbz apply", "bbz flatten", "bbz estimate",
        "bbz compare", "bbz report", "bbzinfo"}) {
    run += run_examples(command, "archives", false);
  }
  run += run_examples("bbz mount", "archives", true);
  // A cut archive is salvaged in part, which the exit code says.
  run += run_examples("bbz salvage", "broken", false, 3);
  EXPECT_GT(run, 20u);
}

}  // namespace
}  // namespace bbz::tools
