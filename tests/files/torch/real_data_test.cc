// A model that PyTorch's own layout and safetensors both hold must be the same in both.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "bbz/files/safetensors/header.h"
#include "files/torch/reading.h"

namespace bbz::torch {
namespace {

std::string read_range(io::Source& source, std::uint64_t offset, std::uint64_t size) {
  std::string text(static_cast<std::size_t>(size), '?');
  const auto status = io::read_exactly(source, offset, std::as_writable_bytes(std::span(text)));
  EXPECT_TRUE(status.ok()) << status.error().message;
  return text;
}

TEST(RealData, HasTheTensorsOfItsTwin) {
  const std::string base = BBZ_SHARED_DATA "/stories260k-sliced56";
  if (!std::filesystem::exists(base + ".pt") || !std::filesystem::exists(base + ".safetensors")) {
    GTEST_SKIP() << base << ".pt and .safetensors are not there";
  }
  const auto file = io::open_file(base + ".pt").value();
  const auto state = read_state_dict(*file);
  ASSERT_TRUE(state.ok()) << state.error().message;

  const auto twin = io::open_file(base + ".safetensors").value();
  const std::string text = read_range(*twin, 0, *twin->size());
  const auto header = safetensors::parse(std::as_bytes(std::span(text)), twin->size()).value();
  ASSERT_EQ(state->tensors.size(), header.tensors.size());
  for (const safetensors::Tensor& expected : header.tensors) {
    SCOPED_TRACE(expected.name);
    const auto found = std::ranges::find(state->tensors, expected.name, &Tensor::name);
    ASSERT_NE(found, state->tensors.end());
    EXPECT_EQ(found->dtype, expected.dtype);
    EXPECT_EQ(found->shape, expected.shape);
    const auto elements = element_source(*file, *state, *found).value();
    ASSERT_EQ(elements->size(), expected.size());
    EXPECT_TRUE(read_range(*elements, 0, expected.size()) ==
                text.substr(header.header_size + expected.begin, expected.size()));
  }
}

}  // namespace
}  // namespace bbz::torch
