#include <gmock/gmock.h>

#include "access/salvage/placing.h"

namespace bbz::salvage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(PlacerTest, FromTheFirstRecordAndFromAFileRecordForwards) {
  placer_.begin();
  placer_.file(0);
  tensor(10);
  tensor(0);
  tensor(5);
  EXPECT_THAT(places(), ElementsAre(Place{0, 0, 0}, Place{1, 0, 10}, Place{2, 0, 10}));
}

TEST_F(PlacerTest, AFileRecordBehindAGapTellsFileAndOffset) {
  placer_.file(3);
  tensor(10);
  tensor(5);
  EXPECT_THAT(places(), ElementsAre(Place{-1, 3, 0}, Place{-1, 3, 10}));
}

TEST_F(PlacerTest, FromAPlacedRecordForwards) {
  placed(7, 2, 100, 10);
  tensor(5);
  tensor(1);
  EXPECT_THAT(places(), ElementsAre(Place{7, 2, 100}, Place{8, 2, 110}, Place{9, 2, 115}));
}

TEST_F(PlacerTest, FromAMovedRecordForwards) {
  placed(7, 2, 100, 10, true);
  tensor(5);
  EXPECT_THAT(places(), ElementsAre(Place{7, 2, 100}, Place{8, 2, 110}));
}

TEST_F(PlacerTest, FromAPlacedRecordBackwards) {
  tensor(5);
  tensor(1);
  placed(7, 2, 100, 10);
  EXPECT_THAT(places(), ElementsAre(Place{5, 2, 94}, Place{6, 2, 99}, Place{7, 2, 100}));
}

// It is elsewhere, so nothing but number and file follows.
TEST_F(PlacerTest, FromAMovedRecordBackwardsNoOffsetFollows) {
  tensor(5);
  placed(7, 2, 100, 10, true);
  EXPECT_THAT(places(), ElementsAre(Place{6, -1, -1}, Place{7, 2, 100}));
}

TEST_F(PlacerTest, BetweenARecordAndAMovedOneTheOffsetFollowsFromTheFirst) {
  placed(5, 2, 50, 10);
  tensor(5);
  placed(7, 2, 100, 10, true);
  EXPECT_THAT(places(), ElementsAre(Place{5, 2, 50}, Place{6, 2, 60}, Place{7, 2, 100}));
}

TEST_F(PlacerTest, FromAnOrderedFileEndBackwards) {
  tensor(5);
  tensor(1);
  end(4, 9, 100);
  EXPECT_THAT(places(), ElementsAre(Place{-1, 4, 94}, Place{-1, 4, 99}));
}

TEST_F(PlacerTest, FromTheEndOfAFileThatIsNotOrderedNoOffsetFollows) {
  tensor(5);
  end(4, 9, 100, false);
  EXPECT_THAT(places(), ElementsAre(kNowhere));
}

TEST_F(PlacerTest, BeforeTheEndOfAFileThatIsNotOrderedTheOffsetFollowsFromWhatIsBefore) {
  placed(7, 4, 20, 10);
  tensor(5);
  end(4, 9, 100, false);
  EXPECT_THAT(places(), ElementsAre(Place{7, 4, 20}, Place{8, 4, 30}));
}

// Only tensors with bytes are in order.
TEST_F(PlacerTest, ATensorWithoutBytesNeedNotBeAtTheEndOfAnOrderedFile) {
  placed(7, 4, 20, 0, true);
  tensor(0);
  end(4, 9, 100);
  tensor(0);
  end(5, 1, 100);
  EXPECT_THAT(places(), ElementsAre(Place{7, 4, 20}, Place{8, 4, 20}, Place{-1, 5, 100}));
}

TEST_F(PlacerTest, FromAChunkRecord) {
  placer_.file(1);
  tensor(5);
  chunked(6);
  chunk(8);
  chunk(8, 2);
  tensor(7);
  EXPECT_THAT(places(), ElementsAre(Place{7, 1, 0}, Place{8, 1, 5}, Place{9, 1, 11}));
}

TEST_F(PlacerTest, FromAChunkRecordWhoseTensorIsLost) {
  chunk(8);
  tensor(7);
  tensor(1);
  end(1, 30, 20);
  EXPECT_THAT(places(), ElementsAre(Place{9, 1, 12}, Place{10, 1, 19}));
}

