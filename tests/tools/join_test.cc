// Parts of a directory, packed by several jobs, and what becomes of them together.
#include <gmock/gmock.h>

#include "support/bytes.h"
#include "tools/models.h"
#include "tools/shell.h"
#include "tools/sliced_model.h"

namespace bbz::tools {
namespace {

using ::testing::HasSubstr;

class Join : public ToolTest {
 protected:
  Join() {
    write("in/a/model-1.safetensors", layered_model(3, 32));
    write("in/a/model-2.safetensors", layered_model(2, 48, 2));
    write("in/config.json", "{}\n");
    write("in/empty", "");
    write("in/noise.bin", noise_text(30'000, 3));
    std::filesystem::create_directories(dir_ / "in/z/directory");
  }
};

TEST_F(Join, PartsAreWhatOneJobPacks) {
  for (const std::string options : {"", "--digest sha256 --align 4096"}) {
    EXPECT_EXIT_CODE(0, "$BBZ pack in -f -o whole.bbz " + options);
    for (const std::string count : {"1", "2", "3", "7", "40"}) {
      EXPECT_EXIT_CODE(0, "rm -f part*; parts=; for i in $(seq " + count +
                              "); do $BBZ pack in --part $i/" + count + " -o part$i.bbz " +
                              options + " || exit 9; parts=\"$parts part$i.bbz\"; done; " +
                              "$BBZ join $parts -f -o joined.bbz && cmp whole.bbz joined.bbz");
    }
  }
}

TEST_F(Join, TakesPipesAndTheIndexFirst) {
  EXPECT_EXIT_CODE(0, "$BBZ pack in --part 1/2 -o 1.bbz && $BBZ pack in --part 2/2 -o 2.bbz");
  EXPECT_EXIT_CODE(0,
                   "cat 1.bbz | $BBZ join - 2.bbz -o - | $BBZ unpack - -C out && diff -r in out");
  EXPECT_EXIT_CODE(0, "$BBZ join 1.bbz 2.bbz --index-first -o front.bbz && $BBZ verify front.bbz");
  EXPECT_EXIT_CODE(0, "rm -r out; $BBZ unpack front.bbz -C out && diff -r in out");
  EXPECT_EXIT_CODE(2, "cat 1.bbz | $BBZ join - 2.bbz --index-first -o other.bbz");
  EXPECT_EXIT_CODE(2, "$BBZ join 1.bbz 2.bbz --index-first -o - > other.bbz");
}

TEST_F(Join, KeepsTheGroupsOfRotatedModels) {
  for (const std::string method : {"bits-back", "triangular", "polar"}) {
    for (const std::string name : {"one", "two"}) {
      write(name + ".safetensors", safetensors_of(small_sliced_model()));
      EXPECT_EXIT_CODE(0, "$BBZ pack -q " + name + ".safetensors -f --symmetry " + method);
    }
    const Finished joined = sh("$BBZ join one.bbz two.bbz -f -o both.bbz");
    if (method == "polar") {
      // The operands of both models have the same names.
      EXPECT_EQ(joined.code, 2);
      EXPECT_THAT(joined.err, HasSubstr("occurs twice"));
      continue;
    }
    EXPECT_EQ(joined.code, 0) << joined.err;
    EXPECT_EXIT_CODE(0, "$BBZ verify both.bbz && rm -rf out && $BBZ unpack both.bbz -C out");
    for (const std::string name : {"one", "two"}) {
      EXPECT_EXIT_CODE(0, "$BBZ unpack " + name + ".bbz -o - | cmp - out/" + name + ".safetensors");
    }
  }
}

TEST_F(Join, RefusesWhatCannotBe) {
  EXPECT_EXIT_CODE(0, "$BBZ pack in -o 1.bbz");
  for (const std::string part : {"0/2", "3/2", "1", "1/", "/2", "1/2x", "-1/2", "x"}) {
    EXPECT_EXIT_CODE(2, "$BBZ pack in --part=" + part + " -o out.bbz");
  }
  EXPECT_EXIT_CODE(2, "$BBZ pack in/noise.bin --part 1/2 -o out.bbz");
  EXPECT_EXIT_CODE(2, "$BBZ pack in --part 1/2 --symmetry auto -o out.bbz");
  EXPECT_EXIT_CODE(2, "$BBZ join 1.bbz 1.bbz -o out.bbz");
  EXPECT_EXIT_CODE(2, "$BBZ join 1.bbz");
  EXPECT_EXIT_CODE(6, "$BBZ join 1.bbz -o in/empty");
  EXPECT_EXIT_CODE(2, "$BBZ join 1.bbz -f -o 1.bbz");
  EXPECT_EXIT_CODE(3, "head -c 1000 1.bbz > cut.bbz; $BBZ join cut.bbz -o out.bbz");
  EXPECT_FALSE(exists("out.bbz"));
}

}  // namespace
}  // namespace bbz::tools
