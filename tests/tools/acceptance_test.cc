// --expect and --max-size, on every command that reads an archive: refused before anything is
// delivered.
#include <nlohmann/json.hpp>

#include "tools/every_command.h"

namespace bbz::tools {
namespace {

class Acceptance : public EveryCommand {
 protected:
  Acceptance() {
    EXPECT_EQ(sh("$BBZ pack -q in/model.safetensors --digest sha256 -o in/sha.bbz").code, 0);
    EXPECT_EQ(sh("$BBZ pack -q in/sliced.safetensors --digest sha256 -o in/exact.bbz").code, 0);
    note_inputs();
  }

  std::string root_of(const std::string& archive) {
    return nlohmann::json::parse(sh("$BBZINFO --json " + archive).out)["root_digest"];
  }

  // Command lines that read an archive, the name of which they have as "@".
  struct Row {
    std::string command;
    bool makes = false;
    bool prints = false;
    std::string archive = "in/sha.bbz";
  };
  std::vector<Row> rows() const {
    std::vector<Row> rows = {
        {"$BBZ unpack @ -C out/below", true},
        {"$BBZ unpack @ -o out", true},
        {"$BBZ unpack @ -o -", false, true},
        {"$BBZ unpack @ --layer 1 -C out", true},
        {"$BBZ unpack @ --layer 1 -o out", true},
        {"$BBZ unpack - -C out/below < @", true},
        {"$BBZ unpack - -o out < @", true},
        {"cat @ | $BBZ unpack - -o -", false, true},
        {"$BBZ unpack - --layer 1 -C out < @", true},
        {"cat @ | $BBZ unpack - --layer 1 -o out", true},
        {"$BBZ cat @ model.layers.1.norm.weight", false, true},
        {"$BBZ cat @ model.layers.1.norm.weight -o out", true},
        {"$BBZ cat - model.layers.1.norm.weight -o out < @", true},
        {"cat @ | $BBZ cat - model.safetensors", false, true},
        {"$BBZ verify @", false, true},
        {"$BBZ verify - < @", false, true},
        {"$BBZ compare in/model.safetensors @", false, true},
        {"$BBZ estimate @", false, true, "in/exact.bbz"},
        {"$BBZINFO @", false, true},
        {"cat @ | $BBZINFO --json -", false, true},
    };
    if (mounts_) rows.push_back({"$BBZ mount @ m && umount m", false, false});
    return rows;
  }

  Finished run_with(const Row& row, const std::string& option) {
    std::filesystem::remove_all(dir_ / "out");
    std::string command = row.command;
    command.replace(command.find('@'), 1, row.archive);
    // Behind the name of the command.
    const std::size_t tool = command.find("$BBZ");
    const std::size_t name =
        command.starts_with("$BBZINFO") || command.find("$BBZINFO") != std::string::npos
            ? command.find("$BBZINFO") + 8
            : command.find(' ', tool + 5);
    return sh(command.insert(name, " " + option));
  }

  void expect_refused(const Row& row, const std::string& option, int code,
                      const std::string& words) {
    const Finished refused = run_with(row, option);
    EXPECT_EQ(refused.code, code) << row.command << " " << option << "\n" << refused.err;
    EXPECT_NE(refused.err.find(words), std::string::npos) << row.command << "\n" << refused.err;
    if (row.command.find("verify") == std::string::npos) {
      EXPECT_EQ(refused.out, "") << row.command;
    }
    EXPECT_FALSE(exists("out")) << row.command;
    EXPECT_EQ(strays(), std::set<std::string>()) << row.command;
  }
};

TEST_F(Acceptance, OnlyTheContentThatIsExpectedIsDelivered) {
  for (const Row& row : rows()) {
    const std::string root = root_of(row.archive);
    const Finished taken = run_with(row, "--expect " + root);
    EXPECT_EQ(taken.code, 0) << row.command << "\n" << taken.err;
    EXPECT_EQ(exists("out"), row.makes) << row.command;
    EXPECT_EQ(!taken.out.empty(), row.prints) << row.command;
    EXPECT_EQ(strays(), std::set<std::string>()) << row.command;
    std::string other = root;
    other.back() = other.back() == '0' ? '1' : '0';
    expect_refused(row, "--expect " + other, 1, "root digest");
    expect_refused(row, "--expect " + std::string(32, '0'), 1, "root digest");
    expect_refused(row, "--expect sha256:12", 2, "digest");
  }
}

// The root digest of an archive that was changed without a trace is another one.
TEST_F(Acceptance, AChangedArchiveIsRefused) {
  const std::string root = root_of("in/sha.bbz");
  EXPECT_EQ(sh("$BBZ pack -qf in/model.safetensors --digest sha256 --name x -o in/sha.bbz").code,
            0);
  write("in/model.safetensors", layered_model(3, 32, 9));
  EXPECT_EQ(sh("$BBZ pack -qf in/model.safetensors --digest sha256 -o in/sha.bbz").code, 0);
  for (const Row& row : rows()) {
    if (row.archive == "in/sha.bbz") expect_refused(row, "--expect " + root, 1, "root digest");
  }
}

TEST_F(Acceptance, AnArchiveOfMoreThanTheSizeIsRefused) {
  for (const Row& row : rows()) {
    const std::size_t size =
        read(row.archive == "in/sha.bbz" ? "in/model.safetensors" : "in/sliced.safetensors").size();
    const Finished taken = run_with(row, "--max-size " + std::to_string(size));
    EXPECT_EQ(taken.code, 0) << row.command << "\n" << taken.err;
    expect_refused(row, "--max-size " + std::to_string(size - 1), 3, "limit");
    expect_refused(row, "--max-size x", 2, "--max-size");
  }
}

TEST_F(Acceptance, AHalfCheckedArchiveIsNotSaidToBeExpected) {
  const Finished refused = sh("$BBZ verify --fast in/sha.bbz --expect " + root_of("in/sha.bbz"));
  EXPECT_EQ(refused.code, 2);
  EXPECT_NE(refused.err.find("--fast"), std::string::npos) << refused.err;
  EXPECT_EQ(refused.out, "");
}

}  // namespace
}  // namespace bbz::tools
