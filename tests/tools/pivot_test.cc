// The tools read archives with tensors of form pivot like any others, and bbzinfo shows what is not
// stored.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "archive/pivoting.h"
#include "tools/mounting.h"

namespace bbz::tools {
namespace {

using testing::HasSubstr;

template <class Base>
class WithPivots : public Base {
 protected:
  WithPivots() {
    WriteOptions options;
    options.chunk_bytes = 96;
    this->write("p.bbz", std::string(as_text(*write_sample({made_.file}, options))));
    this->write("expected", std::string(as_text(made_.bytes)));
  }

  // The bytes of a tensor of this number in the file.
  std::string expected(std::size_t number) const {
    std::size_t offset = 0;
    const auto size_of = [&](std::size_t i) {
      const TensorSpec& spec = made_.file.tensors[i].spec;
      return *byte_size(spec.dtype, *element_count(spec.shape));
    };
    for (std::size_t i = 0; i < number; ++i) offset += size_of(i);
    return std::string(as_text(Bytes(made_.bytes).subspan(offset, size_of(number))));
  }

  const PivotFile made_ = pivot_file();
};
using Pivots = WithPivots<ToolTest>;

TEST_F(Pivots, EveryCommandGivesTheMatrix) {
  EXPECT_EXIT_CODE(0, "$BBZ verify -q p.bbz && $BBZ verify -q - < p.bbz");
  EXPECT_EXIT_CODE(0, "$BBZ unpack -q p.bbz -C out && cmp expected out/pivots");
  EXPECT_EXIT_CODE(0, "$BBZ unpack -q - -C out2 < p.bbz && cmp expected out2/pivots");
  EXPECT_EXIT_CODE(0, "$BBZ salvage -q p.bbz -o saved && cmp expected saved/pivots");
  for (std::size_t number = 1; number + 1 < made_.file.tensors.size(); ++number) {
    const std::string name = made_.file.tensors[number].spec.name;
    EXPECT_TRUE(sh("$BBZ cat p.bbz '" + name + "'").out == expected(number)) << name;
    EXPECT_TRUE(sh("$BBZ cat - '" + name + "' < p.bbz").out == expected(number)) << name;
  }
}

using MountedPivots = WithPivots<MountTest>;

// Reads that begin and end anywhere, and those of one matrix need its own chunks only.
TEST_F(MountedPivots, AreTheMatricesByEveryRead) {
  serve("p.bbz");
  std::ifstream file(dir_ / "m/pivots", std::ios::binary);
  const std::string all = read("expected");
  for (const std::size_t size : {1u, 7u, 61u, 500u}) {
    std::string found(size, '\0');
    for (std::size_t at = 0; at + size <= all.size(); at += 53) {
      file.seekg(static_cast<std::streamoff>(at));
      file.read(found.data(), static_cast<std::streamsize>(size));
      ASSERT_TRUE(file.good());
      EXPECT_TRUE(found == all.substr(at, size)) << at << ' ' << size;
    }
  }
  EXPECT_EXIT_CODE(0, "cmp expected m/pivots");
  file.close();
  EXPECT_EQ(end_serving(), 0);
}

TEST_F(Pivots, AreJoinedAndFlattened) {
  EXPECT_EXIT_CODE(
      0,
      "$BBZ pack -q expected -o other.bbz && $BBZ join -q p.bbz other.bbz -o joined.bbz && $BBZ verify -q joined.bbz");
  EXPECT_EXIT_CODE(0, "$BBZ unpack -q joined.bbz -C out && cmp expected out/pivots");
  EXPECT_EXIT_CODE(0, "$BBZ flatten -q p.bbz -o flat.bbz && $BBZ verify -q flat.bbz");
  EXPECT_EXIT_CODE(0, "$BBZ unpack -q flat.bbz -C out2 && cmp expected out2/pivots");
}

TEST_F(Pivots, BbzinfoShowsTheFormTheAxisAndTheRank) {
  for (const char* list : {"--tensors", "--chunks"}) {
    const Finished text = sh(std::string("$BBZINFO p.bbz ") + list);
    EXPECT_EQ(text.code, 0) << text.err;
    EXPECT_THAT(text.out, HasSubstr("form pivot, axis 0, rank 4"));
    EXPECT_THAT(text.out, HasSubstr("form pivot, axis 1, rank 4"));
  }
  const nlohmann::json info = nlohmann::json::parse(sh("$BBZINFO p.bbz --tensors --json").out);
  const nlohmann::json& tensors = info["tensors"];
  ASSERT_EQ(tensors.size(), made_.file.tensors.size());
  EXPECT_EQ(tensors[0]["form_name"], "dense");
  EXPECT_TRUE(tensors[0]["pivots"].is_null());
  for (std::size_t i = 1; i + 1 < tensors.size(); ++i) {
    EXPECT_EQ(tensors[i]["form"], 5);
    EXPECT_EQ(tensors[i]["form_name"], "pivot");
    EXPECT_EQ(tensors[i]["pivots"], nlohmann::json({{"axis", (i + 1) % 2}, {"rank", 4}}));
  }
}

}  // namespace
}  // namespace bbz::tools
