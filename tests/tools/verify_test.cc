// The messages and exit codes of bbz verify.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "tools/models.h"
#include "tools/shell.h"

namespace bbz::tools {
namespace {

class Verify : public ToolTest {
 protected:
  Verify() {
    write("model.safetensors", layered_model(5, 40));
    EXPECT_EQ(sh("$BBZ pack model.safetensors --digest sha256").code, 0);
  }

  nlohmann::json info() {
    return nlohmann::json::parse(sh("$BBZINFO model.bbz --json --chunks").out);
  }
  // The same archive with a bit flipped in the first chunks of some tensors.
  void break_chunks(const nlohmann::json& info, std::initializer_list<std::size_t> tensors) {
    std::string archive = read("model.bbz");
    for (const std::size_t tensor : tensors) {
      archive[info["tensors"][tensor]["chunks"][0]["offset"].get<std::size_t>()] ^= 1;
    }
    write("broken.bbz", archive);
  }
};

TEST_F(Verify, FindsWholeWhatIs) {
  EXPECT_EXIT_CODE(0,
                   "$BBZ verify model.bbz && $BBZ verify --fast model.bbz && "
                   "cat model.bbz | $BBZ verify -");
  const std::string digest = info()["root_digest"];
  EXPECT_EXIT_CODE(0, "$BBZ verify model.bbz --expect " + digest);
  EXPECT_EXIT_CODE(0, "$BBZ verify model.bbz --expect " + digest.substr(7));
  EXPECT_EXIT_CODE(1, "$BBZ verify model.bbz --expect sha256:" + std::string(64, '0'));
  EXPECT_EXIT_CODE(1, "$BBZ verify model.bbz --expect " + std::string(32, '0'));
  EXPECT_EXIT_CODE(2, "$BBZ verify model.bbz --expect sha256:12");
}

TEST_F(Verify, ListsEveryDamagedChunk) {
  const auto json = info();
  break_chunks(json, {2, 5});
  for (const std::string fast : {"", "--fast "}) {
    const Finished found = sh("$BBZ verify " + fast + "broken.bbz");
    EXPECT_EQ(found.code, 3);
    for (const std::size_t tensor : {2, 5}) {
      const std::string name = json["tensors"][tensor]["name"];
      EXPECT_NE(found.err.find(name), std::string::npos) << found.err;
    }
    EXPECT_EQ(std::ranges::count(found.err, '\n'), 2) << found.err;
  }
  // Intact tensors can still be unpacked; damaged ones cannot.
  const std::string good = json["tensors"][1]["name"], bad = json["tensors"][2]["name"];
  EXPECT_EXIT_CODE(0, "$BBZ cat broken.bbz " + good + " > good");
  EXPECT_EXIT_CODE(0, "cat broken.bbz | $BBZ cat - " + good + " | cmp - good");
  EXPECT_EXIT_CODE(3, "$BBZ cat broken.bbz " + bad);
  EXPECT_EXIT_CODE(3, "$BBZ unpack broken.bbz -C out");
  EXPECT_EXIT_CODE(3, "cat broken.bbz | $BBZ unpack - -C out");
  EXPECT_FALSE(exists("out/model.safetensors"));
  EXPECT_FALSE(left_temporaries());
}

TEST_F(Verify, NamesAFileOnce) {
  const Finished found = sh("$BBZ verify " BBZ_VECTORS "/invalid/file-digest.bbz");
  EXPECT_EQ(found.code, 3);
  const std::size_t first = found.err.find("file \"");
  ASSERT_NE(first, std::string::npos) << found.err;
  EXPECT_EQ(found.err.find("file \"", first + 1), std::string::npos) << found.err;
}

TEST_F(Verify, CallsDamageOnlyWhatIs) {
  EXPECT_EQ(sh("$BBZ verify " BBZ_VECTORS "/invalid/split-form-0.bbz").code, 4);
  const auto last_word = [&](const std::string& archive) {
    return sh("$BBZ verify " + archive).out;
  };
  EXPECT_EQ(last_word("model.bbz"), "model.bbz: ok\n");
  break_chunks(info(), {2});
  EXPECT_EQ(last_word("broken.bbz"), "broken.bbz: DAMAGED\n");
  const std::string newer = last_word(BBZ_VECTORS "/invalid/split-form-0.bbz");
  EXPECT_EQ(newer.find("DAMAGED"), std::string::npos) << newer;
  EXPECT_NE(newer.find("this version"), std::string::npos) << newer;
}

TEST_F(Verify, PrintsJson) {
  const auto report = [&](const std::string& arguments, int code) {
    const Finished found = sh("$BBZ verify --json " + arguments);
    EXPECT_EQ(found.code, code) << arguments;
    EXPECT_EQ(found.err, "") << arguments;
    return nlohmann::json::parse(found.out);
  };
  const auto json = info();
  const auto whole = report("model.bbz", 0);
  EXPECT_EQ(whole["archive"], "model.bbz");
  EXPECT_EQ(whole["outcome"], "ok");
  EXPECT_TRUE(whole["error"].is_null());
  EXPECT_EQ(whole["archive_bytes"], json["archive_bytes"]);
  EXPECT_EQ(whole["tensors"], json["tensors_total"]["tensors"]);
  EXPECT_EQ(whole["root_digest"], json["root_digest"]);
  EXPECT_EQ(whole["damages"], nlohmann::json::array());

  break_chunks(json, {2, 5});
  const auto damaged = report("broken.bbz", 3);
  EXPECT_EQ(damaged["outcome"], "damaged");
  EXPECT_EQ(damaged["error"]["code"], "checksum");
  EXPECT_EQ(damaged["damaged"], 2);
  ASSERT_EQ(damaged["damages"].size(), 2u);
  EXPECT_EQ(damaged["damages"][1]["file"], "model.safetensors");
  EXPECT_EQ(damaged["damages"][1]["tensor"], json["tensors"][5]["name"]);
  EXPECT_EQ(damaged["damages"][1]["chunk"], 0);
  EXPECT_EQ(damaged["damages"][1]["offset"], json["tensors"][5]["chunks"][0]["offset"]);
  EXPECT_EQ(damaged["damages"][1]["code"], "checksum");

  EXPECT_EQ(report(BBZ_VECTORS "/invalid/major-version.bbz", 4)["outcome"], "unsupported");
  const std::string other = "model.bbz --expect " + std::string(32, '0');
  EXPECT_EQ(report(other, 1)["outcome"], "other-content");
  const auto several = report("broken.bbz model.bbz missing.bbz", 3);
  ASSERT_EQ(several.size(), 3u);
  EXPECT_EQ(several[1], whole);
  EXPECT_EQ(several[2]["outcome"], "unreadable");
  EXPECT_EQ(several[2]["error"]["code"], "not-found");
}

}  // namespace
}  // namespace bbz::tools
