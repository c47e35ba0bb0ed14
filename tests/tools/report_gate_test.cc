// bbz report --gate: each figure passes and fails, and JUnit XML says the same.
#include "tools/reporting.h"

namespace bbz::tools {
namespace {

class ReportGates : public Reporting {
 protected:
  ReportGates() { make_sliced(); }

  // Judges one gate, which must pass or fail, and returns what the report says of it.
  Json gate(const std::string& arguments, const std::string& text, bool passed) {
    const Json gates = report(arguments + " --gate '" + text + "'", passed ? 0 : 1)["gates"];
    EXPECT_EQ(gates.size(), 1u) << text;
    if (gates.size() != 1) return {};
    EXPECT_EQ(gates[0]["passed"], passed) << gates[0].dump();
    EXPECT_EQ(gates[0]["why"] == "", passed) << gates[0].dump();
    EXPECT_EQ(gates[0]["gate"], text);
    EXPECT_EQ(errors_.find("gate failed") == std::string::npos, passed) << errors_;
    return gates[0];
  }

  void refused(const std::string& text, const std::string& why,
               const std::string& arguments = "model.bbz") {
    const Finished finished =
        sh("$BBZ report --json " + arguments + " -o out --gate '" + text + "'");
    EXPECT_EQ(finished.code, 2) << text;
    EXPECT_THAT(finished.err, testing::HasSubstr(why)) << text;
    EXPECT_FALSE(exists("out")) << text;
  }
};

TEST_F(ReportGates, EveryOperatorHoldsAtItsLimitOrDoesNot) {
  const std::uint64_t size = read("model.bbz").size();
  const auto at = [](std::uint64_t limit) { return std::to_string(limit); };
  for (const auto& [op, below, equal, above] : {std::tuple{"<=", false, true, true},
                                                {"<", false, false, true},
                                                {">=", true, true, false},
                                                {">", true, false, false},
                                                {"==", false, true, false}}) {
    gate("model.bbz", std::string("size") + op + at(size - 1), below);
    gate("model.bbz", std::string("size") + op + at(size), equal);
    gate("model.bbz", std::string("size") + op + at(size + 1), above);
  }
  gate("model.bbz", " size  <= 1M ", true);
  gate("model.bbz", "size>1KiB", true);
}

TEST_F(ReportGates, FiguresOfTheArchiveAlonePassAndFail) {
  const Json passed = gate("model.bbz", "ratio<=0.9", true);
  EXPECT_EQ(passed["limit"], 0.9);
  EXPECT_DOUBLE_EQ(passed["value"], static_cast<double>(read("model.bbz").size()) /
                                        static_cast<double>(read("model.safetensors").size()));
  EXPECT_EQ(gate("model.bbz", "ratio<=90%", true)["limit"], 0.9);
  const Json failed = gate("model.bbz", "ratio<0.3", false);
  EXPECT_THAT(failed["why"].get<std::string>(),
              testing::HasSubstr("expected ratio < 0.3, found 0."));
  gate("model.bbz", "original==" + std::to_string(read("model.safetensors").size()), true);
  gate("model.bbz", "original<1K", false);
  gate("model.bbz", "overhead<64K", true);
  gate("model.bbz", "overhead<1", false);
  gate("model.bbz", "error==0", true);
  gate("sliced.bbz", "error<=1e-2", true);
  gate("sliced.bbz", "error<=1e-9", false);
  gate("sliced.bbz", "growth<=1", true);
  gate("sliced.bbz", "growth<1", false);
}

TEST_F(ReportGates, RelativeLimitsAreOfTheOldFigure) {
  EXPECT_EXIT_CODE(0, "$BBZ pack -q model.safetensors --level fast -o old.bbz");
  const double old = static_cast<double>(read("old.bbz").size());
  const double size = static_cast<double>(read("model.bbz").size());
  const Json percent = gate("model.bbz --against old.bbz", "size<=+50%", true);
  EXPECT_DOUBLE_EQ(percent["limit"], 1.5 * old);
  EXPECT_EQ(percent["value"], size);
  EXPECT_DOUBLE_EQ(gate("model.bbz --against old.bbz", "size<=-50%", false)["limit"], old / 2);
  EXPECT_DOUBLE_EQ(gate("model.bbz --against old.bbz", "size<=+1M", true)["limit"], old + 1048576);
  EXPECT_DOUBLE_EQ(gate("model.bbz --against old.bbz", "size<-1K", size < old - 1024)["limit"],
                   old - 1024);
  gate("model.bbz --against old.bbz", "ratio<=+0.1", true);
  gate("model.bbz --against old.bbz", "ratio<=-0.2", false);
  gate("model.bbz --against old.bbz", "original==+0", true);
  gate("model.bbz --against old.bbz", "original>+0", false);
  gate("model.bbz --against old.bbz", "overhead<=+64K", true);
  gate("model.bbz --against old.bbz", "overhead<=-64K", false);
  // A model is not an archive and has no overhead.
  const Json unknown = gate("model.bbz --against model.safetensors", "overhead<=+64K", false);
  EXPECT_TRUE(unknown["limit"].is_null());
  EXPECT_THAT(unknown["why"].get<std::string>(),
              testing::HasSubstr("the old overhead could not be computed"));
}

TEST_F(ReportGates, FiguresOfPredictionsPassAndFail) {
  const std::string scored =
      "sliced.bbz --against sliced.safetensors --tokens tokens.u16 --length 16";
  const Json nll = gate(scored, "nll<=+1e-3", true);
  EXPECT_NEAR(nll["value"].get<double>() + 1e-3, nll["limit"].get<double>(), 1e-3);
  gate(scored, "nll<=-1", false);
  gate(scored, "nll<=20", true);
  gate(scored, "nll<=0.1", false);
  gate(scored, "nll<=+1%", true);
  gate(scored, "kl<=1e-3", true);
  gate(scored, "kl<0", false);
  gate(scored, "logit<=0.1", true);
  gate(scored, "logit<=0", false);
  gate("sliced.bbz --tokens tokens.u16 --length 16", "nll<=20", true);
  gate("sliced.bbz --tokens tokens.u16 --length 16", "nll<=1", false);
}

TEST_F(ReportGates, FiguresOfDistancesPassAndFail) {
  const std::string against = "sliced.bbz --against sliced.safetensors";
  gate(against, "orbit<=2e-3", true);
  gate(against, "orbit<=1e-9", false);
  gate(against, "difference>1e-3", true);
  gate(against, "difference<=1e-3", false);
  gate("model.bbz --against model.safetensors", "difference==0", true);
  const Json none = gate("model.bbz --against model.safetensors", "product<=1", false);
  EXPECT_TRUE(none["value"].is_null());
  EXPECT_THAT(none["why"].get<std::string>(),
              testing::HasSubstr("no tensor has the name of a factor"));
  gate(against, "changed>0", true);
  gate(against, "changed==0", false);
  gate(against, "removed==0", true);
  gate("sliced.bbz --against model.bbz", "removed==0", false);
}

TEST_F(ReportGates, FigureThatCannotBeComputedFailsAndSaysWhy) {
  // Two models of different names, and one that no forward pass is known for.
  const Json gates = report(
      "model.bbz --against sliced.bbz --tokens tokens.u16 --length 16 --gate 'nll<=100' --gate 'kl<=1'",
      1)["gates"];
  ASSERT_EQ(gates.size(), 2u);
  for (const Json& gate : gates) {
    EXPECT_FALSE(gate["passed"].get<bool>());
    EXPECT_TRUE(gate["value"].is_null());
    EXPECT_THAT(gate["why"].get<std::string>(), testing::HasSubstr("could not be computed: "));
  }
  // Without a gate, it is an error of its own, and the report is there.
  const Finished finished =
      sh("$BBZ report --no-estimates --json model.bbz --tokens tokens.u16 --length 16");
  EXPECT_NE(finished.code, 0);
  EXPECT_NE(finished.err, "");
  EXPECT_TRUE(Json::parse(finished.out)["archives"][0]["quality"].is_null());
}

TEST_F(ReportGates, WhatIsNoGateIsRefusedBeforeAnyWork) {
  refused("", "expected one of the figures ratio, size");
  refused("speed<1", "found \"speed\"");
  refused("ratio", "expected <=, <, >=, > or == after ratio");
  refused("ratio=0.5", "expected <=, <, >=, > or ==");
  for (const char* const limit :
       {"", "x", "nan", "inf", "1e999", "+-1", "1 2", "0.5K", "5Q", "1%%"}) {
    refused(std::string("ratio<=") + limit, "expected a limit such as");
  }
  refused("size<=5%", "a limit in percent needs a sign");
  refused("size<=+5%", "a relative limit needs --against");
  refused("nll<=+2e-4", "nll needs --tokens");
  refused("kl<=1", "kl needs --tokens");
  refused("orbit<=1", "orbit needs --against");
  refused("changed==0", "changed needs --against");
  refused("kl<=+1", "kl has no relative limit");
  refused("ratio<1", "--tokens needs a --length", "model.bbz --tokens tokens.u16");
  // Nothing is read, not even what is missing.
  refused("size<=+5%", "a relative limit needs --against", "missing.bbz");
  EXPECT_EXIT_CODE(2, "$BBZ report --json model.bbz --junit gates.xml");
}

TEST_F(ReportGates, OutputsAreWrittenAlsoIfAGateFails) {
  EXPECT_EXIT_CODE(
      1,
      "$BBZ report --json model.bbz -o out --gate 'ratio<0.1' --gate 'size<1M' --junit gates.xml --history runs.jsonl");
  EXPECT_TRUE(exists("out") && exists("gates.xml") && exists("runs.jsonl"));
  const std::string junit = read("gates.xml");
  EXPECT_THAT(junit,
              testing::HasSubstr("<testsuite name=\"model.bbz\" tests=\"2\" failures=\"1\""));
  EXPECT_THAT(
      junit,
      testing::HasSubstr(
          "<testcase name=\"ratio&lt;0.1\" classname=\"model.bbz\">\n      <failure message=\"expected ratio &lt; 0.1, found 0."));
  EXPECT_THAT(junit, testing::HasSubstr("<testcase name=\"size&lt;1M\" classname=\"model.bbz\"/>"));
  EXPECT_THAT(junit, testing::HasSubstr("<property name=\"size\" value=\"" +
                                        std::to_string(read("model.bbz").size()) + "\"/>"));
}

TEST_F(ReportGates, JunitEscapesWhatXmlWouldRead) {
  std::filesystem::copy_file(dir_ / "model.bbz", dir_ / "a&b<c>\"d'\x01\xEF\xBF\xBF.bbz");
  EXPECT_EXIT_CODE(
      1, "$BBZ report --no-estimates --json a* -o out --gate 'ratio<0.1' --junit gates.xml");
  const std::string name = "a&amp;b&lt;c&gt;&quot;d&apos;\\x01\xEF\xBF\xBD.bbz";
  const std::string junit = read("gates.xml");
  EXPECT_THAT(junit, testing::HasSubstr("<testsuite name=\"" + name + "\" tests"));
  EXPECT_THAT(junit, testing::HasSubstr("classname=\"" + name + "\">"));
}

TEST_F(ReportGates, JunitIsValidWhateverTheNamesAre) {
  if (!has("command -v xmllint"))
    GTEST_SKIP() << "xmllint (Debian's libxml2-utils) is not installed";
  for (const std::string name : {"plain", "a&b<c>\"d'", "\x01\x1B[31m\n", "\xFF\xFE",
                                 "\xEF\xBF\xBF\xEF\xBF\xBE", "\xE2\x80\xAE"}) {
    std::filesystem::copy_file(dir_ / "model.bbz", dir_ / (name + ".bbz"),
                               std::filesystem::copy_options::overwrite_existing);
    before_ = [name] { ::setenv("NAME", (name + ".bbz").c_str(), 1); };
    EXPECT_EXIT_CODE(
        1,
        "$BBZ report --no-estimates --json \"$NAME\" model.bbz -f -o out --gate 'ratio<0.1' --gate ' size<1M' --junit gates.xml");
    EXPECT_EXIT_CODE(0, "xmllint --noout --schema " BBZ_JUNIT_SCHEMA " gates.xml");
  }
  EXPECT_EXIT_CODE(
      3, "sed -i 's/failures=/failed=/' gates.xml && xmllint --noout --schema " BBZ_JUNIT_SCHEMA
         " gates.xml");
}

}  // namespace
}  // namespace bbz::tools
