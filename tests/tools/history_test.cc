// --history: rows of runs in a file that nothing else may be in, and that is never lost.
#include "common/history.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <chrono>
#include <set>
#include <thread>

#include "bbz/base/error.h"
#include "tools/models.h"
#include "tools/shell.h"

namespace bbz::tools {
namespace {

const std::string kRow =
    R"({"schema":1,"tool":"bbz","version":"9","date":"2026-01-02T03:04:05Z","command":"pack","archive":"a"})";

class HistoryTest : public ToolTest {
 protected:
  HistoryTest() {
    write("model.safetensors", layered_model(2, 32));
    EXPECT_EXIT_CODE(0, "$BBZ pack -q model.safetensors -o model.bbz");
  }

  std::vector<Json> rows(std::size_t most = 1000) {
    auto read = read_history(dir_ / "h", most);
    EXPECT_TRUE(read.ok()) << read.error().message;
    return read.ok() ? *read : std::vector<Json>();
  }

  // Verifies with the history `h`, which must be refused before the work, and be kept as it is.
  void expect_refused(int code, const std::string& words) {
    const std::string before = read("h");
    const Finished finished = sh("$BBZ pack model.safetensors -o out --history h");
    EXPECT_EQ(finished.code, code) << finished.err;
    EXPECT_NE(finished.err.find("h: " + words), std::string::npos) << finished.err;
    EXPECT_FALSE(exists("out"));
    EXPECT_EQ(read("h"), before);
    EXPECT_EQ(read_history(dir_ / "h", 1).ok(), false);
  }
};

TEST_F(HistoryTest, RunsAppendRowsWithTheirFigures) {
  EXPECT_EXIT_CODE(0, "$BBZ pack -q -T 2 model.safetensors -o new.bbz --history h");
  EXPECT_EXIT_CODE(0, "$BBZ verify -q new.bbz model.bbz --history h");
  EXPECT_EXIT_CODE(0, "$BBZ unpack -q new.bbz -C all --history h");
  EXPECT_EXIT_CODE(0, "$BBZ unpack -q new.bbz --layer 1 -o some --history h");
  EXPECT_EXIT_CODE(0, "$BBZ verify -q --fast new.bbz --history h");
  const auto found = rows();
  ASSERT_EQ(found.size(), 6u);
  const auto original = std::filesystem::file_size(dir_ / "model.safetensors");
  const auto stored = std::filesystem::file_size(dir_ / "new.bbz");
  const Json info = Json::parse(sh("$BBZINFO --json new.bbz").out);
  for (const Json& row : found) {
    EXPECT_EQ(row["schema"], 1);
    EXPECT_EQ(row["tool"], "bbz");
    EXPECT_EQ(row["root_digest"], info["root_digest"]) << row;
    EXPECT_EQ(row["date"].get<std::string>().size(), std::string("2026-12-01T11:30:00Z").size());
    EXPECT_GT(row["seconds"].get<double>(), 0);
    EXPECT_TRUE(row["quality"].is_null());
  }
  for (const std::size_t i : {0, 1, 3}) {
    EXPECT_EQ(found[i]["original_bytes"], original) << found[i];
    EXPECT_EQ(found[i]["archive_bytes"], stored) << found[i];
    EXPECT_DOUBLE_EQ(found[i]["ratio"].get<double>(),
                     static_cast<double>(stored) / static_cast<double>(original));
    const double speed = static_cast<double>(original) / found[i]["seconds"].get<double>();
    EXPECT_NEAR(found[i]["bytes_per_second"].get<double>(), speed, 1);
  }
  EXPECT_EQ(found[0]["command"], "pack");
  EXPECT_EQ(found[0]["archive"], "new.bbz");
  EXPECT_EQ(found[0]["threads"], 2);
  EXPECT_EQ(found[2]["command"], "verify");
  EXPECT_EQ(found[2]["archive"], "model.bbz");
  EXPECT_EQ(found[3]["command"], "unpack");
  // A part of an archive says nothing of its ratio.
  EXPECT_LT(found[4]["original_bytes"].get<std::uint64_t>(), original);
  EXPECT_TRUE(found[4]["archive_bytes"].is_null());
  EXPECT_TRUE(found[4]["ratio"].is_null());
  // Without decoding, bytes per second would be those of something else.
  EXPECT_EQ(found[5]["original_bytes"], original);
  EXPECT_TRUE(found[5]["bytes_per_second"].is_null());
}

TEST_F(HistoryTest, FailedRunsAppendNothing) {
  write("broken.bbz", read("model.bbz").substr(0, 3000));
  EXPECT_EXIT_CODE(3, "$BBZ verify -q broken.bbz --history h");
  EXPECT_EXIT_CODE(6, "$BBZ pack -q model.safetensors --history h");
  EXPECT_EXIT_CODE(1, "$BBZ unpack -q model.bbz --layer 9 -o out --history h");
  EXPECT_FALSE(exists("h"));
  // Of several archives, those that are whole have rows.
  EXPECT_EXIT_CODE(3, "$BBZ verify -q broken.bbz model.bbz --history h");
  const auto found = rows();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0]["archive"], "model.bbz");
}

