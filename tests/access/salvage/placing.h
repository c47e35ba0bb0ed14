// Gives a Placer records, and tells where it places them.
#pragma once

#include <gtest/gtest.h>

#include "bbz/access/salvage/internal/placer.h"

namespace bbz::salvage {

// Where a tensor is said to be; what is not known is -1.
struct Place {
  std::int64_t number = -1;
  std::int64_t file = -1;
  std::int64_t offset = -1;
  bool operator==(const Place& other) const = default;
};
inline void PrintTo(const Place& place, std::ostream* out) {
  *out << place.number << " in " << place.file << " at " << place.offset;
}
inline constexpr std::int64_t kOperand = -2;  // a file that is none
inline constexpr Place kNowhere{-1, -1, -1};

class PlacerTest : public testing::Test {
 protected:
  // A record that states no place.
  void tensor(std::uint64_t size) { placer_.tensor(seen(size)); }
  void operand() {
    SeenTensor tensor = seen(1000);
    tensor.record.tensor.file = catalog::kNone;
    placer_.tensor(std::move(tensor));
  }
  void placed(std::uint32_t number, std::uint32_t file, std::uint64_t offset, std::uint64_t size,
              bool moved = false) {
    SeenTensor tensor = seen(size);
    tensor.record.placed = true;
    tensor.record.moved = moved;
    tensor.record.tensor.number = number;
    tensor.record.tensor.file = file;
    tensor.record.tensor.offset = file == catalog::kNone ? 0 : offset;
    placer_.tensor(std::move(tensor));
  }
  void placed_operand(std::uint32_t number) { placed(number, catalog::kNone, 0, 1000); }
  // A record that states no place, of three chunks.
  void chunked(std::uint64_t size) {
    SeenTensor tensor = seen(size);
    tensor.record.tensor.stored_elements = 3;
    placer_.tensor(std::move(tensor));
  }
  void chunk(std::uint32_t tensor, std::uint32_t number = 1) {
    catalog::ChunkMeta meta;
    meta.tensor = tensor;
    meta.number = number;
    placer_.chunk(meta);
  }
  void end(std::uint32_t file, std::uint32_t tensors, std::uint64_t size, bool ordered = true) {
    placer_.file_end(
        {.number = file, .tensor_count = tensors, .size = size, .ordered = ordered, .digest = {}});
  }
  // The places of all tensors so far, in the order of their records.
  const std::vector<Place>& places() {
    placer_.gap();
    EXPECT_EQ(places_.size(), count_);
    return places_;
  }

  Placer placer_{[this](SeenTensor tensor) { take(tensor); }};

 private:
  SeenTensor seen(std::uint64_t size) {
    SeenTensor tensor;
    tensor.record.placed = false;
    tensor.record.tensor.file = 0;
    tensor.record.tensor.stored_elements = 1;
    tensor.byte_size = size;
    tensor.offset = count_++;
    return tensor;
  }
  void take(const SeenTensor& tensor) {
    EXPECT_EQ(tensor.offset, places_.size()) << "out of order";
    Place place;
    const catalog::TensorMeta& meta = tensor.record.tensor;
    if (tensor.has_number) place.number = meta.number;
    if (meta.is_operand()) place.file = place.offset = kOperand;
    if (tensor.has_place && !meta.is_operand()) {
      place.file = meta.file;
      place.offset = static_cast<std::int64_t>(meta.offset);
    }
    places_.push_back(place);
  }

  std::uint64_t count_ = 0;
  std::vector<Place> places_;
};

}  // namespace bbz::salvage
