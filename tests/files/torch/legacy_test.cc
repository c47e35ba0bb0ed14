// The formats of before PyTorch 1.6.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "files/torch/make_old_files.h"
#include "files/torch/reading.h"

namespace bbz::torch {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kFloats = counting_bytes(24);
const std::string kHalves = counting_bytes(10);

// A persistent id with the item that the old format has more: a part of the storage, or None.
std::string old_view(const View& view, const std::string& part = "N") {
  return pickle_global("torch._utils", "_rebuild_tensor") + "((" + pickle_text("storage") +
         pickle_global("torch", view.type) + pickle_text(view.key) + pickle_text("cpu") +
         pickle_int(view.elements) + part + "tQ" + pickle_int(view.offset) +
         pickle_tuple(view.shape) + pickle_tuple(view.strides) + "tR";
}

const std::string kValue =
    pickle_dict({{"a", old_view({"FloatStorage", "90", 6, 0, {2, 3}, {3, 1}})},
                 {"b", old_view({"HalfStorage", "70", 5, 1, {2, 2}, {1, 2}})},
                 {"tied", old_view({"FloatStorage", "90", 6, 0, {6}, {1}})}});
const std::vector<OldStorage> kStorages = {{"70", "HalfStorage", 5, kHalves},
                                           {"90", "FloatStorage", 6, kFloats}};

TEST(Legacy, GivesTensorsAndTheirStorages) {
  const std::string file = make_legacy(kValue, kStorages);
  EXPECT_TRUE(looks_like_legacy(std::as_bytes(std::span(file)).first(14)));
  const auto state = read(file);
  ASSERT_TRUE(state.ok()) << state.error().message;
  EXPECT_THAT(state->tensors, ElementsAre(Tensor{"a", DType::kF32, {2, 3}, {3, 1}, 0, 0},
                                          Tensor{"b", DType::kF16, {2, 2}, {1, 2}, 1, 1},
                                          Tensor{"tied", DType::kF32, {6}, {1}, 0, 0}));
  ASSERT_EQ(state->storages.size(), 2u);
  EXPECT_EQ(state->storages[0].key, "90");
  EXPECT_EQ(state->storages[0].dtype, DType::kF32);
  EXPECT_EQ(file.substr(state->storages[0].offset, state->storages[0].size), kFloats);
  EXPECT_EQ(file.substr(state->storages[1].offset, state->storages[1].size), kHalves);
  EXPECT_EQ(
      elements_of(file, *state, state->tensors[1]).value(),
      kHalves.substr(2, 2) + kHalves.substr(6, 2) + kHalves.substr(4, 2) + kHalves.substr(8, 2));
}

TEST(Legacy, BeginsWithAPickleOfAnyProtocol) {
  const std::string rest = make_legacy(kValue, kStorages).substr(kLegacyMagic.size());
  const std::string number = kLegacyMagic.substr(2);
  for (const std::string& magic :
       {std::string("L119547037146038801333356L\n."), "\x80\x03" + number,
        "\x80\x04\x95" + little(number.size(), 8) + number}) {
    EXPECT_TRUE(looks_like_legacy(std::as_bytes(std::span(magic))));
    const auto state = read(magic + rest);
    ASSERT_TRUE(state.ok()) << state.error().message;
    EXPECT_EQ(state->tensors.size(), 3u);
  }
  EXPECT_NE(refusal("\x80\x02\x8a\x0a" + std::string(20, 'x')), "no error");
}

TEST(Legacy, ReadsAPickleOfAnySize) {
  for (const std::size_t padding : {100, 70'000, 300'000}) {
    const std::string file =
        make_legacy("(" + pickle_text(std::string(padding, 'x')) + kValue + "t", kStorages);
    const auto state = read(file);
    ASSERT_TRUE(state.ok()) << state.error().message;
    EXPECT_EQ(state->tensors[0].name, "1.a");
    EXPECT_EQ(elements_of(file, *state, state->tensors[0]).value(), kFloats);
  }
  Limits limits;
  limits.pickle_bytes = 1000;
  EXPECT_THAT(refusal(make_legacy(pickle_text(std::string(1000, 'x')), {}), limits),
              HasSubstr("limit: test.pt: the pickle: more than 1000 bytes"));
}

TEST(Legacy, StoragesMayBePartsOfOthers) {
  const auto part = [](std::uint64_t offset, std::uint64_t size, std::uint64_t view_offset) {
    return make_legacy(
        old_view({"FloatStorage", "90", 6, view_offset, {2}, {1}},
                 "(" + pickle_text("91") + pickle_int(offset) + pickle_int(size) + "t"),
        {{"90", "FloatStorage", 6, kFloats}});
  };
  const auto state = read(part(2, 3, 1));
  ASSERT_TRUE(state.ok()) << state.error().message;
  EXPECT_THAT(state->tensors, ElementsAre(Tensor{"tensor", DType::kF32, {2}, {1}, 0, 3}));
  EXPECT_THAT(refusal(part(2, 3, 2)), HasSubstr("a tensor ends after its storage"));
  EXPECT_THAT(refusal(part(2, 5, 0)), HasSubstr("a part ends after its storage"));
}

TEST(Legacy, BigEndianFilesAreRefused) {
  EXPECT_EQ(refusal(make_legacy(kValue, kStorages, false)),
            "unsupported: test.pt: its byte order is \"big\", expected \"little\"");
}

TEST(Legacy, ListsOfStoragesThatDoNotFitAreRefused) {
  EXPECT_THAT(refusal(make_legacy(kValue, {kStorages[0]})),
              HasSubstr("the list of storages lacks \"90\""));
  EXPECT_THAT(refusal(make_legacy(kValue, {kStorages[0], kStorages[0], kStorages[1]})),
              HasSubstr("\"70\", which the pickle does not mention, or twice"));
  EXPECT_THAT(refusal(make_legacy(kValue, {kStorages[0], {"91", "", 6, kFloats}})),
              HasSubstr("\"91\", which the pickle does not mention"));
  EXPECT_THAT(refusal(make_legacy(kValue, {{"70", "", 4, kHalves}, kStorages[1]})),
              HasSubstr("the storage \"70\" has 4 elements, expected 5 by the pickle"));
  EXPECT_THAT(refusal(make_legacy(pickle_storage("torch", "FutureStorage", "1", 6),
                                  {{"1", "", 6, kFloats}})),
              HasSubstr("unsupported: test.pt: the storage \"1\" has elements of an unknown size"));
}

TEST(Legacy, FilesThatAreCutAreRefused) {
  const std::string file = make_legacy(kValue, kStorages);
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_NE(refusal(file.substr(0, size)), "no error") << size;
  }
  EXPECT_EQ(refusal(file + "more"), "no error");
}

