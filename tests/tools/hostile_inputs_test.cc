// The worst that small model files, tars and folders can do to the commands that read them.
#include "files/make_files.h"
#include "tools/hostile_costs.h"
#include "tools/models.h"
#include "tools/sliced_model.h"

namespace bbz::tools {
namespace {

class WorstCaseOfInputs : public WorstCase {
 protected:
  // Packs the input, in every way that there is, and reads what was packed.
  void expect_packing_bounded(const std::string& input, bool with_models = true) {
    const std::string pack = "$BBZ pack " + input + " -f --no-sync -o o.bbz";
    Commands commands = {{"pack", pack},
                         {"pack", pack + " --digest sha256 --index-first"},
                         {"verify", "$BBZ verify o.bbz"},
                         {"unpack", "$BBZ unpack o.bbz -f --no-sync -C out"},
                         {"bbzinfo", "$BBZINFO o.bbz --json --tensors"},
                         {"salvage", "$BBZ salvage o.bbz -f --no-sync -C out"}};
    // If packing failed, there is nothing to read.
    std::filesystem::remove(dir_ / "o.bbz");
    if (measure(pack).code != 0) commands.resize(2);
    if (with_models) {
      commands.push_back({"pack", pack + " --symmetry auto"});
      commands.push_back({"pack", pack + " --symmetry bits-back"});
      commands.push_back({"compare", "$BBZ compare " + input + " " + input});
      commands.push_back({"estimate", "$BBZ estimate " + input});
    }
    expect_bounded(input, commands);
  }
};

// --- files of torch.save

TEST_F(WorstCaseOfInputs, ATorchFileOfOneElement) {
  put("torch: 2^40 elements that are one", "in.pt",
      torch_of_one_element({{"w", {std::uint64_t{1} << 40}}}));
  expect_packing_bounded("in.pt");
}

TEST_F(WorstCaseOfInputs, ATorchFileOfManyNames) {
  put("torch: a million names of one number", "in.pt", torch_of_many_names());
  expect_packing_bounded("in.pt");
}

TEST_F(WorstCaseOfInputs, AWideTorchModelOfOneElement) {
  put("torch: a sliced model of width 4096 that is one element", "in.pt",
      torch_of_one_element(wide_model(4096)));
  expect_packing_bounded("in.pt");
}

// The views have as many elements as a file of this size allows.
TEST_F(WorstCaseOfInputs, ATorchFileOfManyViews) {
  torch::PickleDict dict;
  constexpr std::uint64_t kElements = 250'000;
  const std::vector<std::uint64_t> shape = {2, 2, 2, 2, 2, 2, 2, 2};
  for (int i = 0; i < 3000; ++i) {
    const torch::View view{
        "HalfStorage", "0", kElements, 0, shape, {1, 3, 7, 12'345, 20'011, 31'013, 40'009, 50'021}};
    dict.emplace_back("w" + std::to_string(i), torch::pickle_view(view));
  }
  put("torch: 3,000 scattered views of one storage", "in.pt",
      torch::make_torch(torch::pickle(torch::pickle_dict(dict)),
                        {std::string(2 * kElements, '\x3c')}));
  expect_packing_bounded("in.pt");
}

// What the names stand for has 16,000 times the bytes of the file, but is one tensor.
TEST_F(WorstCaseOfInputs, ATorchFileOfManyNamesOfATransposedTensor) {
  constexpr std::uint64_t kSide = 500;
  std::vector<std::string> names;
  for (int i = 0; i < 20'000; ++i) names.push_back("w" + std::to_string(i));
  put("torch: 20,000 names of one transposed tensor", "in.pt",
      torch_of_one_view({"HalfStorage", "0", kSide * kSide, 0, {kSide, kSide}, {1, kSide}}, names));
  expect_packing_bounded("in.pt");
}

// A model of many layers, all of which are one, costs many times its file if it is rotated.
TEST_F(WorstCaseOfInputs, ATorchModelWhoseLayersAreOne) {
  constexpr std::uint64_t kElements = 400'000;
  std::string pickled = "}(";
  std::uint32_t known = 0;
  const auto layer_of = [](std::string name, int layer) {
    if (const std::size_t at = name.find(".0."); at != std::string::npos) {
      name.replace(at + 1, 1, std::to_string(layer));
    }
    return name;
  };
  for (const auto& [name, shape] : wide_model(256)) {
    std::vector<std::uint64_t> strides(shape.size(), 1);
    if (shape.size() == 2) strides[0] = shape[1];
    const torch::View view{"HalfStorage", "0", kElements, 0, shape, strides};
    const bool of_a_layer = name.find(".0.") != std::string::npos;
    pickled += torch::pickle_text(name) + torch::pickle_view(view) + "r" + torch::little(known, 4);
    for (int layer = 1; of_a_layer && layer < 400; ++layer) {
      pickled += torch::pickle_text(layer_of(name, layer)) + "j" + torch::little(known, 4);
    }
    ++known;
  }
  put("torch: a sliced model of 400 layers that are one", "in.pt",
      torch::make_torch(torch::pickle(pickled + "u"), {std::string(2 * kElements, '\x3c')}));
  expect_packing_bounded("in.pt");
}

// Each level of lists has the one before it twice.
TEST_F(WorstCaseOfInputs, ATorchFileOfAMemoBomb) {
  std::string pickled = "]q";
  pickled += '\0';
  for (char level = 1; level < 120; ++level) {
    const char before = static_cast<char>(level - 1);
    pickled += std::string("](h") + before + 'h' + before + "eq" + level;
  }
  put("torch: 2^120 lists by 120 references", "in.pt",
      torch::make_torch(torch::pickle("(" + pickled + "t"), {std::string(2, '\x3c')}));
  expect_packing_bounded("in.pt");
}

TEST_F(WorstCaseOfInputs, ATorchFileOfManyMembers) {
  torch::ZipFiles members;
  for (int i = 0; i < 9000; ++i) members.emplace_back("model/data/" + std::to_string(i), "");
  put("torch: a zip of 9,000 empty members", "in.pt",
      torch::make_torch(torch::pickle(torch::pickle_dict({})), {}, {}, members));
  expect_packing_bounded("in.pt");
}

// --- files of safetensors

// A file whose header lists as many tensors as fit, each as `entry` writes it.
template <class Entry>
std::string safetensors_of_many(std::size_t size, const Entry& entry) {
  std::string json = "{";
  std::uint64_t count = 0;
  for (; json.size() < size; ++count) {
    if (count > 0) json += ',';
    json += "\"" + std::to_string(count) + "\":" + entry(count);
  }
  return json + "}";
}

TEST_F(WorstCaseOfInputs, AHeaderOfManyTensors) {
  std::uint64_t count = 0;
  const std::string json = safetensors_of_many(980'000, [&](std::uint64_t i) {
    count = i + 1;
    return R"({"dtype":"U8","shape":[1],"data_offsets":[)" + std::to_string(i) + "," +
           std::to_string(i + 1) + "]}";
  });
  put("safetensors: 15,000 tensors of a byte", "in.safetensors",
      raw_safetensors(json, std::string(count, 'x')));
  expect_packing_bounded("in.safetensors");
}

TEST_F(WorstCaseOfInputs, AHeaderOfManyAxes) {
  std::string axes = "0";
  for (int i = 1; i < 64; ++i) axes += ",0";
  const std::string json = safetensors_of_many(980'000, [&](std::uint64_t) {
    return R"({"dtype":"U8","shape":[)" + axes + R"(],"data_offsets":[0,0]})";
  });
  put("safetensors: 5,000 tensors of 64 axes", "in.safetensors", raw_safetensors(json, ""));
  expect_packing_bounded("in.safetensors");
}

// The names of a model of one family, a layer for each few tensors.
TEST_F(WorstCaseOfInputs, AHeaderOfManyLayers) {
  std::string json = "{";
  for (int layer = 0; json.size() < 970'000; ++layer) {
    for (const auto& [name, shape] : wide_model(1)) {
      std::string renamed = name;
      const std::size_t at = renamed.find(".0.");
      const bool of_a_layer = renamed.find("layers.") != std::string::npos;
      if (at == std::string::npos && (of_a_layer || layer > 0)) continue;
      if (at != std::string::npos) renamed.replace(at + 1, 1, std::to_string(layer));
      json += (json.size() > 1 ? ",\"" : "\"") + renamed + R"(":{"dtype":"F16","shape":[)" +
              (shape.size() == 1 ? "0" : "0,0") + R"(],"data_offsets":[0,0]})";
    }
  }
  put("safetensors: a sliced model of 1,000 empty layers", "in.safetensors",
      raw_safetensors(json + "}", ""));
  expect_packing_bounded("in.safetensors");
}

TEST_F(WorstCaseOfInputs, AHeaderOfMuchMetadata) {
  std::string json = "{\"__metadata__\":{";
  for (int i = 0; json.size() < 980'000; ++i) {
    json += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":\"\\u0000\"";
  }
  put("safetensors: 60,000 entries of metadata", "in.safetensors",
      raw_safetensors(json + "}}", ""));
  expect_packing_bounded("in.safetensors");
}

TEST_F(WorstCaseOfInputs, AHeaderOfDeepJson) {
  put("safetensors: JSON 500,000 deep", "in.safetensors",
      raw_safetensors(
          "{\"a\":{\"b\":" + std::string(500'000, '[') + std::string(500'000, ']') + "}}", ""));
  expect_packing_bounded("in.safetensors");
}

// --- tars

// A member of a tar that has these records of pax before it.
std::string pax_member(const std::vector<std::pair<std::string, std::string>>& records,
                       const std::string& member) {
  std::string text;
  for (const auto& [key, value] : records) {
    const std::string record = " " + key + "=" + value + "\n";
    std::size_t length = record.size() + 1;
    while (std::to_string(length).size() + record.size() != length) ++length;
    text += std::to_string(length) + record;
  }
  return files::tar_member("PaxHeader", text, 'x') + member;
}

class WorstCaseOfTars : public WorstCaseOfInputs {
 protected:
  // Packs the tar "in.tar", which is read from a pipe.
  void expect_tar_bounded(const std::string& row, const std::string& members) {
    put(row, "in.tar", members + files::tar_end());
    const std::string pack = "$BBZ pack - -f --no-sync -o o.bbz < in.tar";
    Commands commands = {{"pack", pack},
                         {"verify", "$BBZ verify o.bbz"},
                         {"unpack", "$BBZ unpack o.bbz -f --no-sync -C out"},
                         {"bbzinfo", "$BBZINFO o.bbz --json --files"}};
    std::filesystem::remove(dir_ / "o.bbz");
    if (measure(pack).code != 0) commands.resize(1);
    expect_bounded("in.tar", commands, 64);
  }
  // The records of a sparse file of this size, of the format 1.0 of GNU.
  static std::vector<std::pair<std::string, std::string>> sparse(const std::string& size) {
    return {{"GNU.sparse.major", "1"},
            {"GNU.sparse.minor", "0"},
            {"GNU.sparse.name", "s"},
            {"GNU.sparse.realsize", size}};
  }
  static std::string padded(std::string text) {
    text.resize((text.size() + 511) / 512 * 512);
    return text;
  }
};

TEST_F(WorstCaseOfTars, ASparseFile) {
  expect_tar_bounded(
      "tar: a hole of 1 GB",
      pax_member(sparse("1000000000"), files::tar_member("s", padded("1\n999999999\n1\n") + "z")));
}

TEST_F(WorstCaseOfTars, ASparseFileOfManyParts) {
  constexpr int kParts = 65'000;
  std::string map = std::to_string(kParts) + "\n";
  for (int i = 0; i < kParts; ++i) map += std::to_string(std::uint64_t{15'000} * i) + "\n1\n";
  expect_tar_bounded("tar: 65,000 bytes between holes",
                     pax_member(sparse("975000000"),
                                files::tar_member("s", padded(map) + std::string(kParts, 'z'))));
}

TEST_F(WorstCaseOfTars, ManyMembers) {
  std::string members;
  for (int i = 0; i < 1900; ++i) members += files::tar_member(std::to_string(i), "");
  expect_tar_bounded("tar: 1,900 empty files", members);
}

TEST_F(WorstCaseOfTars, DeepFolders) {
  std::string members;
  for (int i = 0; i < 180; ++i) {
    std::string path = std::to_string(i);
    while (path.size() < 4090) path += "/a";
    members += pax_member({{"path", path}}, files::tar_member("x", ""));
  }
  expect_tar_bounded("tar: 180 files, each in 2,000 directories", members);
}

TEST_F(WorstCaseOfTars, ALongHeader) {
  std::string member = files::tar_member("PaxHeader", std::string(980'000, '9'), 'x');
  expect_tar_bounded("tar: a pax header of a megabyte", member + files::tar_member("x", ""));
}

// --- folders

TEST_F(WorstCaseOfInputs, AFolderOfManyFilesAndFolders) {
  name_row("a directory of 10,000 empty files, and 1,000 deep");
  std::filesystem::create_directories(dir_ / "in");
  for (int i = 0; i < 10'000; ++i) write("in/" + std::to_string(i), "");
  std::string deep = dir_ / "in";
  for (int i = 0; i < 1000; ++i) deep += "/a";
  std::filesystem::create_directories(deep);
  expect_packing_bounded("in");
}

}  // namespace
}  // namespace bbz::tools
