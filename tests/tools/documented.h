// The files that the examples of the README and of --help name, and whether an example can run
// here.
#pragma once

#include <sys/mount.h>

#include <optional>
#include <regex>

#ifdef BBZ_HTTP
#include "http/server.h"
#endif
#include "files/torch/make_files.h"
#include "models/factored.h"
#include "tools/models.h"
#include "tools/mounting.h"
#include "tools/shell.h"
#include "tools/sliced_model.h"

namespace bbz::tools {

// A model with the names that the examples read.
inline std::string llama_model() {
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
inline std::string torch_file_of(const test_models::Model& model) {
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

// A test of examples, with the models that they read and a server of the archive `there`.
class Documented : public ToolTest {
 protected:
  Documented() {
    const std::string model = llama_model();
    write("model.safetensors", model);
    write("llama/model.safetensors", model);
    write("llama/config.json", "{}\n");
    write("llama/optimizer.pt", "state");
    write("base.safetensors", model);
    std::string tuned = model;
    for (std::size_t at = model.size() - 20000; at < model.size(); at += 100) tuned[at] ^= 1;
    write("tuned.safetensors", tuned);
    write("sliced.pt", torch_file_of(small_sliced_model()));
    test_models::Spec spec;
    const auto factored = test_models::factored(test_models::plain_llama(spec), spec, {});
    write("factored.safetensors", safetensors_of(factored));
    EXPECT_EXIT_CODE(0,
                     "mkdir bin && ln -s \"$BBZ\" bin/bbz && ln -s \"$BBZINFO\" bin/bbzinfo && "
                     "tar -c llama | $BBZ pack -q - -o there");
#ifdef BBZ_HTTP
    server_.emplace(read("there"));
#endif
  }

  bool has(const std::string& program) {
    return sh("command -v " + program).code == 0;
  }

  // Why a line cannot be run here; nothing if it can.
  std::optional<std::string> why_not(const std::string& line) {
    const bool over_http = line.find("https://") != std::string::npos;
    if (over_http && url().empty()) return "built without HTTP";
    for (const std::string program : {"curl", "jq"}) {
      const bool named =
          line.starts_with(program) || line.find("| " + program) != std::string::npos;
      if (named && !has(program)) return program + " is not installed";
    }
    if (line.find("mnt") != std::string::npos) {
      std::filesystem::create_directory(dir_ / "probe");
      if (const auto why = why_no_mount(dir_ / "probe")) return "nothing can be mounted: " + *why;
      if (!has("fusermount3")) return "fusermount3 is not installed";
    }
    return std::nullopt;
  }

  // Runs a line in a directory, with the tools in PATH and the test's server for example.org.
  Finished run_line(const std::string& line, const std::string& directory = ".") {
    const std::string local = std::regex_replace(line, std::regex("https://example\\.org"), url());
    return sh("PATH=$PWD/bin:$PATH; cd " + directory + " && " + local);
  }

  std::string url() const {
#ifdef BBZ_HTTP
    return server_->url("");
#else
    return "";
#endif
  }

 private:
#ifdef BBZ_HTTP
  std::optional<http::Server> server_;
#endif
};

}  // namespace bbz::tools