const std::string kOldValue =
    pickle_dict({{"a", pickle_text("500") + "Q"},
                 // A Variable, whose state begins with its tensor, and a class with its source.
                 {"p", "(" + pickle_global("torch.nn.parameter", "Parameter") +
                           pickle_text("file.py") + pickle_text("class Parameter: pass") + "tQ" +
                           ")\x81(" + pickle_text("501") + "Q\x88\x89NNtb"}});
const std::vector<OldStorage> kOldStorages = {{"10", "FloatStorage", 6, kFloats},
                                              {"11", "HalfStorage", 5, kHalves}};
const std::vector<OldPart> kOldParts = {{12, 10, 2, 4}};
const std::vector<OldTensor> kOldTensors = {{500, 12, 1, {3}, {1}}, {501, 11, 1, {2, 2}, {1, 2}}};

TEST(OldTar, GivesTensorsAndTheirStorages) {
  for (const bool times : {true, false}) {
    const std::string file = make_old_tar(kOldValue, kOldStorages, kOldParts, kOldTensors, times);
    const Bytes start = std::as_bytes(std::span(file)).first(kProbeBytes);
    EXPECT_TRUE(looks_like_old_tar(start));
    EXPECT_FALSE(looks_like_zip(start) || looks_like_legacy(start));
    const auto state = read(file);
    ASSERT_TRUE(state.ok()) << state.error().message;
    EXPECT_THAT(state->tensors, ElementsAre(Tensor{"a", DType::kF32, {3}, {1}, 0, 3},
                                            Tensor{"p", DType::kF16, {2, 2}, {1, 2}, 1, 1}));
    ASSERT_EQ(state->storages.size(), 2u);
    EXPECT_EQ(file.substr(state->storages[0].offset, state->storages[0].size), kFloats);
    EXPECT_EQ(file.substr(state->storages[1].offset, state->storages[1].size), kHalves);
  }
  const std::string other = old_member("weights.pt", "x");
  EXPECT_FALSE(looks_like_old_tar(std::as_bytes(std::span(other))));
}

TEST(OldTar, BrokenOnesAreRefused) {
  EXPECT_EQ(refusal(make_old_tar(kOldValue, kOldStorages, kOldParts, kOldTensors, true, false)),
            "unsupported: test.pt: its byte order is \"big\", expected \"little\"");
  EXPECT_THAT(refusal(make_old_tar(kOldValue, kOldStorages, {{12, 10, 3, 4}}, kOldTensors)),
              HasSubstr("a part ends after its storage"));
  EXPECT_THAT(refusal(make_old_tar(kOldValue, kOldStorages, {{12, 13, 2, 4}}, kOldTensors)),
              HasSubstr("no storage \"13\""));
  EXPECT_THAT(refusal(make_old_tar(kOldValue, kOldStorages, kOldParts, {{500, 12, 2, {3}, {1}}})),
              HasSubstr("a tensor ends after its storage"));
  EXPECT_THAT(refusal(make_old_tar(kOldValue, kOldStorages, kOldParts,
                                   {{500, 12, 0, std::vector<std::uint64_t>(65, 1),
                                     std::vector<std::uint64_t>(65)}})),
              HasSubstr("limit: test.pt: a tensor of 65 axes"));
  EXPECT_THAT(refusal(make_old_tar(kOldValue, {kOldStorages[0], kOldStorages[0]}, {}, {})),
              HasSubstr("the storage \"10\" occurs twice"));
  const std::string file = make_old_tar(kOldValue, kOldStorages, kOldParts, kOldTensors, false);
  for (std::size_t size = 512; size <= file.find_last_not_of('\0'); size += 7) {
    EXPECT_NE(refusal(file.substr(0, size)), "no error") << size;
  }
  EXPECT_THAT(refusal(file.substr(0, 1024)), HasSubstr("tar: no member pickle"));
}

}  // namespace
}  // namespace bbz::torch
