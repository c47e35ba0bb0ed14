// The worst that small inputs can do: memory and processor time of each command, bounded.
#include <sys/resource.h>
#include <sys/stat.h>

#include <cstdio>

#include "tools/hostile.h"
#include "tools/models.h"
#include "tools/shell.h"
#include "tools/sliced_model.h"

namespace bbz::tools {
namespace {

using tensor::DType;

constexpr double kMostSeconds = 20;     // of all processors
constexpr double kMostMegabytes = 256;  // resident, beside the chunks that are being decoded

struct Cost {
  int code = -1;
  double seconds = 0;
  double megabytes = 0;
  std::string err;
};

class Hostile : public ToolTest {
 protected:
  void SetUp() override {
    if (kSanitized) GTEST_SKIP() << "memory and time are not the program's alone with a sanitizer";
  }

  // Makes the archive "in" in a process of its own: what a process has taken counts for its children
  // too.
  template <class Make>
  void forge(const Make& make) {
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        Forgery archive(dir_ / "in");
        make(archive);
        archive.finish();
        ::_exit(0);
      } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        ::_exit(1);
      }
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    ASSERT_EQ(status, 0);
  }

  // Runs a command by itself and measures it. What it may allocate is limited too, so that a fault
  // ends the command and not the machine.
  Cost measure(const std::string& command) {
    const pid_t child = start("ulimit -v 12000000; ulimit -t 60; exec " + command + " 2>messages");
    int status = 0;
    struct rusage usage {};
    ::wait4(child, &status, 0, &usage);
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    Cost cost;
    cost.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    cost.seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    cost.megabytes = static_cast<double>(usage.ru_maxrss) / 1024;
    cost.err = read("messages");
    return cost;
  }

  // Expects commands to keep within the bounds with one thread and with eight, and prints what they
  // took. `buffers`: megabytes of chunks that one thread works on.
  void expect_bounded(const std::string& input, const std::vector<std::string>& commands,
                      double buffers = 0) {
    std::printf("%s: %.3f MB\n", input.c_str(), stored_megabytes(input));
    EXPECT_LE(stored_megabytes(input), 1.05);
    for (const std::string& command : commands) {
      for (const int threads : {1, 8}) {
        std::string line = command;
        if (line.find("$BBZINFO") == std::string::npos) line += " -T " + std::to_string(threads);
        const Cost cost = measure(line);
        std::printf("  %-60s exit %d  %6.2f s %7.0f MB\n", line.c_str(), cost.code, cost.seconds,
                    cost.megabytes);
        EXPECT_LE(cost.seconds, kMostSeconds) << line;
        const double inputs = line.find("compare") == std::string::npos ? 1 : 2;
        EXPECT_LE(cost.megabytes, inputs * kMostMegabytes + buffers * (2 * threads + 2)) << line;
        EXPECT_LT(cost.code, 7) << line << "\n" << cost.err;
        if (line == command) break;
      }
    }
  }

  // What a file takes on disk, without its holes.
  double stored_megabytes(const std::string& name) {
    struct stat status {};
    ::stat((dir_ / name).c_str(), &status);
    return static_cast<double>(status.st_blocks) * 512 / 1e6;
  }
};

const std::vector<std::string> kOfArchives = {"$BBZINFO in",
                                              "$BBZINFO in --json",
                                              "$BBZINFO in --files --symmetry",
                                              "$BBZ verify in",
                                              "$BBZ unpack in -f -C out",
                                              "$BBZ cat in nothing",
                                              "$BBZ salvage in -f -C out",
                                              "$BBZ compare in in",
                                              "$BBZ estimate in"};

// The index is small once it is compressed, and what it lists is a hole.
TEST_F(Hostile, AnIndexOfManyTensorsOfManyAxes) {
  forge([&](Forgery& archive) {
    archive.file("m");
    for (int i = 0; i < 70'000; ++i) {
      // As much noise as the list needs to be in proportion to its payload.
      std::string name;
      for (const char c : noise(14, static_cast<unsigned>(i)))
        name += static_cast<char>('0' + (c & 63));
      archive.tensor(name, DType::kU8, tensor::Shape(64, 0), 1, i > 0);
    }
    archive.end_file();
  });
  expect_bounded("in", kOfArchives);
}

TEST_F(Hostile, AnIndexOfManyFiles) {
  forge([&](Forgery& archive) {
    for (int i = 0; i < 150'000; ++i) {
      archive.file(std::to_string(i), i > 0);
      archive.end_file(i > 0);
    }
  });
  expect_bounded("in", {"$BBZINFO in", "$BBZINFO in --files", "$BBZ verify in",
                        "$BBZ cat in nothing", "$BBZ compare in in"});
}

