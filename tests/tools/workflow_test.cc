// Commands as a user runs them, one after the other.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "tools/models.h"
#include "tools/shell.h"

namespace bbz::tools {
namespace {

class Workflow : public ToolTest {
 protected:
  Workflow() { write("model.safetensors", layered_model(5, 40)); }

  void make_folder() {
    write("llama/model-00001-of-00002.safetensors", layered_model(3, 32, 1));
    write("llama/model-00002-of-00002.safetensors", layered_model(2, 24, 100));
    write("llama/model.safetensors.index.json", "{\"weight_map\": {}}");
    write("llama/config.json", "{}\n");
    write("llama/tokenizer/vocab.txt", "a\nb\n");
    write("llama/empty", "");
    std::filesystem::create_directories(dir_ / "llama/none/below");
  }

  static nlohmann::json header_of(const std::string& file) {
    std::uint64_t size = 0;
    std::memcpy(&size, file.data(), 8);
    return nlohmann::json::parse(file.substr(8, size));
  }
};

TEST_F(Workflow, PacksAndUnpacksAFile) {
  EXPECT_EXIT_CODE(0, "$BBZ pack model.safetensors -o model.bbz");
  EXPECT_LT(read("model.bbz").size(), read("model.safetensors").size());
  EXPECT_EXIT_CODE(0,
                   "$BBZ unpack model.bbz -C out/ && cmp model.safetensors out/model.safetensors");
  EXPECT_EXIT_CODE(0, "$BBZ unpack model.bbz -o other && cmp model.safetensors other");
  EXPECT_EXIT_CODE(
      0, "mkdir here && cd here && $BBZ unpack ../model.bbz && cmp ../model.safetensors *");
}

// The column after a name is aligned, for names of any bytes.
TEST_F(Workflow, InfoAlignsNamesOfAnyScript) {
  const std::vector<std::string> names = {"plain", "\u00FCn\u00EFc\u00F6d\u00E9",
                                          "\u0432\u0435\u0441"};
  std::vector<safetensors::Tensor> tensors;
  for (const std::string& name : names) {
    const std::uint64_t at = tensors.size();
    tensors.push_back({name, DType::kI8, {1}, at, at + 1});
  }
  const std::vector<std::byte> header = safetensors::build(tensors, {}).value();
  write("names.safetensors",
        std::string(reinterpret_cast<const char*>(header.data()), header.size()) + "abc");
  EXPECT_EXIT_CODE(0, "$BBZ pack names.safetensors");
  const Finished info = sh("$BBZINFO --tensors names.bbz");
  ASSERT_EQ(info.code, 0) << info.err;
  std::set<std::ptrdiff_t> columns;
  for (const std::string& name : names) {
    const std::size_t begin = info.out.find('"' + name + '"');
    ASSERT_NE(begin, std::string::npos) << info.out;
    const std::string before = info.out.substr(begin, info.out.find("I8", begin) - begin);
    columns.insert(std::ranges::count_if(before, [](char c) { return (c & 0xC0) != 0x80; }));
  }
  EXPECT_EQ(columns.size(), 1u) << info.out;
}

TEST_F(Workflow, NamesTheArchiveAfterTheInput) {
  make_folder();
  EXPECT_EXIT_CODE(
      0, "$BBZ pack model.safetensors && $BBZ pack llama/ && $BBZ pack llama/config.json");
  EXPECT_TRUE(exists("model.bbz"));
  EXPECT_TRUE(exists("llama.bbz"));
  EXPECT_TRUE(exists("llama/config.json.bbz"));
  EXPECT_EXIT_CODE(0, "rm *.bbz; cd llama && $BBZ pack .");
  EXPECT_TRUE(exists("llama.bbz"));
}

TEST_F(Workflow, PacksAndUnpacksAFolder) {
  make_folder();
  EXPECT_EXIT_CODE(0, "$BBZ pack llama/ -o llama.bbz && $BBZ unpack llama.bbz -C out");
  EXPECT_EXIT_CODE(0, "diff -r llama out && test -d out/none/below");
  EXPECT_EXIT_CODE(0,
                   "$BBZ unpack llama.bbz --file '*.json' -C some && ls some | wc -l | grep -qx 2");
}

TEST_F(Workflow, PacksTheSameForAnyNumberOfThreads) {
  EXPECT_EXIT_CODE(
      0,
      "$BBZ pack model.safetensors -T 1 -o a && $BBZ pack model.safetensors -T 3 -o b && cmp a b");
}

TEST_F(Workflow, WorksThroughPipes) {
  make_folder();
  EXPECT_EXIT_CODE(0,
                   "tar -c -C llama . | $BBZ pack - -o x.bbz && cat x.bbz | $BBZ unpack - -C out");
  EXPECT_EXIT_CODE(0, "diff -r llama out");
  EXPECT_EXIT_CODE(0, "$BBZ pack llama -o - | $BBZ unpack - -C out2 && diff -r llama out2");
  EXPECT_EXIT_CODE(0,
                   "cat model.safetensors | $BBZ pack - --name m.safetensors -o - > m.bbz && "
                   "$BBZ unpack m.bbz -C out3 && cmp model.safetensors out3/m.safetensors");
  EXPECT_EXIT_CODE(0,
                   "head -c 3000000 /dev/urandom > noise; cat noise | $BBZ pack - | "
                   "$BBZ unpack - -o - | cmp - noise");
}

TEST_F(Workflow, PutsTheIndexFirst) {
  EXPECT_EXIT_CODE(0,
                   "$BBZ pack model.safetensors --index-first --digest sha256 -o m.bbz && "
                   "$BBZ verify m.bbz && $BBZ unpack m.bbz -C out && "
                   "cmp model.safetensors out/model.safetensors");
  EXPECT_EXIT_CODE(2, "cat model.safetensors | $BBZ pack - --index-first -o n.bbz");
  EXPECT_FALSE(exists("n.bbz"));
}

TEST_F(Workflow, TakesOptionsOfPacking) {
  for (const std::string options :
       {"--level fast", "--level small", "--chunk-size 4K", "--opaque", "--chunk-size 64M"}) {
    EXPECT_EXIT_CODE(0, "$BBZ pack model.safetensors -f -o m.bbz " + options +
                            " && $BBZ unpack m.bbz -o - | cmp - model.safetensors");
  }
  EXPECT_EXIT_CODE(2, "$BBZ pack model.safetensors -f -o m.bbz --chunk-size 65M");
  EXPECT_EXIT_CODE(2, "$BBZ pack model.safetensors -f -o m.bbz --level best");
}

TEST_F(Workflow, TakesALayerOut) {
  ASSERT_EQ(sh("$BBZ pack model.safetensors").code, 0);
  EXPECT_EXIT_CODE(0, "$BBZ unpack model.bbz --layer 3 -o layer3.safetensors");
  const nlohmann::json header = header_of(read("layer3.safetensors"));
  EXPECT_EQ(header.size(), 4u);  // three tensors and the metadata
  EXPECT_EQ(header["__metadata__"]["format"], "pt");
  // The same from a pipe, and below a directory.
  EXPECT_EXIT_CODE(0, "cat model.bbz | $BBZ unpack - --layer 3 -o - | cmp - layer3.safetensors");
  EXPECT_EXIT_CODE(0,
                   "$BBZ unpack model.bbz --layer 3 -C out && "
                   "cmp out/model.safetensors layer3.safetensors");
  EXPECT_EXIT_CODE(0,
                   "cat model.bbz | $BBZ unpack - --layer 3 -C out2 && "
                   "cmp out2/model.safetensors layer3.safetensors");
  // Its bytes are those of the model.
  const std::string model = read("model.safetensors");
  const std::string layer = read("layer3.safetensors");
  const std::string name = "model.layers.3.mlp.up_proj.weight";
  const auto bytes_of = [&](const std::string& file) {
    std::uint64_t size = 0;
    std::memcpy(&size, file.data(), 8);
    const auto offsets = header_of(file)[name]["data_offsets"];
    const std::uint64_t begin = offsets[0], end = offsets[1];
    return file.substr(8 + size + begin, end - begin);
  };
  EXPECT_EQ(bytes_of(model), bytes_of(layer));
  EXPECT_EXIT_CODE(0, "$BBZ cat model.bbz " + name + " > raw.bin");
  EXPECT_EQ(read("raw.bin"), bytes_of(model));
  EXPECT_EXIT_CODE(0, "cat model.bbz | $BBZ cat - " + name + " | cmp - raw.bin");
}

TEST_F(Workflow, SelectsByPattern) {
  ASSERT_EQ(sh("$BBZ pack model.safetensors").code, 0);
  const auto count = [&](const std::string& options) {
    EXPECT_EXIT_CODE(0, "$BBZ unpack model.bbz -f -o some " + options);
    return header_of(read("some")).size() - 1;
  };
  EXPECT_EQ(count("--tensor '*norm*'"), 5u);
  EXPECT_EQ(count("--tensor '*norm*' --tensor 'model.embed*'"), 6u);
  EXPECT_EQ(count("--exclude '*layers*'"), 1u);
  EXPECT_EQ(count("--layer 1-2 --layer 4 --exclude '*norm*'"), 6u);
  EXPECT_EXIT_CODE(1, "$BBZ unpack model.bbz --layer 9 -o nothing");
  EXPECT_EXIT_CODE(1, "cat model.bbz | $BBZ unpack - --layer 9 -o nothing");
  EXPECT_FALSE(exists("nothing"));
  EXPECT_EXIT_CODE(2, "$BBZ unpack model.bbz --layer x -o nothing");
  EXPECT_EXIT_CODE(2, "$BBZ unpack model.bbz --layer 3");
}

TEST_F(Workflow, AsksWhichFileWhereNamesStandTwice) {
  write("two/a.safetensors", layered_model(2, 16, 1));
  write("two/b.safetensors", layered_model(2, 16, 50));
  ASSERT_EQ(sh("$BBZ pack two").code, 0);
  const Finished refused = sh("$BBZ unpack two.bbz --layer 1 -o x.safetensors");
  EXPECT_EQ(refused.code, 2);
  EXPECT_NE(refused.err.find("--file"), std::string::npos) << refused.err;
  EXPECT_EXIT_CODE(2, "cat two.bbz | $BBZ unpack - --layer 1 -o x.safetensors");
  EXPECT_FALSE(exists("x.safetensors"));
  EXPECT_EXIT_CODE(0, "$BBZ unpack two.bbz --layer 1 --file b.safetensors -o x.safetensors");
  EXPECT_EXIT_CODE(0,
                   "$BBZ unpack two.bbz --layer 1 -C both && cmp both/b.safetensors x.safetensors");
  EXPECT_EXIT_CODE(2, "$BBZ cat two.bbz model.layers.1.norm.weight");
  EXPECT_EXIT_CODE(0, "$BBZ cat two.bbz model.layers.1.norm.weight --file a.safetensors");
}

TEST_F(Workflow, ShowsWhatIsInAnArchive) {
  make_folder();
  ASSERT_EQ(sh("$BBZ pack llama").code, 0);
  EXPECT_NE(sh("$BBZINFO llama.bbz").out.find("BF16"), std::string::npos);
  EXPECT_NE(sh("$BBZINFO llama.bbz --tensors").out.find("layers.2.norm"), std::string::npos);
  EXPECT_NE(sh("$BBZINFO llama.bbz --chunks").out.find("chunk 0"), std::string::npos);
  EXPECT_NE(sh("$BBZINFO llama.bbz --files").out.find("config.json"), std::string::npos);
  const auto json = nlohmann::json::parse(sh("$BBZINFO llama.bbz --json --chunks").out);
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["archive_bytes"], read("llama.bbz").size());
  EXPECT_EQ(json["files"].size(), 7u);
  EXPECT_EQ(json["tensors_total"]["tensors"], 17);
  std::uint64_t stored = 0;
  for (const auto& tensor : json["tensors"]) {
    for (const auto& chunk : tensor["chunks"]) stored += chunk["stored_bytes"].get<std::uint64_t>();
  }
  EXPECT_EQ(json["archive_bytes"].get<std::uint64_t>() - stored, json["overhead_bytes"]);
  // From a pipe it says the same.
  EXPECT_EXIT_CODE(0,
                   "$BBZINFO llama.bbz --json | tail -n +4 > a; "
                   "cat llama.bbz | $BBZINFO - --json | tail -n +4 > b; cmp a b");
}

// Those that can be read are shown, beside those that cannot.
TEST_F(Workflow, ShowsTheArchivesThatCanBeReadOfSeveral) {
  ASSERT_EQ(sh("$BBZ pack model.safetensors").code, 0);
  write("cut.bbz", read("model.bbz").substr(0, 1000));
  const Finished json = sh("$BBZINFO --json model.bbz cut.bbz missing model.bbz");
  EXPECT_EQ(json.code, 3) << json.err;
  const auto list = nlohmann::json::parse(json.out);
  ASSERT_EQ(list.size(), 4u);
  EXPECT_EQ(list[0], list[3]);
  EXPECT_FALSE(list[0].contains("error"));
  EXPECT_EQ(list[1]["schema"], 1);
  EXPECT_EQ(list[1]["archive"], "cut.bbz");
  EXPECT_EQ(list[1]["error"]["code"], "truncated");
  EXPECT_EQ(list[2]["error"]["code"], "not-found");
  EXPECT_EQ(std::ranges::count(json.err, '\n'), 2) << json.err;
  EXPECT_EQ(nlohmann::json::parse(sh("$BBZINFO --json missing cut.bbz").out).size(), 2u);
  // Of one, there is nothing to print.
  const Finished one = sh("$BBZINFO --json cut.bbz");
  EXPECT_EQ(one.code, 3);
  EXPECT_EQ(one.out, "");

  const Finished text = sh("$BBZINFO cut.bbz model.bbz");
  EXPECT_EQ(text.code, 3);
  EXPECT_NE(text.out.find("model.bbz: "), std::string::npos) << text.out;
}

TEST_F(Workflow, SalvagesWhatIsLeft) {
  make_folder();
  ASSERT_EQ(sh("$BBZ pack llama").code, 0);
  EXPECT_EXIT_CODE(0, "$BBZ salvage llama.bbz -o whole && diff -r llama whole");
  const std::size_t size = read("llama.bbz").size();
  EXPECT_EXIT_CODE(3, "head -c " + std::to_string(size / 2) +
                          " llama.bbz > cut.bbz; "
                          "$BBZ salvage cut.bbz -o rescued");
  EXPECT_EXIT_CODE(0, "cmp llama/config.json rescued/config.json");
}

TEST_F(Workflow, LayersAreThoseOfAPatternIfOneIsGiven) {
  std::vector<safetensors::Tensor> tensors;
  for (const char* name : {"layer4.0.conv.weight", "stages.2.blocks.7.weight", "fc.weight"}) {
    const std::uint64_t begin = tensors.size() * 32;
    tensors.push_back({name, DType::kF32, {8}, begin, begin + 32});
  }
  const auto header = safetensors::build(tensors, {}).value();
  write("net.safetensors",
        std::string(reinterpret_cast<const char*>(header.data()), header.size()) +
            std::string(96, 'x'));
  const auto layers_of = [&](const std::string& options) {
    EXPECT_EXIT_CODE(0, "$BBZ pack net.safetensors -f -o net.bbz " + options);
    std::vector<nlohmann::json> layers;
    const auto json = nlohmann::json::parse(sh("$BBZINFO --json --tensors net.bbz").out);
    for (const auto& tensor : json["tensors"]) {
      if (!tensor["name"].is_null()) layers.push_back(tensor["layer"]);
    }
    return nlohmann::json(layers).dump();
  };
  EXPECT_NE(layers_of("").find("4,7,null"), std::string::npos) << layers_of("");
  EXPECT_NE(layers_of("--layer-pattern 'stages.#'").find("4,2,null"), std::string::npos);
  EXPECT_EXIT_CODE(
      0, "$BBZ unpack net.bbz -o l.safetensors --layer 2 && grep -q stages.2 l.safetensors");
  EXPECT_EXIT_CODE(2, "$BBZ pack net.safetensors -f -o net.bbz --layer-pattern stages");
}

}  // namespace
}  // namespace bbz::tools
