// The worst that small inputs can do: memory and processor time of each command, bounded.
#include "support/bytes.h"
#include "tools/hostile_costs.h"
#include "tools/models.h"
#include "tools/sliced_model.h"

namespace bbz::tools {
namespace {

const std::vector<std::string> kOfArchives = {"$BBZINFO in",
                                              "$BBZINFO in --json",
                                              "$BBZINFO in --files --symmetry",
                                              "$BBZ verify in",
                                              "$BBZ unpack in -f -C out",
                                              "$BBZ cat in nothing",
                                              "$BBZ salvage in -f -C out",
                                              "$BBZ compare in in",
                                              "$BBZ estimate in",
                                              "$BBZ verify - < in",
                                              "$BBZ unpack - -f -C out < in",
                                              "$RECEIVE < in"};

// The index is small once it is compressed, and what it lists is a hole.
TEST_F(Hostile, AnIndexOfManyTensorsOfManyAxes) {
  forge([&](Forgery& archive) {
    archive.file("m");
    for (int i = 0; i < 70'000; ++i) {
      // As much noise as the list needs to be in proportion to its payload.
      std::string name;
      for (const char c : noise_text(14, static_cast<unsigned>(i)))
        name += static_cast<char>('0' + (c & 63));
      archive.tensor(name, DType::kU8, Shape(64, 0), 1, i > 0);
    }
    archive.end_file();
  });
  expect_bounded("in", kOfArchives);
}

TEST_F(Hostile, AnIndexOfManyFiles) {
  forge([&](Forgery& archive) {
    for (int i = 0; i < 150'000; ++i) {
      archive.file(std::to_string(i), i > 0);
      archive.end_file(i > 0);
    }
  });
  expect_bounded("in", {"$BBZINFO in", "$BBZINFO in --files", "$BBZ verify in",
                        "$BBZ cat in nothing", "$BBZ compare in in"});
}

TEST_F(Hostile, MetadataOfHoles) {
  forge([&](Forgery& archive) {
    archive.file("m");
    const std::vector<std::byte> zeros(std::size_t{16} << 20);
    for (int i = 0; i < 40; ++i) archive.metadata("key" + std::to_string(i), zeros, true);
    archive.end_file();
  });
  expect_bounded("in", kOfArchives);
}

TEST_F(Hostile, ASymmetryRecordOfManyObjects) {
  std::string json = "{\"junctions\":[{}";
  while (json.size() < 1'000'000) json += ",{}";
  json += "]}";
  forge([&](Forgery& archive) {
    archive.file("m");
    archive.metadata("symmetry", std::as_bytes(std::span(json)));
    archive.end_file();
  });
  expect_bounded("in", kOfArchives);
}

TEST_F(Hostile, ATorchFileOfOneElement) {
  write("in.pt", torch_of_one_element({{"w", {std::uint64_t{1} << 40}}}));
  expect_bounded("in.pt", {"$BBZ pack in.pt -f -o o.bbz", "$BBZ compare in.pt in.pt",
                           "$BBZ estimate in.pt", "$BBZ pack in.pt -f -o o.bbz --symmetry auto"});
}

TEST_F(Hostile, ATorchFileOfManyNames) {
  write("in.pt", torch_of_many_names());
  expect_bounded("in.pt", {"$BBZ pack in.pt -f -o o.bbz", "$BBZ compare in.pt in.pt"});
}

// The names and shapes of a sliced model of this width, all matrices of which are one element.
std::vector<std::pair<std::string, Shape>> wide_model(std::uint64_t width) {
  test_models::Spec spec;
  spec.hidden = width + 64;
  spec.widths = {width};
  spec.inner = 128;
  std::vector<std::pair<std::string, Shape>> tensors;
  for (const auto& info : test_models::sliced_infos(spec))
    tensors.emplace_back(info.name, info.shape);
  return tensors;
}

TEST_F(Hostile, AWideTorchModelOfOneElement) {
  write("in.pt", torch_of_one_element(wide_model(4096)));
  expect_bounded("in.pt", {"$BBZ pack in.pt -f -o o.bbz", "$BBZ compare in.pt in.pt",
                           "$BBZ estimate in.pt", "$BBZ pack in.pt -f -o o.bbz --symmetry auto",
                           "$BBZ pack in.pt -f -o o.bbz --symmetry bits-back"});
}

// As an archive, in which constant chunks take the place of strides of 0.
TEST_F(Hostile, AWideModelOfConstantChunks) {
  forge([&](Forgery& archive) {
    archive.file("model.safetensors");
    for (const auto& [name, shape] : wide_model(4096)) {
      archive.tensor(name, DType::kF16, shape, std::uint64_t{1} << 19);
      archive.constant_chunks();
    }
    archive.end_file();
  });
  expect_bounded("in", {"$BBZ estimate in", "$BBZ compare in in", "$BBZ verify in"}, 1);
}

TEST_F(Hostile, ConstantChunksOfTheLargestSize) {
  forge([&](Forgery& archive) {
    archive.file("m");
    archive.tensor("w", DType::kU8, {std::uint64_t{3} << 30}, std::uint64_t{64} << 20);
    archive.constant_chunks();
    archive.end_file();
  });
  expect_bounded("in", {"$BBZINFO in", "$BBZ verify in", "$BBZ cat in w -f -o /dev/null"}, 64);
}

TEST_F(Hostile, AHeaderOfManyTensors) {
  std::string json = "{";
  std::uint64_t at = 0;
  while (json.size() < 990'000) {
    if (at > 0) json += ',';
    json += "\"" + std::to_string(at) + "\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[" +
            std::to_string(at) + "," + std::to_string(at + 1) + "]}";
    ++at;
  }
  write("in.safetensors", raw_safetensors(json + "}", std::string(at, 'x')));
  expect_bounded(
      "in.safetensors",
      {"$BBZ pack in.safetensors -f -o o.bbz", "$BBZ compare in.safetensors o.bbz",
       "$BBZ estimate in.safetensors", "$BBZINFO o.bbz --json --tensors", "$BBZ verify o.bbz",
       "$BBZ unpack o.bbz -f -C out", "$BBZ pack in.safetensors -f -o o.bbz --symmetry auto"});
}

}  // namespace
}  // namespace bbz::tools
