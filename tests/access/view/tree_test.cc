#include "bbz/access/view/tree.h"

#include "archive/sample.h"

namespace bbz::view {
namespace {

Tree tree_of(const std::vector<SampleFile>& files) {
  const auto archive = write_sample(files, {});
  const auto reader = Reader::open(io::memory_source(Bytes(*archive)));
  return Tree::make(reader->catalog()).value();
}

TEST(Tree, HasFilesAndTheFoldersTheyLieIn) {
  const Tree tree = tree_of({{"b", catalog::FileKind::kRegular, {}},
                             {"a/x/2", catalog::FileKind::kRegular, {}},
                             {"a/x/1", catalog::FileKind::kRegular, {}},
                             {"a/none", catalog::FileKind::kDirectory, {}},
                             {"c/below", catalog::FileKind::kDirectory, {}}});
  EXPECT_EQ(tree.size(), 9u);
  const Node& top = tree.node(0);
  ASSERT_EQ(top.children.size(), 3u);
  EXPECT_EQ(top.folders, 2u);
  const std::uint32_t a = *tree.find(0, "a");
  const std::uint32_t x = *tree.find(a, "x");
  EXPECT_EQ(tree.node(x).parent, a);
  ASSERT_EQ(tree.node(x).children.size(), 2u);
  EXPECT_EQ(tree.node(tree.node(x).children[0]).name, "1");
  EXPECT_EQ(tree.node(*tree.find(x, "2")).file, 1u);
  EXPECT_TRUE(tree.node(*tree.find(a, "none")).is_folder());
  EXPECT_TRUE(tree.node(*tree.find(a, "none")).children.empty());
  EXPECT_TRUE(tree.find(*tree.find(0, "c"), "below").has_value());
  EXPECT_FALSE(tree.find(0, "x").has_value());
  EXPECT_FALSE(tree.find(0, "").has_value());
  EXPECT_FALSE(tree.find(*tree.find(0, "b"), "x").has_value());
}

TEST(Tree, AnEmptyArchiveIsAnEmptyFolder) {
  const Tree tree = tree_of({});
  EXPECT_EQ(tree.size(), 1u);
  EXPECT_TRUE(tree.node(0).is_folder());
}

TEST(Tree, RefusesFoldersWithoutEnd) {
  catalog::Catalog catalog;
  for (int n = 0; n < 600; ++n) {
    catalog::File file;
    file.path = std::to_string(n);
    for (int depth = 0; depth < 1900; ++depth) file.path += "/a";
    catalog.files.push_back(file);
  }
  EXPECT_EQ(Tree::make(catalog).code(), Code::kLimit);
}

}  // namespace
}  // namespace bbz::view
