#include "bbz/files/torch/state_dict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "files/torch/make_files.h"
#include "files/torch/reading.h"

namespace bbz::torch {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Sizes = std::vector<std::uint64_t>;

std::vector<std::string> names_of(const StateDict& state) {
  std::vector<std::string> names;
  for (const Tensor& tensor : state.tensors) names.push_back(tensor.name);
  return names;
}

// The names of the tensors in a pickled value; all are views of kMatrix's storage.
std::vector<std::string> names_in(const std::string& value) {
  const auto state = read(make_torch(pickle(value), {std::string(24, 'x')}));
  if (!state.ok()) return {state.error().message};
  return names_of(*state);
}

TEST(StateDict, GivesTensorsInOrderWithTheirStorages) {
  const std::string second = counting_bytes(8);
  const std::string file = make_torch(
      pickle(pickle_dict({{"b.weight", pickle_view({"HalfStorage", "1", 4, 1, {3}, {1}})},
                          {"a.weight", pickle_view(kMatrix)}})),
      {std::string(24, 'x'), second});
  const auto state = read(file);
  ASSERT_TRUE(state.ok()) << state.error().message;
  ASSERT_EQ(state->storages.size(), 2u);
  EXPECT_EQ(state->storages[0].key, "1");
  EXPECT_EQ(file.substr(state->storages[0].offset, state->storages[0].size), second);
  EXPECT_EQ(state->storages[1].size, 24u);
  EXPECT_THAT(state->tensors, ElementsAre(Tensor{"b.weight", DType::kF16, {3}, {1}, 0, 1},
                                          Tensor{"a.weight", DType::kF32, {2, 3}, {3, 1}, 1, 0}));
}

TEST(StateDict, NamesTensorsByTheirPath) {
  const std::string view = pickle_view(kMatrix);
  EXPECT_THAT(names_in(view), ElementsAre("tensor"));
  EXPECT_THAT(names_in(pickle_dict({{"epoch", pickle_int(3)},
                                    {"model", pickle_dict({{"h.0.w", view}})},
                                    {"rest", "](" + view + "N" + view + "e"}})),
              ElementsAre("model.h.0.w", "rest.0", "rest.2"));
  EXPECT_THAT(names_in("}" + pickle_int(7) + view + "s"), ElementsAre("7"));
}

TEST(StateDict, SetsAKeyAgainAsPythonDoes) {
  const std::string other = pickle_view({"FloatStorage", "0", 6, 5, {}, {}});
  const auto state = read(
      make_torch(pickle(pickle_dict({{"a", pickle_view(kMatrix)}, {"b", other}, {"a", other}})),
                 {std::string(24, 'x')}));
  ASSERT_TRUE(state.ok()) << state.error().message;
  EXPECT_THAT(names_of(*state), ElementsAre("a", "b"));
  EXPECT_EQ(state->tensors[0].storage_offset, 5u);
}

TEST(StateDict, ReadsOrderedDictWithAttributesAndParameters) {
  const std::string ordered = pickle_global("collections", "OrderedDict") + ")R";
  const std::string parameter = pickle_global("torch._utils", "_rebuild_parameter") + "(" +
                                pickle_view(kMatrix) + "\x88" + ordered + "tR";
  const std::string typed = pickle_global("torch._tensor", "_rebuild_from_type_v2") + "(" +
                            pickle_global("torch._utils", "_rebuild_parameter") +
                            pickle_global("torch.nn.parameter", "Parameter") + "(" +
                            pickle_view(kMatrix) + "\x88" + ordered + "t}tR";
  EXPECT_THAT(names_in(ordered + "(" + pickle_text("w") + parameter + pickle_text("v") + typed +
                       "u}" + pickle_text("_metadata") + ordered + "sb"),
              ElementsAre("w", "v"));
}

TEST(StateDict, ReadsProtocol4) {
  const auto text = [](std::string_view s) {
    return "\x8c" + little(s.size(), 1) + std::string(s) + "\x94";
  };
  const auto global = [&](std::string_view module, std::string_view name) {
    return text(module) + text(name) + "\x93\x94";
  };
  const std::string storage = "(" + text("storage") + global("torch", "FloatStorage") + text("0") +
                              text("cpu") + pickle_int(6) + "tQ";
  const std::string body = "}\x94" + text("w") + global("torch._utils", "_rebuild_tensor_v2") +
                           "(" + storage + pickle_int(0) + pickle_int(2) + pickle_int(3) +
                           "\x86\x94" + pickle_int(3) + pickle_int(1) + "\x86\x94\x89" +
                           global("collections", "OrderedDict") + ")Rt\x94R\x94s" + text("again") +
                           "h\x11"
                           "s.";  // entry 17 of the memo is the tensor
  const std::string file =
      make_torch("\x80\x04\x95" + little(body.size(), 8) + body, {std::string(24, 'x')});
  const auto state = read(file);
  ASSERT_TRUE(state.ok()) << state.error().message;
  EXPECT_THAT(names_of(*state), ElementsAre("w", "again"));
  EXPECT_EQ(state->tensors[1].shape, (Sizes{2, 3}));
}

TEST(StateDict, KnowsEveryTypeOfStorage) {
  const std::vector<std::pair<std::string, DType>> types = {
      {"BoolStorage", DType::kBool},        {"ByteStorage", DType::kU8},
      {"CharStorage", DType::kI8},          {"ShortStorage", DType::kI16},
      {"IntStorage", DType::kI32},          {"LongStorage", DType::kI64},
      {"HalfStorage", DType::kF16},         {"BFloat16Storage", DType::kBF16},
      {"FloatStorage", DType::kF32},        {"DoubleStorage", DType::kF64},
      {"ComplexFloatStorage", DType::kC64}, {"QInt8Storage", DType::kI8},
      {"QUInt8Storage", DType::kU8},        {"QInt32Storage", DType::kI32}};
  for (const auto& [name, dtype] : types) {
    const auto size = static_cast<std::size_t>(dtype_info(dtype).bits) / 8 * 5;
    const auto state = read(
        make_torch(pickle(pickle_view({name, "0", 5, 0, {5}, {1}})), {std::string(size, 'x')}));
    ASSERT_TRUE(state.ok()) << state.error().message;
    EXPECT_EQ(state->tensors[0].dtype, dtype);
    EXPECT_EQ(state->storages[0].dtype, dtype);
  }
}

TEST(StateDict, KnowsEveryDTypeOfUntypedStorages) {
  const std::vector<std::pair<std::string, DType>> types = {{"float8_e4m3fn", DType::kF8E4M3},
                                                            {"float8_e5m2", DType::kF8E5M2},
                                                            {"float8_e4m3fnuz", DType::kF8E4M3Fnuz},
                                                            {"float8_e5m2fnuz", DType::kF8E5M2Fnuz},
                                                            {"float8_e8m0fnu", DType::kF8E8M0},
                                                            {"uint16", DType::kU16},
                                                            {"uint32", DType::kU32},
                                                            {"uint64", DType::kU64},
                                                            {"bool", DType::kBool},
                                                            {"bfloat16", DType::kBF16},
                                                            {"float16", DType::kF16},
                                                            {"complex64", DType::kC64}};
  for (const auto& [name, dtype] : types) {
    const auto size = static_cast<std::size_t>(dtype_info(dtype).bits) / 8 * 5;
    const View view{"", "0", size, 1, {4}, {1}};
    const auto state =
        read(make_torch(pickle(pickle_view_v3(view, name)), {std::string(size, 'x')}));
    ASSERT_TRUE(state.ok()) << state.error().message;
    EXPECT_EQ(state->tensors[0].dtype, dtype);
    EXPECT_EQ(state->storages[0].size, size);
  }
}

TEST(StateDict, TakesEmptyScalarSharedExpandedAndTransposedTensors) {
  const auto state = read(make_torch(
      pickle(pickle_dict({{"empty", pickle_view({"FloatStorage", "1", 0, 0, {0, 4}, {4, 1}})},
                          {"scalar", pickle_view({"FloatStorage", "0", 6, 5, {}, {}})},
                          {"whole", pickle_view(kMatrix)},
                          {"tied", pickle_view(kMatrix)},
                          {"expanded", pickle_view({"FloatStorage", "0", 6, 0, {1000, 6}, {0, 1}})},
                          {"turned", pickle_view({"FloatStorage", "0", 6, 0, {3, 2}, {1, 3}})}})),
      {std::string(24, 'x'), ""}));
  ASSERT_TRUE(state.ok()) << state.error().message;
  EXPECT_EQ(state->storages.size(), 2u);
  ASSERT_EQ(state->tensors.size(), 6u);
  EXPECT_EQ(state->tensors[3].storage, state->tensors[2].storage);
  std::vector<bool> contiguous;
  for (const Tensor& tensor : state->tensors) contiguous.push_back(is_contiguous(tensor));
  EXPECT_THAT(contiguous, ElementsAre(true, true, true, true, false, false));
}

TEST(StateDict, ReadsByteOrder) {
  const std::string pickled = pickle(pickle_view(kMatrix));
  const std::vector<std::string> storages = {std::string(24, 'x')};
  EXPECT_TRUE(read(make_torch(pickled, storages, {}, {{"model/byteorder", "little"}})).ok());
  EXPECT_EQ(refusal(make_torch(pickled, storages, {}, {{"model/byteorder", "big"}})),
            "unsupported: test.pt: its byte order is \"big\", expected \"little\"");
}

TEST(StateDict, NeedsASourceThatCanSeek) {
  class Pipe final : public io::Source {
    Result<std::size_t> read_at(std::uint64_t, MutableBytes) override { return std::size_t{0}; }
    std::optional<std::uint64_t> size() const override { return std::nullopt; }
    bool seekable() const override { return false; }
  } pipe;
  EXPECT_EQ(read_state_dict(pipe).code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace bbz::torch
