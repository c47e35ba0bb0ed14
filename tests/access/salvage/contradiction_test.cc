// Records that are missing without a gap, because two ends were put together.
#include <gmock/gmock.h>

#include "access/salvage/placing.h"

namespace bbz::salvage {
namespace {

using testing::ElementsAre;

using PlacerOfContradictions = PlacerTest;

TEST_F(PlacerOfContradictions, NumbersThatContradictEachOtherTellNothing) {
  placed(3, 1, 50, 10);
  tensor(5);
  placed(6, 1, 65, 10);  // where it would be, but for the number
  tensor(5);
  EXPECT_THAT(places(), ElementsAre(Place{3, 1, 50}, kNowhere, Place{6, 1, 65}, Place{7, 1, 75}));
}

TEST_F(PlacerOfContradictions, OffsetsThatContradictEachOtherTellNothing) {
  placed(3, 1, 50, 10);
  tensor(5);
  placed(5, 1, 66, 10);
  EXPECT_THAT(places(), ElementsAre(Place{3, 1, 50}, kNowhere, Place{5, 1, 66}));
}

TEST_F(PlacerOfContradictions, FilesThatContradictEachOtherTellNothing) {
  placed(3, 1, 50, 10);
  tensor(5);
  placed(5, 2, 65, 10);
  tensor(0);
  end(3, 9, 75);
  EXPECT_THAT(places(), ElementsAre(Place{3, 1, 50}, kNowhere, Place{5, 2, 65}, kNowhere));
}

// What is behind has room for fewer tensors, or fewer bytes.
TEST_F(PlacerOfContradictions, MoreThanThereIsRoomForTellsNothing) {
  tensor(5);
  tensor(5);
  placed(1, 0, 100, 1);
  placer_.gap();
  tensor(50);
  tensor(51);
  placed(7, 0, 100, 1);
  EXPECT_THAT(places(), ElementsAre(kNowhere, kNowhere, Place{1, 0, 100}, kNowhere, kNowhere,
                                    Place{7, 0, 100}));
}

TEST_F(PlacerOfContradictions, AFileEndOfAnotherSizeTellsNothing) {
  placed(3, 1, 50, 10);
  tensor(5);
  end(1, 9, 66);
  tensor(1);  // nor is its number known
  EXPECT_THAT(places(), ElementsAre(Place{3, 1, 50}, kNowhere, kNowhere));
}

// Nobody knows where the missing one was.
TEST_F(PlacerOfContradictions, AFileEndThatCountsMoreTensorsTellsNothing) {
  for (const bool ordered : {true, false}) {
    placer_.begin();
    placer_.file(0);
    tensor(5);
    end(0, 2, 5, ordered);
    tensor(1);
    placer_.gap();
  }
  EXPECT_THAT(places(), ElementsAre(kNowhere, kNowhere, kNowhere, kNowhere));
}

TEST_F(PlacerOfContradictions, BehindAContradictionOnlyWhatIsStatedThereHolds) {
  placed(3, 1, 50, 10);
  tensor(5);
  placed_operand(9);
  tensor(6);  // the file may be another one by now
  EXPECT_THAT(places(), ElementsAre(Place{3, 1, 50}, kNowhere, Place{9, kOperand, kOperand},
                                    Place{10, -1, -1}));
}

TEST_F(PlacerOfContradictions, AChunkOfAnotherTensorEndsARun) {
  placer_.begin();
  placer_.file(0);
  tensor(5);  // has no further chunk
  chunk(4);
  tensor(6);
  placer_.gap();
  placer_.file(0);
  chunk(7);  // its tensor is missing
  tensor(6);
  placed(1, 0, 0, 10);
  chunk(7);
  tensor(6);
  EXPECT_THAT(places(), ElementsAre(Place{0, 0, 0}, Place{5, -1, -1}, kNowhere, Place{1, 0, 0},
                                    Place{8, -1, -1}));
}

TEST_F(PlacerOfContradictions, AFileRecordInAFileTellsNothingOfNumbers) {
  placer_.begin();
  placer_.file(0);
  tensor(5);
  placer_.file(1);
  tensor(6);
  EXPECT_THAT(places(), ElementsAre(Place{0, 0, 0}, Place{-1, 1, 0}));
}

// It is not known how many tensors of the file are missing with its record.
TEST_F(PlacerOfContradictions, WithoutAFileRecordNothingFollowsFromWhatIsBeforeIt) {
  placer_.begin();
  tensor(5);
  end(0, 2, 20);
  tensor(5);
  placed_operand(9);
  end(1, 2, 20);
  tensor(5);
  end(2, 2, 20);
  end(3, 0, 0);
  operand();
  EXPECT_THAT(places(),
              ElementsAre(Place{-1, 0, 15}, Place{8, -1, -1}, Place{9, kOperand, kOperand},
                          Place{-1, 2, 15}, Place{-1, kOperand, kOperand}));
}

}  // namespace
}  // namespace bbz::salvage
