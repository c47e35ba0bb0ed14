// Names and texts that act on a terminal: on the command line, in archives, and from servers.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "bbz/base/names.h"
#include "tools/every_command.h"

namespace bbz::tools {
namespace {

// Each of these parts acts: an escape sequence, one of a single character, turned text, ended lines.
const std::string kAll =
    "\x1b[31mx\nmodel.bbz: ok\xC2\x9B"
    "31mx\xE2\x80\xAEz\xE2\x80\x8Fz\xD8\x9Cz\xE2\x80\xA8z\xE2\x81\xA7z\rb\x7Fz\tb";
const std::string kActing[] = {kAll, "\xFF\xFE\x1b", "a\nmodel.bbz: ok"};

class TerminalText : public EveryCommand {
 protected:
  // Whether a terminal only shows this: lines of printable text.
  static bool harmless(const std::string& text) {
    std::string_view rest = text;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      if (printable(rest.substr(0, end)) != rest.substr(0, end)) return false;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return true;
  }

  void expect_harmless(const std::string& command) {
    const Finished finished = sh(command);
    EXPECT_TRUE(harmless(finished.err)) << command << "\n" << printable(finished.err);
    EXPECT_TRUE(harmless(finished.out)) << command << "\n" << printable(finished.out);
    EXPECT_EQ(finished.out.find("\nmodel.bbz: ok"), std::string::npos) << command;
    EXPECT_EQ(finished.err.find("\nmodel.bbz: ok"), std::string::npos) << command;
  }
};

TEST_F(TerminalText, NamesOnTheCommandLineAreEscaped) {
  for (const std::string& name : kActing) {
    ::setenv("NAME", name.c_str(), 1);
    ASSERT_EQ(sh("cp in/model.bbz \"$NAME\"; cp in/cut.bbz \"cut$NAME\"; "
                 "cp in/model.safetensors \"m$NAME\"; mkdir -p \"d$NAME/e\"")
                  .code,
              0);
    for (const std::string command :
         {"$BBZ pack \"m$NAME\" -o -f \"o$NAME\"",
          "$BBZ pack -v \"m$NAME\" -f -o \"o$NAME\"",
          "$BBZ pack \"x$NAME\"",
          "$BBZ pack \"m$NAME\" -o \"o$NAME\"",
          "$BBZ pack in/model.safetensors --name \"$NAME\" -o /dev/null",
          "$BBZ pack --level \"$NAME\" m",
          "$BBZ pack m --chunk-size \"$NAME\"",
          "$BBZ unpack -v \"$NAME\" -f -o out",
          "$BBZ unpack -v \"$NAME\" -f -C \"d$NAME/n\"",
          "$BBZ unpack \"$NAME\" -C \"d$NAME/n\"",
          "$BBZ unpack \"x$NAME\" -C out",
          "$BBZ unpack \"cut$NAME\" -C out",
          "$BBZ unpack in/model.bbz --tensor \"$NAME\" -C out",
          "$BBZ unpack in/model.bbz --layer \"$NAME\" -C out",
          "$BBZ unpack in/model.bbz --file \"$NAME\" -C out",
          "$BBZ cat \"$NAME\" nope > /dev/null",
          "$BBZ cat in/model.bbz \"$NAME\"",
          "$BBZ verify -v \"$NAME\"",
          "$BBZ verify \"cut$NAME\" \"x$NAME\"",
          "$BBZ verify --json \"$NAME\" \"x$NAME\"",
          "$BBZ salvage -v \"cut$NAME\" -f -o out",
          "$BBZ salvage \"x$NAME\" -o out",
          "$BBZ estimate \"$NAME\"",
          "$BBZ estimate \"x$NAME\"",
          "$BBZ estimate \"m$NAME\"",
          "$BBZ compare -v \"$NAME\" \"m$NAME\"",
          "$BBZ compare \"x$NAME\" \"m$NAME\"",
          "$BBZ compare \"m$NAME\" \"m$NAME\" --tokens \"x$NAME\" --length 3",
          "$BBZ mount \"x$NAME\" m",
          "$BBZ mount \"$NAME\" \"d$NAME\"",
          "$BBZ mount \"$NAME\" \"x$NAME\"",
          "$BBZ mount \"$NAME\" m --cache \"$NAME\"",
          "$BBZ get \"$NAME\"",
          "$BBZ get --retries 0 \"http://127.0.0.1:1/$NAME\"",
          "$BBZINFO \"$NAME\"",
          "$BBZINFO \"x$NAME\"",
          "$BBZINFO --json \"$NAME\" \"x$NAME\"",
          "$BBZ \"$NAME\"",
          "$BBZ pack \"--$NAME\"",
          "$BBZ pack m -T \"$NAME\"",
          "$BBZINFO \"-$NAME\"",
          "$BBZ verify in/model.bbz --expect \"$NAME\"",
          "$BBZ unpack in/model.bbz --max-size \"$NAME\""}) {
      expect_harmless(command);
    }
  }
}

TEST_F(TerminalText, JsonOfNamesIsValid) {
  for (const std::string& name : kActing) {
    ::setenv("NAME", name.c_str(), 1);
    ASSERT_EQ(sh("cp in/model.bbz \"$NAME\"").code, 0);
    const auto info = nlohmann::json::parse(sh("$BBZINFO --json \"$NAME\"").out);
    const auto verified = nlohmann::json::parse(sh("$BBZ verify --json \"$NAME\"").out);
    if (is_utf8(name)) {
      EXPECT_EQ(info["archive"], name);
      EXPECT_EQ(verified["archive"], name);
    }
  }
}

TEST_F(TerminalText, NamesInATarAreEscaped) {
  for (const std::string& name : kActing) {
    ::setenv("NAME", name.c_str(), 1);
    for (const std::string make :
         {"ln -s in/old \"$NAME\"", "echo > \"$NAME\"", "mkfifo \"$NAME\""}) {
      ASSERT_EQ(sh("rm -f \"$NAME\"; " + make).code, 0);
      expect_harmless("tar -c \"$NAME\" | $BBZ pack - -f -o out");
      expect_harmless("rm -rf d; mkdir d; mv \"$NAME\" d/; $BBZ pack d -f -o out");
    }
  }
}

#ifdef BBZ_HTTP
TEST_F(TerminalText, WhatAServerSaysIsEscaped) {
  std::string location;
  http::Server server("", [&](const auto&, http::ServerConnection& connection) {
    connection.send("HTTP/1.1 302 " + location + "\r\nLocation: http://127.0.0.1:1/" + location +
                    "\r\nETag: \"" + location + "\"\r\nContent-Length: 0\r\n\r\n");
    return true;
  });
  ::setenv("URL", server.url().c_str(), 1);
  // Only characters that a head can hold: no line ends.
  for (const std::string name : {"\x1b[31mx",
                                 "\xC2\x9B"
                                 "31mx",
                                 "a\xE2\x80\xAEz", "a\xE2\x80\xA8z", "\xFF\xFE", "a\rb"}) {
    location = name;
    for (const std::string command : {"unpack $URL -C out", "get $URL -o out", "verify $URL"}) {
      expect_harmless("$BBZ " + command + " --retries 0");
    }
  }
}
#endif

}  // namespace
}  // namespace bbz::tools