TEST_F(HistoryTest, GivesTheNewestRowsWithFieldsThatItDoesNotKnow) {
  std::string text;
  for (int i = 0; i < 5000; ++i) {
    Json row = Json::parse(kRow);
    row["archive"] = std::to_string(i);
    row["later"] = {{"unknown", i}};
    text += row.dump() + "\n";
  }
  write("h", text);
  EXPECT_EXIT_CODE(0, "$BBZ verify -q model.bbz --history h");
  EXPECT_EQ(read("h").substr(0, text.size()), text);
  const auto found = rows(3);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0]["archive"], "4998");
  EXPECT_EQ(found[1]["later"]["unknown"], 4999);
  EXPECT_EQ(found[2]["archive"], "model.bbz");
}

TEST_F(HistoryTest, RefusesFilesOfAnythingElse) {
  const std::string deep = std::string(1000, '[') + std::string(1000, ']');
  for (const std::string& line :
       {std::string("not JSON"), std::string("[1]"), std::string("17"), std::string("{}"),
        std::string(""), std::string(R"({"schema":1})"),
        R"({"schema":1,"tool":"other"})" + std::string(), kRow.substr(0, 60),
        R"({"deep":)" + deep + "," + kRow.substr(1), R"({"ratio":"much",)" + kRow.substr(1),
        std::string("\x80\0binary", 8)}) {
    write("h", kRow + "\n" + line + "\n" + kRow + "\n");
    expect_refused(3, "line 2: expected a row of a history of bbz, found ");
  }
  write("h", kRow + "\n" + std::string(100'000, ' ') + "\n");
  expect_refused(
      3, "line 2: expected a row of a history of bbz, found a line of more than 32768 bytes");
  write("h", kRow + "\n" + R"({"schema":2,"tool":"bbz","rows":[]})" + "\n");
  expect_refused(4, "line 2: expected a row of schema 1, found schema 2");
  write("h", kRow + "\n" + R"({"schema":0,"tool":"bbz"})" + "\n");
  expect_refused(3, "line 2: expected a row of a history of bbz, found an unknown schema");
}

TEST_F(HistoryTest, ExplainsALastRowWithoutAnEnd) {
  for (const std::string& last : {kRow, kRow.substr(0, 50), std::string("x")}) {
    write("h", kRow + "\n" + kRow + "\n" + last);
    expect_refused(3, "line 3: expected a line end after the last row, found none");
  }
}

TEST_F(HistoryTest, RefusesWhatIsNoFile) {
  ASSERT_EQ(::mkfifo((dir_ / "fifo").c_str(), 0600), 0);
  std::filesystem::create_directory(dir_ / "folder");
  const std::string pack = "$BBZ pack model.safetensors -o out --history ";
  EXPECT_EXIT_CODE(6, pack + "fifo");
  EXPECT_EXIT_CODE(6, pack + "folder");
  EXPECT_EXIT_CODE(6, pack + "/dev/null");
  EXPECT_EXIT_CODE(2, pack + "-");
  EXPECT_EXIT_CODE(2, pack + "folder/");
  EXPECT_EXIT_CODE(1, pack + "missing/h");
  EXPECT_FALSE(exists("out"));
  EXPECT_NE(sh(pack + "fifo").err.find("expected a history of bbz, found a FIFO"),
            std::string::npos);
  EXPECT_FALSE(read_history(dir_ / "fifo", 1).ok());
  EXPECT_EQ(read_history(dir_ / "missing", 1).code(), Code::kNotFound);
}

TEST_F(HistoryTest, AnArchiveThatGetsItsNameIsKept) {
  EXPECT_EXIT_CODE(3, "$BBZ pack -q model.safetensors -o h --history h");
  EXPECT_EXIT_CODE(0, "$BBZ verify -q h");
}

// While another process has the lock, rows of its own appear, and this run waits for the end.
TEST_F(HistoryTest, WaitsForTheLockAndChecksWhatOthersHaveAppended) {
  for (const bool good : {true, false}) {
    write("h", kRow + "\n");
    std::filesystem::remove(dir_ / "out");
    const int fd = ::open((dir_ / "h").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    ASSERT_EQ(::flock(fd, LOCK_EX), 0);
    const pid_t child = start("exec $BBZ pack -q model.safetensors -o out --history h");
    for (int i = 0; i < 12'000 && !exists("out"); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ASSERT_TRUE(exists("out"));
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    EXPECT_EQ(::waitpid(child, nullptr, WNOHANG), 0);
    EXPECT_EQ(read("h"), kRow + "\n");
    const std::string more = good ? kRow + "\n" : "half a ro";
    ASSERT_EQ(::write(fd, more.data(), more.size()), static_cast<ssize_t>(more.size()));
    ::close(fd);
    EXPECT_EQ(end_of(child).code, good ? 0 : 3);
    if (good) {
      EXPECT_EQ(rows().size(), 3u);
    } else {
      EXPECT_EQ(read("h"), kRow + "\nhalf a ro");
    }
  }
}

TEST_F(HistoryTest, RunsAtOnceAllGetWholeRows) {
  constexpr int kProcesses = 6;
  constexpr int kRows = 20;
  std::vector<pid_t> children;
  for (int process = 0; process < kProcesses; ++process) {
    const pid_t child = ::fork();
    if (child == 0) {
      int failures = 0;
      for (int i = 0; i < kRows; ++i) {
        const auto history = History::open(dir_ / "h");
        HistoryRow row{"pack", std::to_string(process * kRows + i) + std::string(3000, 'x')};
        failures += !history.ok() || !history->append({history_json(row)}).ok();
      }
      ::_exit(failures);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  std::set<std::string> names;
  for (const Json& row : rows()) names.insert(row["archive"].get<std::string>());
  EXPECT_EQ(names.size(), std::size_t{kProcesses * kRows});
}

TEST_F(HistoryTest, ADiskThatIsFullLeavesItAsItWas) {
  std::string text;
  while (text.size() < 900) text += kRow + "\n";
  write("h", text);
  // The limit is between the end of the file and that of the new row.
  const Finished finished = sh("ulimit -f 2; $BBZ verify -q model.bbz --history h");
  EXPECT_EQ(finished.code, 5) << finished.err;
  EXPECT_NE(finished.err.find("h: cannot write"), std::string::npos) << finished.err;
  EXPECT_EQ(read("h"), text);
}

TEST_F(HistoryTest, RowsHaveABound) {
  HistoryRow row{"pack", std::string(1'000'000, '\x01')};
  auto history = History::open(dir_ / "h");
  ASSERT_TRUE(history.ok());
  EXPECT_TRUE(history->append({history_json(row)}).ok());
  EXPECT_EQ(rows().size(), 1u);
  EXPECT_LE(read("h").size(), kMostRowBytes);
  row.quality = {{"note", std::string(kMostRowBytes, 'x')}};
  EXPECT_EQ(history->append({history_json(row)}).code(), Code::kInvalidArgument);
  EXPECT_EQ(rows().size(), 1u);
}

}  // namespace
}  // namespace bbz::tools
