// Archives relative to a base, as a user meets them: packed, read in every way, refused with another
// base, and in chains.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tools/bases.h"

namespace bbz::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(Bases, AreArchivesModelsAndDirectories) {
  EXPECT_LT(size("tuned.bbz") * 8, size("base.bbz"));
  EXPECT_EXIT_CODE(0, "mkdir all && cp base.bbz tuned.bbz all && cp base.safetensors all/x.bin");
  for (const std::string base : {"base.safetensors", "base.bbz", "all", "all --base base.bbz"}) {
    for (const std::string by : {"$BBZ unpack -q tuned.bbz -o out --base ",
                                 "$BBZ cat tuned.bbz tuned.safetensors -o out --base ",
                                 "$BBZ unpack -q - -o out < tuned.bbz --base "}) {
      EXPECT_EXIT_CODE(0, by + base + " && cmp out tuned.safetensors && rm out");
    }
    EXPECT_EXIT_CODE(0, "$BBZ verify -q tuned.bbz --base " + base);
    EXPECT_EXIT_CODE(0, "$BBZ verify -q - < tuned.bbz --base " + base);
    EXPECT_EXIT_CODE(0, "$BBZ pack -q tuned.safetensors -f -o again.bbz --base " + base +
                            " && $BBZ unpack -q again.bbz --base " + base +
                            " -o out && cmp out tuned.safetensors && rm out");
  }
  EXPECT_EXIT_CODE(0, "BBZ_BASE_PATH=nothing:all $BBZ unpack -q tuned.bbz -o out");
  EXPECT_EXIT_CODE(0, "cmp out tuned.safetensors");
  EXPECT_EXIT_CODE(0, "$BBZ compare tuned.safetensors tuned.bbz --base base.bbz");
  EXPECT_EXIT_CODE(0, "$BBZ unpack -q tuned.bbz --base base.bbz --layer 1 -o layer");
  EXPECT_EXIT_CODE(0,
                   "$BBZ pack -q tuned.safetensors -o whole.bbz && "
                   "$BBZ unpack -q whole.bbz --layer 1 -o expected && cmp layer expected");
}

TEST_F(Bases, AnUnchangedModelCostsItsRecords) {
  EXPECT_EXIT_CODE(0,
                   "cp base.safetensors same.safetensors && "
                   "$BBZ pack -q same.safetensors --base base.bbz");
  const auto shown = info("same.bbz --tensors");
  EXPECT_EQ(shown["bases"][0]["root_digest"], info("base.bbz")["root_digest"]);
  EXPECT_EQ(shown["bases"][0]["hint"], "base.bbz");
  const auto& tally = shown["bases"][0]["tensors_total"];
  EXPECT_EQ(tally["unchanged_bytes"], tally["bytes"]);
  EXPECT_EQ(tally["stored_bytes"], 0);
  EXPECT_EQ(tally["tensors"], 10);
  for (const auto& tensor : shown["tensors"]) {
    if (tensor["kind"] != "tensor") continue;
    EXPECT_EQ(tensor["leans_on"]["base"], 0);
  }
  EXPECT_THAT(sh("$BBZINFO same.bbz").out, HasSubstr("leans on     \"base.bbz\""));
  EXPECT_THAT(sh("$BBZINFO same.bbz --layers").out, HasSubstr("unchanged"));
}

TEST_F(Bases, TensorsThatTheBaseLacksAreWhole) {
  write("grown.safetensors", layered_model(4, 128));
  EXPECT_EXIT_CODE(0, "$BBZ pack -q grown.safetensors -f --base base.bbz");
  EXPECT_EQ(info("grown.bbz")["bases"][0]["tensors_total"]["tensors"], 10);
  EXPECT_EXIT_CODE(0, "$BBZ cat grown.bbz model.layers.3.norm.weight > norm");
  EXPECT_EQ(size("norm"), 256u);
  write("wide.safetensors", layered_model(3, 64));
  EXPECT_EXIT_CODE(0, "$BBZ pack -q wide.safetensors --base base.bbz && $BBZ verify -q wide.bbz");
  EXPECT_EQ(info("wide.bbz")["bases"].size(), 0u);
}

