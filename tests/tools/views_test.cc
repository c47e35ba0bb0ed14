// Files of torch.save whose tensors share memory: every name can be listed, selected and read.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "files/torch/make_files.h"
#include "support/bytes.h"
#include "tools/shell.h"
#ifdef BBZ_HTTP
#include "tools/serving.h"
#endif

namespace bbz::tools {
namespace {

class Views : public ToolTest {
 protected:
  struct Named {
    std::string name;
    torch::View view;
  };

  // A storage of which two tensors that overlap have 600 of 1200 bytes, and tied, transposed and strided
  // tensors of another one.
  Views() {
    std::string pickled = "}(";
    for (const Named& one : tensors_) {
      pickled += torch::pickle_text(one.name) + torch::pickle_view(one.view);
    }
    write("m.pt", torch::make_torch(torch::pickle(pickled + 'u'), storages_));
  }

  // The bytes of a tensor, as torch would give them.
  std::string expected(const Named& one) const {
    const torch::View& v = one.view;
    const std::string& storage = storages_[v.key == "0" ? 0 : 1];
    const std::size_t width = v.type == "HalfStorage" ? 2 : 4;
    std::uint64_t count = 1;
    for (const std::uint64_t extent : v.shape) count *= extent;
    std::string bytes;
    for (std::uint64_t i = 0; i < count; ++i) {
      std::uint64_t place = v.offset;
      std::uint64_t rest = i;
      for (std::size_t axis = v.shape.size(); axis-- > 0; rest /= v.shape[axis]) {
        place += rest % v.shape[axis] * v.strides[axis];
      }
      bytes += storage.substr(place * width, width);
    }
    return bytes;
  }

  void expect_all(const std::string& archive, const std::string& options = "") {
    for (const Named& one : tensors_) {
      const Finished got = sh("$BBZ cat " + archive + " " + one.name + options);
      EXPECT_EQ(got.code, 0) << one.name << got.err;
      EXPECT_TRUE(got.out == expected(one)) << one.name;
    }
  }

