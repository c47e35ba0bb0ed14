#include "bbz/access/salvage/internal/listed.h"

#include <gmock/gmock.h>

namespace bbz::salvage {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;

constexpr std::size_t kPayload = 10;

std::vector<std::byte> entry_of(char name) {
  const auto meta = std::vector(1, static_cast<std::byte>(name));
  const std::vector<std::byte> payload(kPayload);
  std::vector<std::byte> entry;
  container::encode_entry(
      container::make_head(container::RecordType::kChunk, meta, payload, 0, 0, 0), meta, entry);
  return entry;
}
// The size of each record.
const std::size_t kSize =
    container::kSealSize + entry_of('a').size() + container::kCheckSize + kPayload;

// A record that was found in the archive, and where, in sizes of a record.
struct Found {
  char name;
  double slot;
};

// The places of the records of an index, in sizes of a record. The letters are their metas. The index
// at the end lies at the slot `end`; without `end` it is at the front, and ends at slot 0.
std::vector<double> places(std::string_view names, const std::vector<Found>& found,
                           std::optional<double> end = {}) {
  constexpr double kBase = 100;  // slots
  const auto offset = [&](double slot) {
    return static_cast<std::uint64_t>((kBase + slot) * static_cast<double>(kSize));
  };
  FoundPlaces all;
  for (const Found& record : found) all.add(entry_of(record.name), offset(record.slot));
  container::Index index;
  for (const char name : names) {
    const auto entry = entry_of(name);
    index.list.insert(index.list.end(), entry.begin(), entry.end());
    ++index.meta.record_count;
  }
  index.meta.at_front = !end;
  const auto offsets = end ? all.of_listed(index, {}, offset(*end), offset(*end + 1))
                           : all.of_listed(index, {}, offset(-1), offset(0));
  EXPECT_TRUE(offsets.has_value());
  std::vector<double> slots;
  for (const std::uint64_t place : offsets.value_or(std::vector<std::uint64_t>())) {
    slots.push_back(static_cast<double>(place) / static_cast<double>(kSize) - kBase);
  }
  return slots;
}

TEST(FoundPlaces, ARecordIsWhereItWasFound) {
  EXPECT_THAT(places("abc", {{'c', 9}, {'a', 0}, {'b', 4}}, 20), ElementsAre(0, 4, 9));
}

TEST(FoundPlaces, OneThatWasNotFoundIsBeforeTheNextOne) {
  EXPECT_THAT(places("abcd", {{'a', 0}, {'d', 9}}, 10), ElementsAre(0, 7, 8, 9));
}

TEST(FoundPlaces, TheLastOnesAreBeforeTheIndex) {
  EXPECT_THAT(places("abc", {{'a', 0}}, 10), ElementsAre(0, 8, 9));
  EXPECT_THAT(places("abc", {}, 10), ElementsAre(7, 8, 9));
}

TEST(FoundPlaces, TheLastOnesOfAnIndexAtTheFrontAreBehindTheOneBefore) {
  EXPECT_THAT(places("abc", {{'a', 2}}), ElementsAre(2, 3, 4));
  EXPECT_THAT(places("abc", {}), ElementsAre(0, 1, 2));
  EXPECT_THAT(places("abc", {{'b', 4}}), ElementsAre(3, 4, 5));
}

TEST(FoundPlaces, RecordsWithTheSameEntryAreInOrder) {
  EXPECT_THAT(places("aabaca", {{'a', 0}, {'a', 1}, {'b', 2}, {'a', 3}, {'c', 4}, {'a', 5}}, 6),
              ElementsAre(0, 1, 2, 3, 4, 5));
}

// Whichever of them are lost, what was found stays where it was found.
TEST(FoundPlaces, NeighboursTellWhichOfThemIsLost) {
  const std::string_view names = "abacadaae";
  for (unsigned lost = 0; lost < 1u << names.size(); ++lost) {
    std::vector<Found> found;
    std::vector<double> expected;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto slot = static_cast<double>(i);
      expected.push_back(slot);
      if ((lost >> i & 1) == 0) found.push_back({names[i], slot});
    }
    EXPECT_THAT(places(names, found, static_cast<double>(names.size())), ElementsAreArray(expected))
        << lost;
  }
}

// As their content is the same, it may be taken from another one.
TEST(FoundPlaces, IfNothingTellsWhichIsLostTheFirstIsNot) {
  EXPECT_THAT(places("aba", {{'a', 5}, {'b', 9}}, 20), ElementsAre(5, 9, 19));
  EXPECT_THAT(places("aa", {{'a', 5}}), ElementsAre(5, 6));
}

TEST(FoundPlaces, MoreThanAreListedDoNoHarm) {
  EXPECT_THAT(places("ab", {{'a', 0}, {'b', 1}, {'a', 2}, {'x', 3}}, 20), ElementsAre(0, 1));
}

TEST(FoundPlaces, AnIndexAfterAnotherFindsTheSame) {
  FoundPlaces all;
  all.add(entry_of('a'), 5000);
  container::Index index;
  index.list = entry_of('a');
  index.meta.record_count = 1;
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(all.of_listed(index, {}, 9000, 9100), (std::vector<std::uint64_t>{5000}));
  }
}

TEST(FoundPlaces, AnEntryThatIsNotValidGivesNothing) {
  FoundPlaces all;
  container::Index index;
  index.list = entry_of('a');
  index.list.pop_back();
  index.meta.record_count = 1;
  EXPECT_FALSE(all.of_listed(index, {}, 9000, 9100).has_value());
}

}  // namespace
}  // namespace bbz::salvage