TEST_F(Bases, AnotherBaseIsRefusedByName) {
  const std::string q = "model.embed_tokens.weight";
  const std::string to_out = "$BBZ unpack -q tuned.bbz -o out ";
  refused(4, to_out, "\"base.safetensors\"");
  refused(4, "$BBZ cat tuned.bbz " + q + " -o out", "no base is given");
  refused(8, to_out + "--base other.safetensors", q);
  refused(8, to_out + "--base tuned.safetensors", "this is another base");
  refused(8, "$BBZ unpack -q - -o out --base other.safetensors < tuned.bbz", q);
  refused(8, "$BBZ flatten -q tuned.bbz -o out --base other.safetensors", q);
  refused(1, to_out + "--base nothing", "nothing");
  std::string changed = read("base.safetensors");
  changed.back() ^= 1;
  write("changed.safetensors", changed);
  refused(8, to_out + "--base changed.safetensors", "model.layers.2.norm.weight");
  std::string damaged = read("base.bbz");
  damaged[damaged.size() / 2] ^= 1;
  write("damaged.bbz", damaged);
  refused(8, to_out + "--base damaged.bbz", "damaged.bbz");
  const Finished printed = sh("$BBZ cat tuned.bbz " + q + " --base other.safetensors");
  EXPECT_EQ(printed.out, "");
}

TEST_F(Bases, VerifyWithoutTheBaseSaysSo) {
  const Finished whole = sh("$BBZ verify tuned.bbz");
  EXPECT_EQ(whole.code, 4);
  EXPECT_THAT(whole.out, HasSubstr("what leans on a base was not decoded"));
  EXPECT_THAT(whole.err, HasSubstr("\"base.safetensors\""));
  const auto shown = nlohmann::json::parse(sh("$BBZ verify --json tuned.bbz").out);
  EXPECT_EQ(shown["outcome"], "unsupported");
  EXPECT_EQ(shown["damaged"], 0);
  EXPECT_GT(shown["without_base"], 0);
  EXPECT_EXIT_CODE(0, "$BBZ verify --fast -q tuned.bbz");
  std::string broken = read("tuned.bbz");
  broken[broken.size() / 2] ^= 1;
  write("broken.bbz", broken);
  EXPECT_EXIT_CODE(3, "$BBZ verify -q broken.bbz");
  EXPECT_EXIT_CODE(3, "$BBZ verify -q broken.bbz --base base.bbz");
}

// Nobody takes what is wrong with the base for damage of the archive.
TEST_F(Bases, FaultsOfTheBaseAreNoDamageOfTheArchive) {
  std::string damaged = read("base.bbz");
  damaged[damaged.size() / 2] ^= 1;
  write("damaged.bbz", damaged);
  write("cut.safetensors", read("base.safetensors").substr(0, 300));
  EXPECT_EXIT_CODE(0, "mkdir empty");
  const std::pair<std::string, std::string> faults[] = {
      {"other.safetensors", "other.safetensors\" has the digest"},
      {"damaged.bbz", "damaged.bbz\": tensor"},
      {"cut.safetensors", "which cannot be read: "},
      {"empty", "does not have"}};
  const std::string leaning = "\" leans on the tensor of that name of base \"base.safetensors\"";
  for (const auto& [base, text] : faults) {
    SCOPED_TRACE(base);
    const Finished found = sh("$BBZ verify tuned.bbz --base " + base);
    EXPECT_EQ(found.code, 8);
    EXPECT_THAT(found.out, HasSubstr("no damage found, but the base does not serve"));
    EXPECT_THAT(found.err, HasSubstr(text));
    EXPECT_THAT(found.err, HasSubstr(leaning));
    const auto shown = nlohmann::json::parse(sh("$BBZ verify --json tuned.bbz --base " + base).out);
    EXPECT_EQ(shown["outcome"], "wrong-base");
    EXPECT_EQ(shown["error"]["code"], "base");
    EXPECT_EQ(shown["damaged"], 0);
    EXPECT_GT(shown["without_base"], 0);
    EXPECT_EQ(shown["not_decoded"][0]["code"], "base");
    for (const std::string command :
         {"$BBZ unpack -q tuned.bbz -o out", "$BBZ cat tuned.bbz tuned.safetensors -o out",
          "$BBZ unpack -q - -o out < tuned.bbz", "$BBZ flatten -q tuned.bbz -o out"}) {
      refused(8, command + " --base " + base, text);
      EXPECT_THAT(sh(command + " --base " + base).err, Not(HasSubstr("salvage")));
    }
  }
  // An archive that is damaged too is called so.
  std::string broken = read("tuned.bbz");
  broken[broken.size() / 2] ^= 1;
  write("broken.bbz", broken);
  EXPECT_EXIT_CODE(3, "$BBZ verify -q broken.bbz --base other.safetensors");
  const Finished absent = sh("$BBZ verify tuned.bbz --base nothing.bbz");
  EXPECT_EQ(absent.code, 1);
  EXPECT_THAT(absent.err, HasSubstr("nothing.bbz"));
  EXPECT_EQ(absent.out, "");
}

