// Every command of both tools, as command lines on small generated inputs, for tests of what must
// hold for all of them.
#pragma once

#include <sys/mount.h>

#include <memory>
#include <set>
#include <vector>

#include "http/server.h"
#include "tools/models.h"
#include "tools/mounting.h"
#include "tools/sliced_model.h"

namespace bbz::tools {

// A command line that reads below in/ and writes out, a file or a directory, if it writes anything.
struct CommandLine {
  // A shell command. "@" marks where redirections belong; without it they are appended.
  std::string command;
  int code = 0;         // its exit code if nothing is in its way
  bool makes = false;   // it makes out
  bool prints = false;  // it writes to standard output
  std::string input{};  // the file that it gets as standard input; empty: none

  std::string with(const std::string& redirections) const {
    const std::size_t mark = command.find('@');
    if (mark == std::string::npos) return command + " " + redirections;
    return command.substr(0, mark) + redirections + command.substr(mark + 1);
  }
};

class EveryCommand : public ToolTest {
 protected:
  EveryCommand() {
    ::setenv("SOURCE_DATE_EPOCH", "1767323045", 1);  // or outputs would state times that differ
    write("in/model.safetensors", layered_model(3, 32));
    write("in/sliced.safetensors", safetensors_of(small_sliced_model()));
    write("in/folder/model.safetensors", layered_model(2, 32, 7));
    write("in/folder/config.json", "{}\n");
    std::string tuned = layered_model(3, 32);
    for (std::size_t at = tuned.size() - 9000; at < tuned.size(); at += 100) tuned[at] ^= 1;
    write("in/tuned.safetensors", tuned);
    write("in/old", "old");
    std::filesystem::create_directory(dir_ / "m");
    for (const std::string line :
         {"model.safetensors", "folder", "sliced.safetensors --symmetry polar",
          "tuned.safetensors --base in/model.bbz"}) {
      const Finished packed = sh("$BBZ pack -q in/" + line);
      EXPECT_EQ(packed.code, 0) << packed.err;
    }
    const std::string archive = read("in/model.bbz");
    write("in/cut.bbz", archive.substr(0, archive.size() / 2));
    std::string broken = archive;  // whole in its structure, but for one chunk
    broken[archive.size() / 3] ^= 1;
    write("in/broken.bbz", broken);
#ifdef BBZ_HTTP
    server_ = std::make_unique<http::Server>(archive);
    ::setenv("URL", server_->url().c_str(), 1);
#endif
    EXPECT_EQ(sh("tar -cf in/folder.tar in/folder").code, 0);
    mounts_ = !why_no_mount(dir_ / "m").has_value();
    note_inputs();
  }
  ~EveryCommand() override {
    ::unsetenv("SOURCE_DATE_EPOCH");
    ::umount2((dir_ / "m").c_str(), MNT_DETACH);
  }

