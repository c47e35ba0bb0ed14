#include "bbz/ops/unpack.h"

#include <gtest/gtest.h>

#include "support/bytes.h"
#include "support/temp_dir.h"

namespace bbz::ops {
namespace {

// A file whose tensors are stored in another order than they have in it.
std::vector<std::byte> unordered_archive(DigestKind digest) {
  std::vector<std::byte> archive;
  const auto sink = io::memory_sink(archive);
  WriteOptions options;
  options.threads = 1;
  options.digest = digest;
  auto writer = Writer::create(*sink, options).value();
  EXPECT_TRUE(writer.begin_file("folder/file").ok());
  for (const auto& [offset, text] :
       {std::pair<std::uint64_t, std::string_view>{6, "last"}, {0, "first"}, {5, "-"}, {10, "!"}}) {
    TensorSpec spec = TensorSpec::bytes(text.size());
    spec.place = TensorSpec::At{offset};
    EXPECT_TRUE(writer.begin_tensor(spec).ok());
    EXPECT_TRUE(writer.write(bytes_of(text)).ok());
    EXPECT_TRUE(writer.end_tensor().ok());
  }
  EXPECT_TRUE(writer.end_file().ok());
  EXPECT_TRUE(writer.finish().ok());
  return archive;
}

TEST(Unpack, PutsBytesInTheirPlaceWhateverTheirOrder) {
  for (const DigestKind digest : {DigestKind::kXxh3_128, DigestKind::kSha256}) {
    const std::vector<std::byte> archive = unordered_archive(digest);
    const io::TempDir dir;
    io::OutputTree streamed = io::OutputTree::open(dir / "streamed").value();
    const auto source = io::memory_source(Bytes(archive));
    const auto from_stream = unpack_stream({*source}, streamed);
    ASSERT_TRUE(from_stream.ok()) << from_stream.error().message;
    EXPECT_EQ(io::read_text(dir / "streamed/folder/file"), "first-last!");

    io::OutputTree seeking = io::OutputTree::open(dir / "seeking").value();
    const auto reader = Reader::open(io::memory_source(Bytes(archive)));
    ASSERT_TRUE(unpack(*reader, seeking).ok());
    EXPECT_EQ(io::read_text(dir / "seeking/folder/file"), "first-last!");
  }
}

TEST(Unpack, SaysWhereASinkCannotTakeBytesOutOfOrder) {
  const std::vector<std::byte> archive = unordered_archive(DigestKind::kXxh3_128);
  const auto source = io::memory_source(Bytes(archive));
  std::vector<std::byte> out;
  const auto sink = io::memory_sink(out);
  EXPECT_EQ(unpack_one_stream({*source}, *sink).code(), Code::kUnsupported);
}

}  // namespace
}  // namespace bbz::ops
