// make_model: writes a model of the shape of Llama, made up, as a safetensors file.
#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>

#include "bbz/safetensors/header.h"
#include "models/models.h"

namespace {

using namespace bbz;

int write(const test_models::Model& model, const std::string& path) {
  std::vector<safetensors::Tensor> tensors;
  for (const junction::TensorInfo& info : model.infos) {
    tensors.push_back({info.name, info.dtype, info.shape, 0, 0});
  }
  const auto header = safetensors::build(tensors, {{"format", "pt"}});
  if (!header.ok()) {
    std::cerr << "make_model: " << header.error().message << "\n";
    return 1;
  }
  std::ofstream out(path, std::ios::binary);
  const auto put = [&](const std::vector<std::byte>& bytes) {
    out.write(reinterpret_cast<const char*>(bytes.data()),
              static_cast<std::streamsize>(bytes.size()));
  };
  put(*header);
  for (const auto& bytes : model.bytes) put(bytes);
  out.close();
  if (!out) {
    std::cerr << "make_model: cannot write " << path << "\n";
    return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Writes a model of the shape of Llama: Gaussian weights whose rows have scales like trained "
      "ones.");
  test_models::Spec spec;
  std::string dtype = "bf16";
  std::string output;
  app.add_option("--layers", spec.layers, "Number of layers")->capture_default_str();
  app.add_option("--hidden", spec.hidden, "Width of the residual")->capture_default_str();
  app.add_option("--inner", spec.inner, "Width of the mlp")->capture_default_str();
  app.add_option("--vocabulary", spec.vocabulary, "Rows of embedding and head")
      ->capture_default_str();
  app.add_option("--family", spec.family, "Family of a sliced model: llama, opt, phi-2, phi-3")
      ->capture_default_str();
  app.add_option("--slice", spec.widths, "Slice it to these widths, one for each junction");
  app.add_option("--seed", spec.seed, "Another seed gives another model")->capture_default_str();
  app.add_option("--dtype", dtype, "Element type")
      ->check(CLI::IsMember({"bf16", "f16", "f32"}))
      ->capture_default_str();
  app.add_option("-o,--output", output, "The file to write")->required();
  CLI11_PARSE(app, argc, argv);
  spec.dtype = dtype == "bf16"  ? tensor::DType::kBF16
               : dtype == "f16" ? tensor::DType::kF16
                                : tensor::DType::kF32;
  return write(
      spec.widths.empty() ? test_models::plain_llama(spec) : test_models::sliced_model(spec),
      output);
}