TEST_F(Bases, ChainsOfTenVerifyAndFlatten) {
  std::string model = read("base.safetensors");
  for (int i = 1; i <= 10; ++i) {
    model = stepped(model, static_cast<unsigned>(i));
    write("s/step" + std::to_string(i) + ".safetensors", model);
  }
  // Each link is packed with the directory of all links before it as its base.
  EXPECT_EXIT_CODE(0, "mkdir steps && cp base.bbz steps/step0.bbz");
  std::string before = "steps/step0.bbz";
  for (int i = 1; i <= 10; ++i) {
    const std::string name = "step" + std::to_string(i);
    EXPECT_EXIT_CODE(0, "BBZ_BASE_PATH=steps $BBZ pack -q s/" + name + ".safetensors -o steps/" +
                            name + ".bbz --base " + before);
    before = "steps/" + name + ".bbz";
  }
  EXPECT_EXIT_CODE(0, "$BBZ verify -q steps/step10.bbz --base steps");
  EXPECT_EXIT_CODE(0, "$BBZ flatten -q steps/step10.bbz --base steps -o whole.bbz");
  EXPECT_EXIT_CODE(
      0, "$BBZ pack -q s/step10.safetensors -o expected.bbz && cmp whole.bbz expected.bbz");
  EXPECT_EXIT_CODE(0, "rm steps/step4.bbz");
  refused(8, "$BBZ unpack -q steps/step10.bbz --base steps -o out", "of base \"step4.bbz\"");
}

TEST_F(Bases, ChainsPackedAgainstFilesAreRead) {
  std::string model = read("base.safetensors");
  EXPECT_EXIT_CODE(0, "mkdir steps && cp base.bbz steps/step0.bbz");
  write("step0.safetensors", model);
  for (int i = 1; i <= 10; ++i) {
    const std::string before = "step" + std::to_string(i - 1);
    const std::string name = "step" + std::to_string(i);
    model = stepped(model, static_cast<unsigned>(i));
    write(name + ".safetensors", model);
    EXPECT_EXIT_CODE(0, "$BBZ pack -q " + name + ".safetensors -o steps/" + name + ".bbz --base " +
                            before + ".safetensors");
  }
  EXPECT_EXIT_CODE(0, "$BBZ unpack -q steps/step10.bbz --base steps -o out");
  EXPECT_EXIT_CODE(0, "cmp out step10.safetensors && rm out");
  // Under names that tell nothing, the other way round.
  EXPECT_EXIT_CODE(0,
                   "mkdir other && for i in 0 1 2 3 4 5 6 7 8 9 10; do "
                   "cp steps/step$i.bbz other/x$((99 - i)).bbz; done");
  EXPECT_EXIT_CODE(0, "$BBZ unpack -q other/x89.bbz --base other -o out");
  EXPECT_EXIT_CODE(0, "cmp out step10.safetensors && rm out");
  EXPECT_EXIT_CODE(0, "rm other/x95.bbz");
  refused(8, "$BBZ unpack -q other/x89.bbz --base other -o out", "this is another base");
}

TEST_F(Bases, AChainThatCouldNotBeReadIsNotPacked) {
  std::string model = read("base.safetensors");
  EXPECT_EXIT_CODE(0, "mkdir chain && cp base.bbz chain/1.bbz");
  for (int i = 2; i <= 17; ++i) {
    const std::string name = std::to_string(i);
    model = stepped(model, static_cast<unsigned>(i));
    write("raw/" + name, model);
    const Finished packed = sh("BBZ_BASE_PATH=chain $BBZ pack -q raw/" + name + " -o chain/" +
                               name + ".bbz --base chain/" + std::to_string(i - 1) + ".bbz");
    EXPECT_EQ(packed.code == 0, i <= 16) << i << packed.err;
    if (i > 16) {
      EXPECT_THAT(packed.err, HasSubstr("a chain of more than 16 archives"));
    }
  }
  EXPECT_FALSE(exists("chain/17.bbz"));
  EXPECT_EXIT_CODE(0, "$BBZ unpack -q chain/16.bbz --base chain -o out && cmp out raw/16");
}

TEST_F(Bases, SameNamesAreNoCycle) {
  EXPECT_EXIT_CODE(0, "mkdir a b && cp base.safetensors a/m && cp tuned.safetensors b/m");
  EXPECT_EXIT_CODE(0, "$BBZ pack -q a/m -o a/m.bbz && $BBZ pack -q b/m -o b/m.bbz --base a/m.bbz");
  EXPECT_EXIT_CODE(0, "mkdir c && $BBZ pack -q b/m -o c/m.bbz --base b/m.bbz --base a/m.bbz");
  EXPECT_EXIT_CODE(0, "mkdir empty");
  refused(8, "$BBZ unpack -q b/m.bbz --base empty -o out", "does not have");
}

TEST_F(Bases, OneThatIsDamagedDoesNotHideAnother) {
  std::string damaged = read("base.bbz");
  damaged[damaged.size() / 2] ^= 1;
  write("all/a.bbz", damaged);
  EXPECT_EXIT_CODE(0, "cp base.bbz all/b.bbz && ln -s nowhere all/link");
  EXPECT_EXIT_CODE(0, "mkfifo fifo");
  refused(2, "$BBZ unpack -q tuned.bbz --base fifo -o out", "is no regular file");
  EXPECT_EXIT_CODE(0, "$BBZ unpack -q tuned.bbz --base all -o out && cmp out tuned.safetensors");
}

