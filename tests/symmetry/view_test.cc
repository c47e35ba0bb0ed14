#include "bbz/symmetry/view.h"

#include <gmock/gmock.h>

#include <numeric>
#include <random>
#include <set>

#include "bbz/symmetry/form.h"
#include "support/bytes.h"

namespace bbz::symmetry {
namespace {

using Buffer = std::vector<std::byte>;

// A dense base of bytes in chunks of `chunk` bytes, and a view of it.
struct Case {
  catalog::Tensor base;
  catalog::Tensor view;
  Buffer bytes;

  // The bytes of the view, element by element.
  Buffer expected() const {
    const catalog::TensorMeta& meta = view.meta;
    const std::size_t width = meta.element_bits / 8;
    Buffer out;
    std::vector<std::uint64_t> index(meta.shape.size());
    const std::uint64_t count = element_count(meta.shape).value();
    for (std::uint64_t i = 0; i < count; ++i) {
      std::uint64_t place = meta.view->offset;
      for (std::size_t a = 0; a < index.size(); ++a)
        place += index[a] * meta.view->strides[a] * width;
      const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(place);
      out.insert(out.end(), from, from + static_cast<std::ptrdiff_t>(width));
      for (std::size_t a = index.size(); a-- > 0;) {
        if (++index[a] < meta.shape[a]) break;
        index[a] = 0;
      }
    }
    return out;
  }
};

Case make(std::uint64_t base_bytes, std::uint64_t chunk, unsigned width, const Shape& shape,
          std::uint64_t offset, const std::vector<std::uint64_t>& strides) {
  Case c;
  c.bytes = noise(base_bytes, 1);
  c.base.meta.dtype = DType::kU8;
  c.base.meta.stored_elements = base_bytes;
  c.base.meta.chunk_elements = chunk;
  c.base.byte_size = base_bytes;
  catalog::TensorMeta& meta = c.view.meta;
  meta.number = 1;
  meta.kind = catalog::TensorKind::kTensor;
  meta.element_bits = static_cast<std::uint8_t>(width * 8);
  meta.form = catalog::Form::kView;
  meta.shape = shape;
  meta.view = std::make_shared<const catalog::View>(catalog::View{1, offset, strides});
  c.view.byte_size = element_count(shape).value() * width;
  EXPECT_LE(catalog::end_in_base(meta, c.view.byte_size).value_or(UINT64_MAX), base_bytes);
  return c;
}

// Reads the base, and notes the parts that were read.
struct BaseReader {
  const Case& c;
  std::vector<io::ByteRange> parts{};

