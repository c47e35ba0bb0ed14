// --openmetrics: files that promtool accepts, that a Prometheus scrapes, and that replace nothing of
// others.
#include "common/openmetrics.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <thread>

#include "common/json.h"
#include "http/nginx.h"
#include "http/server.h"
#include "tools/models.h"
#include "tools/mounting.h"

namespace bbz::tools {
namespace {

bool has_program(const std::string& name) {
  return std::system(("command -v " + name + " > /dev/null").c_str()) == 0;
}

// The lines of a file that have values, by what is before the value.
std::map<std::string, double> values_of(const std::string& text) {
  std::map<std::string, double> values;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    const std::size_t space = line.rfind(' ');
    EXPECT_TRUE(values.emplace(line.substr(0, space), std::stod(line.substr(space + 1))).second)
        << line;
  }
  return values;
}

class MetricsTest : public MountTest {
 protected:
  MetricsTest() {
    write("model.safetensors", layered_model(2, 32));
    EXPECT_EXIT_CODE(0, "$BBZ pack -q model.safetensors -o model.bbz");
  }
  void SetUp() override {}  // most of these tests mount nothing

  std::map<std::string, double> metrics(const std::string& file = "m.prom") {
    return values_of(read(file));
  }
  double value(const std::string& series) {
    const auto found = metrics();
    EXPECT_TRUE(found.contains(series)) << series << "\n" << read("m.prom");
    return found.contains(series) ? found.at(series) : -1;
  }

