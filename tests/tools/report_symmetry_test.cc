// "symmetry" of bbz report: the groups in the record of pack --symmetry, however many it has.
#include "bbz/archive/writer.h"
#include "tools/reporting.h"

namespace bbz::tools {
namespace {

constexpr int kListed = 10'000, kUnlisted = 3;

class ReportSymmetry : public Reporting {
 protected:
  // Writes groups.bbz, whose record has so many junctions; one that saves 1 byte, and in the last one an error
  // of 0.5.
  void write_groups(int count) {
    const auto sink = io::create_output(dir_ / "groups.bbz", {.replace = true}).value();
    auto writer = Writer::create(*sink, {}).value();
    ASSERT_TRUE(writer.begin_file("model").ok());
    std::string record = R"({"family": "llama", "junctions": [)";
    for (int i = 1; i < count; ++i) {
      record += R"({"method": "polar", "bits_saved": 8, "rms_difference": 1e-3},)";
    }
    record += R"({"method": "polar", "bits_saved": 80, "rms_difference": 0.5}]})";
    ASSERT_TRUE(writer.add_metadata("symmetry", record).ok());
    ASSERT_TRUE(writer.end_file().ok());
    ASSERT_TRUE(writer.finish().ok());
    ASSERT_TRUE(sink->finish().ok());
  }
};

TEST_F(ReportSymmetry, IsThatOfTheRecord) {
  make_sliced();
  const Json symmetry = report("sliced.bbz")["archives"][0]["symmetry"];
  EXPECT_EQ(symmetry["family"], "llama");
  ASSERT_EQ(symmetry["groups"].size(), 5u);
  std::int64_t saved = 0;
  for (const Json& group : symmetry["groups"]) {
    EXPECT_THAT(group["method"].get<std::string>(), testing::AnyOf("polar", "triangular"));
    EXPECT_EQ(group["kind"], "junction");
    EXPECT_GT(group["tensors"], 1);
    EXPECT_GT(group["width"], 20);
    EXPECT_GT(group["error"], 0);
    EXPECT_LT(group["error"], 1e-2);
    saved += group["saved_bytes"].get<std::int64_t>();
  }
  EXPECT_GT(saved, 1000);
  EXPECT_TRUE(report("model.bbz")["archives"][0]["symmetry"].is_null());
}

TEST_F(ReportSymmetry, OfVeryManyGroupsListsTheFirstAndSumsUpTheOthers) {
  write_groups(kListed + kUnlisted);
  const Json found = report("groups.bbz --gate 'error<=0.4'", 1);
  const Json& symmetry = found["archives"][0]["symmetry"];
  EXPECT_EQ(symmetry["groups"].size(), kListed);
  EXPECT_EQ(symmetry["groups_rest"]["count"], kUnlisted);
  EXPECT_EQ(symmetry["groups_rest"]["unlisted"], kUnlisted);
  EXPECT_EQ(symmetry["groups_rest"]["saved_bytes"], kUnlisted - 1 + 10);
  EXPECT_EQ(symmetry["groups_rest"]["error"], 0.5);
  EXPECT_EQ(found["gates"][0]["value"], 0.5);
  write_groups(kListed);
  EXPECT_FALSE(report("groups.bbz")["archives"][0]["symmetry"].contains("groups_rest"));
}

TEST_F(ReportSymmetry, OfAPageSumsUpWhatIsNotListedThereAndInTheJson) {
  if (!makes_pages()) GTEST_SKIP() << "this build makes no pages: d3 is not installed";
  write_groups(kListed + kUnlisted);
  EXPECT_EXIT_CODE(0, "$BBZ report --no-estimates groups.bbz");
  const Json symmetry = data_of(read("groups.report.html"))["archives"][0]["symmetry"];
  const Json& rest = symmetry["groups_rest"];
  EXPECT_LT(symmetry["groups"].size(), kListed);
  EXPECT_EQ(symmetry["groups"].size() + rest["count"].get<std::size_t>(), kListed + kUnlisted);
  EXPECT_EQ(rest["unlisted"], kUnlisted);
  EXPECT_EQ(rest["saved_bytes"].get<std::size_t>(), rest["count"].get<std::size_t>() - 1 + 10);
  EXPECT_EQ(rest["error"], 0.5);
}

}  // namespace
}  // namespace bbz::tools
