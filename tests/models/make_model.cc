// make_model: writes a model of the shape of Llama, made up, as a safetensors file.
#include <algorithm>
#include <charconv>
#include <fstream>
#include <iostream>
#include <optional>

#include "bbz/files/safetensors/header.h"
#include "models/factored.h"

namespace {

using namespace bbz;

// Writes tensors with the bytes that are asked for one after another.
int write(const std::vector<TensorInfo>& infos, const LoadTensor& bytes_of,
          const std::string& path) {
  std::vector<safetensors::Tensor> tensors;
  for (const TensorInfo& info : infos) {
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
  for (std::size_t t = 0; t < infos.size(); ++t) put(*bytes_of(t));
  out.close();
  if (!out) {
    std::cerr << "make_model: cannot write " << path << "\n";
    return 1;
  }
  return 0;
}

int write(const test_models::Model& model, const std::string& path) {
  return write(
      model.infos, [&](std::size_t t) { return model.bytes[t]; }, path);
}

// What is asked for.
struct Request {
  test_models::Spec spec;
  std::optional<test_models::Factoring> factoring;
  bool tied = false;
  std::string output;
};

int write_factored(const Request& request) {
  std::vector<TensorInfo> infos = test_models::factored_infos(request.spec, *request.factoring);
  if (request.tied) {
    std::erase_if(infos, [](const TensorInfo& info) { return info.name == "lm_head.weight"; });
  }
  return write(
      infos, [&](std::size_t t) { return test_models::factored_bytes(request.spec, infos[t]); },
      request.output);
}

constexpr char kHelp[] = R"(make_model [OPTION VALUE]... -o FILE
Writes a model of the shape of Llama: Gaussian weights whose rows have scales like trained ones.
  -o, --output FILE     the file to write
  --layers N, --hidden N, --inner N, --vocabulary N, --positions N
                        number of layers, width of the residual and of the mlp, rows of the embeddings
  --dtype TYPE          bf16 (as it is by default), f16, f32
  --heads N, --kv-heads N
                        number of heads, and of those of keys and values
  --family NAME         family of a sliced or factored model: llama, opt, phi-2, phi-3
  --slice N             slice it to this width; given again, to that of the next junction
  --factor NAME         store each projection as a low-rank pair, with the names of asvd, svd-llm or lora
  --share N             percent of the numbers of a projection that its pair has (80 as it is by default)
  --tied yes            the head of a factored model is its embedding
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

// Finds the row of a family of pairs.
bool read_factoring(const std::string& name, std::optional<test_models::Factoring>& factoring) {
  const auto families = pair::families();
  const auto found = std::ranges::find(families, name, &pair::Family::name);
  if (found == families.end()) return false;
  if (!factoring) factoring.emplace();
  factoring->row = static_cast<std::size_t>(found - families.begin());
  return true;
}

bool read_share(const std::string& text, std::optional<test_models::Factoring>& factoring) {
  unsigned percent = 0;
  if (!read_number(text, percent) || percent == 0 || percent > 100) return false;
  if (!factoring) factoring.emplace();
  factoring->share = percent / 100.0;
  return true;
}

// Takes one option; false if there is none of this name or it does not have such values.
bool take(const std::string& name, const std::string& value, Request& request) {
  test_models::Spec& spec = request.spec;
  if (name == "-o" || name == "--output") return !(request.output = value).empty();
  if (name == "--family") return !(spec.family = value).empty();
  if (name == "--dtype") return read_dtype(value, spec.dtype);
  if (name == "--slice") return read_number(value, spec.widths.emplace_back());
  if (name == "--factor") return read_factoring(value, request.factoring);
  if (name == "--share") return read_share(value, request.factoring);
  if (name == "--tied") return request.tied = value == "yes";
  if (name == "--layers") return read_number(value, spec.layers);
  if (name == "--hidden") return read_number(value, spec.hidden);
  if (name == "--inner") return read_number(value, spec.inner);
  if (name == "--heads") return read_number(value, spec.heads);
  if (name == "--kv-heads") return read_number(value, spec.kv_heads);
  if (name == "--vocabulary") return read_number(value, spec.vocabulary);
  if (name == "--positions") return read_number(value, spec.positions);
  return name == "--seed" && read_number(value, spec.seed);
}

}  // namespace

int main(int argc, char** argv) {
  Request request;
  request.spec.dtype = DType::kBF16;
  bool understood = true;
  for (int i = 1; i < argc; i += 2) {
    understood = understood && i + 1 < argc && take(argv[i], argv[i + 1], request);
  }
  if (!understood || request.output.empty()) {
    std::cerr << kHelp;
    return 2;
  }
  if (request.factoring) return write_factored(request);
  return write(request.spec.widths.empty() ? test_models::plain_llama(request.spec)
                                           : test_models::sliced_model(request.spec),
               request.output);
}
