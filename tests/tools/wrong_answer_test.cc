// Servers that answer with something else than the file: what every command says of it.
#include "http/server.h"
#include "tools/models.h"
#include "tools/shell.h"

namespace bbz::tools {
namespace {

using http::Server;
using http::ServerConnection;
using http::ServerRequest;

// The answer of a server to every request, and the message that it must lead to.
struct Answer {
  std::string fields;
  std::string body;
  std::string words;
};

const std::string kPage = "<!DOCTYPE html>\n<html><title>Sign in</title></html>\n";
const std::string kPointer =
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";

class WrongAnswer : public ToolTest {
 protected:
  // Every command that takes a URL must say so, and leave nothing behind.
  void expect_said(const Answer& answer, bool ranges) {
    Server server("", [&](const ServerRequest&, ServerConnection& connection) {
      if (ranges && answer.fields.empty()) return false;
      const std::string length = "Content-Length: " + std::to_string(answer.body.size()) + "\r\n";
      connection.send("HTTP/1.1 200 OK\r\n" + answer.fields + length + "\r\n" + answer.body);
      return true;
    });
    server.replace(answer.body, "\"one\"");
    ::setenv("URL", server.url().c_str(), 1);
    for (const std::string command :
         {"$BBZ get $URL -o o.bbz", "$BBZ get $URL --layer 1 -o o.bbz", "$BBZ unpack $URL -C out",
          "$BBZ unpack $URL --layer 1 -o o", "$BBZ cat $URL w", "$BBZ verify $URL", "$BBZINFO $URL",
          "$BBZ salvage $URL -o out", "$BBZ compare $URL model.safetensors", "$BBZ estimate $URL",
          "$BBZ mount $URL m"}) {
      const Finished finished = sh(command);
      EXPECT_NE(finished.code, 0) << command;
      EXPECT_NE(finished.code, 7) << command;
      // Without ranges a part, a model or a mount is refused for that.
      if (!ranges && finished.err.find("stream") != std::string::npos) continue;
      if (!ranges && finished.err.find("does not support ranges") != std::string::npos) continue;
      EXPECT_NE(finished.err.find(answer.words), std::string::npos) << command << finished.err;
      for (const std::string name : {"o", "o.bbz", "o.bbz.part", "o.bbz.part.state", "out"}) {
        EXPECT_FALSE(exists(name)) << command << " leaves " << name;
      }
    }
  }
};

TEST_F(WrongAnswer, IsCalledWhatItIs) {
  write("model.safetensors", layered_model(2, 48));
  std::filesystem::create_directory(dir_ / "m");
  for (const bool ranges : {true, false}) {
    expect_said({"", kPage, "is a web page"}, ranges);
    expect_said({"", kPointer, "is a git-lfs pointer"}, ranges);
    expect_said({"", "\x1f\x8b\x08\x01\x02 and so on, for some bytes", "compressed with gzip"},
                ranges);
  }
  expect_said(
      {"Content-Encoding: gzip\r\n", "\x1f\x8b\x08", "sends the file with Content-Encoding"}, true);
}

}  // namespace
}  // namespace bbz::tools
