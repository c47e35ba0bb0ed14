// Where tensors are: what follows from the records before, what a record states, and the order of a
// file's tensors.
#include <gmock/gmock.h>

#include "format/catalog/verify.h"

namespace bbz::catalog {
namespace {

using raw::Archive;
using raw::Buffer;
using raw::kNone;
using raw::TensorFields;
using ::testing::HasSubstr;

Result<Catalog> catalog_of(const std::vector<raw::Record>& records) {
  Archive archive;
  archive.records = raw::join(records);
  return verify(archive);
}

// A tensor of this many bytes, and its chunk.
std::vector<raw::Record> tensor(TensorFields fields, std::uint64_t size) {
  fields.stored = size;
  fields.chunk = 100;
  fields.shape = {size};
  std::vector<raw::Record> records = {raw::tensor(fields)};
  if (size > 0) records.push_back(raw::raw_chunk({.tensor = fields.number}, Buffer(size)));
  return records;
}

struct Parts {
  std::vector<raw::Record> records;
  Parts& add(const std::vector<raw::Record>& more) {
    records.insert(records.end(), more.begin(), more.end());
    return *this;
  }
};

// File "f" with a tensor of 4 bytes that states no place, these records, and the file's end.
Result<Catalog> behind_four(const std::vector<raw::Record>& records, std::uint32_t tensors,
                            std::uint64_t size, bool ordered = true) {
  Parts p;
  p.add({raw::file(0, "f")}).add(tensor({.name = "first", .placed = false}, 4)).add(records);
  return catalog_of(p.add({raw::file_end(0, tensors, size, {}, ordered)}).records);
}

TEST(Places, FollowFromTheRecordsBefore) {
  Parts p;
  p.add(tensor({.file = kNone, .name = "op", .placed = false}, 2));
  p.add({raw::file(0, "d", 1), raw::file_end(0, 0, 0), raw::file(1, "f")});
  p.add(tensor({.name = "a", .placed = false}, 4));
  p.add(tensor({.file = kNone, .name = "between", .placed = false}, 7));
  p.add({raw::metadata(kNone, "k", "v")});
  p.add(tensor({.name = "empty", .placed = false}, 0));
  p.add(tensor({.kind = 0, .placed = false}, 3));
  p.add(tensor({.number = 5, .file = 1, .offset = 7, .name = "stated"}, 5));
  p.add(tensor({.name = "b", .placed = false}, 1));
  p.add({raw::file_end(1, 5, 13), raw::file(2, "g")});
  p.add(tensor({.name = "c", .placed = false}, 2));
  p.add({raw::file_end(2, 1, 2)});
  const auto catalog = catalog_of(p.records);
  ASSERT_TRUE(catalog.ok()) << catalog.error().message;
  struct Place {
    std::uint32_t file;
    std::uint64_t offset;
  };
  const Place expected[] = {{kNone, 0}, {1, 0}, {kNone, 0}, {1, 4},
                            {1, 4},     {1, 7}, {1, 12},    {2, 0}};
  ASSERT_EQ(catalog->tensors.size(), std::size(expected));
  for (std::uint32_t i = 0; i < std::size(expected); ++i) {
    const TensorMeta& meta = catalog->tensors[i].meta;
    EXPECT_EQ(meta.number, i);
    EXPECT_EQ(meta.file, expected[i].file) << i;
    EXPECT_EQ(meta.offset, expected[i].offset) << i;
    for (const Chunk& chunk : catalog->chunks_of(catalog->tensors[i])) {
      EXPECT_EQ(chunk.meta.tensor, i);
    }
  }
  EXPECT_THAT(catalog->files[1].tensors, testing::ElementsAre(1, 3, 4, 5, 6));
}

// Behind a tensor that moved, the next one follows where that one ends.
TEST(Places, FollowATensorThatMoved) {
  Parts p;
  p.add(tensor({.number = 1, .offset = 9, .name = "last", .moved = true}, 1));
  p.add(tensor({.number = 2, .offset = 4, .name = "back", .moved = true}, 2));
  p.add(tensor({.name = "implied", .placed = false}, 3));
  const auto catalog = behind_four(p.records, 4, 10, false);
  ASSERT_TRUE(catalog.ok()) << catalog.error().message;
  EXPECT_EQ(catalog->tensors[3].meta.offset, 6u);
  EXPECT_THAT(catalog->files[0].tensors, testing::ElementsAre(0, 2, 3, 1));
}

TEST(Places, ThatAreStatedMustBeThose) {
  const auto refused = [](const TensorFields& fields, const char* says) {
    const auto catalog = behind_four(tensor(fields, 2), 2, 6);
    ASSERT_EQ(catalog.code(), Code::kMalformed) << says;
    EXPECT_THAT(catalog.error().message, HasSubstr(says));
  };
  ASSERT_TRUE(behind_four(tensor({.number = 1, .offset = 4}, 2), 2, 6).ok());
  ASSERT_TRUE(behind_four(tensor({.placed = false}, 2), 2, 6).ok());
  refused({.number = 0, .offset = 4}, "number 0, expected 1");
  refused({.number = 2, .offset = 4}, "number 2, expected 1");
  refused({.number = 1, .file = 1, .offset = 4}, "file 1 is not open");
  // Moved without need, and not moved where it is.
  refused({.number = 1, .offset = 4, .moved = true}, "begins at byte 4 and is said to be moved");
  refused({.number = 1, .offset = 5}, "begins at byte 5 and is not said to be moved");
  refused({.number = 1, .offset = 3}, "begins at byte 3 and is not said to be moved");
  refused({.number = 1, .offset = 0}, "begins at byte 0 and is not said to be moved");
  // An operand has a number, which must be its own.
  const auto operand = [](std::uint32_t number) {
    return catalog_of(tensor({.number = number, .file = kNone, .name = "op"}, 2));
  };
  EXPECT_TRUE(operand(0).ok());
  EXPECT_EQ(operand(1).code(), Code::kMalformed);
}

// The first tensor of each file begins at byte 0, wherever that of the file before it ended.
TEST(Places, BeginAnewInEachFile) {
  const auto second = [](const TensorFields& fields, std::uint64_t size) {
    Parts p;
    p.add({raw::file(0, "f")}).add(tensor({.placed = false}, 4)).add({raw::file_end(0, 1, 4)});
    p.add({raw::file(1, "g")}).add(tensor(fields, 2)).add({raw::file_end(1, 1, size)});
    return catalog_of(p.records).code();
  };
  EXPECT_EQ(second({.number = 1, .file = 1}, 2), Code::kOk);
  EXPECT_EQ(second({.placed = false}, 2), Code::kOk);
  EXPECT_EQ(second({.number = 1, .file = 1, .moved = true}, 2), Code::kMalformed);
  EXPECT_EQ(second({.number = 1, .file = 1, .offset = 4}, 6), Code::kMalformed);
  EXPECT_EQ(second({.number = 1, .file = 0}, 2), Code::kMalformed);
}

TEST(Places, OfATensorInNoFile) {
  const auto alone = [](const TensorFields& fields) {
    const auto catalog = catalog_of(tensor(fields, 2));
    return catalog.ok() ? "" : catalog.error().message;
  };
  EXPECT_EQ(alone({.file = kNone, .placed = false}), "");
  EXPECT_THAT(alone({.placed = false}), HasSubstr("no file is open"));
  EXPECT_THAT(alone({}), HasSubstr("file 0 is not open"));
  // A directory takes no tensors, and nor does a file that has ended.
  for (const bool placed : {false, true}) {
    const auto t = tensor({.placed = placed}, 0);
    Parts in_directory, behind;
    in_directory.add({raw::file(0, "d", 1)}).add(t).add({raw::file_end(0, 1, 0)});
    behind.add({raw::file(0, "f"), raw::file_end(0, 0, 0)}).add(t);
    EXPECT_EQ(catalog_of(in_directory.records).code(), Code::kMalformed);
    EXPECT_EQ(catalog_of(behind.records).code(), Code::kMalformed);
  }
}

// The flag says what the records say, of tensors that have bytes.
TEST(Places, TheFlagOrderedIsThatOfTheTensors) {
  using Ranges = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
  const auto check = [](const Ranges& ranges, std::uint64_t size, bool in_order) {
    for (const bool ordered : {false, true}) {
      for (const bool digest : {false, true}) {
        Parts p;
        p.add({raw::file(0, "f")});
        std::uint64_t end = 0;
        std::uint32_t number = 0;
        for (const auto& [offset, length] : ranges) {
          p.add(tensor({.number = number++, .offset = offset, .kind = 0, .moved = offset != end},
                       length));
          end = offset + length;
        }
        const Buffer some = digest ? raw::sha256(Buffer(size)) : Buffer();
        p.add({raw::file_end(0, number, size, some, ordered)});
        const auto catalog = catalog_of(p.records);
        const bool right = ordered == in_order && (ordered || !digest);
        EXPECT_EQ(catalog.code(), right ? Code::kOk : Code::kMalformed) << ordered << digest;
        if (catalog.ok()) {
          EXPECT_EQ(catalog->files[0].digest.has_value(), digest);
          continue;
        }
        EXPECT_THAT(catalog.error().message,
                    HasSubstr(digest && !ordered ? "a digest of a file out of order"
                              : ordered          ? "its tensors are not in the order"
                                                 : "its tensors are in the order"));
      }
    }
  };
  check({}, 0, true);
  check({{0, 4}}, 4, true);
  check({{0, 4}, {4, 2}}, 6, true);
  check({{4, 2}, {0, 4}}, 6, false);
  check({{0, 2}, {4, 2}, {2, 2}}, 6, false);
  check({{4, 0}, {0, 4}, {0, 0}, {4, 2}, {4, 0}}, 6, true);  // empty ones may be anywhere
  check({{4, 0}, {4, 2}, {0, 4}}, 6, false);
}

}  // namespace
}  // namespace bbz::catalog
