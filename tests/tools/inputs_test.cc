// Every command that writes: it replaces none of its inputs, and its output is no more readable.
#include <sys/stat.h>

#include "tools/every_command.h"

namespace bbz::tools {
namespace {

class Inputs : public EveryCommand {
 protected:
  // A command line that would write over the file `precious`, which it reads.
  void expect_refused(const std::string& command, const std::string& precious) {
    const std::string before = read(precious);
    const Finished refused = sh(command);
    EXPECT_EQ(refused.code, 2) << command << "\n" << refused.err;
    EXPECT_TRUE(read(precious) == before) << command;
    EXPECT_FALSE(left_temporaries()) << command;
  }

  // Names for the same file.
  std::vector<std::string> names_of(const std::string& file) {
    std::filesystem::create_directory(dir_ / "names");
    std::filesystem::remove(dir_ / "names/hard");
    std::filesystem::remove(dir_ / "names/soft");
    std::filesystem::create_hard_link(dir_ / file, dir_ / "names/hard");
    std::filesystem::create_symlink("../" + file, dir_ / "names/soft");
    return {file, "./in/../" + file, "names/hard", "names/soft"};
  }

  mode_t mode_of(const std::string& name) const {
    struct stat status {};
    EXPECT_EQ(::stat((dir_ / name).c_str(), &status), 0) << name;
    return status.st_mode & 07777;
  }
};

TEST_F(Inputs, AreReplacedByNoSingleOutput) {
  const std::string norm = "model.layers.1.norm.weight";
  for (const auto& [file, commands] : std::vector<std::pair<std::string, std::vector<std::string>>>{
           {"in/model.safetensors",
            {"$BBZ pack in/model.safetensors -f -o ", "$BBZ pack - <in/model.safetensors -f -o ",
             "$BBZ pack in/model.safetensors --index-first -f -o "}},
           {"in/sliced.safetensors", {"$BBZ pack in/sliced.safetensors --symmetry auto -f -o "}},
           {"in/folder/config.json", {"$BBZ pack in/folder -f -o "}},
           {"in/folder.tar", {"$BBZ pack - <in/folder.tar -f -o "}},
           {"in/model.bbz",
            {"$BBZ unpack in/model.bbz -f -o ", "$BBZ unpack - <in/model.bbz -f -o ",
             "$BBZ unpack in/model.bbz --layer 1 -f -o ",
             "$BBZ unpack - <in/model.bbz --layer 1 -f -o ",
             "$BBZ cat in/model.bbz " + norm + " -f -o ",
             "$BBZ cat - <in/model.bbz " + norm + " -f -o "}}}) {
    for (const std::string& command : commands) {
      for (const std::string& name : names_of(file)) expect_refused(command + name, file);
    }
  }
}

TEST_F(Inputs, AreReplacedByNoFileOfATree) {
  const std::string archive = read("in/model.bbz");
  for (const std::string way : {"mv", "ln", "ln -s"}) {
    // The archive is where one of its files goes.
    for (const std::string command :
         {"$BBZ unpack -f a -C tree", "$BBZ unpack -f - <a -C tree",
          "$BBZ unpack -f a --layer 1 -C tree", "$BBZ unpack -f - <a --layer 1 -C tree"}) {
      std::filesystem::remove_all(dir_ / "tree");
      write("a", archive);
      std::filesystem::create_directory(dir_ / "tree");
      if (way == "ln") {
        std::filesystem::create_hard_link(dir_ / "a", dir_ / "tree/model.safetensors");
      } else if (way == "mv") {
        std::filesystem::rename(dir_ / "a", dir_ / "tree/model.safetensors");
        std::filesystem::create_symlink("tree/model.safetensors", dir_ / "a");
      } else {
        std::filesystem::create_symlink("../a", dir_ / "tree/model.safetensors");
      }
      expect_refused(command, "tree/model.safetensors");
      std::filesystem::remove(dir_ / "a");
    }
  }
}

TEST_F(Inputs, AreNotReplacedBySalvage) {
  for (const auto& [archive, name] : std::vector<std::pair<std::string, std::string>>{
           {"in/model.bbz", "out/model.safetensors"},
           {"in/broken.bbz", "out/model.safetensors.partial"},
           {"in/broken.bbz", "out/model.safetensors.rescued.safetensors"}}) {
    std::filesystem::create_directory(dir_ / "out");
    std::filesystem::create_hard_link(dir_ / archive, dir_ / name);
    const std::string before = read(archive);
    EXPECT_NE(sh("$BBZ salvage -f " + archive + " -o out").code, 0) << name;
    EXPECT_TRUE(read(name) == before) << name;
    std::filesystem::remove_all(dir_ / "out");
  }
}

TEST_F(Inputs, ALogIsWrittenToNoArchive) {
  if (!mounts_) GTEST_SKIP() << "nothing can be mounted here";
  for (const std::string& name : names_of("in/model.bbz")) {
    expect_refused("$BBZ mount in/model.bbz m --log " + name, "in/model.bbz");
  }
}

// A FIFO of another user, who would read what is written, and one that nobody reads.
TEST_F(Inputs, GoToNoFifoOfAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make another user's FIFO";
  ASSERT_EQ(sh("mkdir shared && mkfifo shared/out && chown nobody shared shared/out").code, 0);
  ASSERT_EQ(sh("ln -s out shared/link && chown -h nobody shared/link").code, 0);
  std::vector<std::string> commands = {
      "pack in/model.safetensors",        "pack in/sliced.safetensors --symmetry auto",
      "pack - <in/model.safetensors",     "unpack in/model.bbz",
      "unpack - <in/model.bbz",           "unpack in/model.bbz --layer 1",
      "unpack - --layer 1 <in/model.bbz", "cat in/model.bbz model.layers.1.norm.weight"};
  if (server_ != nullptr) {
    commands.push_back("get $URL");
    commands.push_back("get $URL --layer 1");
  }
  for (const std::string& command : commands) {
    for (const std::string name : {"out", "link"}) {
      const Finished refused = sh("timeout 60 $BBZ " + command + " -o shared/" + name);
      EXPECT_TRUE(refused.code == 5 || refused.code == 6) << command << "\n" << refused.err;
    }
  }
  EXPECT_EQ(sh("find shared -type f").out, "");
}

TEST_F(Inputs, TheirOutputsAreNoMoreReadable) {
  const auto set_all = [&](const char* mode) {
    ASSERT_EQ(sh(std::string("chmod -R u=rwX,go=,") + mode + " in").code, 0);
  };
  struct Case {
    const char* inputs;
    const char* umask;
    mode_t at_most;
  };
  for (const Case c : {Case{"go=", "022", 0600}, Case{"go=", "0", 0600}, Case{"go=r", "022", 0644},
                       Case{"go=r", "0", 0644}, Case{"go=r", "077", 0600}}) {
    set_all(c.inputs);
    for (const CommandLine& row : successes()) {
      if (!row.makes) continue;
      const bool remote = row.command.find("$URL") != std::string::npos;
      std::filesystem::remove_all(dir_ / "out");
      CommandLine masked = row;
      masked.command = std::string("umask ") + c.umask + "; " + row.command;
      EXPECT_EQ(run(masked).code, 0) << masked.command;
      // A part of a download is unpacked from the partial file, which others may not write to.
      const bool part = row.command.find("get $URL --layer") != std::string::npos;
      const mode_t most = part ? 0644 : 0666;
      const auto mask = static_cast<mode_t>(std::stoul(c.umask, nullptr, 8));
      const mode_t expected = remote ? most & ~mask : c.at_most;
      for (const std::string& name : dir_.entries()) {
        if (!name.starts_with("out") || std::filesystem::is_directory(dir_ / name)) continue;
        EXPECT_EQ(mode_of(name), expected) << masked.command << " " << name << " " << c.inputs;
      }
    }
  }
}

TEST_F(Inputs, AnArchiveOfSeveralFilesIsForThoseWhoMayReadThemAll) {
  ASSERT_EQ(sh("chmod 644 in/folder/model.safetensors; chmod 600 in/folder/config.json").code, 0);
  EXPECT_EXIT_CODE(0, "umask 022; $BBZ pack in/folder -o out.bbz");
  EXPECT_EQ(mode_of("out.bbz"), 0600u);
  EXPECT_EXIT_CODE(0, "chmod 644 in/folder/*; umask 022; $BBZ pack in/folder -f -o out.bbz");
  EXPECT_EQ(mode_of("out.bbz"), 0644u);
}

TEST_F(Inputs, CommandsThatWriteNeedNotWaitForTheDisk) {
  for (const CommandLine& row : successes()) {
    if (!row.makes) continue;
    CommandLine hurried = row;
    hurried.command += " --no-sync";
    EXPECT_EQ(run(row).code, 0);
    std::filesystem::rename(dir_ / "out", dir_ / "synced");
    EXPECT_EQ(run(hurried).code, 0) << hurried.command;
    EXPECT_EXIT_CODE(0, "diff -r out synced");
    std::filesystem::remove_all(dir_ / "synced");
  }
}

}  // namespace
}  // namespace bbz::tools
