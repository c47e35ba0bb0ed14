// Error messages: they name the file and what helps, and contain nothing that acts on a terminal.
#include <algorithm>

#include "tools/every_command.h"

namespace bbz::tools {
namespace {

class Messages : public EveryCommand {
 protected:
  // Returns the name that the message of a failing command must contain.
  static std::string culprit(const CommandLine& row) {
    for (const std::string name : {"in/missing", "in/cut.bbz", "in/broken.bbz", "in/old",
                                   "/dev/full", "in/model.safetensors -o out/below"}) {
      if (row.command.find(name) != std::string::npos) return name.substr(0, name.find(' '));
    }
    if (!row.input.empty()) return "standard input";
    for (const std::string name : {"in/model.bbz", "in/folder.bbz"}) {
      if (row.command.find(name) != std::string::npos) return name;
    }
    return "";
  }
};

TEST_F(Messages, NameTheFileThatTheyAreAbout) {
  for (const CommandLine& row : failures()) {
    if (row.code == 2 || row.prints) continue;
    const Finished failed = run(row);
    EXPECT_NE(failed.err.find(culprit(row)), std::string::npos) << row.command << "\n"
                                                                << failed.err;
    EXPECT_EQ(std::ranges::count(failed.err, '\n'), 1) << row.command << "\n" << failed.err;
  }
}

TEST_F(Messages, NameTheModelOfTwoThatIsBad) {
  write("in/short.safetensors", read("in/model.safetensors").substr(0, 2000));
  for (const std::string bad : {"in/cut.bbz", "in/broken.bbz", "in/short.safetensors"}) {
    for (const std::string& line : {"in/model.safetensors " + bad, bad + " in/model.safetensors"}) {
      const Finished failed = sh("$BBZ compare " + line);
      EXPECT_EQ(failed.code, 3) << line;
      EXPECT_TRUE(failed.err.starts_with("bbz: " + bad + ": ")) << line << "\n" << failed.err;
    }
  }
}

TEST_F(Messages, AdviseWhatHelps) {
  write("two/a.safetensors", layered_model(2, 16, 1));
  write("two/b.safetensors", layered_model(2, 16, 50));
  write("bad.safetensors", "not one");
  ASSERT_EQ(sh("$BBZ pack two").code, 0);
  struct Row {
    std::string command;
    std::string advice;
  };
  for (const Row& row : {
           Row{"$BBZ pack bad.safetensors", " (--opaque packs it as plain bytes)\n"},
           Row{"$BBZ cat two.bbz model.layers.1.norm.weight", " (--file chooses one)\n"},
           Row{"$BBZ unpack two.bbz -o out",
               " (--file chooses one, -C writes each below a directory)\n"},
           Row{"$BBZ unpack two.bbz --layer 1 -o out",
               " (--file chooses one, -C writes each below a directory)\n"},
           Row{"$BBZ unpack in/broken.bbz -C out", " (bbz salvage recovers what is whole)\n"},
           Row{"$BBZ cat in/cut.bbz x", " (bbz salvage recovers what is whole)\n"},
       }) {
    const Finished failed = sh(row.command);
    EXPECT_TRUE(failed.err.ends_with(row.advice)) << row.command << "\n" << failed.err;
  }
}

TEST_F(Messages, NameTheOptionsThatCannotBeCombined) {
  const std::string expect = " --expect sha256:" + std::string(64, '0');
  std::vector<std::pair<std::string, std::string>> rows = {
      {"$BBZ pack in/model.safetensors --index-first --symmetry auto -o out",
       "--index-first cannot be combined with --symmetry"},
      {"$BBZ unpack in/model.bbz -o out -C out", "-o cannot be combined with -C"},
      {"$BBZ unpack in/model.bbz --layer 1",
       "the selected tensors need an output: "
       "-o FILE for one file, or -C DIR for one for each file that they come from"},
      {"$BBZ verify in/model.bbz in/folder.bbz" + expect,
       "--expect cannot be combined with several archives"},
      {"$BBZ verify --fast in/model.bbz" + expect,
       "--expect cannot be combined with --fast: "
       "the root digest is of the content, which --fast does not decode"},
      {"$BBZ compare in/model.safetensors in/model.bbz --max-nll 1",
       "--max-nll and --max-logit need --tokens"},
  };
  if (mounts()) {
    rows.emplace_back("$BBZ mount --stats in/model.bbz m",
                      "--stats needs -f: a process in the background has no terminal to print to");
    rows.emplace_back("$BBZ mount in/model.bbz in/old", "in/old: cannot mount: not a directory");
  }
  for (const auto& [command, message] : rows) {
    const Finished refused = sh(command);
    EXPECT_EQ(refused.code, 2) << command;
    EXPECT_EQ(refused.err, "bbz: " + message + "\n") << command;
    EXPECT_FALSE(exists("out")) << command;
  }
}

class DeadMount : public MountTest {};

TEST_F(DeadMount, IsCalledWhatItIs) {
  write("model.safetensors", layered_model(2, 32));
  ASSERT_EQ(sh("$BBZ pack model.safetensors").code, 0);
  serve("model.bbz");
  EXPECT_EQ(end_serving(SIGKILL), 128 + SIGKILL);
  for (const std::string command :
       {"mount model.bbz m", "mount -f model.bbz m", "unpack model.bbz -C m",
        "unpack model.bbz -o m/out", "pack m/model.safetensors -o out", "cat m/model.bbz x",
        "salvage model.bbz -o m"}) {
    const Finished failed = sh("$BBZ " + command);
    EXPECT_EQ(failed.code, 5) << command << "\n" << failed.err;
    EXPECT_NE(failed.err.find("the mounted file system has ended (unmount it with fusermount3 -u"),
              std::string::npos)
        << command << "\n"
        << failed.err;
  }
}

}  // namespace
}  // namespace bbz::tools
