// Values that are no tensors, with tensors in and around them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "files/torch/make_files.h"
#include "files/torch/reading.h"

namespace bbz::torch {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using std::string_literals::operator""s;

// The names of the tensors of a file.
std::vector<std::string> names_of_file(const std::string& file) {
  const auto state = read(file);
  if (!state.ok()) return {state.error().message};
  std::vector<std::string> names;
  for (const Tensor& tensor : state->tensors) names.push_back(tensor.name);
  return names;
}

// The names of the tensors of a pickled value; all are views of kMatrix's storage.
std::vector<std::string> names_in(const std::string& value) {
  return names_of_file(make_torch(pickle(value), {std::string(24, 'x')}));
}

const std::string kView = pickle_view(kMatrix);

// A dict of a tensor and another value, which must leave the tensor its name.
std::vector<std::string> names_beside(const std::string& other) {
  return names_in("}(" + pickle_text("other") + other + pickle_text("w") + kView + "u");
}

TEST(Objects, OfEveryOpcodeCostNothing) {
  const std::string name = pickle_global("argparse", "Namespace");
  const std::vector<std::string> others = {
      name,
      name + ")R",
      name + ")\x81}" + pickle_text("lr") + "G\x3f\xf0\0\0\0\0\0\0"s + "sb",
      name + ")}\x92",
      pickle_text("x") + ")R",  // a call of what is no name
      name + ")RN\x85R",
      "(inumpy\ndtype\n",
      "(K\x01inumpy\ndtype\n",
      "(" + name + "K\x01o",
      "\x82\x01",
      "\x83\x01\x02",
      "\x84\x01\x02\x03\x04",
      "\x8f(K\x01K\x02\x90",
      "(K\x01\x91",
      "\x96" + little(3, 8) + "abc",
      "\x97",
      "\x97\x98",
      "C\x03"
      "abc",
      "B" + little(3, 4) + "abc",
      "\x8e" + little(3, 8) + "abc",
      "U\x01x",
      "T" + little(1, 4) + "x",
      "\x8d" + little(1, 8) + "x",
      "\x8c\x01x",
      "I01\n",
      "I-12\n",
      "L123456789012345678901234567890L\n",
      "F1.5\n",
      "S'it\\'s'\n",
      "Vunicode \\u00e9\n",
      "(lp7\n",
      "(dp7\n",
      "K\x01p12\n0g12\n",
      "N2"
      "0",  // DUP, POP
      "N(K\x01"
      "1",    // a mark and what is above it
      "N(0",  // POP of a mark
      "Pan id\n",
      "K\x05Q",
      "(NK\x05tQ",
      "\x8a\x09" + std::string(9, 'x'),
      "\x8b" + little(2, 4) + "xy",
      "K\x01}b",  // a state of a number
      "}}b",
      pickle_global("datetime", "datetime") + "C\x0a" + std::string(10, 'x') + "\x85R",
      pickle_global("torch", "device") + pickle_text("cpu") + "\x85R",
      pickle_global("torch", "Tensor") + ")R",
      pickle_global("torch._utils", "_rebuild_meta_tensor_no_storage") + "(" +
          pickle_global("torch", "float32") + pickle_tuple({2}) + pickle_tuple({1}) + "\x89tR",
  };
  for (const std::string& other : others) {
    EXPECT_THAT(names_beside(other), ElementsAre("w")) << testing::PrintToString(other);
  }
}

TEST(Objects, AreNamedByAttributesArgumentsItemsAndKeys) {
  const std::string type = pickle_global("some", "Type");
  const auto dict = [](const std::string& key) { return "}" + pickle_text(key) + kView + "s"; };
  EXPECT_THAT(names_in(type + ")\x81" + dict("attribute") + "b"), ElementsAre("attribute"));
  EXPECT_THAT(names_in(type + "N" + kView + "\x86\x81"), ElementsAre("1"));
  EXPECT_THAT(names_in(type + ")" + dict("named") + "\x92"), ElementsAre("named"));
  EXPECT_THAT(names_in(type + kView + "\x85R(" + kView + "e" + pickle_text("k") + kView + "s"),
              ElementsAre("0", "k", "0~2"));
  // __slots__: (None, attributes)
  EXPECT_THAT(names_in(type + ")\x81N" + dict("slot") + "\x86" + "b"), ElementsAre("slot"));
  EXPECT_THAT(names_in(type + ")\x81K\x01" + kView + "\x86" + "b"), ElementsAre("1"));
  // A state that is a tensor, and attributes of a tensor.
  EXPECT_THAT(names_in(pickle_dict({{"a", type + ")\x81" + kView + "b"}})), ElementsAre("a"));
  EXPECT_THAT(names_in(pickle_dict({{"a", kView + dict("scale") + "b"}})),
              ElementsAre("a", "a.scale"));
  // A call of an object, such as of an attribute that a call of getattr gave.
  EXPECT_THAT(names_in(pickle_global("x", "getattr") + kView + "\x85R)R"), ElementsAre("0"));
}

TEST(Objects, SetsAndOtherContainersAreTransparent) {
  for (const char* module : {"__builtin__", "builtins"}) {
    EXPECT_THAT(names_in(pickle_dict(
                    {{"s", pickle_global(module, "set") + "](" + kView + kView + "e\x85R"}})),
                ElementsAre("s.0", "s.1"));
  }
  EXPECT_THAT(names_in("\x8f(" + kView + "\x90"), ElementsAre("0"));
  EXPECT_THAT(names_in("(" + kView + "\x91"), ElementsAre("0"));
  // An OrderedDict of Python 2.
  EXPECT_THAT(names_in(pickle_global("collections", "OrderedDict") + "](](" + pickle_text("a") +
                       kView + "e](" + pickle_text("b") + kView + "ee\x85R"),
              ElementsAre("a", "b"));
  EXPECT_THAT(
      names_in(pickle_global("collections", "defaultdict") + pickle_global("builtins", "list") +
               "\x85R" + pickle_text("k") + kView + "s"),
      ElementsAre("k"));
}

// A module with these attributes.
std::string module_of(const PickleDict& attributes) {
  return pickle_global("torch.nn.modules.module", "Module") + ")\x81" + pickle_dict(attributes) +
         "b";
}

TEST(Objects, ModulesAreNamedAsTheirStateDict) {
  const std::string ordered = pickle_global("collections", "OrderedDict") + ")R";
  const std::string linear =
      module_of({{"training", "\x88"},
                 {"_parameters", pickle_dict({{"weight", kView}, {"bias", "N"}})},
                 {"_buffers", ordered + pickle_text("mean") + kView + "s"},
                 {"_modules", ordered}});
  const std::string layers = module_of({{"_modules", pickle_dict({{"0", linear}, {"1", linear}})}});
  const std::string model =
      module_of({{"_modules", pickle_dict({{"layers", layers}})}, {"cache", kView}});
  EXPECT_THAT(names_in(model), ElementsAre("layers.0.weight", "layers.0.mean", "layers.1.weight",
                                           "layers.1.mean", "cache"));
  EXPECT_THAT(names_in(pickle_dict({{"model", linear}})),
              ElementsAre("model.weight", "model.mean"));
  // A plain dict with such a key is none.
  EXPECT_THAT(names_in(pickle_dict({{"_parameters", kView}})), ElementsAre("_parameters"));
  // One module in two places.
  EXPECT_THAT(names_in(module_of({{"_modules", "}(" + pickle_text("a") + linear + "q\x07" +
                                                   pickle_text("b") + "h\x07u"}})),
              ElementsAre("a.weight", "a.mean", "b.weight", "b.mean"));
}

TEST(Objects, KeysOfAnyKindLeadToTensors) {
  const auto keyed = [](const std::string& key) { return "}" + key + kView + "s"; };
  EXPECT_THAT(names_in(keyed(pickle_text("a") + "K\x01\x86")), ElementsAre("(a,1)"));
  EXPECT_THAT(names_in(keyed(pickle_text("a") + pickle_text("b") + "\x86K\x01\x86")),
              ElementsAre("((a,b),1)"));
  EXPECT_THAT(names_in(keyed("\x88")), ElementsAre("True"));
  EXPECT_THAT(names_in(keyed("C\x02"
                             "by")),
              ElementsAre("by"));
  EXPECT_THAT(names_in(keyed("N")), ElementsAre("0"));
  EXPECT_THAT(names_in(keyed("J\xff\xff\xff\xff")), ElementsAre("-1"));
  EXPECT_THAT(names_in(keyed(pickle_global("some", "Enum") + ")R")), ElementsAre("0"));
  EXPECT_THAT(names_in(keyed("U\x02\xe9!")), ElementsAre("\xc3\xa9!"));  // Latin-1
  EXPECT_THAT(names_in(keyed("V\\u00e9\\U0001F600\n")), ElementsAre("\xc3\xa9\xf0\x9f\x98\x80"));
  EXPECT_THAT(names_in(keyed("S'a\\x62\\'c'\n")), ElementsAre("ab'c"));
  EXPECT_THAT(names_in(keyed(pickle_text(""))), ElementsAre("tensor"));
  // The state of an optimiser that was pickled itself, by parameters.
  EXPECT_THAT(
      names_in(pickle_dict({{"state", "}" + kView + pickle_dict({{"exp_avg", kView}}) + "s"}})),
      ElementsAre("state.0", "state.0.exp_avg"));
}

TEST(Objects, NamesThatCollideGetANumber) {
  EXPECT_THAT(names_in(pickle_dict({{"a.b", kView},
                                    {"a.b~2", kView},
                                    {"a", pickle_dict({{"b", kView}})},
                                    {"a.b~4", kView}})),
              ElementsAre("a.b", "a.b~2", "a.b~3", "a.b~4"));
}

TEST(Objects, BitsOfATensorAreSaidInItsName) {
  const auto with = [](std::string_view key, bool value) {
    return names_in(pickle_dict({{"w", pickle_view_open(kMatrix) + "}" + pickle_text(key) +
                                           (value ? "\x88" : "\x89") + "stR"}}));
  };
  EXPECT_THAT(with("conj", false), ElementsAre("w"));
  EXPECT_THAT(with("conj", true), ElementsAre("w:conj"));
  EXPECT_THAT(with("neg", true), ElementsAre("w:neg"));
}

TEST(Objects, StoragesThatHangThemselvesAreTensorsOfOneAxis) {
  const std::string text = counting_bytes(24);
  const auto state = read(make_torch(
      pickle(pickle_dict({{"s", pickle_storage("torch", "FloatStorage", "0", 6)},
                          {"u", pickle_storage("torch.storage", "UntypedStorage", "1", 5)},
                          // By a function of later days.
                          {"f", pickle_global("torch._utils", "_rebuild_tensor_v9") +
                                    pickle_storage("torch", "HalfStorage", "2", 2) + "\x85R"}})),
      {text, "12345", "1234"}));
  ASSERT_TRUE(state.ok()) << state.error().message;
  EXPECT_THAT(state->tensors, ElementsAre(Tensor{"s", DType::kF32, {6}, {1}, 0, 0},
                                          Tensor{"u", DType::kU8, {5}, {1}, 1, 0},
                                          Tensor{"f.0", DType::kF16, {2}, {1}, 2, 0}));
}

TEST(Objects, StoragesThatNoTensorNamesHaveTheirType) {
  // The tensor is set again, and an unknown type has no size of its own.
  const auto state = read(
      make_torch(pickle("}(" + pickle_text("a") + kView + pickle_text("a") + "N" +
                        pickle_text("b") + pickle_storage("torch", "FutureStorage", "1", 3) + "u"),
                 {counting_bytes(24), "12345678"}));
  ASSERT_TRUE(state.ok()) << state.error().message;
  EXPECT_THAT(state->tensors, IsEmpty());
  ASSERT_EQ(state->storages.size(), 2u);
  EXPECT_EQ(state->storages[0].dtype, DType::kF32);
  EXPECT_EQ(state->storages[1].dtype, std::nullopt);
  EXPECT_EQ(state->storages[1].size, 8u);
}

TEST(Objects, AStorageOfTwoTypesHasNone) {
  const auto state = read(make_torch(
      pickle(
          pickle_dict({{"a", kView}, {"b", pickle_view({"HalfStorage", "0", 12, 4, {8}, {1}})}})),
      {counting_bytes(24)}));
  ASSERT_TRUE(state.ok()) << state.error().message;
  EXPECT_EQ(state->storages[0].dtype, std::nullopt);
  EXPECT_THAT(state->tensors, ElementsAre(Tensor{"a", DType::kF32, {2, 3}, {3, 1}, 0, 0},
                                          Tensor{"b", DType::kF16, {8}, {1}, 0, 4}));
}

TEST(Objects, ComplexDoublesArePairs) {
  const auto state =
      read(make_torch(pickle(pickle_view({"ComplexDoubleStorage", "0", 12, 2, {3, 2}, {1, 5}})),
                      {counting_bytes(12 * 16)}));
  ASSERT_TRUE(state.ok()) << state.error().message;
  EXPECT_THAT(state->tensors,
              ElementsAre(Tensor{"tensor", DType::kF64, {3, 2, 2}, {2, 10, 1}, 0, 4}));
  EXPECT_THAT(refusal(make_torch(pickle(pickle_view({"ComplexDoubleStorage", "0", 2, 0, {3}, {1}})),
                                 {counting_bytes(32)})),
              HasSubstr("a tensor ends after its storage \"0\""));
}

TEST(Objects, QuantisedTensorsAreIntegersWithTheScalesOfTheirChannels) {
  const auto quantized = [](const std::string& type, const std::string& quantizer) {
    return pickle_global("torch._utils", "_rebuild_qtensor") + "(" +
           pickle_storage("torch", type, "1", 6) + "K\0"s + pickle_tuple({2, 3}) +
           pickle_tuple({3, 1}) + quantizer + "\x89}tR";
  };
  const std::string scale =
      "(" + pickle_global("torch", "per_tensor_affine") + "G\0\0\0\0\0\0\0\0"s + "K\x05t";
  const std::string scales =
      "(" + pickle_global("torch", "per_channel_affine") + kView + kView + "K\0t"s;
  const auto read_as = [&](const std::string& type, const std::string& quantizer) {
    return read(make_torch(pickle(pickle_dict({{"q", quantized(type, quantizer)}, {"w", kView}})),
                           {counting_bytes(24), "123456"}));
  };
  const auto plain = read_as("QInt8Storage", scale);
  ASSERT_TRUE(plain.ok()) << plain.error().message;
  EXPECT_THAT(plain->tensors, ElementsAre(Tensor{"q", DType::kI8, {2, 3}, {3, 1}, 0, 0},
                                          Tensor{"w", DType::kF32, {2, 3}, {3, 1}, 1, 0}));
  const auto channels = read_as("QUInt8Storage", scales);
  ASSERT_TRUE(channels.ok()) << channels.error().message;
  ASSERT_EQ(channels->tensors.size(), 4u);
  EXPECT_EQ(channels->tensors[1].name, "q.scales");
  EXPECT_EQ(channels->tensors[2].name, "q.zero_points");
  // Of less than a byte: its storage, since no stride counts bytes.
  const auto packed = read_as("QUInt4x2Storage", scale);
  ASSERT_TRUE(packed.ok()) << packed.error().message;
  EXPECT_EQ(packed->tensors[0], (Tensor{"q", DType::kU8, {6}, {1}, 0, 0}));
}

TEST(Objects, SparseTensorsAreTheirParts) {
  const auto sparse = [](const std::string& parts) {
    return names_in(
        pickle_dict({{"s", pickle_global("torch._utils", "_rebuild_sparse_tensor") +
                               pickle_global("torch.serialization", "_get_layout") +
                               pickle_text("torch.sparse_coo") + "\x85R(" + parts + "t\x86R"}}));
  };
  const std::string size = pickle_global("torch", "Size") + pickle_tuple({4, 4}) + "\x85R";
  EXPECT_THAT(sparse(kView + kView + size), ElementsAre("s.indices", "s.values"));
  EXPECT_THAT(sparse(kView + kView + size + "\x88"), ElementsAre("s.indices", "s.values"));
  EXPECT_THAT(sparse(kView + kView + kView + size),
              ElementsAre("s.compressed_indices", "s.plain_indices", "s.values"));
}

TEST(Objects, ArchivesInARowAreNumbered) {
  const std::string first = make_torch(pickle(kView), {counting_bytes(24)});
  const std::string second = make_torch(pickle(pickle_dict({{"w", kView}})), {counting_bytes(24)});
  const auto state = read(first + second + first);
  ASSERT_TRUE(state.ok()) << state.error().message;
  ASSERT_EQ(state->tensors.size(), 3u);
  EXPECT_EQ(state->tensors[0].name, "0");
  EXPECT_EQ(state->tensors[1].name, "1.w");
  EXPECT_EQ(state->tensors[2].storage, 2u);
  EXPECT_EQ(state->storages[2].key, "2/0");
  const std::string all = first + second + first;
  EXPECT_EQ(elements_of(all, *state, state->tensors[1]).value(), counting_bytes(24));
  EXPECT_NE(refusal("PK\x03\x04 something else" + first), "no error");
}

TEST(Objects, TorchScriptIsTakenApartToo) {
  const auto net = [](const std::string& attribute) {
    const std::string object =
        pickle_global("__torch__", "Net") + ")\x81" + pickle_dict({{attribute, kView}}) + "b";
    return make_torch(pickle(object), {counting_bytes(24)}, {},
                      {{"model/constants.pkl", pickle(kView + "\x85")},
                       {"model/constants/0", counting_bytes(24)}});
  };
  EXPECT_THAT(names_of_file(net("weight")), ElementsAre("weight", "constants.0"));
  EXPECT_THAT(names_of_file(net("constants.0")), ElementsAre("constants.0", "constants.0~2"));
}

}  // namespace
}  // namespace bbz::torch