  // Command lines that succeed: each command in each way that it reads and writes. Those of mount
  // and get are there if this machine and this build have them; tests that count say so.
  std::vector<CommandLine> successes() const {
    std::vector<CommandLine> rows = {
        {"$BBZ pack in/model.safetensors -o out", 0, true, false},
        {"$BBZ pack -v in/model.safetensors -o out", 0, true, false},
        {"$BBZ pack --progress json in/model.safetensors -o out", 0, true, false},
        {"$BBZ pack -v in/folder --index-first --digest sha256 -o out", 0, true, false},
        {"$BBZ pack in/model.safetensors -o -", 0, false, true},
        {"$BBZ pack - -o out", 0, true, false, "in/model.safetensors"},
        {"$BBZ pack -v - -o out", 0, true, false, "in/folder.tar"},
        {"$BBZ pack -v in/sliced.safetensors --symmetry auto -o out", 0, true, false},
        {"$BBZ pack in/model.safetensors --symmetry auto -o out", 0, true, false},
        {"$BBZ unpack -v in/folder.bbz -C out", 0, true, false},
        {"$BBZ unpack in/model.bbz -o out", 0, true, false},
        {"$BBZ unpack in/sliced.bbz -o out", 0, true, false},
        {"$BBZ unpack in/model.bbz -o -", 0, false, true},
        {"$BBZ unpack -v - -C out", 0, true, false, "in/folder.bbz"},
        {"$BBZ unpack - -C out/below", 0, true, false, "in/model.bbz"},
        {"$BBZ unpack - -o out", 0, true, false, "in/model.bbz"},
        {"$BBZ unpack -v in/model.bbz --layer 1 -C out", 0, true, false},
        {"$BBZ unpack in/model.bbz --layer 1 -o out", 0, true, false},
        {"$BBZ unpack - --layer 1 -C out", 0, true, false, "in/model.bbz"},
        {"$BBZ unpack - --layer 1 -o out", 0, true, false, "in/model.bbz"},
        {"$BBZ cat in/folder.bbz config.json", 0, false, true},
        {"$BBZ cat -v in/model.bbz model.layers.1.norm.weight -o out", 0, true, false},
        {"$BBZ cat - model.layers.1.norm.weight", 0, false, true, "in/model.bbz"},
        {"$BBZ verify in/model.bbz", 0, false, true},
        {"$BBZ verify -v in/model.bbz in/folder.bbz in/sliced.bbz", 0, false, true},
        {"$BBZ verify --fast -", 0, false, true, "in/model.bbz"},
        {"$BBZ verify --json in/model.bbz in/folder.bbz", 0, false, true},
        {"$BBZ salvage -v in/folder.bbz -o out", 0, true, true},
        {"$BBZ pack in/folder --part 1/2 --modes --times -o out", 0, true, false},
        {"$BBZ join -v in/folder.bbz in/sliced.bbz -o out", 0, true, false},
        {"$BBZ join in/model.bbz in/sliced.bbz --index-first -o out", 0, true, false},
        {"$BBZ join - in/sliced.bbz -o -", 0, false, true, "in/model.bbz"},
        {"$BBZ pack -v in/tuned.safetensors --base in/model.bbz -o out", 0, true, false},
        {"$BBZ unpack in/tuned.bbz --base in/model.safetensors -o out", 0, true, false},
        {"$BBZ unpack - --base in/model.bbz -o out", 0, true, false, "in/tuned.bbz"},
        {"$BBZ verify -v in/tuned.bbz --base in/model.bbz", 0, false, true},
        {"$BBZ flatten -v in/tuned.bbz --base in/model.bbz -o out", 0, true, false},
        {"$BBZ salvage -v in/tuned.bbz --base in/model.bbz -o out", 0, true, true},
        {"$BBZINFO -v --layers --tensors in/tuned.bbz", 0, false, true},
        {"$BBZ estimate -v in/sliced.safetensors", 0, false, true},
        {"$BBZ estimate --json in/sliced.bbz", 0, false, true},
        {"$BBZ compare -v in/sliced.safetensors in/sliced.bbz", 0, false, true},
        {"$BBZ compare --json in/model.safetensors in/model.bbz", 0, false, true},
        {"$BBZ report --json in/sliced.bbz --against in/sliced.safetensors", 0, false, true},
        {"$BBZ report --json - -o out", 0, true, false, "in/model.bbz"},
        {"$BBZINFO in/model.bbz", 0, false, true},
        {"$BBZINFO -v --files --layers --tensors --chunks --symmetry in/sliced.bbz", 0, false,
         true},
        {"$BBZINFO --json --chunks in/model.bbz in/folder.bbz", 0, false, true},
        {"$BBZINFO -", 0, false, true, "in/model.bbz"},
        {"$BBZ --version", 0, false, true},
        {"$BBZ --help", 0, false, true},
        {"$BBZ --help-man", 0, false, true},
        {"$BBZINFO --help", 0, false, true},
    };
    for (const std::string& name : names()) {
      rows.push_back({"$BBZ " + name + " --help", 0, false, true});
    }
    if (pages()) rows.push_back({"$BBZ report -v in/model.bbz -o out", 0, true, false});
    if (server_ != nullptr) {
      rows.push_back({"$BBZ get -v $URL -o out", 0, true, false});
      rows.push_back({"$BBZ get $URL --layer 1 -o out", 0, true, false});
      rows.push_back({"$BBZ unpack $URL -o out", 0, true, false});
      rows.push_back({"$BBZINFO $URL", 0, false, true});
    }
    if (mounts_) {
      const std::string unmount = "{ fusermount3 -u m || umount m; }";
      rows.push_back({"$BBZ mount in/sliced.bbz m @ && " + unmount, 0, false, false});
      rows.push_back(
          {"$BBZ mount -f --stats in/model.bbz m @ & p=$!; "
           "until mountpoint -q m; do kill -0 $p || break; sleep 0.01; done; kill $p; wait $p",
           0, false, false});
    }
    return rows;
  }

