// Streams over tensors that are stored in other forms than they have.
#include <sys/resource.h>

#include <iterator>

#include "archive/pivoting.h"
#include "bbz/access/streams/tensor_stream.h"
#include "bbz/symmetry/form.h"
#include "support/assert.h"
#include "support/bytes.h"

namespace bbz::streams {
namespace {

// The most memory that the process has had.
std::uint64_t peak_bytes() {
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

TensorSpec lower_spec(DType dtype, std::uint64_t rows, std::uint64_t cols) {
  TensorSpec spec;
  spec.name = "w";
  spec.dtype = dtype;
  spec.shape = {rows, cols};
  spec.stored = {.form = catalog::Form::kLower, .elements = rows * (rows + 1) / 2};
  return spec;
}

// An archive of one file, whose tensors `fill` writes.
template <class Fill>
std::vector<std::byte> archive_of(const Fill& fill) {
  std::vector<std::byte> out;
  const auto sink = io::memory_sink(out);
  WriteOptions options;
  options.chunk_bytes = std::uint64_t{64} << 20;
  auto writer = Writer::create(*sink, options);
  EXPECT_TRUE(writer->begin_file("f").ok());
  fill(*writer);
  EXPECT_TRUE(writer->end_file().ok());
  EXPECT_TRUE(writer->finish().ok());
  return out;
}

TEST(StreamsOfForms, ALowerTensorComesInBlocks) {
  constexpr std::uint64_t kRows = 40, kCols = 32768;
  const auto stored = noise(2 * kRows * (kRows + 1) / 2, 7);
  std::string expected(kRows * kCols * 2, '\0');
  for (std::uint64_t row = 0, at = 0; row < kRows; at += 2 * ++row) {
    std::ranges::copy(as_text(Bytes(stored).subspan(at, 2 * (row + 1))),
                      expected.begin() + static_cast<std::ptrdiff_t>(row * kCols * 2));
  }
  const auto archive = archive_of([&](Writer& writer) {
    BBZ_ASSERT_OK(writer.begin_tensor(lower_spec(DType::kF16, kRows, kCols)));
    BBZ_ASSERT_OK(writer.write(stored));
    BBZ_ASSERT_OK(writer.end_tensor());
  });
  const auto reader = Reader::open(io::memory_source(Bytes(archive)));
  TensorIStream in(*reader, 0);
  EXPECT_TRUE(std::string((std::istreambuf_iterator<char>(in)), {}) == expected);
  in.clear();
  for (const std::uint64_t at : {kRows * kCols * 2 - 1, kCols * 2 * 17 + 1, std::uint64_t{1}}) {
    in.seekg(static_cast<std::streamoff>(at));
    EXPECT_EQ(in.get(), static_cast<unsigned char>(expected[at])) << at;
  }
}

TEST(StreamsOfForms, APivotTensorComesInBlocks) {
  const PivotFile file = pivot_file();
  WriteOptions options;
  options.chunk_bytes = 96;
  const auto archive = write_sample({file.file}, options);
  const auto reader = Reader::open(io::memory_source(Bytes(*archive)));
  std::size_t pivots = 0;
  for (const catalog::Tensor& tensor : reader->catalog().tensors) {
    TensorIStream in(*reader, tensor.meta.number);
    const auto expected = as_text(Bytes(file.bytes).subspan(tensor.meta.offset, tensor.byte_size));
    EXPECT_TRUE(std::string((std::istreambuf_iterator<char>(in)), {}) == expected);
    for (std::size_t at = 0; at < tensor.byte_size; at += 7) {
      in.clear();
      in.seekg(static_cast<std::streamoff>(at));
      EXPECT_EQ(in.get(), static_cast<unsigned char>(expected[at])) << at;
    }
    pivots += tensor.meta.pivots != nullptr ? 1 : 0;
  }
  EXPECT_EQ(pivots, 8u);
}

// 64 MiB of one constant, in a chunk of some bytes, that expand to a gigabyte.
TEST(StreamsOfForms, ALowerTensorIsNotHeldWhole) {
  constexpr std::uint64_t kRows = 4095, kCols = 32768;
  const auto archive = archive_of([&](Writer& writer) {
    const TensorSpec spec = lower_spec(DType::kF64, kRows, kCols);
    BBZ_ASSERT_OK(writer.begin_tensor(spec));
    BBZ_ASSERT_OK(writer.write(std::vector<std::byte>(spec.stored->elements.value() * 8)));
    BBZ_ASSERT_OK(writer.end_tensor());
  });
  ASSERT_LT(archive.size(), 1000u);
  const auto reader = Reader::open(io::memory_source(Bytes(archive)));
  const std::uint64_t before = peak_bytes();
  TensorIStream in(*reader, 0);
  in.seekg(-1, std::ios_base::end);
  EXPECT_EQ(in.get(), 0);
  EXPECT_LT(peak_bytes() - before, std::uint64_t{256} << 20);
}

TEST(StreamsOfForms, APolarTensorIsRefusedBeforeThereIsMemoryForIt) {
  const auto archive = archive_of([](Writer& writer) {
    const auto group = writer.add_group(catalog::GroupMethod::kPolar,
                                        symmetry::encode_group(symmetry::PolarGroup()));
    BBZ_ASSERT_OK(group);
    TensorSpec spec;
    spec.name = "w";
    spec.dtype = DType::kF32;
    spec.shape = {16384, 16384};
    spec.stored = {.form = catalog::Form::kPolar, .group = *group, .elements = 0};
    BBZ_ASSERT_OK(writer.begin_tensor(spec));
    BBZ_ASSERT_OK(writer.end_tensor());
  });
  const auto reader = Reader::open(io::memory_source(Bytes(archive)));
  const std::uint64_t before = peak_bytes();
  TensorIStream in(*reader, 0);
  EXPECT_EQ(in.get(), std::char_traits<char>::eof());
  ASSERT_TRUE(in.error().has_value());
  EXPECT_EQ(in.error()->code, Code::kLimit);
  EXPECT_LT(peak_bytes() - before, std::uint64_t{256} << 20);
}

}  // namespace
}  // namespace bbz::streams
