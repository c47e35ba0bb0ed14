// Files that are not what they seem, or are not taken apart: what the tools say of them.
#include <nlohmann/json.hpp>

#include "files/torch/make_old_files.h"
#include "tools/models.h"
#include "tools/shell.h"

namespace bbz::tools {
namespace {

class AsBytes : public ToolTest {
 protected:
  AsBytes() {
    using namespace torch;  // NOLINT: a handful of names
    const std::string tensor = pickle_view(kMatrix);
    const std::string pickled = pickle(pickle_dict({{"w", tensor}}));
    write("big.pth", make_torch(pickled, {counting_bytes(24)}, {}, {{"model/byteorder", "big"}}));
    write("plain.pt", make_torch(pickled, {counting_bytes(24)}));
    write("legacy.pth", kLegacyMagic);
    write("pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 49766\n");
    write("page", "<!doctype html><html>gated</html>");
  }

  void expect_said(const std::string& command, int code, const std::vector<std::string>& texts) {
    const Finished finished = sh(command);
    EXPECT_EQ(finished.code, code) << command << "\n" << finished.err;
    for (const std::string& text : texts) {
      EXPECT_NE(finished.err.find(text), std::string::npos) << command << "\n" << finished.err;
    }
  }
};

TEST_F(AsBytes, PackAndBbzinfoSayWhichFilesAndWhy) {
  const std::string why = "\"big.pth\": it is a torch.save file, but its byte order is";
  expect_said("$BBZ pack big.pth -o a.bbz", 0, {"packed as bytes: " + why});
  const Finished shown = sh("$BBZINFO a.bbz");
  EXPECT_NE(shown.out.find("as bytes     " + why), std::string::npos) << shown.out;
  const auto json = nlohmann::json::parse(sh("$BBZINFO --json a.bbz").out);
  EXPECT_NE(std::string(json["files"][0]["metadata"]["as-bytes"]).find("byte order"),
            std::string::npos);
  EXPECT_EQ(sh("$BBZ pack -q big.pth -f -o a.bbz").err, "");
  EXPECT_EQ(sh("$BBZ pack big.pth --opaque -f -o a.bbz").err, "");
  EXPECT_EQ(sh("$BBZ pack plain.pt -f -o a.bbz").err, "");
  EXPECT_EQ(sh("$BBZINFO a.bbz").out.find("as bytes"), std::string::npos);
  EXPECT_EQ(sh("$BBZ unpack -q a.bbz -C out && cmp out/plain.pt plain.pt").code, 0);
}

TEST_F(AsBytes, InFoldersTarsAndPipesToo) {
  EXPECT_EXIT_CODE(0, "mkdir dir && cp big.pth legacy.pth plain.pt dir");
  expect_said("$BBZ pack dir", 0,
              {"\"big.pth\": it is", "\"legacy.pth\": it is a file of PyTorch before"});
  expect_said("tar -c dir | $BBZ pack - -o t.bbz", 0,
              {"\"dir/big.pth\": it is", "\"dir/legacy.pth\": it is a file of PyTorch before"});
  // Also with an index at the front, whose size is known beforehand.
  expect_said("$BBZ pack dir --index-first -o i.bbz", 0, {"\"big.pth\": it is"});
  EXPECT_EXIT_CODE(0, "$BBZ verify -q i.bbz");
  // Many are counted.
  EXPECT_EXIT_CODE(0, "mkdir many && for i in $(seq 30); do cp legacy.pth many/$i.pth; done");
  expect_said("$BBZ pack many", 0, {"packed as bytes: 10 more files"});
}

TEST_F(AsBytes, TorchFilesOfStreamsAreTakenApart) {
  EXPECT_EXIT_CODE(0, "mkdir dir && cp plain.pt dir && cp plain.pt dir/blob");
  for (const char* command : {"tar -c dir | $BBZ pack - -o t.bbz -f",
                              "cat plain.pt | $BBZ pack - --name pytorch_model.bin -o t.bbz -f"}) {
    const Finished finished = sh(command);
    EXPECT_EQ(finished.code, 0) << finished.err;
    EXPECT_EQ(finished.err.find("as bytes"), std::string::npos) << finished.err;
    const std::string tensors = sh("$BBZINFO --tensors t.bbz").out;
    EXPECT_NE(tensors.find("F32"), std::string::npos) << tensors;
  }
  EXPECT_EQ(sh("ls -A").out.find("bbz-"), std::string::npos) << "a copy stays";
}

TEST_F(AsBytes, CompareAndSymmetrySayTheTrueReason) {
  expect_said("$BBZ compare big.pth big.pth", 4, {"big.pth: its byte order is"});
  expect_said("$BBZ pack legacy.pth --symmetry auto -o s.bbz", 0,
              {"packed exactly: \"legacy.pth\": it is a file of PyTorch before 1.6"});
  EXPECT_EXIT_CODE(0, "cp pointer p.safetensors");
  expect_said("$BBZ compare p.safetensors p.safetensors", 2,
              {"p.safetensors: it is a git-lfs pointer"});
}

TEST_F(AsBytes, PointersAndPagesAreCalledWhatTheyAre) {
  for (const std::string name : {"pointer", "page"}) {
    const std::vector<std::string> texts = {
        name == "page" ? "it is a web page: download the file again" : "it is a git-lfs pointer"};
    EXPECT_EXIT_CODE(0, "cp " + name + " m.bbz; cp " + name + " m.safetensors");
    for (const std::string command :
         {"$BBZ unpack m.bbz -C out", "$BBZ verify m.bbz", "$BBZ cat m.bbz w", "$BBZINFO m.bbz",
          "cat m.bbz | $BBZ unpack - -C out", "$BBZ pack m.safetensors -o o.bbz"}) {
      expect_said(command, 3, texts);
      EXPECT_EQ(sh(command).err.find("opaque"), std::string::npos);
    }
  }
}

TEST_F(AsBytes, HardLinksOfATarArePacked) {
  EXPECT_EXIT_CODE(0, "mkdir hub && cp plain.pt hub/blob && ln hub/blob hub/snapshot.pt");
  EXPECT_EXIT_CODE(0, "tar -c hub | $BBZ pack -q - -o h.bbz && $BBZ unpack -q h.bbz -C out");
  EXPECT_EXIT_CODE(0, "diff -r hub out/hub");
  EXPECT_EXIT_CODE(0, "ln -s blob hub/link");
  expect_said("tar -c hub | $BBZ pack - -o l.bbz", 2,
              {"\"hub/link\": is a symbolic link to \"blob\""});
  EXPECT_EXIT_CODE(0, "tar -ch hub | $BBZ pack -q - -f -o h.bbz && $BBZ unpack -q h.bbz -C all");
  EXPECT_EXIT_CODE(0, "cmp hub/link all/hub/link");
}

}  // namespace
}  // namespace bbz::tools
