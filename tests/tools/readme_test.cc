// The commands of the README and of the other documents, in their order, on models that are made
// for them.
#include <map>
#include <sstream>

#include "tools/documented.h"

namespace bbz::tools {
namespace {

// The lines of all blocks of shell commands.
std::vector<std::string> shell_lines(const std::string& markdown) {
  std::vector<std::string> lines;
  std::istringstream text(markdown);
  bool inside = false;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("```")) {
      inside = line == "```sh";
    } else if (inside && !line.empty()) {
      lines.push_back(line);
    }
  }
  return lines;
}

class Readme : public Documented {
 protected:
  Readme() {
    // An archive that was cut, of other files than those that the lines unpack.
    EXPECT_EXIT_CODE(
        0,
        "$BBZ pack -q model.safetensors -o whole && head -c 50000 whole > broken.bbz && "
        "rm whole there");
  }
  ~Readme() override { ::umount2((dir_ / "mnt").c_str(), MNT_DETACH); }

  // Why a line of the README cannot be run here; nothing if it can.
  std::optional<std::string> why_not(const std::string& line) {
    if (line.starts_with("scripts/")) return "builds the project";
    if (line.starts_with("cmake")) return "installs the project";
    if (line.starts_with("cd python") || line.starts_with("pip ")) {
      return "builds and installs the Python package, as its own tests do";
    }
#ifndef BBZ_HAVE_REPORT_PAGE
    if (line.starts_with("bbz report")) return "this build makes no pages of reports";
#endif
    return Documented::why_not(line);
  }
};

// The files that a command must have made, if its exit code does not say enough.
const std::map<std::string, std::string> kThen = {
    {"bbz unpack model.bbz -C out/", "cmp model.safetensors out/model.safetensors"},
    {"bbz pack llama/", "! bbzinfo --files small.bbz | grep optimizer"},
    {"bbz pack sliced.pt", "bbzinfo --symmetry sliced.bbz"},
    {"curl", "cmp llama/model.safetensors out/llama/model.safetensors"},
    {"bbz get", "bbz verify mistral.bbz"},
    {"mkdir mnt", "cmp llama/model.safetensors mnt/llama/model.safetensors"},
};

TEST_F(Readme, ItsCommandsRunInItsOrder) {
  const auto lines = shell_lines(io::read_text(BBZ_README));
  ASSERT_GT(lines.size(), 15u);
  std::size_t run = 0;
  for (const std::string& line : lines) {
    if (const auto why = why_not(line)) {
      std::printf("not run: %s (%s)\n", line.c_str(), why->c_str());
      continue;
    }
    // A cut archive is salvaged in part, which its exit code says.
    const int expected = line.starts_with("bbz salvage") ? 3 : 0;
    const Finished finished = run_line(line);
    EXPECT_EQ(finished.code, expected) << line << "\n" << finished.err;
    for (const auto& [begin, check] : kThen) {
      if (!line.starts_with(begin)) continue;
      EXPECT_EXIT_CODE(0, "PATH=$PWD/bin:$PATH; " + check);
    }
    ++run;
  }
  EXPECT_GT(run, 10u);
}

TEST_F(Readme, TheCommandsOfTheOtherDocumentsRun) {
  EXPECT_EXIT_CODE(0, "$BBZ pack -q llama/ -o llama.bbz");
  std::size_t lines = 0;
  for (const auto& entry : std::filesystem::directory_iterator(BBZ_DOCUMENTS)) {
    for (const std::string& line : shell_lines(io::read_text(entry.path()))) {
      ++lines;
      if (why_not(line)) continue;
      const Finished finished = run_line(line);
      EXPECT_EQ(finished.code, 0) << entry.path() << ": " << line << "\n" << finished.err;
    }
  }
  EXPECT_GE(lines, 2u);
}

}  // namespace
}  // namespace bbz::tools