TEST_F(PlacerTest, SeveralFiles) {
  placer_.begin();
  placer_.file(0);
  tensor(5);
  tensor(6);
  end(0, 2, 11);
  placer_.file(1);
  end(1, 0, 0);
  placer_.file(2);
  tensor(7);
  placed(3, 2, 7, 1);
  tensor(9);
  end(2, 3, 17);
  EXPECT_THAT(places(), ElementsAre(Place{0, 0, 0}, Place{1, 0, 5}, Place{2, 2, 0}, Place{3, 2, 7},
                                    Place{4, 2, 8}));
}

// A number goes on behind a file, and a place does not.
TEST_F(PlacerTest, NothingButTheNumberFollowsFromAnotherFile) {
  placed(7, 2, 100, 10);
  end(2, 8, 110);
  operand();
  placer_.file(3);
  tensor(5);
  EXPECT_THAT(places(),
              ElementsAre(Place{7, 2, 100}, Place{8, kOperand, kOperand}, Place{9, 3, 0}));
}

TEST_F(PlacerTest, OperandsTakeANumberAndNoBytes) {
  placer_.begin();
  operand();
  placer_.file(0);
  tensor(5);
  operand();
  tensor(6);
  end(0, 2, 11);
  operand();
  EXPECT_THAT(places(), ElementsAre(Place{0, kOperand, kOperand}, Place{1, 0, 0},
                                    Place{2, kOperand, kOperand}, Place{3, 0, 5},
                                    Place{4, kOperand, kOperand}));
}

TEST_F(PlacerTest, OperandsBeforeAPlacedRecord) {
  tensor(5);
  operand();
  tensor(6);
  placed(9, 1, 50, 1);
  EXPECT_THAT(places(), ElementsAre(Place{6, 1, 39}, Place{7, kOperand, kOperand}, Place{8, 1, 44},
                                    Place{9, 1, 50}));
}

TEST_F(PlacerTest, APlacedOperandTellsNumbersOnly) {
  tensor(5);
  placed_operand(9);
  tensor(6);
  EXPECT_THAT(places(),
              ElementsAre(Place{8, -1, -1}, Place{9, kOperand, kOperand}, Place{10, -1, -1}));
}

TEST_F(PlacerTest, WhatIsBeforeAPlacedOperandHoldsBehindIt) {
  placer_.file(2);
  tensor(5);
  placed_operand(9);
  tensor(6);
  EXPECT_THAT(places(), ElementsAre(Place{8, 2, 0}, Place{9, kOperand, kOperand}, Place{10, 2, 5}));
}

TEST_F(PlacerTest, NothingFollowsBeyondAGap) {
  placed(3, 1, 50, 10);
  placer_.gap();
  tensor(5);
  placer_.gap();
  placed(9, 1, 100, 10);
  EXPECT_THAT(places(), ElementsAre(Place{3, 1, 50}, kNowhere, Place{9, 1, 100}));
}

TEST_F(PlacerTest, ATensorWithoutNeighboursIsNowhere) {
  tensor(5);
  operand();
  EXPECT_THAT(places(), ElementsAre(kNowhere, Place{-1, kOperand, kOperand}));
}

TEST_F(PlacerTest, NumbersAndOffsetsDoNotOverflow) {
  placed(catalog::kNone, 0, 0, 1);
  tensor(1);
  placer_.gap();
  placed(1, 0, ~std::uint64_t{0} - 5, 5);
  tensor(1);
  tensor(1);
  placer_.gap();
  tensor(~std::uint64_t{0});
  tensor(2);
  placed(9, 0, 1, 1);
  EXPECT_THAT(places(),
              ElementsAre(Place{catalog::kNone, 0, 0}, Place{-1, 0, 1}, Place{1, 0, -6},
                          Place{2, 0, -1}, Place{3, -1, -1}, kNowhere, kNowhere, Place{9, 0, 1}));
}

TEST_F(PlacerTest, NoRecordsGiveNoTensors) {
  placer_.begin();
  placer_.file(0);
  end(0, 0, 0);
  EXPECT_THAT(places(), IsEmpty());
}

}  // namespace
}  // namespace bbz::salvage
