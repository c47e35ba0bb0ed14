// Junctions of real sliced models: what bits-back saves on trained weights.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "bbz/files/safetensors/header.h"
#include "symmetry/bitsback/junctions.h"

namespace bbz::bitsback {
namespace {

std::vector<std::byte> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::vector<char> text{std::istreambuf_iterator<char>(in), {}};
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

// The rows of the named tensors of one layer. Empty if the layer does not exist.
Junction junction_of(Bytes file, int layer, const std::vector<std::string>& names) {
  Junction junction;
  const auto header = safetensors::parse(file, file.size());
  if (!header.ok()) return junction;
  const std::uint64_t data = file.size() - header->data_size;
  for (const std::string& name : names) {
    for (const auto& tensor : header->tensors) {
      if (tensor.name != "model.layers." + std::to_string(layer) + "." + name) continue;
      junction.width = tensor.shape.back();
      junction.dtype = tensor.dtype;
      const Bytes bytes = file.subspan(data + tensor.begin, tensor.end - tensor.begin);
      junction.tensors.emplace_back(bytes.begin(), bytes.end());
    }
  }
  return junction;
}

double refused(const Error& error) {
  ADD_FAILURE() << error.message;
  return 0;
}

// Codes every layer's junction and returns the least of the net bits per degree of freedom.
double least_net_bits(Bytes file, const std::vector<std::string>& names) {
  double least = 100;
  for (int layer = 0;; ++layer) {
    const Junction junction = junction_of(file, layer, names);
    if (junction.tensors.empty()) return least;
    const auto plan = plan_junction(junction.width, junction.carriers());
    if (!plan.ok()) return refused(plan.error());
    const auto riders = random_bytes(7, capacity_bytes(*plan));
    const auto drawn = encode(*plan, junction.carriers(), riders);
    if (!drawn.ok()) return refused(drawn.error());
    const Junction kept = stored(junction, *drawn);
    const auto back = decode(kept.width, kept.carriers(), drawn->record);
    if (!back.ok()) return refused(back.error());
    EXPECT_TRUE(*back == riders);
    const double dof = static_cast<double>(degrees_of_freedom(junction.width));
    const double net =
        8 * (static_cast<double>(riders.size()) - static_cast<double>(drawn->record.size())) / dof;
    EXPECT_NEAR(expected_net_bits(*plan) / dof, net, 0.5);
    least = std::min(least, net);
  }
}

class RealModel : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string path = std::string(BBZ_SHARED_DATA "/") + GetParam();
    if (!std::filesystem::exists(path)) GTEST_SKIP() << "no " << path;
    file_ = read_file(path);
  }
  std::vector<std::byte> file_;
};

TEST_P(RealModel, MlpJunctions) {
  const double net = least_net_bits(file_, {"mlp.gate_proj.weight", "mlp.up_proj.weight"});
  RecordProperty("least_net_bits_per_degree_of_freedom", std::to_string(net));
  EXPECT_GT(net, 12.5);
}

TEST_P(RealModel, AttentionJunctions) {
  const double net = least_net_bits(
      file_, {"self_attn.q_proj.weight", "self_attn.k_proj.weight", "self_attn.v_proj.weight"});
  RecordProperty("least_net_bits_per_degree_of_freedom", std::to_string(net));
  EXPECT_GT(net, 11.5);
}

INSTANTIATE_TEST_SUITE_P(Sliced, RealModel,
                         testing::Values("stories260k-sliced56.safetensors",
                                         "docs10m-sliced304.safetensors"),
                         [](const auto& file) {
                           std::string name = file.param;
                           name.resize(name.find('.'));
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace bbz::bitsback