  // Command lines that fail, with every exit code that each command has for its input.
  std::vector<CommandLine> failures() const {
    std::vector<CommandLine> rows = {
        {"$BBZ pack in/missing -o out", 1, false, false},
        {"$BBZ pack in/model.safetensors -o in/old", 6, false, false},
        {"$BBZ pack in/model.safetensors -o in/missing/out", 1, false, false},
        {"$BBZ pack in/model.safetensors -o /dev/full", 5, false, false},
        {"$BBZ pack in/model.safetensors --level best -o out", 2, false, false},
        {"$BBZ unpack in/missing -C out", 1, false, false},
        {"$BBZ unpack in/cut.bbz -C out", 3, false, false},
        {"$BBZ unpack in/broken.bbz -C out", 3, false, false},
        {"$BBZ unpack - -C out", 3, false, false, "in/cut.bbz"},
        {"$BBZ unpack - -o out", 3, false, false, "/dev/null"},
        {"$BBZ unpack in/model.bbz --tensor nope -C out", 1, false, false},
        {"$BBZ unpack in/folder.bbz --file nope -C out/below/it/", 1, false, false},
        {"$BBZ unpack - --layer 9 -C out/below", 1, false, false, "in/model.bbz"},
        {"$BBZ unpack - -C out/below", 3, false, false, "/dev/null"},
        {"$BBZ unpack in/model.bbz -o in/old", 6, false, false},
        {"$BBZ cat in/model.bbz nope", 1, false, false},
        {"$BBZ cat in/cut.bbz x", 3, false, false},
        {"$BBZ cat in/model.bbz model.layers.1.norm.weight -o in/old", 6, false, false},
        {"$BBZ verify -q in/broken.bbz", 3, false, false},
        {"$BBZ verify in/model.bbz --history in/old", 3, false, false},
        {"$BBZ verify in/model.bbz --openmetrics in/old", 6, false, false},
        {"$BBZ verify -q -", 3, false, false, "in/cut.bbz"},
        {"$BBZ verify -q in/missing in/model.bbz", 1, false, false},
        {"$BBZ salvage in/cut.bbz -o out", 3, true, true},
        {"$BBZ salvage in/missing -o out", 1, false, false},
        {"$BBZ salvage in/model.safetensors -o out/below", 3, false, false},
        {"$BBZ join in/model.bbz in/model.bbz -o out", 2, false, false},
        {"$BBZ join in/sliced.bbz in/broken.bbz -o out", 3, false, false},
        {"$BBZ join in/model.bbz -o in/old", 6, false, false},
        {"$BBZ join in/missing -o out", 1, false, false},
        {"$BBZ mount in/cut.bbz m", mounts() ? 3 : 4, false, false},
        {"$BBZ mount in/missing m", mounts() ? 1 : 4, false, false},
        {"$BBZ unpack in/tuned.bbz -o out", 4, false, false},
        {"$BBZ unpack in/tuned.bbz --base in/sliced.bbz -o out", 8, false, false},
        {"$BBZ unpack in/tuned.bbz --base in/tuned.safetensors -o out", 8, false, false},
        {"$BBZ salvage in/tuned.bbz -o out", 3, true, true},
        {"$BBZ flatten in/tuned.bbz -o out", 4, false, false},
        {"$BBZ apply in/tuned.bbz in/tuned.safetensors", 8, false, false},
        {"$BBZ apply in/cut.bbz in/model.safetensors", 3, false, false},
        {"$BBZ estimate in/cut.bbz", 3, false, false},
        {"$BBZ compare in/model.safetensors in/cut.bbz", 3, false, false},
        {"$BBZ report --json in/cut.bbz -o out", 3, false, false},
        {"$BBZ report --json in/missing", 1, false, false},
        {"$BBZ report --json in/model.bbz -o in/old", 6, false, false},
        {"$BBZ report --json in/model.bbz -o out --gate 'ratio<0.1'", 1, true, false},
        {"$BBZINFO in/cut.bbz", 3, false, false},
        {"$BBZINFO in/missing", 1, false, false},
        {"$BBZ frobnicate", 2, false, false},
        {"$BBZINFO --frobnicate", 2, false, false},
        {"$BBZ get in/model.bbz -o out", 2, false, false},
    };
    for (const std::string& name : names()) {
      rows.push_back({"$BBZ " + name + " --frobnicate", 2, false, false});
    }
    if (server_ != nullptr) {
      rows.push_back({"$BBZ get $URL -o in/old", 6, false, false});
      rows.push_back({"$BBZ get ${URL}x --layer 99 -o out", 1, false, false});
    }
    return rows;
  }

  // Runs a command line with redirections, from a state without out.
  Finished run(const CommandLine& row, const std::string& redirections = "") {
    std::filesystem::remove_all(dir_ / "out");
    const std::string input = row.input.empty() ? "" : "< " + row.input + " ";
    return sh(row.with(input + redirections));
  }

  // Takes what is there now as input.
  void note_inputs() {
    inputs_ = dir_.entries();
  }

  // Returns the names of all files but the inputs and the output: temporaries, a download's state.
  std::set<std::string> strays() const {
    std::set<std::string> strays;
    for (const std::string& name : dir_.entries()) {
      if (!inputs_.contains(name) && name != "out" && !name.starts_with("out/"))
        strays.insert(name);
      if (name.find(".bbz-") != std::string::npos) strays.insert(name);
    }
    return strays;
  }

  static std::vector<std::string> names() {
    return {"pack", "unpack", "cat",     "mount",    "verify",  "get",   "salvage",
            "join", "apply",  "flatten", "estimate", "compare", "report"};
  }
  static bool mounts() {
#ifdef BBZ_HAVE_FUSE
    return true;
#else
    return false;
#endif
  }

  // Whether this build makes the pages of reports.
  static bool pages() {
#ifdef BBZ_HAVE_REPORT_PAGE
    return true;
#else
    return false;
#endif
  }

  std::unique_ptr<http::Server> server_;  // of in/model.bbz at $URL; null in a build without HTTP
  bool mounts_ = false;                   // whether this machine can mount

 private:
  std::set<std::string> inputs_;
};

}  // namespace bbz::tools
