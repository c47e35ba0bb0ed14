// make_model: writes a model of the shape of Llama, made up, as a safetensors file.
#include <charconv>
#include <fstream>
#include <iostream>

#include "bbz/files/safetensors/header.h"
#include "models/models.h"

namespace {

using namespace bbz;

int write(const test_models::Model& model, const std::string& path) {
  std::vector<safetensors::Tensor> tensors;
  for (const TensorInfo& info : model.infos) {
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

constexpr char kHelp[] = R"(make_model [OPTION VALUE]... -o FILE
Writes a model of the shape of Llama: Gaussian weights whose rows have scales like trained ones.
  -o, --output FILE     the file to write
  --layers N, --hidden N, --inner N, --vocabulary N
                        number of layers, width of the residual and of the mlp, rows of the embedding
  --dtype TYPE          bf16 (as it is by default), f16, f32
  --family NAME         family of a sliced model: llama, opt, phi-2, phi-3
  --slice N             slice it to this width; given again, to that of the next junction
  --seed N              another seed gives another model
)";

bool read_number(const std::string& text, auto& number) {
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  return parsed.ec == std::errc() && parsed.ptr == end;
}

bool read_dtype(const std::string& text, DType& dtype) {
  if (text != "bf16" && text != "f16" && text != "f32") return false;
  dtype = text == "bf16" ? DType::kBF16 : text == "f16" ? DType::kF16 : DType::kF32;
  return true;
}

// Takes one option; false if there is none of this name or it does not have such values.
bool take(const std::string& name, const std::string& value, test_models::Spec& spec,
          std::string& output) {
  if (name == "-o" || name == "--output") return !(output = value).empty();
  if (name == "--family") return !(spec.family = value).empty();
  if (name == "--dtype") return read_dtype(value, spec.dtype);
  if (name == "--slice") return read_number(value, spec.widths.emplace_back());
  if (name == "--layers") return read_number(value, spec.layers);
  if (name == "--hidden") return read_number(value, spec.hidden);
  if (name == "--inner") return read_number(value, spec.inner);
  if (name == "--vocabulary") return read_number(value, spec.vocabulary);
  return name == "--seed" && read_number(value, spec.seed);
}

}  // namespace

int main(int argc, char** argv) {
  test_models::Spec spec;
  spec.dtype = DType::kBF16;
  std::string output;
  bool understood = true;
  for (int i = 1; i < argc; i += 2) {
    understood = understood && i + 1 < argc && take(argv[i], argv[i + 1], spec, output);
  }
  if (!understood || output.empty()) {
    std::cerr << kHelp;
    return 2;
  }
  return write(
      spec.widths.empty() ? test_models::plain_llama(spec) : test_models::sliced_model(spec),
      output);
}
