// Faults for which a state dict is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

#include "files/torch/make_files.h"
#include "files/torch/reading.h"

namespace bbz::torch {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

// Why a file with this pickled value and the storage of kMatrix is refused.
std::string refusal_of(const std::string& value, const Limits& limits = {}) {
  return refusal(make_torch(pickle(value), {std::string(24, 'x')}), limits);
}

TEST(Hostile, WhatIsNoOpcodeIsRefusedByPosition) {
  EXPECT_EQ(refusal_of("\xff"),
            "malformed: test.pt: data.pkl: byte 2: opcode 0xff: no opcode of pickle");
  EXPECT_THAT(refusal_of("NN\x99"), HasSubstr("byte 4: opcode 0x99: no opcode of pickle"));
}

TEST(Hostile, BrokenCallsAreRefused) {
  EXPECT_THAT(refusal_of(pickle_global("torch._utils", "_rebuild_tensor_v2") + ")R"),
              HasSubstr("_rebuild_tensor_v2 with 0 arguments"));
  EXPECT_THAT(refusal_of(pickle_global("x", "y") + "NR"), HasSubstr("arguments are not a tuple"));
  EXPECT_THAT(refusal_of(pickle_global("x", "y") + "N\x81"), HasSubstr("NEWOBJ: the arguments"));
  EXPECT_THAT(refusal_of("(o"), HasSubstr("OBJ: an object without a class"));
  EXPECT_THAT(refusal_of("(" + pickle_text("storage") + "tQ"), HasSubstr("a storage needs"));
  EXPECT_THAT(refusal_of("NK\x01\x93"), HasSubstr("a name that is not a string"));
  EXPECT_THAT(refusal_of("I1x\n"), HasSubstr("INT: no number"));
  EXPECT_THAT(refusal_of("S'x\n"), HasSubstr("STRING: a text not in quotes"));
  EXPECT_THAT(refusal_of("N(p-1\n"), HasSubstr("PUT: the place in the memo is not a number"));
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

// The places of a part and of a view of it count elements of different widths.
TEST(Hostile, ViewsOfPartsOfBytesStayWithinTheirStorage) {
  const std::string bytes = counting_bytes(24);
  const auto file = [&](std::uint64_t offset, std::uint64_t size, View view,
                        const std::string& dtype = "float32") {
    view.elements = 24;
    const std::string part = '(' + pickle_text("v") + pickle_int(offset) + pickle_int(size) + 't';
    return make_torch(pickle(pickle_view_v3(view, dtype, part)), {bytes});
  };
  const auto elements = [&](const std::string& text) {
    const auto state = read(text);
    if (!state.ok()) return state.error().message;
    const auto found = elements_of(text, *state, state->tensors.at(0));
    return found.ok() ? *found : found.error().message;
  };
  EXPECT_EQ(elements(file(12, 12, {"", "0", 0, 1, {2}, {1}})), bytes.substr(16, 8));
  EXPECT_EQ(elements(file(16, 8, {"", "0", 0, 0, {1, 2}, {1, 1}}, "float16")), bytes.substr(16, 4));
  EXPECT_EQ(elements(file(8, 16, {"", "0", 0, 0, {2, 2}, {1, 2}})),
            bytes.substr(8, 4) + bytes.substr(16, 4) + bytes.substr(12, 4) + bytes.substr(20, 4));
  EXPECT_EQ(elements(file(12, 12, {"", "0", 0, 1, {2}, {1}}, "complex32")), bytes.substr(16, 8));
  EXPECT_THAT(refusal(file(10, 12, {"", "0", 0, 0, {1}, {1}})),
              HasSubstr("begins in the storage \"0\" at byte 10, which is no multiple of its 4"));
  EXPECT_THAT(refusal(file(12, 12, {"", "0", 0, 1, {3}, {1}})),
              HasSubstr("a tensor ends after its storage"));
  EXPECT_EQ(refusal(file(24, 0, {"", "0", 0, 9, {0}, {1}})), "no error");
}

TEST(Hostile, StoragesThatAreNotThereAreRefused) {
  const std::string missing = pickle_view({"FloatStorage", "9", 6, 0, {2, 3}, {3, 1}});
  EXPECT_THAT(refusal_of(missing), HasSubstr("no entry for the storage \"9\""));
  const std::string longer = pickle_view({"FloatStorage", "0", 7, 0, {2, 3}, {3, 1}});
  EXPECT_THAT(refusal_of(longer), HasSubstr("has 24 bytes, expected 28 by data.pkl"));
  const std::string half = pickle_view({"HalfStorage", "0", 11, 0, {11}, {1}});
  EXPECT_THAT(refusal_of(pickle_dict({{"a", pickle_view(kMatrix)}, {"b", half}})),
              HasSubstr("the storage \"0\" has two sizes"));
}

// The names of the tensors of a file with this pickled value and the storage of kMatrix.
std::vector<std::string> names_of(const std::string& value, const Limits& limits = {}) {
  const auto state = read(make_torch(pickle(value), {std::string(24, 'x')}), limits);
  if (!state.ok()) return {state.error().message};
  std::vector<std::string> names;
  for (const Tensor& tensor : state->tensors) names.push_back(tensor.name);
  return names;
}

TEST(Hostile, DictsThatHoldThemselvesAreLeftOnce) {
  EXPECT_THAT(names_of("}q\x01(" + pickle_text("x") + "h\x01" + pickle_text("w") +
                       pickle_view(kMatrix) + "u"),
              ElementsAre("w"));
  // Two that hold each other.
  EXPECT_THAT(names_of("]q\x01(}q\x02(" + pickle_text("up") + "h\x01" + pickle_text("w") +
                       pickle_view(kMatrix) + "uh\x02" + "e"),
              ElementsAre("0.w", "1.w"));
}

TEST(Hostile, ValuesThatMultiplyAreEnteredABoundedNumberOfTimes) {
  // Each level holds the one below it ten times, so that 10^40 paths lead to the tensor.
  std::string value = "](" + pickle_view(kMatrix) + "e";
  for (unsigned level = 1; level <= 40; ++level) {
    value += "q" + little(level, 1) + "0](";
    for (int i = 0; i < 10; ++i) value += "h" + little(level, 1);
    value += "e";
  }
  const std::size_t names = names_of(value).size();
  EXPECT_GE(names, 10u);
  EXPECT_LE(names, 16u);
}

TEST(Hostile, DeepNestingIsWalkedUpToTheLimit) {
  const auto nested = [](std::size_t depth) {
    return pickle_view(kMatrix) + std::string(depth, '\x85');
  };
  EXPECT_EQ(names_of(nested(1000)).size(), 1u);
  EXPECT_EQ(names_of(nested(1001)).size(), 0u);
  EXPECT_EQ(names_of(nested(1'000'000)).size(), 0u);
  std::string chain = "]q\x01" + pickle_view(kMatrix) + "a0";
  for (int i = 0; i < 1'000'000; ++i)
    chain +=
        "h\x01]h\x01"
        "aq\x01"
        "00";
  EXPECT_THAT(names_of(chain + "h\x01").size(), 0u);
}

TEST(Hostile, LongNamesAreNotGiven) {
  Limits limits;
  limits.name_bytes = 8;
  const std::string view = pickle_view(kMatrix);
  EXPECT_THAT(names_of(pickle_dict({{"12345678", view}, {"1234567", view}}), limits),
              ElementsAre("1234567"));
  EXPECT_THAT(
      names_of(pickle_dict({{"1234", pickle_dict({{"6789", view}, {"67", view}})}}), limits),
      ElementsAre("1234.67"));
}

TEST(Hostile, NamesThatGrowTooLongAreNotGiven) {
  Limits limits;
  limits.name_bytes = 8;
  const std::string view = pickle_view(kMatrix);
  const auto twice = [&](const std::string& name) {
    return pickle_dict({{"a." + name, view}, {"a", pickle_dict({{name, view}})}});
  };
  EXPECT_THAT(names_of(twice("4567"), limits), ElementsAre("a.4567", "a.4567~2"));
  EXPECT_THAT(names_of(twice("45678"), limits), ElementsAre("a.45678"));
  const auto conjugated = [&](const std::string& name) {
    return pickle_dict(
        {{name, pickle_view_open(kMatrix) + "}" + pickle_text("conj") + "\x88" + "stR"}});
  };
  EXPECT_THAT(names_of(conjugated("123"), limits), ElementsAre("123:conj"));
  EXPECT_THAT(names_of(conjugated("1234"), limits), ElementsAre());
}

// A pickle of a list of `count` names of the matrix, each of which takes two bytes of it.
std::string list_of(std::size_t count) {
  std::string value = pickle_view(kMatrix) + "q\x01" + "0](";
  for (std::size_t i = 0; i < count; ++i) value += "h\x01";
  return value + "e";
}

TEST(Hostile, NamesOfOneTensorAreCountedWithTheirAxes) {
  Limits limits;
  limits.named_values = 12 * 5;  // 8 and 2 for each of two axes
  EXPECT_EQ(names_of(list_of(5), limits).size(), 5u);
  EXPECT_THAT(names_of(list_of(6), limits),
              ElementsAre(HasSubstr("the named tensors take more than 60 values")));
  // Archives in a row share what is left.
  const std::string archive = make_torch(pickle(list_of(3)), {std::string(24, 'x')});
  EXPECT_EQ(refusal(archive, limits), "no error");
  EXPECT_THAT(refusal(archive + archive, limits), HasSubstr("the named tensors take more than"));
}

TEST(Hostile, KeysAreLookedAtABoundedNumberOfTimes) {
  const auto dict_of = [](const std::string& key, std::size_t count) {
    std::string value = key + "q\x01" + "0" + pickle_view(kMatrix) + "q\x02" + "0}(";
    for (std::size_t i = 0; i < count; ++i) value += "h\x01h\x02";
    return value + "u";
  };
  Limits limits;
  limits.key_bytes = 20'000;
  const auto many = ElementsAre(HasSubstr("the keys of dicts have more than 20000 bytes"));
  const std::string text = pickle_text(std::string(1000, 'k'));
  EXPECT_THAT(names_of(dict_of(text, 10), limits), ElementsAre(std::string(1000, 'k')));
  EXPECT_THAT(names_of(dict_of(text, 20), limits), many);
  const std::string bytes = "B" + little(1000, 4) + std::string(1000, 'k');
  EXPECT_EQ(names_of(dict_of(bytes, 10), limits).size(), 10u);
  EXPECT_THAT(names_of(dict_of(bytes, 20), limits), many);
  // A tuple of tuples, of 256 texts in all, each of which takes 64 bytes.
  std::string inner = "(", outer = "(";
  for (int i = 0; i < 16; ++i) inner += "K\x01";
  for (int i = 0; i < 16; ++i) outer += "h\x03";
  const std::string tuple = inner + "tq\x03" + "0" + outer + "t";
  EXPECT_EQ(names_of(dict_of(tuple, 1), limits).size(), 1u);
  EXPECT_THAT(names_of(dict_of(tuple, 2), limits), many);
  // What is longer than a name is not looked at, and what is below it has none.
  for (const std::string& key :
       {pickle_text(std::string(5000, 'k')), "B" + little(5000, 4) + std::string(5000, 'k')}) {
    EXPECT_THAT(names_of(dict_of(key, 100), limits), ElementsAre());
    EXPECT_THAT(names_of(dict_of(key + "\x85", 2), limits), ElementsAre("0", "1"));
  }
}

TEST(Hostile, StoragesHaveShortKeys) {
  const auto storage = [](std::size_t size) {
    return pickle_storage("torch", "FloatStorage", std::string(size, 'k'), 6);
  };
  EXPECT_THAT(refusal_of(storage(4096)), HasSubstr("no entry for the storage"));
  EXPECT_THAT(refusal_of(storage(4097)),
              HasSubstr("a storage whose key has 4097 bytes; the limit is 4096"));
}

// A long list is an argument again and again, of calls that look at its size at most.
TEST(Hostile, ArgumentsAreNotCopiedBeforeTheirSizeIsKnown) {
  const std::string list = "(" + std::string(1'000'000, 'N') + "lq\x01" + "0";
  const std::string quantized = pickle_global("torch._utils", "_rebuild_qtensor") + '(' +
                                pickle_storage("torch", "QInt8Storage", "0", 24) + "K" +
                                std::string(1, '\0') + "))h\x01t";
  for (const std::string& call :
       {pickle_global("torch._utils", "_rebuild_sparse_tensor") + "(Nh\x01t", quantized}) {
    std::string calls;
    for (int i = 0; i < 20'000; ++i) calls += call + "R0";
    const std::clock_t begin = std::clock();
    EXPECT_EQ(refusal_of(list + calls + "N"), "no error");
    EXPECT_LT(std::clock() - begin, 2 * CLOCKS_PER_SEC);
  }
}

TEST(Hostile, PlacesInTheMemoTakeNoRoomBetweenThem) {
  const std::string far = "r" + little(0xffffffff, 4);
  EXPECT_THAT(names_of(pickle_view(kMatrix) + far + "0j" + little(0xffffffff, 4)),
              ElementsAre("tensor"));
  EXPECT_THAT(refusal_of("Nj" + little(0xfffffffe, 4)), HasSubstr("the memo has no value there"));
  // Those after a gap count as values, each once.
  Limits limits;
  limits.values = 10;
  const auto places = [](std::uint64_t first, int count) {
    std::string text = "N";
    for (int i = 0; i < count; ++i) text += "r" + little(first + static_cast<std::uint64_t>(i), 4);
    return text;
  };
  EXPECT_EQ(refusal_of(places(1000, 10) + places(1000, 10).substr(1), limits), "no error");
  EXPECT_THAT(refusal_of(places(1000, 11), limits), HasSubstr("more than 10 values"));
  EXPECT_EQ(refusal_of(places(0, 100), limits), "no error");
}

TEST(Hostile, LimitsHold) {
  Limits limits;
  limits.values = 10;
  EXPECT_THAT(refusal_of("(" + std::string(11, ']') + "t", limits),
              HasSubstr("more than 10 values"));
  EXPECT_THAT(refusal_of("(" + std::string(11, 'N') + "t", limits),
              HasSubstr("more than 10 values"));
  EXPECT_THAT(refusal_of(std::string(11, '('), limits), HasSubstr("more than 10 marks"));
  limits = {};
  limits.rank = 1;
  EXPECT_THAT(refusal_of(pickle_view(kMatrix), limits), HasSubstr("a tensor of 2 axes"));
  limits = {};
  limits.pickle_bytes = 10;
  EXPECT_THAT(refusal_of(pickle_view(kMatrix), limits), StartsWith("limit: "));
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
  EXPECT_THAT(refusal(make_zip({{"archive/weights.npy", "x"}})), HasSubstr("no entry"));
  EXPECT_THAT(refusal(make_zip({})), HasSubstr("zip archive"));
  EXPECT_THAT(refusal(make_torch("\x80\x06N.", {})), HasSubstr("protocol 6"));
  EXPECT_THAT(refusal(make_zip({{"a/data.pkl", pickle("}")}, {"a/version", "11\n"}})),
              HasSubstr("its version is \"11\", expected 1 to 10"));
  EXPECT_THAT(refusal(make_zip({{"a/data.pkl", pickle("}")}, {"a/data.pkl", "x"}})),
              HasSubstr("occurs twice"));
  EXPECT_THAT(refusal("no model"), HasSubstr("it does not begin like a zip archive"));
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