  ReadBase read() {
    return [this](std::uint64_t offset, MutableBytes out) -> Status {
      EXPECT_LE(offset + out.size(), c.bytes.size());
      EXPECT_FALSE(out.empty());
      parts.push_back({offset, out.size()});
      std::ranges::copy(Bytes(c.bytes).subspan(offset, out.size()), out.begin());
      return {};
    };
  }
};

Buffer read(const Case& c, std::uint64_t offset, std::uint64_t size) {
  BaseReader reader{c};
  Buffer out(size, std::byte{0xEE});
  EXPECT_TRUE(read_view(c.view.meta, c.base, offset, out, reader.read()).ok());
  for (std::size_t i = 1; i < reader.parts.size(); ++i) {
    EXPECT_GE(reader.parts[i].offset, reader.parts[i - 1].end()) << "a part is read twice";
  }
  return out;
}

void expect_all(const Case& c, std::mt19937_64& random) {
  const Buffer expected = c.expected();
  EXPECT_TRUE(read(c, 0, expected.size()) == expected);
  for (int i = 0; i < 8 && !expected.empty(); ++i) {
    const std::uint64_t from = random() % expected.size();
    const std::uint64_t size = random() % (expected.size() - from) + 1;
    EXPECT_TRUE(read(c, from, size) ==
                Buffer(expected.begin() + static_cast<std::ptrdiff_t>(from),
                       expected.begin() + static_cast<std::ptrdiff_t>(from + size)))
        << from << " " << size;
  }
  BaseReader reader{c};
  Buffer parts;
  EXPECT_TRUE(read_view(c.view.meta, c.base, reader.read(), [&](std::uint64_t offset, Bytes part) {
                EXPECT_EQ(offset, parts.size());
                parts.insert(parts.end(), part.begin(), part.end());
                return Status();
              }).ok());
  EXPECT_TRUE(parts == expected);
  std::uint64_t bytes_read = 0;
  for (const io::ByteRange& part : reader.parts) {
    const std::uint64_t chunk = c.base.meta.chunk_elements;
    const std::uint64_t end = divide_up(part.end(), chunk) * chunk;
    bytes_read += std::min<std::uint64_t>(end, c.bytes.size()) - part.offset / chunk * chunk;
  }
  EXPECT_LE(bytes_read, bytes_read_for_view(c.view.meta, c.base));

  // The bytes that the view has, by their definition.
  std::set<std::uint64_t> seen;
  for (const io::ByteRange& range : ranges_of_view(c.view.meta, 1'000'000)) {
    for (std::uint64_t at = range.offset; at < range.end(); ++at) seen.insert(at);
  }
  std::set<std::uint64_t> has;
  std::set<std::uint64_t> chunks;
  const catalog::TensorMeta& meta = c.view.meta;
  const std::uint64_t width = meta.element_bits / 8;
  std::vector<std::uint64_t> index(meta.shape.size());
  for (std::uint64_t i = 0; i < c.view.byte_size / width; ++i) {
    std::uint64_t place = meta.view->offset;
    for (std::size_t a = 0; a < index.size(); ++a)
      place += index[a] * meta.view->strides[a] * width;
    for (std::uint64_t b = 0; b < width; ++b) {
      has.insert(place + b);
      chunks.insert((place + b) / c.base.meta.chunk_elements);
    }
    for (std::size_t a = index.size(); a-- > 0;) {
      if (++index[a] < meta.shape[a]) break;
      index[a] = 0;
    }
  }
  EXPECT_EQ(seen, has);
  const auto found = chunks_of_view(meta, c.base, {0, c.view.byte_size});
  EXPECT_TRUE(std::ranges::is_sorted(found));
  EXPECT_TRUE(std::ranges::includes(found, chunks));
  for (std::uint64_t from = 0; from < 20; ++from) {
    std::vector<std::uint64_t> rest;
    EXPECT_FALSE(find_chunk_of_view(meta, c.base, from, [&](std::uint64_t chunk) {
                   rest.push_back(chunk);
                   return false;
                 }).has_value());
    const auto first = std::ranges::lower_bound(found, from);
    EXPECT_TRUE(std::ranges::equal(rest, std::vector<std::uint64_t>(first, found.end())));
    const auto odd = [](std::uint64_t chunk) { return chunk % 2 != 0; };
    const auto sought = std::find_if(first, found.end(), odd);
    EXPECT_EQ(find_chunk_of_view(meta, c.base, from, odd),
              sought == found.end() ? std::nullopt : std::optional(*sought));
  }
  // Those of nested views are exactly the needed ones; others have all between the first and last.
  if (check_view_of(c.view, c.base).ok() && found.size() != chunks.size()) {
    EXPECT_EQ(found.size(), *chunks.rbegin() - *chunks.begin() + 1);
  }
}

TEST(View, ReadsWhatItsStridesSay) {
  std::mt19937_64 random(7);
  for (const std::uint64_t chunk : {1u, 3u, 64u, 1000u}) {
    for (const unsigned width : {1u, 2u, 3u, 4u, 8u, 16u}) {
      SCOPED_TRACE(testing::Message() << chunk << " " << width);
      expect_all(make(960, chunk, width, {3, 4}, 0, {4, 1}), random);        // tied
      expect_all(make(960, chunk, width, {4, 3}, 5, {1, 4}), random);        // transposed
      expect_all(make(960, chunk, width, {2, 4}, 16, {8, 2}), random);       // every other
      expect_all(make(960, chunk, width, {5}, 1, {7}), random);              // a column
      expect_all(make(960, chunk, width, {2, 3, 2}, 4, {0, 2, 0}), random);  // repeated
      expect_all(make(960, chunk, width, {}, 944, {}), random);              // a scalar
      expect_all(make(960, chunk, width, {1, 1}, 3, {~0ull, 5}), random);
      expect_all(make(960, chunk, width, {3, 0}, 960, {~0ull, 5}), random);
      expect_all(make(960, chunk, width, {6, 4}, 2, {1, 1}), random);  // windows
      expect_all(make(960, chunk, width, {2, 3, 2, 3}, 0, {3, 18, 9, 1}), random);
    }
  }
}

TEST(View, ReadsRandomViews) {
  std::mt19937_64 random(11);
  for (int i = 0; i < 400; ++i) {
    const unsigned width = 1 + random() % 4;
    Shape shape;
    std::vector<std::uint64_t> strides;
    std::uint64_t last = 0;
    for (std::uint64_t axis = random() % 5; axis > 0; --axis) {
      shape.push_back(1 + random() % 4);
      strides.push_back(random() % 12);
      last += (shape.back() - 1) * strides.back();
    }
    const std::uint64_t offset = random() % 30;
    SCOPED_TRACE(i);
    expect_all(make(offset + (last + 1) * width + random() % 9, 1 + random() % 40, width, shape,
                    offset, strides),
               random);
  }
}

// A view of all of a large base, in another order, reads it once; some rows read what they need.
TEST(View, ReadsTheBaseOnceAndNoMoreThanItNeeds) {
  constexpr std::uint64_t kSide = 3000;
  constexpr std::uint64_t kChunk = 1 << 20;
  const Case turned = make(kSide * kSide * 2, kChunk, 2, {kSide, kSide}, 0, {1, kSide});
  BaseReader all{turned};
  Buffer out(turned.view.byte_size);
  ASSERT_TRUE(read_view(turned.view.meta, turned.base, 0, out, all.read()).ok());
  EXPECT_TRUE(out == turned.expected());
  std::uint64_t sum = 0;
  for (const io::ByteRange& part : all.parts) {
    sum += part.size;
    EXPECT_LE(part.size, std::uint64_t{9} << 20);
  }
  EXPECT_EQ(sum, turned.bytes.size());

  const Case rows = make(kSide * kSide * 2, kChunk, 2, {2, kSide}, 0, {2000 * kSide, 1});
  BaseReader some{rows};
  out.resize(rows.view.byte_size);
  ASSERT_TRUE(read_view(rows.view.meta, rows.base, 0, out, some.read()).ok());
  EXPECT_TRUE(out == rows.expected());
  sum = 0;
  for (const io::ByteRange& part : some.parts) sum += part.size;
  EXPECT_LE(sum, 2 * kChunk + 2 * kSide);
  EXPECT_THAT(chunks_of_view(rows.view.meta, rows.base, {0, out.size()}),
              testing::ElementsAre(0, 11));
  EXPECT_THAT(chunks_of_view(rows.view.meta, rows.base, {kSide * 2, 1}), testing::ElementsAre(11));
}

// If a view is read part by part, a large chunk of its base is not read for many parts.
TEST(View, HasPartsThatAreNotSmallBesideAChunk) {
  constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
  constexpr std::uint64_t kChunk = 12 * kMiB;
  const Case rows = make(36 * kMiB, kChunk, 2, {9 * kMiB}, 8 * kMiB, {1});
  BaseReader reader{rows};
  std::uint64_t read = 0;
  const auto take = [&](std::uint64_t offset, Bytes part) {
    EXPECT_TRUE(
        std::ranges::equal(part, Bytes(rows.bytes).subspan(8 * kMiB + offset, part.size())));
    read += part.size();
    return Status();
  };
  ASSERT_TRUE(read_view(rows.view.meta, rows.base, reader.read(), take).ok());
  EXPECT_EQ(read, rows.view.byte_size);
  std::uint64_t decoded = 0;
  for (const io::ByteRange& part : reader.parts) {
    decoded += divide_up(part.end(), kChunk) - part.offset / kChunk;
  }
  EXPECT_EQ(decoded, 3u);  // 18 MiB from 8 MiB on, in one part

  const auto part_of = [](std::uint64_t chunk) {
    const Case c = make(960, chunk, 2, {3, 4}, 0, {4, 1});
    return part_bytes_of_view(c.view.meta, c.base);
  };
  EXPECT_EQ(part_of(64), 4 * kMiB);
  EXPECT_EQ(part_of(10 * kMiB), 20 * kMiB);
  EXPECT_EQ(part_of(~std::uint64_t{0} / 64), 64 * kMiB);
}

// What is read for all parts: each part of a transposed tensor needs all of it, but not if it is one
// of many matrices that are transposed one by one.
TEST(View, BytesReadForAllPartsAreThoseOfEachPart) {
  constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
  const auto read_for = [](const Shape& shape, const std::vector<std::uint64_t>& strides) {
    catalog::Tensor base;
    base.byte_size = base.meta.stored_elements = 1024 * kMiB;
    base.meta.chunk_elements = kMiB;
    catalog::TensorMeta view;
    view.number = 1;
    view.element_bits = 16;
    view.form = catalog::Form::kView;
    view.shape = shape;
    view.view = std::make_shared<const catalog::View>(catalog::View{1, 0, strides});
    return bytes_read_for_view(view, base) / kMiB;
  };
  constexpr std::uint64_t kSide = 1 << 14;
  EXPECT_THAT(read_for({512 * kMiB}, {1}), testing::AllOf(testing::Ge(1024), testing::Le(1600)));
  EXPECT_THAT(read_for({2 * kSide, kSide}, {1, 2 * kSide}),
              testing::AllOf(testing::Ge(16 * 1024 - 16), testing::Le(16 * 1024 + 64)));
  EXPECT_THAT(read_for({32, kSide, 1024}, {1024 * kSide, 1, kSide}),
              testing::AllOf(testing::Ge(1024), testing::Le(1100)));
  EXPECT_THAT(read_for({4}, {100 * kMiB}), testing::Le(9));
  EXPECT_EQ(read_for({0, 7}, {1, 1}), 0);
}

TEST(View, PassesOnErrors) {
  const Case c = make(100, 10, 1, {3}, 0, {20});
  Buffer out(3);
  const Status read =
      read_view(c.view.meta, c.base, 0, out, [](std::uint64_t offset, MutableBytes) {
        return offset < 20 ? Status(error_with_message(Code::kIo, "no")) : Status();
      });
  EXPECT_EQ(read.code(), Code::kIo);
  const Status taken = read_view(
      c.view.meta, c.base, [](std::uint64_t, MutableBytes) { return Status(); },
      [](std::uint64_t, Bytes) { return Status(error_with_message(Code::kCancelled, "enough")); });
  EXPECT_EQ(taken.code(), Code::kCancelled);
}

TEST(View, RangesThatAreTooManyAreOne) {
  const Case c = make(1000, 100, 1, {10, 10}, 7, {50, 2});
  EXPECT_EQ(ranges_of_view(c.view.meta, 1000).size(), 100u);
  EXPECT_THAT(ranges_of_view(c.view.meta, 99), testing::ElementsAre(io::ByteRange{7, 469}));
}

TEST(View, LimitsAreThoseOfTheSpecification) {
  Case c = make(16, 16, 1, {(64u << 20) + 64}, 0, {0});
  EXPECT_TRUE(check_view_of(c.view, c.base).ok());
  c = make(16, 16, 1, {(64u << 20) + 65}, 0, {0});
  EXPECT_EQ(check_view_of(c.view, c.base).code(), Code::kLimit);
  c.view.meta.shape = {16};
  c.view.byte_size = 16;
  EXPECT_TRUE(check_view_of(c.view, c.base).ok());
  c.base.meta.form = catalog::Form::kRider;
  EXPECT_EQ(check_view_of(c.view, c.base).code(), Code::kMalformed);
  c.base.meta.form = catalog::Form::kDense;
  c.view.meta.stored_elements = 1;
  EXPECT_EQ(check_view_of(c.view, c.base).code(), Code::kMalformed);

  // Windows of two, which span 64 MiB and one byte more.
  const std::uint64_t span = 64u << 20;
  c = make(span + 1, span + 1, 1, {span - 1, 2}, 0, {1, 1});
  EXPECT_TRUE(check_view_of(c.view, c.base).ok());
  c = make(span + 1, span + 1, 1, {span, 2}, 0, {1, 1});
  EXPECT_EQ(check_view_of(c.view, c.base).code(), Code::kLimit);
  c = make(span + 1, span + 1, 1, {span / 2, 2}, 0, {2, 1});
  EXPECT_TRUE(check_view_of(c.view, c.base).ok()) << "nested";
}

// The code of check_form() of the view.
Code form_code(const Case& c) {
  catalog::Catalog catalog;
  catalog.tensors = {c.base, c.view};
  return check_form(catalog, catalog.tensors[1]).code();
}

TEST(View, IsCheckedAfterItsBase) {
  // Windows of two, which span too much and have more bytes than a view may.
  const std::uint64_t span = 64u << 20;
  Case c = make(span + 1, span + 1, 1, {span, 2, 8}, 0, {1, 1, 0});
  EXPECT_EQ(form_code(c), Code::kLimit);
  c.base.meta.form = catalog::Form{9};
  EXPECT_EQ(form_code(c), Code::kUnsupported);
  c.base.meta.form = catalog::Form::kLower;
  EXPECT_EQ(form_code(c), Code::kMalformed) << "no matrix";
  c.base.meta.form = catalog::Form::kRider;
  EXPECT_EQ(form_code(c), Code::kMalformed) << "no group";
  EXPECT_EQ(check_view_of(c.view, c.base).code(), Code::kMalformed) << "not dense";
  c.base.meta.form = catalog::Form::kDense;
  c.base.meta.extensions.unknown = 99;
  EXPECT_EQ(form_code(c), Code::kUnsupported) << "an extension of the base";
  c.view.meta.stored_elements = 1;
  EXPECT_EQ(form_code(c), Code::kMalformed) << "the record of the view comes first";
}

}  // namespace
}  // namespace bbz::symmetry
