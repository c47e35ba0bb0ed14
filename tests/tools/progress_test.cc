// --progress: what programs read on standard error while a command works.
#include <sstream>

#include "common/json.h"
#include "tools/models.h"
#ifdef BBZ_HTTP
#include "http/server.h"
#endif
#include "tools/shell.h"

namespace bbz::tools {
namespace {

class Progress : public ToolTest {
 protected:
  Progress() {
    write("model.safetensors", layered_model(3, 256));
    EXPECT_EXIT_CODE(0, "$BBZ pack -q model.safetensors -o model.bbz");
  }

  // Splits messages into objects and other lines. Every line must be whole.
  static std::vector<Json> objects(const std::string& messages, std::vector<std::string>& others) {
    std::vector<Json> found;
    EXPECT_TRUE(messages.empty() || messages.ends_with('\n')) << messages;
    std::istringstream lines(messages);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with('{')) {
        found.push_back(Json::parse(line, nullptr, false));
        EXPECT_TRUE(found.back().is_object()) << line;
      } else {
        others.push_back(line);
      }
    }
    return found;
  }

  // Runs a command that must show one phase, from its beginning to its end, and returns the last object.
  Json expect_phase(const std::string& command, const std::string& phase) {
    const Finished finished = sh(command);
    EXPECT_EQ(finished.code, 0) << command << "\n" << finished.err;
    std::vector<std::string> others;
    const auto found = objects(finished.err, others);
    EXPECT_EQ(others, std::vector<std::string>()) << command;
    EXPECT_GE(found.size(), 2u) << command << "\n" << finished.err;
    if (found.size() < 2) return {};
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i]["phase"], phase) << command;
      EXPECT_EQ(found[i].contains("done"), i + 1 == found.size()) << finished.err;
      EXPECT_TRUE(found[i]["total"].is_null() || found[i]["total"].is_number_unsigned());
      EXPECT_TRUE(found[i]["rate"].is_number_unsigned());
      if (i == 0) continue;
      EXPECT_GE(found[i]["bytes"], found[i - 1]["bytes"]) << finished.err;
      const double pause =
          found[i]["seconds"].get<double>() - found[i - 1]["seconds"].get<double>();
      if (i + 1 < found.size()) {
        EXPECT_GT(pause, 0.0989) << finished.err;
      }
    }
    EXPECT_EQ(found.back()["done"], true);
    return found.back();
  }
};

TEST_F(Progress, IsOneObjectALine) {
  const auto original = std::filesystem::file_size(dir_ / "model.safetensors");
  const auto stored = std::filesystem::file_size(dir_ / "model.bbz");
  Json last = expect_phase("$BBZ pack --progress json model.safetensors -o new.bbz", "packing");
  EXPECT_EQ(last["bytes"], original);
  EXPECT_EQ(last["total"], original);
  last = expect_phase("$BBZ verify --progress json model.bbz", "verifying");
  EXPECT_EQ(last["bytes"], stored);
  EXPECT_EQ(last["total"], stored);
  last = expect_phase("$BBZ unpack --progress json model.bbz -o all", "unpacking");
  EXPECT_EQ(last["bytes"], original);
  EXPECT_EQ(last["total"], original);
  expect_phase("$BBZ unpack --progress json model.bbz --layer 1 -o some", "unpacking");
  expect_phase("$BBZ join --progress json model.bbz -o joined", "joining");
  expect_phase("$BBZ salvage --progress json model.bbz -o salvaged", "salvaging");
  EXPECT_EXIT_CODE(0, "$BBZ pack -q model.safetensors --base model.bbz -o update");
  expect_phase("$BBZ flatten --progress json update --base model.bbz -o flat", "flattening");
  expect_phase("$BBZ apply --progress json update model.safetensors", "updating");
#ifdef BBZ_HTTP
  const http::Server server(read("model.bbz"));
  ::setenv("URL", server.url().c_str(), 1);
  last = expect_phase("$BBZ get --progress json $URL -o got", "downloading");
  EXPECT_EQ(last["bytes"], stored);
  expect_phase("$BBZ get --progress json $URL --layer 1 -o part", "downloading");
#endif
}

TEST_F(Progress, OfAStreamHasNoTotalAndAtMostTenObjectsASecond) {
  const Json last = expect_phase(
      "{ head -c 400000 model.safetensors; sleep 0.5; tail -c +400001 model.safetensors; } | "
      "$BBZ pack -T 1 --chunk-size 4K --progress json - -o out",
      "packing");
  EXPECT_EQ(last["bytes"], std::filesystem::file_size(dir_ / "model.safetensors"));
  const Json tar =
      expect_phase("tar -c model.safetensors | $BBZ pack --progress json - -o tar", "packing");
  EXPECT_TRUE(tar["total"].is_null());
}

TEST_F(Progress, IsAlsoForQuietCommandsIfItIsAskedFor) {
  expect_phase("$BBZ verify -q --progress json model.bbz", "verifying");
  EXPECT_EQ(sh("$BBZ pack model.safetensors -o one").err, "");
  EXPECT_EQ(sh("$BBZ pack --progress auto model.safetensors -o two").err, "");
  EXPECT_EQ(sh("$BBZ pack --progress none model.safetensors -o three").err, "");
  EXPECT_EXIT_CODE(2, "$BBZ pack --progress some model.safetensors -o four");
}

TEST_F(Progress, OfAFailureHasNoEnd) {
  write("broken.bbz", read("model.bbz").substr(0, 100'000));
  const Finished finished = sh("$BBZ unpack --progress json - -C out < broken.bbz");
  EXPECT_EQ(finished.code, 3);
  std::vector<std::string> others;
  const auto found = objects(finished.err, others);
  ASSERT_GE(found.size(), 1u) << finished.err;
  for (const Json& object : found) EXPECT_FALSE(object.contains("done"));
  ASSERT_EQ(others.size(), 1u) << finished.err;
  EXPECT_TRUE(others[0].starts_with("bbz: ")) << others[0];
}

// The name of a file may begin as an object does, but no message does.
TEST_F(Progress, MessagesDoNotBeginAsObjectsDo) {
  const Finished finished =
      sh("$BBZ pack -v --progress json model.safetensors -o '{\"phase\": \"packing\"}'");
  EXPECT_EQ(finished.code, 0) << finished.err;
  std::vector<std::string> others;
  for (const Json& object : objects(finished.err, others))
    EXPECT_EQ(object.size(), object.contains("done") ? 6u : 5u);
  ASSERT_GE(others.size(), 2u);
  EXPECT_TRUE(others[0].starts_with("bbz: {\"phase\"")) << others[0];
}

}  // namespace
}  // namespace bbz::tools
