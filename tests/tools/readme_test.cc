// The README's commands, in the README's order, on models that are made for them.
#include <sys/mount.h>

#include <functional>
#include <optional>
#include <regex>
#include <sstream>

#ifdef BBZ_HTTP
#include "http/server.h"
#endif
#include "files/torch/make_files.h"
#include "tools/models.h"
#include "tools/mounting.h"
#include "tools/shell.h"
#include "tools/sliced_model.h"

namespace bbz::tools {
namespace {

// The lines of all blocks of shell commands.
std::vector<std::string> shell_lines(const std::string& markdown) {
  std::vector<std::string> lines;
  std::istringstream text(markdown);
  bool inside = false;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("```")) {
      inside = line == "```sh";
    } else if (inside && !line.empty()) {
      lines.push_back(line);
    }
  }
  return lines;
}

// A model with the names that the README reads.
std::string llama_model() {
  std::vector<safetensors::Tensor> tensors;
  std::string data;
  const auto add = [&](std::string name, Shape shape) {
    data += bf16_weights(*element_count(shape), static_cast<unsigned>(tensors.size()));
    tensors.push_back({std::move(name), DType::kBF16, std::move(shape), 0, 0});
  };
  for (int i = 0; i < 4; ++i) {
    add("model.layers." + std::to_string(i) + ".mlp.up_proj.weight", {192, 64});
  }
  add("model.norm.weight", {64});
  const auto header = safetensors::build(tensors, {{"format", "pt"}}).value();
  return std::string(reinterpret_cast<const char*>(header.data()), header.size()) + data;
}

// The sliced model as torch.save writes it.
std::string torch_file_of(const test_models::Model& model) {
  torch::PickleDict entries;
  std::vector<std::string> storages;
  for (std::size_t i = 0; i < model.infos.size(); ++i) {
    const TensorInfo& info = model.infos[i];
    EXPECT_EQ(info.dtype, DType::kF16);
    torch::View view;
    view.type = "HalfStorage";
    view.key = std::to_string(i);
    view.elements = model.bytes[i].size() / 2;
    view.shape.assign(info.shape.begin(), info.shape.end());
    std::uint64_t stride = view.elements;
    for (const std::uint64_t extent : view.shape) view.strides.push_back(stride /= extent);
    entries.emplace_back(info.name, torch::pickle_view(view));
    storages.emplace_back(reinterpret_cast<const char*>(model.bytes[i].data()),
                          model.bytes[i].size());
  }
  return torch::make_torch(torch::pickle(torch::pickle_dict(entries)), storages);
}

class Readme : public ToolTest {
 protected:
  Readme() {
    const std::string model = llama_model();
    write("model.safetensors", model);
    write("llama/model.safetensors", model);
    write("llama/config.json", "{}\n");
    write("llama/optimizer.pt", "state");
    write("sliced.pt", torch_file_of(small_sliced_model()));
    // An archive that was cut, of other files than those that the lines unpack.
    EXPECT_EXIT_CODE(
        0,
        "$BBZ pack -q model.safetensors -o whole && head -c 50000 whole > broken.bbz && "
        "tar -c llama | $BBZ pack -q - -o there");
#ifdef BBZ_HTTP
    server_.emplace(read("there"));
#endif
    EXPECT_EXIT_CODE(
        0,
        "rm whole there && mkdir bin && ln -s \"$BBZ\" bin/bbz && ln -s \"$BBZINFO\" bin/bbzinfo");
  }
  ~Readme() override {
    ::umount2((dir_ / "mnt").c_str(), MNT_DETACH);
  }

  bool has(const std::string& program) {
    return sh("command -v " + program).code == 0;
  }

  // Why a line cannot be run here; nothing if it can.
  std::optional<std::string> why_not(const std::string& line) {
    if (line.starts_with("scripts/")) return "builds the project";
    if (line.starts_with("cmake")) return "installs the project";
    const bool over_http = line.find("https://") != std::string::npos;
    if (over_http && url().empty()) return "built without HTTP";
    if (line.starts_with("curl") && !has("curl")) return "curl is not installed";
    if (line.find("mnt") != std::string::npos) {
      std::filesystem::create_directory(dir_ / "probe");
      if (const auto why = why_no_mount(dir_ / "probe")) return "nothing can be mounted: " + *why;
      if (!has("fusermount3")) return "fusermount3 is not installed";
    }
    return std::nullopt;
  }

  std::string url() const {
#ifdef BBZ_HTTP
    return server_->url("");
#else
    return "";
#endif
  }

#ifdef BBZ_HTTP
  std::optional<http::Server> server_;
#endif
};

// What each must have made when it has run, where its exit code does not say enough.
const std::map<std::string, std::string> kThen = {
    {"bbz unpack model.bbz -C out/", "cmp model.safetensors out/model.safetensors"},
    {"bbz pack llama/", "! bbzinfo --files small.bbz | grep optimizer"},
    {"bbz pack sliced.pt", "bbzinfo --symmetry sliced.bbz"},
    {"curl", "cmp llama/model.safetensors out/llama/model.safetensors"},
    {"bbz get", "bbz verify mistral.bbz"},
    {"mkdir mnt", "cmp llama/model.safetensors mnt/llama/model.safetensors"},
};

TEST_F(Readme, ItsCommandsRunInItsOrder) {
  const auto lines = shell_lines(io::read_text(BBZ_README));
  ASSERT_GT(lines.size(), 15u);
  std::size_t run = 0;
  for (const std::string& line : lines) {
    if (const auto why = why_not(line)) {
      std::printf("not run: %s (%s)\n", line.c_str(), why->c_str());
      continue;
    }
    const std::string local = std::regex_replace(line, std::regex("https://example\\.org"), url());
    // A cut archive is salvaged in part, which its exit code says.
    const int expected = line.starts_with("bbz salvage") ? 3 : 0;
    const Finished finished = sh("PATH=$PWD/bin:$PATH; " + local);
    EXPECT_EQ(finished.code, expected) << line << "\n" << finished.err;
    for (const auto& [begin, check] : kThen) {
      if (!line.starts_with(begin)) continue;
      EXPECT_EXIT_CODE(0, "PATH=$PWD/bin:$PATH; " + check);
    }
    ++run;
  }
  EXPECT_GT(run, 10u);
}

}  // namespace
}  // namespace bbz::tools