  const std::vector<std::string> storages_ = {noise_text(1200, 1), noise_text(4800, 2)};
  const std::vector<Named> tensors_ = {
      {"model.layers.0.a", {"FloatStorage", "0", 300, 1, {10, 10}, {10, 1}}},
      {"model.layers.1.b", {"FloatStorage", "0", 300, 51, {4, 25}, {25, 1}}},
      {"embed", {"HalfStorage", "1", 2400, 0, {40, 60}, {60, 1}}},
      {"head", {"HalfStorage", "1", 2400, 0, {40, 60}, {60, 1}}},
      {"turned", {"HalfStorage", "1", 2400, 0, {60, 40}, {1, 60}}},
      {"model.layers.1.column", {"HalfStorage", "1", 2400, 7, {40}, {60}}},
      {"spread", {"HalfStorage", "1", 2400, 3, {3, 2, 5}, {0, 60, 1}}},
      {"one", {"HalfStorage", "1", 2400, 2399, {}, {}}},
      {"none", {"HalfStorage", "1", 2400, 9, {0, 3}, {3, 1}}},
  };
};

TEST_F(Views, EveryNameIsReadAndTheFileComesBack) {
  for (const char* options : {"", "--digest sha256 --chunk-size 4KiB", "--index-first"}) {
    EXPECT_EXIT_CODE(0, std::string("$BBZ pack -q -f m.pt -o m.bbz ") + options);
    EXPECT_EXIT_CODE(0, "$BBZ verify -q m.bbz && $BBZ verify -q - < m.bbz");
    EXPECT_EXIT_CODE(0, "$BBZ unpack -q -f m.bbz -C out && cmp m.pt out/m.pt");
    EXPECT_EXIT_CODE(0, "cat m.bbz | $BBZ unpack -q -f - -C out2 && cmp m.pt out2/m.pt");
    EXPECT_EXIT_CODE(0, "cat m.bbz | $BBZ cat - m.pt | cmp m.pt -");
    expect_all("m.bbz");
  }
}

TEST_F(Views, AFileIsTheSameAsItsArchive) {
  EXPECT_EXIT_CODE(0, "$BBZ pack -q m.pt -o m.bbz");
  for (const char* pair : {"m.pt m.bbz", "m.bbz m.pt", "m.bbz m.bbz"}) {
    const Finished compared = sh(std::string("$BBZ compare --max-difference 0 --json ") + pair);
    EXPECT_EQ(compared.code, 0) << compared.out;
    EXPECT_EQ(nlohmann::json::parse(compared.out)["tensors"].size(), tensors_.size());
  }
}

TEST_F(Views, AreListedWithTheirStridesAndWhatNoTensorHas) {
  EXPECT_EXIT_CODE(0, "$BBZ pack -q m.pt -o m.bbz");
  const Finished text = sh("$BBZINFO m.bbz --tensors");
  for (const char* part :
       {"of \"embed\" at byte 0, strides [1, 60]", "of \"data/0\" at byte 4, strides [10, 1]",
        "memory of views", "7 more tensors, of bytes of others",
        "unseen       600 bytes of storages"}) {
    EXPECT_NE(text.out.find(part), std::string::npos) << part << "\n" << text.out;
  }
  const nlohmann::json info = nlohmann::json::parse(sh("$BBZINFO m.bbz --tensors --json").out);
  EXPECT_EQ(info["unseen_bytes"], 600);
  EXPECT_EQ(info["views_total"]["tensors"], 7);
  EXPECT_EQ(info["storages_total"]["tensors"], 1);
  EXPECT_EQ(info["storages_total"]["bytes"], 1200);
  std::size_t found = 0;
  for (const nlohmann::json& tensor : info["tensors"]) {
    for (const Named& one : tensors_) {
      if (tensor["name"] != one.name) continue;
      ++found;
      EXPECT_EQ(tensor["shape"], nlohmann::json(one.view.shape));
      if (one.name == "embed" || one.name == "none") {
        EXPECT_TRUE(tensor["view"].is_null());
        continue;
      }
      EXPECT_EQ(tensor["view"]["strides"], nlohmann::json(one.view.strides));
      const nlohmann::json& base = info["tensors"][std::size_t{tensor["view"]["tensor"]}];
      EXPECT_EQ(base["name"], one.view.key == "0" ? "data/0" : "embed");
      EXPECT_EQ(base["storage"], one.view.key == "0");
    }
  }
  EXPECT_EQ(found, tensors_.size());
}

TEST_F(Views, AreSelectedByLayerAndName) {
  EXPECT_EXIT_CODE(0, "$BBZ pack -q m.pt -o m.bbz");
  EXPECT_EXIT_CODE(0, "$BBZ unpack -q m.bbz --layer 1 -o one.safetensors");
  EXPECT_EXIT_CODE(0, "$BBZ pack -q one.safetensors -o one.bbz");
  for (const Named& one : tensors_) {
    const bool there = one.name.find("layers.1.") != std::string::npos;
    const Finished got = sh("$BBZ cat one.bbz " + one.name);
    EXPECT_EQ(got.code, there ? 0 : 1) << one.name;
    if (there) {
      EXPECT_TRUE(got.out == expected(one)) << one.name;
    }
  }
  // All tensors of the model, and nothing that only looks like one.
  EXPECT_EXIT_CODE(0, "$BBZ unpack -q m.bbz --tensor '*' -o all.safetensors");
  EXPECT_EXIT_CODE(0, "$BBZ compare --max-difference 0 m.pt all.safetensors");
  EXPECT_EXIT_CODE(0, "$BBZ pack -q all.safetensors -o all.bbz");
  expect_all("all.bbz");
}

TEST_F(Views, OfAPipeNeedTheirBases) {
  EXPECT_EXIT_CODE(0, "$BBZ pack -q m.pt -o m.bbz");
  EXPECT_EXIT_CODE(0,
                   "cat m.bbz | $BBZ unpack -q - --tensor embed --tensor turned -o t.safetensors");
  EXPECT_EXIT_CODE(0, "$BBZ pack -q t.safetensors -o t.bbz && $BBZ cat t.bbz turned > turned");
  EXPECT_TRUE(read("turned") == expected(tensors_[4]));
  for (const char* command : {"cat m.bbz | $BBZ unpack -q - --tensor head -o no.safetensors",
                              "cat m.bbz | $BBZ cat - head"}) {
    const Finished refused = sh(command);
    EXPECT_EQ(refused.code, 4) << refused.err;
    EXPECT_NE(refused.err.find("read the archive from a file"), std::string::npos) << refused.err;
  }
  EXPECT_FALSE(exists("no.safetensors"));
}

// A view of a file that is not selected does not matter.
TEST_F(Views, OfAPipeThatAreNotSelectedDoNotFail) {
  write("head.pt",
        torch::make_torch(
            torch::pickle(torch::pickle_dict({{"head", torch::pickle_view(torch::kMatrix)}})),
            {storages_[0].substr(0, 24)}));
  EXPECT_EXIT_CODE(0, "mkdir d && cp m.pt d/a.pt && cp head.pt d/b.pt && $BBZ pack -q d -o d.bbz");
  const Finished got = sh("cat d.bbz | $BBZ cat - head --file b.pt");
  EXPECT_EQ(got.code, 0) << got.err;
  EXPECT_TRUE(got.out == storages_[0].substr(0, 24));
}

TEST_F(Views, AreJoinedAndSalvaged) {
  EXPECT_EXIT_CODE(0, "mkdir d && cp m.pt d/a.pt && cp m.pt d/b.pt && $BBZ pack -q d -o d.bbz");
  EXPECT_EXIT_CODE(0, "$BBZ pack -q d --part 1/2 -o 1.bbz && $BBZ pack -q d --part 2/2 -o 2.bbz");
  EXPECT_EXIT_CODE(0, "$BBZ join -q 1.bbz 2.bbz -o both.bbz && cmp d.bbz both.bbz");
  expect_all("both.bbz", " --file b.pt");
  EXPECT_EXIT_CODE(2, "$BBZ cat both.bbz head");  // of which file?
  EXPECT_EXIT_CODE(0, "$BBZ salvage -q both.bbz -o rescued && cmp m.pt rescued/b.pt");
}

// Two dtypes of one storage, which is plain bytes; and names that look like storages.
TEST_F(Views, OfSeveralDtypes) {
  const torch::View half{"", "0", 24, 1, {2, 3}, {3, 1}};
  const torch::View floats{"", "0", 24, 0, {3}, {2}};
  write("mixed.pt",
        torch::make_torch(
            torch::pickle(torch::pickle_dict({{"data/0", torch::pickle_view_v3(half, "float16")},
                                              {"f", torch::pickle_view_v3(floats, "float32")}})),
            {storages_[0].substr(0, 24)}));
  EXPECT_EXIT_CODE(0, "$BBZ pack -q mixed.pt -o mixed.bbz && $BBZ verify -q mixed.bbz");
  EXPECT_EQ(sh("$BBZ cat mixed.bbz data/0").out, storages_[0].substr(2, 12));
  EXPECT_EQ(sh("$BBZ cat mixed.bbz f").out,
            storages_[0].substr(0, 4) + storages_[0].substr(8, 4) + storages_[0].substr(16, 4));
  EXPECT_EXIT_CODE(0, "$BBZ compare --max-difference 0 mixed.pt mixed.bbz");
}

// A tensor that repeats an element without end has no view that a reader takes: its name is left out,
// and the file comes back.
TEST_F(Views, ThatExpandTooFarAreLeftOut) {
  const torch::View endless{"FloatStorage", "0", 6, 0, {1u << 20, 1u << 10}, {0, 0}};
  write("endless.pt",
        torch::make_torch(
            torch::pickle(torch::pickle_dict({{"all", torch::pickle_view(torch::kMatrix)},
                                              {"endless", torch::pickle_view(endless)}})),
            {storages_[0].substr(0, 24)}));
  const Finished packed = sh("$BBZ pack endless.pt -o e.bbz");
  EXPECT_EQ(packed.code, 0);
  EXPECT_NE(packed.err.find("tensor \"endless\" of \"endless.pt\": views beyond"),
            std::string::npos)
      << packed.err;
  EXPECT_EQ(sh("$BBZ pack -q -f endless.pt -o e.bbz").err, "");
  EXPECT_EXIT_CODE(0, "$BBZ pack -f m.pt -o m.bbz 2> said && ! grep 'not listed' said");
  EXPECT_EXIT_CODE(0, "$BBZ verify -q e.bbz");
  EXPECT_EXIT_CODE(0, "$BBZ unpack -q e.bbz -C out && cmp endless.pt out/endless.pt");
  EXPECT_EXIT_CODE(1, "$BBZ cat e.bbz endless");
}

#ifdef BBZ_HTTP
TEST_F(Views, AreFetched) {
  EXPECT_EXIT_CODE(0, "$BBZ pack -q m.pt -o m.bbz");
  const std::string archive = read("m.bbz");
  const Serving server([&] { return archive; });
  const std::string url = server.url();
  EXPECT_EXIT_CODE(0, "$BBZ get -q " + url + " --layer 1 -o part.bbz && $BBZ verify -q part.bbz");
  EXPECT_TRUE(sh("$BBZ cat part.bbz model.layers.1.b").out == expected(tensors_[1]));
  expect_all(url);
}
#endif

// Files that torch wrote, if they are there.
TEST_F(Views, OfFilesThatTorchWroteComeBack) {
  namespace fs = std::filesystem;
  int count = 0;
  for (const char* name :
       {"tied.pt", "flat-parameter-views-bf16.pt", "strided.pt", "sliced56-views.pt"}) {
    const fs::path path = fs::path(BBZ_SHARED_DATA) / "torch" / name;
    if (!fs::exists(path)) continue;
    ++count;
    SCOPED_TRACE(name);
    const std::string file = "'" + path.string() + "'";
    EXPECT_EXIT_CODE(0, "$BBZ pack -q -f " + file + " -o m.bbz && $BBZ verify -q m.bbz");
    EXPECT_EXIT_CODE(0, "$BBZ cat m.bbz " + std::string(name) + " | cmp - " + file);
    EXPECT_EXIT_CODE(0, "$BBZ compare --max-difference 0 " + file + " m.bbz");
  }
  if (count == 0) GTEST_SKIP() << "no files of torch in " << BBZ_SHARED_DATA;
}

}  // namespace
}  // namespace bbz::tools