TEST_F(Bases, AreInputsOfWhatIsMadeOfThem) {
  EXPECT_EXIT_CODE(0, "umask 022; cp base.bbz secret.bbz && chmod 600 secret.bbz");
  const std::string by_secret = " --base secret.bbz && test $(stat -c %a out) = 600 && rm -f out";
  for (const std::string command :
       {"unpack -q tuned.bbz -o out", "cat tuned.bbz tuned.safetensors -o out",
        "flatten -q tuned.bbz -o out", "pack -q tuned.safetensors -o out",
        "unpack -q - -o out < tuned.bbz"}) {
    EXPECT_EXIT_CODE(0, "umask 022; $BBZ " + command + by_secret);
  }
  EXPECT_EXIT_CODE(0,
                   "umask 022; $BBZ unpack -q tuned.bbz -C tree --base secret.bbz && "
                   "test $(stat -c %a tree/tuned.safetensors) = 600");
  const std::string before = read("base.bbz");
  refused(2, "$BBZ pack -q tuned.safetensors --base base.bbz -o base.bbz --force", "being read");
  refused(2, "$BBZ flatten -q tuned.bbz --base base.bbz -o base.bbz --force", "being read");
  EXPECT_EQ(read("base.bbz"), before);
}

TEST_F(Bases, AWrongRootIsToldWithoutTheBase) {
  const std::string wrong = "xxh3-128:" + std::string(32, '0');
  const Finished verified = sh("$BBZ verify tuned.bbz --expect " + wrong);
  EXPECT_EQ(verified.code, 1);
  EXPECT_THAT(verified.out, HasSubstr("not the expected content"));
  EXPECT_THAT(verified.err, HasSubstr("the root digest is"));
}

TEST_F(Bases, ACycleIsNamed) {
  // Two archives of which each says that it leans on the other.
  EXPECT_EXIT_CODE(0,
                   "cp base.safetensors a.safetensors && cp tuned.safetensors b.safetensors && "
                   "cp tuned.safetensors b && cp base.safetensors a");
  EXPECT_EXIT_CODE(0,
                   "$BBZ pack -q a --base b -o x && $BBZ pack -q b --base a -o y && "
                   "mkdir cycle && mv x cycle/a && mv y cycle/b");
  refused(8, "$BBZ unpack -q cycle/a --base cycle/b -o out", "\"a\" -> \"b\"");
}

TEST_F(Bases, SalvageDecodesThem) {
  EXPECT_EXIT_CODE(0, "$BBZ salvage -q tuned.bbz --base base.bbz -o whole");
  EXPECT_EXIT_CODE(0, "cmp whole/tuned.safetensors tuned.safetensors");
  std::string cut = read("tuned.bbz");
  cut.resize(cut.size() - 100);  // no index is left
  write("cut.bbz", cut);
  EXPECT_EXIT_CODE(3, "BBZ_BASE_PATH=base.safetensors $BBZ salvage -q cut.bbz -o rescued");
  EXPECT_EXIT_CODE(0, "cmp rescued/tuned.safetensors tuned.safetensors");
  const std::string name = "tensor \"model.embed_tokens.weight\" leans on the tensor of that name";
  for (const std::string base : {"", "--base other.safetensors"}) {
    const Finished salvaged = sh("$BBZ salvage tuned.bbz -f -o without " + base);
    EXPECT_EQ(salvaged.code, 3);
    EXPECT_THAT(salvaged.out, HasSubstr(name));
    EXPECT_EQ(salvaged.out.find(name), salvaged.out.rfind(name));  // once, not for each chunk
    EXPECT_THAT(salvaged.out, HasSubstr(base.empty() ? "no base is given" : "another base"));
    EXPECT_FALSE(exists("without/tuned.safetensors"));
  }
}

TEST_F(Bases, OtherCommandsRefuseOrKnowThem) {
  EXPECT_EXIT_CODE(0, "$BBZ join tuned.bbz base.bbz -o both.bbz");
  EXPECT_EXIT_CODE(0, "$BBZ verify -q both.bbz --base base.safetensors");
  EXPECT_EXIT_CODE(0,
                   "$BBZ join base.bbz tuned.bbz -o both2.bbz && "
                   "$BBZ verify -q both2.bbz --base base.safetensors");
  EXPECT_THAT(sh("$BBZ pack tuned.safetensors --base base.bbz --symmetry auto -o out").err,
              HasSubstr("--base cannot be combined with --symmetry"));
}

}  // namespace
}  // namespace bbz::tools
