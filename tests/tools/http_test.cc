// Archives behind URLs: what the tools make of them, how much they move, and how they fail.
#include <nlohmann/json.hpp>

#include "http/nginx.h"
#include "http/server.h"
#include "tools/models.h"
#include "tools/mounting.h"
#include "tools/noisy_model.h"
#include "tools/over_nginx.h"
#include "tools/shell.h"
#include "tools/sliced_model.h"

namespace bbz::tools {
namespace {

using http::Nginx;
using http::Server;
using http::ServerConnection;
using http::ServerRequest;

std::uint64_t index_bytes(const std::string& archive) {
  std::uint64_t length = 0;
  std::memcpy(&length, archive.data() + archive.size() - 64 + 8, sizeof length);
  return length;
}

TEST_F(OverNginx, OpensWithOneOrTwoRequests) {
  write("model.safetensors", noisy_model(2, 2 << 20));
  ASSERT_EQ(sh("$BBZ pack model.safetensors && "
               "$BBZ pack model.safetensors --index-first -o first.bbz")
                .code,
            0);
  nginx_->take_log();
  EXPECT_EXIT_CODE(0, "$BBZINFO $URL/model.bbz");
  EXPECT_EQ(nginx_->take_log().size(), 2u);
  EXPECT_EXIT_CODE(0, "$BBZINFO $URL/first.bbz --files");
  EXPECT_EQ(nginx_->take_log().size(), 1u);
}

TEST_F(OverNginx, OneLayerMovesLittleMoreThanItself) {
  write("model.safetensors", noisy_model(3, 20 << 20));
  for (const std::string option : {"", "--index-first "}) {
    ASSERT_EQ(sh("$BBZ pack -f " + option + "model.safetensors").code, 0);
    const auto info = nlohmann::json::parse(sh("$BBZINFO --json model.bbz").out);
    const std::uint64_t stored = info.at("layers").at(1).at("stored_bytes");
    nginx_->take_log();
    EXPECT_EXIT_CODE(0, "$BBZ unpack $URL/model.bbz --layer 1 -f -o layer.safetensors");
    const auto log = nginx_->take_log();
    const std::uint64_t moved = Nginx::total_bytes(log);
    EXPECT_GE(moved, stored);
    EXPECT_LE(moved, stored / 50 * 51 + index_bytes(read("model.bbz")));
    EXPECT_LE(log.size(), 2u + 3u);  // 20 MiB in requests of 8 MiB
    EXPECT_EXIT_CODE(0, "$BBZ unpack model.bbz --layer 1 -o - | cmp - layer.safetensors");
  }
}

TEST_F(OverNginx, ServesEveryTool) {
  write("llama/a.safetensors", layered_model(3, 64));
  write("llama/b.safetensors", layered_model(2, 48, 100));
  write("llama/config.json", "{}\n");
  ASSERT_EQ(sh("$BBZ pack llama").code, 0);
  EXPECT_EXIT_CODE(0, "$BBZ unpack $URL/llama.bbz -C out && diff -r llama out");
  EXPECT_EXIT_CODE(0,
                   "$BBZ unpack $URL/llama.bbz --tensor '*.q_proj.*' -C q && ls q/b.safetensors");
  EXPECT_EXIT_CODE(0, "$BBZ cat $URL/llama.bbz config.json | cmp - llama/config.json");
  EXPECT_EXIT_CODE(0, "$BBZ verify $URL/llama.bbz llama.bbz");
  EXPECT_EXIT_CODE(0, "$BBZ salvage $URL/llama.bbz -o saved && diff -r llama saved");
  EXPECT_EXIT_CODE(0,
                   "$BBZINFO --json --chunks $URL/llama.bbz | grep -v '\"archive\"' > there;"
                   "$BBZINFO --json --chunks llama.bbz | grep -v '\"archive\"' | cmp - there");
  EXPECT_EXIT_CODE(1, "$BBZ verify $URL/missing.bbz");
  EXPECT_EXIT_CODE(3, "head -c 1000 llama.bbz > cut.bbz; $BBZ verify $URL/cut.bbz");
  EXPECT_EXIT_CODE(3, "$BBZINFO $URL/cut.bbz");
  EXPECT_EXIT_CODE(3, "$BBZINFO $URL/llama/config.json");
}

TEST_F(OverNginx, SalvagesWhatItFetchesOnceInLargePieces) {
  write("model.safetensors", noisy_model(3, 10 << 20));
  ASSERT_EQ(sh("$BBZ pack model.safetensors --chunk-size 64K").code, 0);
  std::string archive = read("model.bbz");
  archive.resize(archive.size() - 100'000);
  archive[archive.size() / 3] = static_cast<char>(archive[archive.size() / 3] ^ 1);
  write("broken.bbz", archive);
  nginx_->take_log();
  EXPECT_EXIT_CODE(3, "$BBZ salvage $URL/broken.bbz -o there");
  const auto log = nginx_->take_log();
  EXPECT_LE(log.size(), 6u);  // 30 MB in requests of 8 MiB
  EXPECT_LE(Nginx::total_bytes(log), archive.size());
  EXPECT_EXIT_CODE(3, "$BBZ salvage broken.bbz -o here");
  EXPECT_EXIT_CODE(0, "diff -r here there");
  EXPECT_FALSE(left_temporaries());
}

TEST_F(OverNginx, ComparesModels) {
  write("model.safetensors", layered_model(2, 64));
  write("other.safetensors", layered_model(2, 64, 9));
  ASSERT_EQ(sh("$BBZ pack model.safetensors && mkdir alone && mv model.bbz alone").code, 0);
  const std::string here = "model.safetensors --max-difference 0 ";
  EXPECT_EXIT_CODE(0, "$BBZ compare $URL/alone/model.bbz " + here);
  EXPECT_EXIT_CODE(0,
                   "$BBZ compare $URL/model.safetensors $URL/alone/model.bbz " + here.substr(17));
  EXPECT_EXIT_CODE(1, "$BBZ compare $URL/other.safetensors " + here);
  EXPECT_EXIT_CODE(1, "$BBZ compare $URL/missing.bbz " + here);
}

TEST_F(OverNginx, EstimatesModels) {
  write("sliced.safetensors", safetensors_of(small_sliced_model()));
  ASSERT_EQ(sh("$BBZ pack sliced.safetensors").code, 0);
  const Finished here = sh("$BBZ estimate sliced.safetensors --json");
  ASSERT_EQ(here.code, 0) << here.err;
  auto expected = nlohmann::json::parse(here.out);
  for (const std::string name : {"sliced.safetensors", "sliced.bbz"}) {
    const Finished there = sh("$BBZ estimate $URL/" + name + " --json");
    EXPECT_EQ(there.code, 0) << there.err;
    auto found = nlohmann::json::parse(there.out);
    ASSERT_EQ(found["forecast"].size(), expected["forecast"].size());
    for (std::size_t i = 0; i < found["forecast"].size(); ++i) {
      const double bytes = expected["forecast"][i]["bytes"];
      EXPECT_NEAR(found["forecast"][i]["bytes"].get<double>(), bytes, bytes * 0.01);
    }
    // An archive does not have the header of the file, and times differ.
    for (const char* const key : {"forecast", "original_bytes", "sampled_bytes"}) {
      found.erase(key);
    }
    auto rest = expected;
    for (const char* const key : {"forecast", "original_bytes", "sampled_bytes"}) rest.erase(key);
    EXPECT_EQ(found, rest);
  }
}

TEST_F(OverNginx, TrustsTheAuthoritiesThatTheUserNames) {
  write("model.safetensors", noisy_model(1, 200 << 10));
  ASSERT_EQ(sh("$BBZ pack model.safetensors").code, 0);
  Nginx::make_certificate(dir_ / "ca", "127.0.0.1");
  const Nginx secure(dir_.path(), dir_ / "ca");
  ::setenv("URL", secure.secure_url("model.bbz").c_str(), 1);
  EXPECT_EXIT_CODE(0, "$BBZ verify $URL --cacert ca");
  EXPECT_EXIT_CODE(0, "$BBZINFO $URL --cacert ca");
  EXPECT_EXIT_CODE(0, "CURL_CA_BUNDLE=ca SSL_CERT_FILE=missing $BBZ get $URL -o got.bbz");
  EXPECT_EXIT_CODE(0, "SSL_CERT_FILE=ca $BBZ cat $URL model.layers.0.attn.weight > /dev/null");
  EXPECT_EXIT_CODE(5, "CURL_CA_BUNDLE=ca $BBZ verify $URL --cacert missing");
  for (const std::string command : {"$BBZ get $URL -o none.bbz", "$BBZINFO $URL"}) {
    const Finished refused = sh(command);
    EXPECT_EQ(refused.code, 5) << refused.err;
    EXPECT_NE(refused.err.find("certificate is not trusted"), std::string::npos) << refused.err;
    EXPECT_EQ(refused.err.find("given up"), std::string::npos) << refused.err;
  }
  EXPECT_FALSE(exists("none.bbz"));
  EXPECT_EXIT_CODE(0, "$BBZ get --help | grep -q CURL_CA_BUNDLE");
  EXPECT_EXIT_CODE(0, "$BBZ --help-man | grep -q no_proxy");
}

class MountedUrl : public MountTest {};

TEST_F(MountedUrl, TrustsAnAuthorityNamedByARelativePath) {
  if (!Nginx::is_there()) GTEST_SKIP() << "nginx is not installed";
  write("model.safetensors", noisy_model(1, 2 << 20));
  ASSERT_EQ(sh("$BBZ pack model.safetensors").code, 0);
  Nginx::make_certificate(dir_ / "ca", "127.0.0.1");
  const Nginx secure(dir_.path(), dir_ / "ca");
  EXPECT_EXIT_CODE(0, "$BBZ mount " + secure.secure_url("model.bbz") + " m --cacert ca");
  EXPECT_EXIT_CODE(0, "cmp model.safetensors m/model.safetensors");
  EXPECT_EXIT_CODE(0, "fusermount3 -u m || umount m");
}

TEST_F(MountedUrl, ShowsTheFiles) {
  if (!Nginx::is_there()) GTEST_SKIP() << "nginx is not installed";
  write("llama/model.safetensors", layered_model(4, 128));
  write("llama/config.json", "{}\n");
  ASSERT_EQ(sh("$BBZ pack llama --chunk-size 16K").code, 0);
  Nginx nginx(dir_.path());
  for (const std::string option : {"", "-f "}) {
    const std::string url = nginx.url("llama.bbz");
    if (option.empty()) {
      EXPECT_EXIT_CODE(0, "$BBZ mount '" + url + "?key=hush' m");
    } else {
      serve("'" + url + "?key=hush'");
    }
    EXPECT_EXIT_CODE(0, "diff -r llama m && ! grep hush /proc/self/mounts");
    EXPECT_EXIT_CODE(0, "fusermount3 -u m || umount m");
  }
  EXPECT_EQ(end_of_serving(), 0);
}

TEST_F(MountedUrl, FetchesChunksTogetherWhereAFileIsReadForward) {
  if (!Nginx::is_there()) GTEST_SKIP() << "nginx is not installed";
  write("model.safetensors", noisy_model(3, 8 << 20));
  ASSERT_EQ(sh("$BBZ pack model.safetensors --chunk-size 64K").code, 0);
  Nginx nginx(dir_.path());
  const std::uint64_t size = read("model.bbz").size();
  for (const std::string option : {"", "-f "}) {
    if (option.empty()) {
      EXPECT_EXIT_CODE(0, "$BBZ mount " + nginx.url("model.bbz") + " m");
    } else {
      serve(nginx.url("model.bbz"));
    }
    nginx.take_log();
    EXPECT_EXIT_CODE(0, "cmp m/model.safetensors model.safetensors");
    EXPECT_EXIT_CODE(0, "fusermount3 -u m || umount m");
    const auto log = nginx.take_log();
    EXPECT_LT(log.size(), 60u);                // of 384 chunks
    EXPECT_LE(Nginx::total_bytes(log), size);  // nothing twice
  }
  EXPECT_EQ(end_of_serving(), 0);
}

class OverAServer : public ToolTest {
 protected:
  OverAServer() {
    write("model.safetensors", noisy_model(3, 2 << 20));
    EXPECT_EQ(sh("$BBZ pack model.safetensors").code, 0);
    archive_ = read("model.bbz");
  }

  // Runs a command in which $URL is that of a server of the archive.
  Finished against(Server& server, const std::string& command) {
    server.replace(archive_, "\"one\"");
    ::setenv("URL", server.url().c_str(), 1);
    return sh(command);
  }

  // The command must fail as said, in one line that holds the words, and leave nothing behind.
  void expect_failure(Server& server, const std::string& command, int code,
                      const std::string& words) {
    const Finished finished = against(server, command);
    EXPECT_EQ(finished.code, code) << command << "\n" << finished.err;
    EXPECT_NE(finished.err.find(words), std::string::npos) << finished.err;
    EXPECT_EQ(std::ranges::count(finished.err, '\n'), 1) << finished.err;
    EXPECT_FALSE(exists("out.safetensors"));
    EXPECT_FALSE(left_temporaries());
  }

  std::string archive_;
};

constexpr char kUnpackLayer[] = "$BBZ unpack --retries 1 $URL --layer 1 -o out.safetensors";

TEST_F(OverAServer, ReadsTheWholeWhereThereAreNoRanges) {
  Server server("", [&](const ServerRequest& request, ServerConnection& connection) {
    ServerRequest plain = request;
    plain.range.reset();
    server.serve(plain, connection);
    return true;
  });
  EXPECT_EQ(against(server, "$BBZINFO $URL").code, 0);
  EXPECT_EQ(against(server, "$BBZ verify $URL").code, 0);
  EXPECT_EQ(against(server, "$BBZ unpack $URL -o - | cmp - model.safetensors").code, 0);
  EXPECT_EQ(against(server,
                    "$BBZ unpack $URL --layer 1 -o here && "
                    "$BBZ unpack model.bbz --layer 1 -o - | cmp - here")
                .code,
            0);
  EXPECT_EQ(server.requests().size(), 4u);
}

TEST_F(OverAServer, SurvivesBrokenConnections) {
  Server server("", [&](const ServerRequest& request, ServerConnection& connection) {
    if (request.number % 2 == 0) return false;
    server.serve(request, connection, 300'000);
    connection.close();
    return true;
  });
  const Finished finished =
      against(server, "$BBZ unpack $URL -o - | cmp - model.safetensors && $BBZ verify $URL");
  EXPECT_EQ(finished.code, 0) << finished.err;
}

TEST_F(OverAServer, IsNotLedToThisMachineIfItMustNotBe) {
  Server other(archive_);
  Server server("", [&](const ServerRequest&, ServerConnection& connection) {
    connection.send(
        server.head("302 Found", "Location: " + other.url() + "\r\nContent-Length: 0\r\n"));
    return true;
  });
  EXPECT_EQ(against(server, "$BBZ verify $URL").code, 0);
  const std::size_t before = other.connection_count();
  expect_failure(server, "$BBZ verify --no-private-redirects $URL", 5,
                 "found 127.0.0.1 (loopback)");
  EXPECT_EQ(other.connection_count(), before);
}

TEST_F(OverAServer, SaysWhyItFailed) {
  std::size_t good = 2;  // requests that are answered well: those of opening
  std::function<void(const ServerRequest&, ServerConnection&)> bad;
  std::size_t first = 0;
  Server server("", [&](const ServerRequest& request, ServerConnection& connection) {
    if (request.number < first + good) return false;
    bad(request, connection);
    return true;
  });
  const auto failure = [&](int code, const std::string& words, auto how) {
    first = server.requests().size();
    bad = how;
    expect_failure(server, kUnpackLayer, code, words);
  };
  failure(5, "given up after 2 requests",
          [](const ServerRequest&, ServerConnection& connection) { connection.reset(); });
  failure(5, "status 503", [&](const ServerRequest&, ServerConnection& connection) {
    connection.send(server.head("503 Busy", "Content-Length: 0\r\n"));
  });
  failure(5, "has changed on the server",
          [&](const ServerRequest& request, ServerConnection& connection) {
            server.replace(archive_ + "x", "\"two\"");
            server.serve(request, connection);
          });
  failure(5, "no longer supports ranges",
          [&](const ServerRequest& request, ServerConnection& connection) {
            ServerRequest plain = request;
            plain.range.reset();
            server.serve(plain, connection);
          });
  failure(5, "expected bytes", [&](const ServerRequest& request, ServerConnection& connection) {
    ServerRequest shifted = request;
    --shifted.range->first;
    server.serve(shifted, connection);
  });
  failure(5, "the connection ended",
          [&](const ServerRequest& request, ServerConnection& connection) {
            server.serve(request, connection, 0);
            connection.close();
          });
  failure(3, "payload check", [&](const ServerRequest& request, ServerConnection& connection) {
    std::string other = archive_;
    for (char& c : other) c = static_cast<char>(c ^ 1);
    server.replace(other, "\"one\"");
    server.serve(request, connection);
  });
  good = 0;
  failure(1, "not found", [&](const ServerRequest&, ServerConnection& connection) {
    connection.send(server.head("404 No", "Content-Length: 0\r\n"));
  });
}

TEST_F(OverAServer, GoesThroughTheProxyThatTheEnvironmentNames) {
  Server proxy(archive_);
  ::setenv("PROXY", ("127.0.0.1:" + std::to_string(proxy.port())).c_str(), 1);
  EXPECT_EXIT_CODE(0, "http_proxy=http://u:hush@$PROXY $BBZ verify http://host.example/model.bbz");
  const std::size_t count = proxy.request_count();
  EXPECT_GT(count, 0u);
  Server server("");
  for (const std::string none : {"no_proxy=127.0.0.1", "no_proxy='*'", "NO_PROXY=127.0.0.1"}) {
    EXPECT_EQ(against(server, "http_proxy=http://$PROXY " + none + " $BBZ verify $URL").code, 0);
  }
  EXPECT_EQ(proxy.request_count(), count);
  const Finished refused =
      sh("http_proxy=http://u:hush@127.0.0.1:x $BBZ verify http://host.example/m --retries 0");
  EXPECT_EQ(refused.code, 5);
  EXPECT_EQ(refused.err.find("hush"), std::string::npos) << refused.err;
}

TEST_F(OverAServer, SendsCredentialsAndShowsNone) {
  const std::string expected = "Basic dTpodXNo";  // u:hush
  Server server("", [&](const ServerRequest& request, ServerConnection& connection) {
    const auto sent = request.fields.find("authorization");
    if (sent != request.fields.end() && sent->second == expected) return false;
    connection.send(server.head("401 Who", "Content-Length: 0\r\n"));
    return true;
  });
  const std::string port = std::to_string(server.port());
  write("home/.netrc", "machine 127.0.0.1 login u password hush\n");
  write("headers", "X-Other: 1\r\nAuthorization: " + expected + "\r\n");
  EXPECT_EQ(against(server, "$BBZINFO $URL").code, 5);
  EXPECT_EQ(against(server, "HOME=$PWD/home $BBZINFO $URL").code, 0);
  EXPECT_EQ(against(server, "$BBZINFO $URL --header 'Authorization: " + expected + "'").code, 0);
  EXPECT_EQ(against(server, "$BBZINFO $URL --header @headers").code, 0);
  const Finished named =
      against(server, "$BBZINFO http://u:hush@127.0.0.1:" + port + "/model.bbz?key=hush");
  EXPECT_EQ(named.code, 0) << named.err;
  EXPECT_EQ(named.out.find("hush"), std::string::npos) << named.out;
  for (const std::string command :
       {"$BBZ verify http://u:hush@127.0.0.1:1/model.bbz?key=hush --retries 0",
        "$BBZ verify $URL --header 'Authorization: hush'", "$BBZ verify $URL --header 'hush'",
        "$BBZ verify 'http://u:hush@127.0.0.1:x/model.bbz' --retries 0"}) {
    const Finished refused = against(server, command);
    EXPECT_NE(refused.code, 0);
    EXPECT_EQ((refused.err + refused.out).find("hush"), std::string::npos) << refused.err;
  }
}

}  // namespace
}  // namespace bbz::tools
