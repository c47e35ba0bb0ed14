#include "bbz/files/torch/elements.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "files/torch/make_files.h"
#include "files/torch/reading.h"

namespace bbz::torch {
namespace {

// The definition of a strided view, one element after the other.
std::string expected_elements(const std::string& storage, const View& view, std::size_t width) {
  std::string text;
  std::vector<std::uint64_t> index(view.shape.size());
  if (std::ranges::count(view.shape, 0u) != 0) return text;
  while (true) {
    std::uint64_t element = view.offset;
    for (std::size_t i = 0; i < index.size(); ++i) element += index[i] * view.strides[i];
    text += storage.substr(element * width, width);
    std::size_t axis = index.size();
    while (axis > 0 && ++index[axis - 1] == view.shape[axis - 1]) index[--axis] = 0;
    if (axis == 0) return text;
  }
}

void expect_elements(View view, std::size_t width) {
  const std::string storage = counting_bytes(view.elements * width);
  view.type = width == 2 ? "HalfStorage" : width == 8 ? "DoubleStorage" : "ByteStorage";
  const std::string file = make_torch(pickle(pickle_view(view)), {storage});
  const auto state = read(file);
  ASSERT_TRUE(state.ok()) << state.error().message;
  const std::string expected = expected_elements(storage, view, width);
  const auto whole = elements_of(file, *state, state->tensors[0]);
  ASSERT_TRUE(whole.ok()) << whole.error().message;
  EXPECT_TRUE(*whole == expected);

  const auto source = source_of(file);
  const auto elements = element_source(*source, *state, state->tensors[0]).value();
  EXPECT_EQ(elements->size(), expected.size());
  const std::uint64_t step = expected.size() / 37 + 1;
  for (std::uint64_t offset = 0; offset <= expected.size(); offset += step) {
    std::string piece(11, '?');
    const auto n =
        io::read_up_to(*elements, offset, std::as_writable_bytes(std::span(piece))).value();
    EXPECT_EQ(piece.substr(0, n), expected.substr(offset, 11)) << offset;
  }
}

TEST(Elements, OfViews) {
  for (const std::size_t width : {1u, 2u, 8u}) {
    SCOPED_TRACE(width);
    expect_elements({"", "0", 24, 0, {2, 3, 4}, {12, 4, 1}}, width);
    expect_elements({"", "0", 24, 0, {4, 3, 2}, {1, 4, 12}}, width);
    expect_elements({"", "0", 24, 0, {3, 4, 2}, {4, 1, 12}}, width);
    expect_elements({"", "0", 24, 5, {2, 3}, {12, 2}}, width);
    expect_elements({"", "0", 24, 2, {3, 4}, {8, 1}}, width);
    expect_elements({"", "0", 24, 7, {}, {}}, width);
    expect_elements({"", "0", 24, 7, {1, 1}, {3, 900}}, width);
    expect_elements({"", "0", 24, 3, {5, 2, 4}, {0, 0, 1}}, width);
    expect_elements({"", "0", 24, 3, {4, 5}, {1, 0}}, width);
    expect_elements({"", "0", 24, 23, {9}, {0}}, width);
    expect_elements({"", "0", 24, 0, {7, 6}, {2, 2}}, width);
    expect_elements({"", "0", 24, 0, {0, 6}, {6, 1}}, width);
  }
}

TEST(Elements, OfMatricesLargerThanPages) {
  expect_elements({"", "0", 700 * 301, 0, {301, 700}, {1, 301}}, 8);
  expect_elements({"", "0", 700 * 301, 100, {600, 100}, {301, 2}}, 2);
  expect_elements({"", "0", 3 * 70'000, 0, {70'000, 3}, {1, 70'000}}, 1);
}

// The pages of so many columns do not fit the cache at their largest size, nor the columns at their
// smallest.
TEST(Elements, OfMatricesWiderThanTheCache) {
  expect_elements({"", "0", 70'000 * 1030, 0, {1, 70'000}, {1, 1030}}, 1);
  expect_elements({"", "0", 70'000 * 1030, 0, {20, 70'000}, {1, 1030}}, 1);
}

TEST(Elements, GivesAViewOfContiguousOnes) {
  const std::string storage = counting_bytes(24);
  const std::string file = make_torch(
      pickle(pickle_dict({{"a", pickle_view({"ByteStorage", "0", 24, 4, {5, 2}, {2, 1}})},
                          {"b", pickle_view({"ByteStorage", "0", 24, 4, {5, 2}, {1, 5}})}})),
      {storage});
  const auto state = read(file).value();
  const auto source = source_of(file);
  const auto plain = element_source(*source, state, state.tensors[0]).value();
  const auto bytes = plain->view(3, 7);
  ASSERT_TRUE(bytes.has_value());
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes->data()), 7), storage.substr(7, 7));
  EXPECT_FALSE(plain->view(4, 7).has_value());
  EXPECT_FALSE(element_source(*source, state, state.tensors[1]).value()->view(0, 1).has_value());
}

TEST(Elements, FailsWhereTheFileIsCut) {
  const std::string file =
      make_torch(pickle(pickle_view({"ByteStorage", "0", 600, 0, {300, 2}, {1, 300}})),
                 {std::string(600, 'x')});
  const auto state = read(file).value();
  const std::string cut = file.substr(0, state.storages[0].offset + 500);
  EXPECT_EQ(elements_of(cut, state, state.tensors[0]).code(), Code::kTruncated);
}

// No reader gives such tensors; memory is safe all the same.
TEST(Elements, ThatLeaveTheirStorageAreRefused) {
  const std::string file = make_torch(
      pickle(pickle_dict({{"flat", pickle_view({"ByteStorage", "0", 24, 0, {8}, {1}})},
                          {"strided", pickle_view({"ByteStorage", "0", 24, 0, {2, 4}, {1, 2}})}})),
      {counting_bytes(24)});
  const auto state = read(file).value();
  for (Tensor tensor : state.tensors) {
    tensor.storage_offset = 16;
    EXPECT_TRUE(elements_of(file, state, tensor).ok()) << tensor.name;
    tensor.storage_offset = 17;
    EXPECT_EQ(elements_of(file, state, tensor).code(), Code::kInternal) << tensor.name;
    tensor.storage_offset = 1'000'000;
    EXPECT_EQ(elements_of(file, state, tensor).code(), Code::kInternal) << tensor.name;
  }
}

}  // namespace
}  // namespace bbz::torch
