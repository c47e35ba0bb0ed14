// bbzinfo shows of tensors of form pivot what is not stored.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "archive/pivoting.h"
#include "tools/mounting.h"

namespace bbz::tools {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

class Pivots : public ToolTest {
 protected:
  Pivots() {
    WriteOptions options;
    options.chunk_bytes = 96;
    write("p.bbz", std::string(as_text(*write_sample({made_.file}, options))));
    write("expected", std::string(as_text(made_.bytes)));
  }

  const PivotFile made_ = pivot_file();
};

TEST_F(Pivots, BbzinfoShowsTheFormTheAxisAndTheRank) {
  for (const char* list : {"--tensors", "--chunks"}) {
    const Finished text = sh(std::string("$BBZINFO p.bbz ") + list);
    EXPECT_EQ(text.code, 0) << text.err;
    EXPECT_THAT(text.out, HasSubstr("form pivot, axis 0, rank 4"));
    EXPECT_THAT(text.out, HasSubstr("form pivot, axis 1, rank 4"));
  }
  const Json info = Json::parse(sh("$BBZINFO p.bbz --tensors --json").out);
  const Json& tensors = info["tensors"];
  ASSERT_EQ(tensors.size(), made_.file.tensors.size());
  EXPECT_EQ(tensors[0]["form_name"], "dense");
  EXPECT_TRUE(tensors[0]["pivots"].is_null());
  for (std::size_t i = 1; i + 1 < tensors.size(); ++i) {
    EXPECT_EQ(tensors[i]["form"], 5);
    EXPECT_EQ(tensors[i]["form_name"], "pivot");
    EXPECT_EQ(tensors[i]["pivots"], Json({{"axis", (i + 1) % 2}, {"rank", 4}}));
  }
}

}  // namespace
}  // namespace bbz::tools