TEST_F(Hostile, MetadataOfHoles) {
  forge([&](Forgery& archive) {
    archive.file("m");
    const std::vector<std::byte> zeros(std::size_t{16} << 20);
    for (int i = 0; i < 40; ++i) archive.metadata("key" + std::to_string(i), zeros, true);
    archive.end_file();
  });
  expect_bounded("in", kOfArchives);
}

TEST_F(Hostile, ASymmetryRecordOfManyObjects) {
  std::string json = "{\"junctions\":[{}";
  while (json.size() < 1'000'000) json += ",{}";
  json += "]}";
  forge([&](Forgery& archive) {
    archive.file("m");
    archive.metadata("symmetry", std::as_bytes(std::span(json)));
    archive.end_file();
  });
  expect_bounded("in", kOfArchives);
}

TEST_F(Hostile, ATorchFileOfOneElement) {
  write("in.pt", torch_of_one_element({{"w", {std::uint64_t{1} << 40}}}));
  expect_bounded("in.pt", {"$BBZ pack in.pt -f -o o.bbz", "$BBZ compare in.pt in.pt",
                           "$BBZ estimate in.pt", "$BBZ pack in.pt -f -o o.bbz --symmetry auto"});
}

TEST_F(Hostile, ATorchFileOfManyNames) {
  write("in.pt", torch_of_many_names());
  expect_bounded("in.pt", {"$BBZ pack in.pt -f -o o.bbz", "$BBZ compare in.pt in.pt"});
}

// The names and shapes of a sliced model of this width, all matrices of which are one element.
std::vector<std::pair<std::string, tensor::Shape>> wide_model(std::uint64_t width) {
  test_models::Spec spec;
  spec.hidden = width + 64;
  spec.widths = {width};
  spec.inner = 128;
  std::vector<std::pair<std::string, tensor::Shape>> tensors;
  for (const auto& info : test_models::sliced_infos(spec))
    tensors.emplace_back(info.name, info.shape);
  return tensors;
}

TEST_F(Hostile, AWideTorchModelOfOneElement) {
  write("in.pt", torch_of_one_element(wide_model(4096)));
  expect_bounded("in.pt", {"$BBZ pack in.pt -f -o o.bbz", "$BBZ compare in.pt in.pt",
                           "$BBZ estimate in.pt", "$BBZ pack in.pt -f -o o.bbz --symmetry auto",
                           "$BBZ pack in.pt -f -o o.bbz --symmetry bits-back"});
}

// As an archive, in which constant chunks take the place of strides of 0.
TEST_F(Hostile, AWideModelOfConstantChunks) {
  forge([&](Forgery& archive) {
    archive.file("model.safetensors");
    for (const auto& [name, shape] : wide_model(4096)) {
      archive.tensor(name, DType::kF16, shape, std::uint64_t{1} << 19);
      archive.constant_chunks();
    }
    archive.end_file();
  });
  expect_bounded("in", {"$BBZ estimate in", "$BBZ compare in in", "$BBZ verify in"}, 1);
}

TEST_F(Hostile, ConstantChunksOfTheLargestSize) {
  forge([&](Forgery& archive) {
    archive.file("m");
    archive.tensor("w", DType::kU8, {std::uint64_t{3} << 30}, std::uint64_t{64} << 20);
    archive.constant_chunks();
    archive.end_file();
  });
  expect_bounded("in", {"$BBZINFO in", "$BBZ verify in", "$BBZ cat in w -f -o /dev/null"}, 64);
}

TEST_F(Hostile, AHeaderOfManyTensors) {
  std::string json = "{";
  std::uint64_t at = 0;
  while (json.size() < 990'000) {
    if (at > 0) json += ',';
    json += "\"" + std::to_string(at) + "\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[" +
            std::to_string(at) + "," + std::to_string(at + 1) + "]}";
    ++at;
  }
  write("in.safetensors", raw_safetensors(json + "}", std::string(at, 'x')));
  expect_bounded(
      "in.safetensors",
      {"$BBZ pack in.safetensors -f -o o.bbz", "$BBZ compare in.safetensors o.bbz",
       "$BBZ estimate in.safetensors", "$BBZINFO o.bbz --json --tensors", "$BBZ verify o.bbz",
       "$BBZ unpack o.bbz -f -C out", "$BBZ pack in.safetensors -f -o o.bbz --symmetry auto"});
}

}  // namespace
}  // namespace bbz::tools