  // Lets promtool check the file, whose complaints are an error. Says so if it is missing.
  void expect_accepted(const std::string& file = "m.prom") {
    if (!has_program("promtool")) {
      std::printf("not checked by promtool, which is not installed: %s\n", file.c_str());
      return;
    }
    const Finished checked = sh("promtool check metrics < " + file);
    EXPECT_EQ(checked.code, 0) << checked.err << checked.out << read(file);
    EXPECT_EQ(checked.err + checked.out, "") << read(file);
  }
};

TEST_F(MetricsTest, OfEveryCommandAreAcceptedByPromtool) {
  if (!has_program("promtool")) GTEST_SKIP() << "promtool (Debian's prometheus) is not installed";
  std::set<std::string> names;
  std::vector<std::string> commands = {"pack model.safetensors -o new.bbz",
                                       "pack missing -o x",
                                       "pack - -o - < model.safetensors > out",
                                       "verify model.bbz new.bbz",
                                       "verify model.bbz model.bbz",
                                       "verify missing model.bbz",
                                       "unpack -f model.bbz -o all",
                                       "unpack -f model.bbz --layer 1 -o some",
                                       "unpack - -C below < model.bbz",
                                       "report --json --no-estimates model.bbz new.bbz",
                                       "report --json --no-estimates missing"};
#ifdef BBZ_HTTP
  const http::Server server(read("model.bbz"));
  ::setenv("URL", server.url().c_str(), 1);
  commands.insert(commands.end(), {"get $URL -o got", "get $URL --layer 1 -o part"});
#endif
  for (const std::string& command : commands) {
    const Finished finished = sh("$BBZ " + command + " -q --openmetrics m.prom");
    EXPECT_TRUE(exists("m.prom")) << command << "\n" << finished.err;
    expect_accepted();
    for (const auto& [series, value] : metrics()) names.insert(series.substr(0, series.find('{')));
    std::filesystem::remove(dir_ / "m.prom");
  }
  EXPECT_TRUE(names.contains("bbz_codec_chunks"));
  EXPECT_TRUE(names.contains("bbz_damages"));
}

// Every kind with a value, as promtool judges names, types and help.
TEST_F(MetricsTest, OfEveryKindAreAcceptedByPromtool) {
  std::vector<Metric> all;
  for (const MetricKind& kind : metric_kinds()) all.push_back({kind.name, {{"archive", "a"}}, 1.5});
  const auto text = metrics_text(all);
  ASSERT_TRUE(text.ok());
  write("m.prom", *text);
  EXPECT_EQ(metrics().size(), metric_kinds().size());
  expect_accepted();
  EXPECT_EQ(metrics_text({{"bbz_unknown", {}, 1}}).code(), Code::kInternal);
}

TEST_F(MetricsTest, TellWhatARunDid) {
  EXPECT_EXIT_CODE(0, "$BBZ pack -q model.safetensors -o new.bbz --openmetrics m.prom");
  const std::string labels = "{command=\"pack\",archive=\"new.bbz\"}";
  const auto original = static_cast<double>(std::filesystem::file_size(dir_ / "model.safetensors"));
  const auto stored = static_cast<double>(std::filesystem::file_size(dir_ / "new.bbz"));
  EXPECT_EQ(value("bbz_original_bytes" + labels), original);
  EXPECT_EQ(value("bbz_archive_bytes" + labels), stored);
  EXPECT_DOUBLE_EQ(value("bbz_compression_ratio" + labels), stored / original);
  EXPECT_EQ(value("bbz_run_success" + labels), 1);
  EXPECT_EQ(value("bbz_run_exit_code" + labels), 0);
  EXPECT_NEAR(value("bbz_last_success_timestamp_seconds" + labels),
              static_cast<double>(std::time(nullptr)), 600);
  EXPECT_NEAR(
      value("bbz_run_bytes_per_second" + labels) * value("bbz_run_duration_seconds" + labels),
      original, 1);
  double chunks = 0;
  double bytes = 0;
  for (const auto& [series, count] : metrics()) {
    if (series.starts_with("bbz_codec_chunks{")) chunks += count;
    if (series.starts_with("bbz_codec_original_bytes{")) bytes += count;
  }
  EXPECT_GT(chunks, 6);
  EXPECT_EQ(bytes, original);
  struct ::stat status {};
  ASSERT_EQ(::stat((dir_ / "m.prom").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0644u);
  EXPECT_FALSE(left_temporaries());
}

TEST_F(MetricsTest, OfAReportCountItsGates) {
  EXPECT_EXIT_CODE(
      1,
      "$BBZ report -q --json --no-estimates model.bbz --gate 'ratio<=9' --gate 'ratio<=0.01' "
      "--gate 'ratio>0' --openmetrics m.prom");
  const std::string labels = "{command=\"report\",archive=\"model.bbz\"";
  EXPECT_EQ(value("bbz_gates" + labels + ",result=\"passed\"}"), 2);
  EXPECT_EQ(value("bbz_gates" + labels + ",result=\"failed\"}"), 1);
  EXPECT_EQ(value("bbz_run_exit_code" + labels + "}"), 1);
  EXPECT_EQ(value("bbz_archive_bytes" + labels + "}"),
            static_cast<double>(std::filesystem::file_size(dir_ / "model.bbz")));
  EXPECT_FALSE(metrics().contains("bbz_run_bytes_per_second" + labels + "}"));
}

TEST_F(MetricsTest, OfAFailureKeepWhenARunHadSuccess) {
  const std::string unpack = "umask 077; $BBZ unpack -q model.bbz -o out --openmetrics m.prom";
  const std::string labels = "{command=\"unpack\",archive=\"model.bbz\"";
  EXPECT_EXIT_CODE(0, unpack);
  const double when = value("bbz_last_success_timestamp_seconds" + labels + "}");
  // As if it had been long ago.
  std::string text = read("m.prom");
  const std::string begin = "bbz_last_success_timestamp_seconds" + labels + "} ";
  text.replace(text.find(begin) + begin.size(), std::to_string(static_cast<long>(when)).size(),
               "1234567890");
  write("m.prom", text);
  EXPECT_EXIT_CODE(6, unpack);
  EXPECT_EQ(value("bbz_last_success_timestamp_seconds" + labels + "}"), 1234567890);
  EXPECT_EQ(value("bbz_run_success" + labels + "}"), 0);
  EXPECT_EQ(value("bbz_run_exit_code" + labels + "}"), 6);
  EXPECT_EXIT_CODE(6, unpack);
  EXPECT_EQ(value("bbz_runs_total" + labels + ",result=\"success\"}"), 1);
  EXPECT_EQ(value("bbz_runs_total" + labels + ",result=\"failure\"}"), 2);
  EXPECT_FALSE(metrics().contains("bbz_run_bytes_per_second" + labels + "}"));
  struct ::stat status {};
  ASSERT_EQ(::stat((dir_ / "m.prom").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(MetricsTest, OfARefusedHistoryAreThoseOfAFailure) {
  write("h", "something else");
  EXPECT_EXIT_CODE(3, "$BBZ verify -q model.bbz --history h --openmetrics m.prom");
  EXPECT_EQ(value("bbz_run_success{command=\"verify\",archive=\"model.bbz\"}"), 0);
}

TEST_F(MetricsTest, EscapeNames) {
  for (const std::string name : {"quo\"te", "back\\slash", "line\nend", "right\xe2\x80\xaeleft",
                                 "no\xff"
                                 "utf",
                                 "{a=\"b\"} 1"}) {
    write(name, "not an archive");
    ::setenv("NAME", name.c_str(), 1);
    EXPECT_EXIT_CODE(3, "$BBZ verify -q \"$NAME\" --openmetrics m.prom");
    expect_accepted();
    EXPECT_EQ(metrics().size(), 8u) << read("m.prom");
    std::filesystem::remove(dir_ / "m.prom");
  }
  const auto text = metrics_text({{"bbz_files", {{"archive", "a\"b\\c\nd"}}, 1}});
  ASSERT_TRUE(text.ok());
  EXPECT_NE(text->find("{archive=\"a\\\"b\\\\c\\nd\"} 1\n"), std::string::npos) << *text;
}

TEST_F(MetricsTest, ReplaceNothingThatBbzDidNotWrite) {
  write("text", "# HELP node_load1 Load.\nnode_load1 1\n");
  write("empty", "");
  std::filesystem::create_directory(dir_ / "folder");
  std::filesystem::create_symlink("text", dir_ / "link");
  ASSERT_EQ(::mkfifo((dir_ / "fifo").c_str(), 0600), 0);
  for (const std::string name : {"text", "empty", "folder", "link", "fifo", "model.safetensors"}) {
    const Finished refused = sh("$BBZ pack -f model.safetensors -o out --openmetrics " + name);
    EXPECT_EQ(refused.code, 6) << name << refused.err;
    EXPECT_NE(refused.err.find(name + ": expected a file of metrics that bbz has written, found "),
              std::string::npos)
        << refused.err;
    EXPECT_FALSE(exists("out")) << name;
  }
  EXPECT_EQ(read("text"), "# HELP node_load1 Load.\nnode_load1 1\n");
  EXPECT_EXIT_CODE(1, "$BBZ pack model.safetensors -o out --openmetrics missing/m.prom");
  EXPECT_EXIT_CODE(2, "$BBZ pack model.safetensors -o out --openmetrics -");
  EXPECT_FALSE(exists("out"));
  // Also if it appears while the command works.
  EXPECT_EXIT_CODE(6, "$BBZ pack model.safetensors -o out --openmetrics out");
  EXPECT_EXIT_CODE(0, "$BBZ verify -q out");
}

TEST_F(MetricsTest, OfAMountAreWrittenWhileItIsServed) {
  if (const auto why = why_no_mount((std::filesystem::create_directory(dir_ / "m"), dir_ / "m"))) {
    GTEST_SKIP() << "nothing can be mounted here: " << *why;
  }
  serve("--openmetrics m.prom model.bbz");
  for (int i = 0; i < 12'000 && !exists("m.prom"); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  const std::string labels = "{command=\"mount\",archive=\"model.bbz\"";
  EXPECT_EQ(value("bbz_mount_up" + labels + "}"), 1);
  EXPECT_FALSE(metrics().contains("bbz_run_success" + labels + "}"));
  expect_accepted();
  EXPECT_EXIT_CODE(0, "cmp m/model.safetensors model.safetensors");
  EXPECT_EQ(end_serving(), 0) << read("log");
  EXPECT_EQ(value("bbz_mount_up" + labels + "}"), 0);
  EXPECT_EQ(value("bbz_run_success" + labels + "}"), 1);
  const auto size = static_cast<double>(std::filesystem::file_size(dir_ / "model.safetensors"));
  EXPECT_GE(value("bbz_mount_read_bytes_total" + labels + "}"), size);
  EXPECT_EQ(value("bbz_mount_decoded_bytes_total" + labels + "}"), size);
  EXPECT_GT(value("bbz_mount_chunk_requests_total" + labels + ",result=\"decoded\"}") +
                value("bbz_mount_chunk_requests_total" + labels + ",result=\"cached\"}"),
            0);
  expect_accepted();
}

// A Prometheus that scrapes one address.
class Prometheus {
 public:
  Prometheus(const std::string& folder, const std::string& target) : port_(free_port()) {
    std::filesystem::create_directory(folder);
    std::ofstream(folder + "/prometheus.yml")
        << "global:\n  scrape_interval: 1s\nscrape_configs:\n- job_name: bbz\n"
           "  metrics_path: /m.prom\n  static_configs:\n  - targets: ['"
        << target << "']\n";
    child_ = ::fork();
    if (child_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int log = ::open((folder + "/log").c_str(), O_WRONLY | O_CREAT, 0600);
    ::dup2(log, 1);
    ::dup2(log, 2);
    const std::string config = "--config.file=" + folder + "/prometheus.yml";
    const std::string data = "--storage.tsdb.path=" + folder + "/data";
    const std::string address = "--web.listen-address=127.0.0.1:" + std::to_string(port_);
    ::execlp("prometheus", "prometheus", config.c_str(), data.c_str(), address.c_str(), nullptr);
    ::_exit(127);
  }
  ~Prometheus() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  Prometheus(const Prometheus&) = delete;
  Prometheus& operator=(const Prometheus&) = delete;

  std::string query_url() const {
    return "http://127.0.0.1:" + std::to_string(port_) + "/api/v1/query?query=";
  }
  bool is_alive() const { return ::waitpid(child_, nullptr, WNOHANG) == 0; }

 private:
  static int free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                       ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    ::close(fd);
    return bound ? ntohs(address.sin_port) : 0;
  }

  int port_;
  ::pid_t child_ = 0;
};

TEST_F(MetricsTest, AreScrapedByPrometheus) {
  for (const std::string program : {"prometheus", "curl"}) {
    if (!has_program(program)) GTEST_SKIP() << program << " is not installed";
  }
  if (!http::Nginx::is_there()) GTEST_SKIP() << "nginx is not installed";
  EXPECT_EXIT_CODE(0, "$BBZ pack -q model.safetensors -o 'a \"name\".bbz' --openmetrics m.prom");
  const http::Nginx nginx(dir_.path());
  const std::string url = nginx.url("");
  const std::string target = url.substr(7, url.find('/', 7) - 7);
  const Prometheus prometheus(dir_ / "prometheus", target);
  const auto query = [&](const std::string& what) {
    const Finished got = sh("curl -s --noproxy '*' '" + prometheus.query_url() + what + "'");
    const Json answer = Json::parse(got.out, nullptr, false);
    if (!answer.is_object() || answer.value("status", "") != "success") return Json::array();
    return answer["data"]["result"];
  };
  Json found = Json::array();
  for (int i = 0; i < 600 && found.empty() && prometheus.is_alive(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    found = query("bbz_archive_bytes");
  }
  ASSERT_EQ(found.size(), 1u) << read("prometheus/log");
  EXPECT_EQ(found[0]["metric"]["archive"], "a \"name\".bbz");
  EXPECT_EQ(found[0]["metric"]["command"], "pack");
  EXPECT_EQ(std::stod(found[0]["value"][1].get<std::string>()),
            static_cast<double>(std::filesystem::file_size(dir_ / "a \"name\".bbz")));
  EXPECT_EQ(query("bbz_run_success==1").size(), 1u);
  std::size_t series = 0;
  for (const auto& [name, value] : metrics()) series += name.starts_with("bbz_");
  const Json count = query("count(%7B__name__=~%22bbz_.*%22%7D)");
  ASSERT_EQ(count.size(), 1u);
  EXPECT_EQ(count[0]["value"][1], std::to_string(series));
}

// The names of metrics in a text.
std::set<std::string> names_in(const std::string& text) {
  std::set<std::string> names;
  const std::regex name("\\bbbz_[a-z0-9_]+");
  for (std::sregex_iterator found(text.begin(), text.end(), name), end; found != end; ++found) {
    names.insert(found->str());
  }
  return names;
}

TEST(Monitoring, TheDashboardUsesMetricsThatBbzWrites) {
  std::set<std::string> kinds;
  for (const MetricKind& kind : metric_kinds()) kinds.insert(std::string(kind.name));
  const std::string folder = BBZ_EXAMPLES "/monitoring/";
  const Json dashboard = Json::parse(io::read_text(folder + "dashboard.json"));
  std::set<std::string> used;
  std::set<int> ids;
  for (const Json& panel : dashboard["panels"]) {
    EXPECT_TRUE(ids.insert(panel["id"].get<int>()).second) << panel["title"];
    for (const Json& target : panel["targets"]) {
      const auto names = names_in(target["expr"].get<std::string>());
      EXPECT_FALSE(names.empty()) << target;
      used.insert(names.begin(), names.end());
    }
  }
  EXPECT_GE(used.size(), 8u);
  for (const std::string& name : used) EXPECT_TRUE(kinds.contains(name)) << name;
  for (const std::string file : {"rules.yml", "README.md"}) {
    for (const std::string& name : names_in(io::read_text(folder + file))) {
      EXPECT_TRUE(kinds.contains(name)) << file << ": " << name;
    }
  }
  if (!has_program("promtool"))
    GTEST_SKIP() << "promtool, which checks the rules, is not installed";
  EXPECT_EQ(std::system(("promtool check rules " + folder + "rules.yml > /dev/null").c_str()), 0);
}

TEST(Monitoring, TheDocumentListsEveryMetric) {
  const auto documented = names_in(io::read_text(BBZ_DOCUMENTS "/monitoring.md"));
  std::set<std::string> kinds;
  for (const MetricKind& kind : metric_kinds()) kinds.insert(std::string(kind.name));
  EXPECT_EQ(documented, kinds);
}

}  // namespace
}  // namespace bbz::tools
