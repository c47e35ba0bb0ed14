// A mounted archive, as programs that know nothing of bbz meet it.
#include <sys/mman.h>

#include "tools/models.h"
#include "tools/mounting.h"
#include "tools/noisy_model.h"
#include "tools/sliced_model.h"

namespace bbz::tools {
namespace {

constexpr std::uint64_t kPage = 4096;

class Mount : public MountTest {
 protected:
  // A model of about 1.5 MB in chunks of 16 KiB, with other files around it.
  void pack_folder() {
    write("llama/model.safetensors", layered_model(8, 176));
    write("llama/config.json", "{}\n");
    write("llama/tokenizer/vocab.txt", "a\nb\n");
    write("llama/empty", "");
    std::filesystem::create_directories(dir_ / "llama/none/below");
    ASSERT_EQ(sh("$BBZ pack llama --chunk-size 16K -o llama.bbz").code, 0);
  }
  void unmount() { EXPECT_EXIT_CODE(0, "fusermount3 -u m || umount m"); }
};

TEST_F(Mount, ShowsTheFilesAsTheyWerePacked) {
  pack_folder();
  EXPECT_EXIT_CODE(0, "$BBZ mount llama.bbz m && diff -r llama m");
  EXPECT_EXIT_CODE(0, "sha256sum < llama/model.safetensors > a");
  EXPECT_EXIT_CODE(0, "sha256sum < m/model.safetensors | cmp - a");
  EXPECT_EXIT_CODE(0, "cp -r m copy && diff -r llama copy && chmod -R u+w copy");
  EXPECT_EXIT_CODE(0, "tail -c 1000 llama/model.safetensors > a");
  EXPECT_EXIT_CODE(0, "tail -c 1000 m/model.safetensors | cmp - a");
  EXPECT_EXIT_CODE(0, "(cd llama && find . | sort) > a; (cd m && find . | sort) | cmp - a");
  EXPECT_EXIT_CODE(0, "test -d m/none/below && test ! -s m/empty && test ! -e m/other");
  EXPECT_EXIT_CODE(0, "test $(stat -c %s:%A m/config.json) = 3:-r--r--r--");
  EXPECT_EXIT_CODE(0, "test $(stat -c %s llama/model.safetensors) = $(stat -c %s m/model.*)");
  unmount();
  EXPECT_EXIT_CODE(0, "test -z \"$(ls m)\"");
  EXPECT_FALSE(is_mounted());
}

TEST_F(Mount, FindsARelativeBaseFromTheBackground) {
  write("base.safetensors", layered_model(3, 64));
  EXPECT_EXIT_CODE(0,
                   "cp base.safetensors same.safetensors && "
                   "$BBZ pack -q same.safetensors --base base.safetensors");
  EXPECT_EXIT_CODE(0, "$BBZ mount same.bbz m --base base.safetensors");
  EXPECT_EXIT_CODE(0, "cmp m/same.safetensors base.safetensors");
  unmount();
  EXPECT_EXIT_CODE(0, "BBZ_BASE_PATH=base.safetensors $BBZ mount same.bbz m");
  EXPECT_EXIT_CODE(0, "cmp m/same.safetensors base.safetensors");
  unmount();
}

// The process that serves opens the bases, so a fork into the background costs no threads and no files of
// theirs: none was open before it, as the first one comes later.
TEST_F(Mount, OpensBasesInTheProcessThatServes) {
  write("base.safetensors", layered_model(3, 64));
  EXPECT_EXIT_CODE(0,
                   "$BBZ pack -q base.safetensors && cp base.safetensors same.safetensors && "
                   "$BBZ pack -q same.safetensors --base base.safetensors && "
                   "cp base.safetensors last.safetensors && mkdir places && "
                   "BBZ_BASE_PATH=base.safetensors $BBZ pack -q last.safetensors --base same.bbz");
  EXPECT_EXIT_CODE(0, "$BBZ mount last.bbz m --base places");
  EXPECT_EXIT_CODE(0, "cp base.bbz same.bbz places");
  EXPECT_EXIT_CODE(0, "cmp m/last.safetensors base.safetensors");
  unmount();
}

TEST_F(Mount, NothingCanBeWritten) {
  pack_folder();
  ASSERT_EQ(sh("$BBZ mount llama.bbz m").code, 0);
  for (const std::string command :
       {"echo x > m/config.json", "echo x > m/new", "rm m/config.json", "mkdir m/x",
        "chmod 777 m/config.json", "mv m/config.json m/c", "touch m/config.json"}) {
    const Finished refused = sh("{ " + command + "; }");
    EXPECT_NE(refused.code, 0) << command;
    EXPECT_NE(refused.err.find("Read-only file system"), std::string::npos) << refused.err;
  }
  unmount();
}

TEST_F(Mount, CanBeMapped) {
  pack_folder();
  serve("llama.bbz --cache 100K");
  const std::string expected = read("llama/model.safetensors");
  const int fd = ::open((dir_ / "m/model.safetensors").c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  for (const int sharing : {MAP_SHARED, MAP_PRIVATE}) {
    void* const base = ::mmap(nullptr, expected.size(), PROT_READ, sharing, fd, 0);
    ASSERT_NE(base, MAP_FAILED) << std::strerror(errno);
    const auto* const bytes = static_cast<const char*>(base);
    for (std::size_t i = 0; i < 300; ++i) {  // here and there, then all of it
      const std::size_t at = i * 7919 * 131 % expected.size();
      ASSERT_EQ(bytes[at], expected[at]) << at;
    }
    EXPECT_EQ(std::memcmp(bytes, expected.data(), expected.size()), 0);
    ::munmap(base, expected.size());
  }
  ::close(fd);
  EXPECT_EQ(end_serving(), 0);
}

TEST_F(Mount, ServesEightProcessesAtOnce) {
  pack_folder();
  serve("llama.bbz");
  EXPECT_EXIT_CODE(
      0,
      "pids=; for i in 1 2 3 4 5 6 7 8; do\n"
      "  case $((i % 3)) in\n"
      "    0) cmp m/model.safetensors llama/model.safetensors ;;\n"
      "    1) cp m/model.safetensors copy$i && cmp copy$i llama/model.safetensors ;;\n"
      "    2) tail -c 900000 llama/model.safetensors > tail$i && \n"
      "       tail -c 900000 m/model.safetensors | cmp - tail$i && diff -r llama m ;;\n"
      "  esac & pids=\"$pids $!\"\n"
      "done; for p in $pids; do wait $p || exit 1; done");
  EXPECT_EQ(end_serving(), 0);
  std::uint64_t chunks = 0;
  const auto json = info("llama.bbz");
  for (const auto& tensor : json["tensors"]) chunks += tensor["chunks"].size();
  EXPECT_EQ(chunks_decoded(), chunks) << read("log");
}

TEST_F(Mount, ReadingOneTensorDecodesOnlyItsChunks) {
  pack_folder();
  const auto json = info("llama.bbz");
  for (const std::string name :
       {"model.layers.0.mlp.up_proj.weight", "model.layers.5.self_attn.q_proj.weight"}) {
    serve("llama.bbz");
    const auto tensor =
        *std::ranges::find_if(json["tensors"], [&](const auto& t) { return t["name"] == name; });
    const std::uint64_t begin = tensor["offset"];
    const std::uint64_t end = begin + tensor["bytes"].get<std::uint64_t>();
    // A file is read by pages, so those at both ends have something of their neighbours.
    const std::uint64_t first = begin / kPage * kPage;
    const std::uint64_t last = (end + kPage - 1) / kPage * kPage;
    std::uint64_t expected = 0;
    for (const auto& other : json["tensors"]) {
      if (other["file"] != tensor["file"]) continue;
      for (const auto& chunk : other["chunks"]) {
        const std::uint64_t at =
            other["offset"].get<std::uint64_t>() +
            chunk["first_element"].get<std::uint64_t>() * (other["dtype"] == "BF16" ? 2 : 1);
        if (at < last && at + chunk["bytes"].get<std::uint64_t>() > first) ++expected;
      }
    }
    EXPECT_GE(expected, tensor["chunks"].size());
    EXPECT_LE(expected, tensor["chunks"].size() + 4);

    const int fd = ::open((dir_ / "m/model.safetensors").c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_GE(fd, 0);
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);  // no reading ahead by the system
    std::string bytes(end - begin, ' ');
    EXPECT_EQ(::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(begin)),
              static_cast<ssize_t>(bytes.size()));
    ::close(fd);
    EXPECT_EQ(bytes, read("llama/model.safetensors").substr(begin, end - begin));
    EXPECT_EQ(end_serving(), 0);
    EXPECT_EQ(chunks_decoded(), expected) << read("log");
  }
}

// Without a word of advice to the system, which reads ahead if it takes reads for sequential.
TEST_F(Mount, ReadsAtRandomPlacesDecodeTheirChunksAlone) {
  const std::string model = noisy_model(4, 3 << 20);
  write("large.safetensors", model);
  ASSERT_EQ(sh("$BBZ pack -q large.safetensors --chunk-size 16K").code, 0);
  serve("--cache 64K large.bbz");
  const int fd = ::open((dir_ / "m/large.safetensors").c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  // Pages far from those just before them; no page is read twice.
  const std::uint64_t pages = model.size() / kPage;
  constexpr std::uint64_t kReads = 40;
  for (std::uint64_t i = 0; i < kReads; ++i) {
    const std::uint64_t at = (i * (pages / 3 + 11) + 7) % pages * kPage;
    std::string bytes(kPage, ' ');
    ASSERT_EQ(::pread(fd, bytes.data(), kPage, static_cast<off_t>(at)), std::int64_t{kPage});
    ASSERT_EQ(bytes, model.substr(at, kPage)) << at;
  }
  ::close(fd);
  EXPECT_EQ(end_serving(), 0);
  EXPECT_LE(chunks_decoded(), 2 * kReads) << read("log");  // a page may lie across two
  EXPECT_NE(read("log").find(" 0 of them ahead of reads"), std::string::npos) << read("log");
}

TEST_F(Mount, GivesWhatUnpackGivesOfRotatedModels) {
  write("sliced.safetensors", safetensors_of(small_sliced_model()));
  for (const std::string method : {"bits-back", "triangular", "polar"}) {
    ASSERT_EQ(sh("$BBZ pack -q sliced.safetensors -f --chunk-size 2K --symmetry " + method).code,
              0);
    ASSERT_EQ(sh("$BBZ unpack -q sliced.bbz -f -C out").code, 0);
    const Finished mounted = sh("$BBZ mount sliced.bbz m");
    ASSERT_EQ(mounted.code, 0) << mounted.err;
    EXPECT_NE(mounted.err.find("not bit-exact"), std::string::npos) << mounted.err;
    EXPECT_EXIT_CODE(0, "cmp out/sliced.safetensors m/sliced.safetensors");
    unmount();
  }
}

TEST_F(Mount, ADamagedChunkFailsTheReadsOfItAndIsNamed) {
  pack_folder();
  const std::string name = "model.layers.3.mlp.up_proj.weight";
  const auto json = info("llama.bbz");
  const auto tensor =
      *std::ranges::find_if(json["tensors"], [&](const auto& t) { return t["name"] == name; });
  std::string archive = read("llama.bbz");
  archive[tensor["chunks"][2]["offset"].get<std::size_t>() + 5] ^= 1;
  write("llama.bbz", archive);
  serve("llama.bbz");
  const Finished failed = sh("cmp m/model.safetensors llama/model.safetensors");
  EXPECT_NE(failed.code, 0);
  EXPECT_NE(failed.err.find("Input/output error"), std::string::npos) << failed.err;
  // The bytes before and behind it are unchanged, except in the pages that it shares with others.
  const std::uint64_t begin = (tensor["offset"].get<std::uint64_t>() +
                               tensor["chunks"][2]["first_element"].get<std::uint64_t>() * 2) /
                              kPage;
  EXPECT_EXIT_CODE(0, "head -c " + std::to_string(begin * kPage) +
                          " llama/model.safetensors > a && head -c " +
                          std::to_string(begin * kPage) + " m/model.safetensors | cmp - a");
  EXPECT_EXIT_CODE(0,
                   "tail -c 600000 llama/model.safetensors > a && "
                   "tail -c 600000 m/model.safetensors | cmp - a");
  EXPECT_EXIT_CODE(0, "cmp m/config.json llama/config.json");
  EXPECT_EQ(end_serving(), 0);
  EXPECT_NE(read("log").find("model.safetensors: tensor \"" + name + "\", chunk 2 at offset"),
            std::string::npos)
      << read("log");
}

TEST_F(Mount, WritesWhatFailsToAFile) {
  pack_folder();
  std::string archive = read("llama.bbz");
  const std::size_t chunk = info("llama.bbz")["tensors"][3]["chunks"][0]["offset"];
  archive[chunk + 5] ^= 1;
  write("llama.bbz", archive);
  write("errors", "kept\n");
  for (const std::string option : {"", "-f "}) {
    const std::string arguments = "--log errors llama.bbz";
    if (option.empty()) {
      EXPECT_EXIT_CODE(0, "$BBZ mount " + arguments + " m");
    } else {
      serve(arguments);
    }
    EXPECT_EXIT_CODE(1, "cat m/model.safetensors > /dev/null");
    EXPECT_EXIT_CODE(1, "cat m/model.safetensors > /dev/null");
    unmount();
    if (!option.empty()) {
      EXPECT_EQ(end_of_serving(), 0);
    }
    const std::string log = read("errors");
    EXPECT_TRUE(log.starts_with("kept\n2")) << log;
    EXPECT_NE(log.find("Z bbz: llama.bbz: file model.safetensors: tensor "), std::string::npos)
        << log;
    // Once for each mount.
    EXPECT_EQ(std::ranges::count(log, '\n'), option.empty() ? 2 : 3) << log;
  }
  EXPECT_EQ(read("log").find("tensor"), std::string::npos) << read("log");
  EXPECT_EXIT_CODE(1, "$BBZ mount --log missing/folder/errors llama.bbz m");
  EXPECT_FALSE(is_mounted());
}

TEST_F(Mount, EndsCleanlyByASignalAndByUnmounting) {
  pack_folder();
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    serve("llama.bbz");
    EXPECT_EXIT_CODE(0, "cat m/config.json");
    EXPECT_EQ(end_serving(signal), 0) << signal;
    EXPECT_FALSE(is_mounted()) << signal;
  }
  serve("llama.bbz");
  unmount();
  EXPECT_EQ(end_of_serving(), 0);
  // Under a reader, too.
  serve("llama.bbz");
  const int fd = ::open((dir_ / "m/model.safetensors").c_str(), O_RDONLY | O_CLOEXEC);
  char byte = 0;
  EXPECT_EQ(::pread(fd, &byte, 1, 100), 1);
  ::kill(served_, SIGTERM);
  for (int i = 0; i < 12'000 && is_mounted(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_FALSE(is_mounted());
  ::close(fd);
  EXPECT_EQ(end_of_serving(), 0);
}

TEST_F(Mount, SaysWhatIsWrongBeforeItGoesIntoTheBackground) {
  pack_folder();
  const auto refused = [&](int code, const std::string& arguments, const std::string& word) {
    for (const std::string foreground : {"", "-f "}) {
      const Finished finished = sh("$BBZ mount " + foreground + arguments);
      EXPECT_EQ(finished.code, code) << arguments << finished.err;
      EXPECT_NE(finished.err.find(word), std::string::npos) << finished.err;
    }
  };
  refused(1, "llama.bbz missing", "missing");
  refused(2, "llama.bbz llama.bbz", "bbz: llama.bbz: cannot mount: not a directory\n");
  refused(
      6, "llama.bbz llama",
      "bbz: llama: cannot mount: the directory is not empty, and its contents would be hidden\n");
  refused(1, "none.bbz m", "none.bbz");
  refused(3, "llama/config.json m", "config.json");
  refused(2, "llama.bbz m --cache x", "--cache");
  write("cut.bbz", read("llama.bbz").substr(0, 5000));
  refused(3, "cut.bbz m", "cut.bbz");
  EXPECT_EXIT_CODE(2, "cat llama.bbz | $BBZ mount - m");
  EXPECT_EXIT_CODE(2, "$BBZ mount --stats llama.bbz m");
  EXPECT_FALSE(is_mounted());
}

}  // namespace
}  // namespace bbz::tools
