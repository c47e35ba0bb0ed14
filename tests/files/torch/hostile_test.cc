// Faults for which a state dict is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "files/torch/make_files.h"
#include "files/torch/reading.h"

namespace bbz::torch {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// Why a file with this pickled value and the storage of kMatrix is refused.
std::string refusal_of(const std::string& value, const Limits& limits = {}) {
  return refusal(make_torch(pickle(value), {std::string(24, 'x')}), limits);
}

TEST(Hostile, GlobalsAreRefusedByNameAndPosition) {
  EXPECT_EQ(refusal_of(pickle_global("posix", "system") + pickle_text("true") + "\x85R"),
            "unsupported: test.pt: data.pkl: byte 2: GLOBAL: the name \"posix.system\", which "
            "tensors do not need");
  EXPECT_THAT(refusal_of("N0"), HasSubstr("byte 3: POP: an opcode that tensors do not need"));
  EXPECT_THAT(refusal_of(pickle_text("builtins") + pickle_text("eval") + "\x93"),
              HasSubstr("STACK_GLOBAL: the name \"builtins.eval\""));
  EXPECT_THAT(refusal_of("ctorch\nload\n"), HasSubstr("\"torch.load\""));
}

TEST(Hostile, OpcodesAreRefusedByNameAndPosition) {
  EXPECT_THAT(refusal_of("ios\nsystem\n"),
              HasSubstr("byte 2: INST: an opcode that tensors do not need"));
  EXPECT_THAT(refusal_of("N\x81"), HasSubstr("byte 3: NEWOBJ"));
  EXPECT_THAT(refusal_of("\x82\x01"), HasSubstr("byte 2: EXT1"));
  EXPECT_THAT(refusal_of("\xff"), HasSubstr("byte 2: opcode 0xff"));
}

TEST(Hostile, CallsOfWhatIsNoFunctionAreRefused) {
  EXPECT_THAT(refusal_of(pickle_global("torch", "Tensor") + ")R"), HasSubstr("a call of"));
  EXPECT_THAT(refusal_of(pickle_text("x") + ")R"), HasSubstr("needs a name and a tuple"));
  EXPECT_THAT(refusal_of(pickle_global("torch._utils", "_rebuild_tensor_v2") + ")R"),
              HasSubstr("_rebuild_tensor_v2 with 0 arguments"));
  EXPECT_THAT(refusal_of(pickle_int(1) + "Nb"), HasSubstr("attributes of a value that is neither"));
  EXPECT_THAT(refusal_of(pickle_text("x") + "Q"), HasSubstr("persistent id"));
}

TEST(Hostile, ViewsOutsideTheirStorageAreRefused) {
  const std::string leaves = "a tensor ends after its storage \"0\"";
  const auto view = [](std::uint64_t offset, std::vector<std::uint64_t> shape,
                       std::vector<std::uint64_t> strides) {
    return pickle_view({"FloatStorage", "0", 6, offset, std::move(shape), std::move(strides)});
  };
  EXPECT_EQ(refusal_of(view(0, {2, 3}, {3, 1})), "no error");
  EXPECT_THAT(refusal_of(view(1, {2, 3}, {3, 1})), HasSubstr(leaves));
  EXPECT_THAT(refusal_of(view(0, {2, 3}, {4, 1})), HasSubstr(leaves));
  EXPECT_THAT(refusal_of(view(6, {}, {})), HasSubstr(leaves));
  EXPECT_THAT(refusal_of(view(0, {3}, {std::uint64_t{1} << 62})), HasSubstr(leaves));
  EXPECT_THAT(refusal_of(view(std::uint64_t{1} << 62, {5}, {std::uint64_t{1} << 62})),
              HasSubstr(leaves));
  EXPECT_THAT(refusal_of(view(0, {std::uint64_t{1} << 40}, {0})), HasSubstr("no error"));
  EXPECT_THAT(refusal_of(view(0, {std::uint64_t{1} << 43}, {0})), StartsWith("limit"));
  EXPECT_THAT(refusal_of(view(0, {std::uint64_t{1} << 40, std::uint64_t{1} << 40}, {0, 0})),
              StartsWith("malformed"));
  EXPECT_THAT(refusal_of(view(0, {2}, {3, 1})), HasSubstr("1 extents with 2 strides"));
  EXPECT_THAT(refusal_of(view(0, {~std::uint64_t{0}}, {1})),
              HasSubstr("expected a non-negative whole number"));
}

TEST(Hostile, ElementsThatAreNotTheStoragesAreRefused) {
  const auto with = [](std::string_view key, bool value) {
    return pickle_view_open(kMatrix) + "}" + pickle_text(key) + (value ? "\x88" : "\x89") + "stR";
  };
  EXPECT_EQ(refusal_of(with("conj", false)), "no error");
  EXPECT_THAT(refusal_of(with("conj", true)), HasSubstr("a tensor with the bit \"conj\""));
  EXPECT_THAT(refusal_of(with("neg", true)), HasSubstr("a tensor with the bit \"neg\""));
}

TEST(Hostile, StoragesThatAreNotThereAreRefused) {
  const std::string missing = pickle_view({"FloatStorage", "9", 6, 0, {2, 3}, {3, 1}});
  EXPECT_THAT(refusal_of(missing), HasSubstr("no entry for the storage \"9\""));
  const std::string longer = pickle_view({"FloatStorage", "0", 7, 0, {2, 3}, {3, 1}});
  EXPECT_THAT(refusal_of(longer), HasSubstr("has 24 bytes, expected 28 by data.pkl"));
  const std::string half = pickle_view({"HalfStorage", "0", 12, 0, {12}, {1}});
  EXPECT_THAT(refusal_of(pickle_dict({{"a", pickle_view(kMatrix)}, {"b", half}})),
              HasSubstr("the storage \"0\" has two types or sizes"));
}

TEST(Hostile, TwoTensorsOfOneNameAreRefused) {
  const std::string view = pickle_view(kMatrix);
  EXPECT_THAT(refusal_of(pickle_dict({{"a.b", view}, {"a", pickle_dict({{"b", view}})}})),
              HasSubstr("two tensors have the name \"a.b\""));
  EXPECT_THAT(refusal_of(pickle_dict({{"\xff", view}})), HasSubstr("not UTF-8"));
  EXPECT_THAT(refusal_of("})" + view + "s"), HasSubstr("neither a string nor a whole number"));
}

TEST(Hostile, DictsThatHoldThemselvesAreRefused) {
  EXPECT_THAT(refusal_of("}q\x01" + pickle_text("x") + "h\x01s"),
              HasSubstr("dicts are nested deeper than 16"));
}

TEST(Hostile, DictsThatMultiplyAreRefused) {
  // Each level holds the one below it ten times.
  std::string value = "](" + pickle_view(kMatrix) + "e";
  for (int level = 1; level < 7; ++level) {
    value += "q" + little(static_cast<unsigned>(level), 1);
    std::string list = "](";
    for (int i = 0; i < 10; ++i) list += "h" + little(static_cast<unsigned>(level), 1);
    value += "\x85" + list + "e\x86";
  }
  Limits limits;
  limits.values = 10'000;
  EXPECT_THAT(refusal_of(value, limits), HasSubstr("more than 10000 values"));
}

TEST(Hostile, LimitsHold) {
  Limits limits;
  limits.values = 10;
  EXPECT_THAT(refusal_of("(" + std::string(11, ']') + "t", limits),
              HasSubstr("more than 10 values"));
  EXPECT_THAT(refusal_of("(" + std::string(11, 'N') + "t", limits),
              HasSubstr("more than 10 values"));
  EXPECT_THAT(refusal_of(std::string(11, '('), limits), HasSubstr("more than 10 marks"));
  EXPECT_THAT(refusal_of("Nr" + little(0xffffffff, 4)), HasSubstr("limit: "));
  limits = {};
  limits.rank = 1;
  EXPECT_THAT(refusal_of(pickle_view(kMatrix), limits), HasSubstr("a tensor of 2 axes"));
  limits = {};
  limits.pickle_bytes = 10;
  EXPECT_THAT(refusal_of(pickle_view(kMatrix), limits), StartsWith("limit: "));
  limits = {};
  limits.name_bytes = 3;
  EXPECT_THAT(refusal_of(pickle_dict({{"long", pickle_view(kMatrix)}}), limits),
              HasSubstr("a name of 4 bytes"));
  limits = {};
  limits.all_name_bytes = 3;
  EXPECT_THAT(
      refusal_of(pickle_dict({{"a2", pickle_view(kMatrix)}, {"b2", pickle_view(kMatrix)}}), limits),
      HasSubstr("names of tensors have more than 3 bytes"));
}

TEST(Hostile, BrokenStacksAreRefused) {
  EXPECT_THAT(refusal_of(""), HasSubstr("STOP: the stack is empty"));
  EXPECT_THAT(refusal_of("NN"), HasSubstr("STOP: values are left on the stack"));
  EXPECT_THAT(refusal_of("N(\x85"), HasSubstr("TUPLE1: the stack has too few values"));
  EXPECT_THAT(refusal_of("t"), HasSubstr("the stack has no mark"));
  EXPECT_THAT(refusal_of("NNNs"), HasSubstr("not a dict"));
  EXPECT_THAT(refusal_of("}(Nu"), HasSubstr("a key without a value"));
  EXPECT_THAT(refusal_of("h\x05"), HasSubstr("the memo has no value there"));
  EXPECT_THAT(refusal_of("N.N"), HasSubstr("bytes follow the end"));
  EXPECT_THAT(refusal_of("X" + little(1000, 4)), HasSubstr("truncated"));
}

TEST(Hostile, OtherFormatsAreNamed) {
  const std::string legacy = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
  EXPECT_THAT(refusal(legacy), HasSubstr("the format of PyTorch before 1.6"));
  EXPECT_THAT(refusal(make_torch(pickle("}"), {}, {}, {{"model/constants.pkl", "x"}})),
              HasSubstr("TorchScript"));
  EXPECT_THAT(refusal(make_zip({{"archive/weights.npy", "x"}})), HasSubstr("no entry"));
  EXPECT_THAT(refusal(make_torch("\x80\x06N.", {})), HasSubstr("protocol 6"));
  EXPECT_THAT(refusal(make_torch("(dp0\n.", {})), HasSubstr("does not begin with PROTO"));
  EXPECT_THAT(refusal(make_zip({{"a/data.pkl", pickle("}")}, {"a/version", "11\n"}})),
              HasSubstr("its version is \"11\", expected 1 to 10"));
  EXPECT_THAT(refusal(make_zip({{"a/data.pkl", pickle("}")}, {"a/data.pkl", "x"}})),
              HasSubstr("occurs twice"));
}

TEST(Hostile, CutPicklesAreRefusedAndChangedOnesDoNoHarm) {
  const std::string whole = pickle(pickle_dict({{"a", pickle_view(kMatrix)}}));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(refusal(make_torch(whole.substr(0, size), {std::string(24, 'x')})), "no error");
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
      const std::string file = make_torch(changed, {std::string(24, 'x')});
      const auto state = read(file);
      if (!state.ok()) continue;
      for (const Tensor& tensor : state->tensors) {
        EXPECT_TRUE(elements_of(file, *state, tensor).ok());
      }
    }
  }
}

}  // namespace
}  // namespace bbz::torch
