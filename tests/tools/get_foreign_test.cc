// Files beside an output that others have made or may write to: bbz get neither trusts them nor
// writes to them.
#include "tools/found.h"

namespace bbz::tools {
namespace {

TEST_F(Found, LinksAndFilesOfOthersAreRefused) {
  pack(1 << 20);
  Server server("");
  offer(server);
  write("home/precious", "precious");
  const std::string state = state_of(identity(server), archive_.size());
  const auto text = [&](const std::string& name) { return name == kPart ? archive_ : state; };
  const std::pair<std::string, std::string> kinds[] = {
      {"ln -s home/precious NAME", "symbolic link"},
      {"ln -s home/none NAME", "symbolic link"},
      {"ln home/precious NAME", "another name"},
      {"mkfifo NAME", "not a regular file"},
      {"mkdir NAME", "not a regular file"},
      {"cp TEXT NAME && chmod 666 NAME", "writable by others"},
      {"cp TEXT NAME && chmod 664 NAME", "writable by others"},
      {"cp TEXT NAME && chown 65534:65534 NAME", "another user"},
  };
  for (const auto& [make, words] : kinds) {
    if (words == "another user" && ::geteuid() != 0) continue;  // only root can make one
    for (const std::string name : {kPart, kState}) {
      SCOPED_TRACE(make + " as " + name);
      write("text", text(name));
      if (name == kState) write(kPart, archive_);
      std::string command = make;
      while (command.find("NAME") != std::string::npos) {
        command.replace(command.find("NAME"), 4, name);
      }
      if (const std::size_t at = command.find("TEXT"); at != std::string::npos) {
        command.replace(at, 4, "text");
      }
      ASSERT_EQ(sh(command).code, 0);
      const std::size_t asked = server.request_count();
      for (const std::string options : {"", "--restart", "--layer 1 -o model.bbz"}) {
        expect_failure(kGet + options, 6, words);
        expect_failure(kGet + options, 6, "-f replaces it");
      }
      EXPECT_EQ(server.request_count(), asked);
      EXPECT_FALSE(exists("model.bbz"));
      if (make.starts_with("mkdir")) {
        std::filesystem::remove(dir_ / name);
      } else {
        EXPECT_EXIT_CODE(0, std::string(kGet) + "-f");
        expect_done();
        EXPECT_EQ(mode_of("model.bbz"), 0644u);
        struct stat status {};
        ASSERT_EQ(::lstat((dir_ / "model.bbz").c_str(), &status), 0);
        EXPECT_TRUE(S_ISREG(status.st_mode) && status.st_uid == ::geteuid());
        std::filesystem::remove(dir_ / "model.bbz");
      }
      EXPECT_EQ(read("home/precious"), "precious");
      EXPECT_FALSE(exists("home/none"));
      std::filesystem::remove(dir_ / kPart);
    }
  }
}

TEST_F(Found, NobodyElseMayWriteToAPart) {
  pack(1 << 20);
  Budget budget;
  Server server("", budget.hook(server));
  offer(server);
  for (const std::string mask : {"000", "002", "022", "077"}) {
    const std::uint32_t bits = static_cast<std::uint32_t>(std::stoul(mask, nullptr, 8));
    const std::string command = "umask " + mask + " && " + kGet;
    budget.allow(server, 1'000'000);
    expect_failure(command, 5, "");
    EXPECT_EQ(mode_of(kPart), 0644 & ~bits);
    EXPECT_EQ(mode_of(kState), 0644 & ~bits);
    budget.lift();
    EXPECT_EXIT_CODE(0, command);
    expect_done();
    EXPECT_EQ(mode_of("model.bbz"), 0666 & ~bits);
    std::filesystem::remove(dir_ / "model.bbz");
  }
}

TEST_F(Found, AMendedFileKeepsItsMode) {
  pack(1 << 20);
  Budget budget;
  Server server("", budget.hook(server));
  offer(server);
  std::string damaged = archive_;
  damaged[damaged.size() / 4] ^= 1;
  for (const std::uint32_t mode : {0600u, 0640u, 0644u, 0664u, 0666u}) {
    write("model.bbz", damaged);
    chmod("model.bbz", mode);
    EXPECT_EXIT_CODE(0, std::string(kGet) + "--repair");
    expect_done();
    EXPECT_EQ(mode_of("model.bbz"), mode);
    // Or one with which nobody can read it or write to it who could not.
    write("model.bbz", damaged);
    budget.allow(server, 40'000);
    expect_failure(std::string(kGet) + "--repair", 5, "");
    EXPECT_EQ(mode_of(kPart), mode & ~022u);
    budget.lift();
    EXPECT_EXIT_CODE(0, std::string(kGet) + "--repair");
    expect_done();
    EXPECT_EQ(mode_of("model.bbz"), mode & ~022u);
  }
}

TEST_F(Found, OnlyAFileUnderOneNameIsMended) {
  pack(1 << 20);
  Server server("");
  offer(server);
  std::string damaged = archive_;
  damaged[damaged.size() / 4] ^= 1;
  write("model.bbz", damaged);
  EXPECT_EXIT_CODE(0, "ln model.bbz second");
  expect_failure(std::string(kGet) + "--repair", 6, "another name");
  EXPECT_EQ(read("second"), damaged);
  EXPECT_EQ(server.request_count(), 0u);
  EXPECT_EXIT_CODE(0, std::string(kGet) + "--repair -f");
  expect_done();
  EXPECT_EQ(read("second"), damaged);
  EXPECT_EXIT_CODE(0, "rm model.bbz && ln -s second model.bbz");
  expect_failure(std::string(kGet) + "--repair", 6, "symbolic link");
  EXPECT_EQ(read("second"), damaged);
}

// A file that takes the name of a part during the download is not looked at.
TEST_F(Found, APartThatIsExchangedIsNotPublished) {
  pack(1 << 20);
  const std::string other = other_archive(1 << 20);
  Budget budget;
  std::atomic<bool> exchange{false};
  Server server("", [&](const ServerRequest& request, ServerConnection& connection) {
    if (exchange.exchange(false)) {
      std::filesystem::rename(dir_ / kPart, dir_ / "stolen");
      io::write_text(dir_ / kPart, other);
    }
    return budget.hook(server)(request, connection);
  });
  offer(server);
  begin(server, budget, 1'000'000);
  const std::string part = read(kPart);
  const std::string state = read(kState);
  exchange = true;
  expect_failure(kGet, 5, "was replaced during the download");
  EXPECT_FALSE(exists("model.bbz"));
  EXPECT_EQ(read(kPart), other);
  write(kPart, part);
  write(kState, state);
  exchange = true;
  EXPECT_EXIT_CODE(0, std::string(kGet) + "--layer 2 -o model.bbz && $BBZ unpack model.bbz -o a");
  EXPECT_EQ(read(kPart), other);
  write("model.bbz", archive_);
  EXPECT_EXIT_CODE(0, "$BBZ unpack model.bbz --layer 2 -o b && cmp a b");
}

}  // namespace
}  // namespace bbz::tools
