// Whatever happens to an archive, it is noticed, and the place is named.
#include "archive/sample.h"
#include "support/assert.h"
#include "support/faulty.h"

namespace bbz {
namespace {

Status verify(io::Source& source, bool decode) {
  StreamOptions options;
  options.threads = 1;
  options.decode = decode;
  Visitor visitor;
  const auto summary = read_stream(source, options, visitor);
  if (!summary.ok()) return summary.error();
  return {};
}

std::string outcome(const Status& status) {
  return status.ok() ? "no error" : status.error().message;
}

class Damage : public testing::TestWithParam<std::tuple<bool, bool, bool>> {
 protected:
  std::vector<std::byte> archive() const {
    const auto [decode, front_index, blocks] = GetParam();
    WriteOptions options;
    options.chunk_bytes = 128;
    options.dedup = !blocks;  // from a pipe, repeats cannot be read
    return *write_sample(files(), options, front_index);
  }
  static std::vector<SampleFile> files() {
    return std::get<2>(GetParam()) ? block_files() : sample_files();
  }
  Status check(Bytes bytes) const {
    const auto source = io::memory_source(bytes);
    return verify(*source, std::get<0>(GetParam()));
  }
  // The same if every byte must be read in passing.
  Status check_piped(Bytes bytes) const {
    const auto source = io::memory_source(bytes);
    io::SequentialSource pipe(*source);
    return verify(pipe, std::get<0>(GetParam()));
  }
  // Cuts the archive to every size that is a multiple of `step`.
  void expect_cuts_found(std::size_t step) const {
    const std::vector<std::byte> bytes = archive();
    for (std::size_t size = 0; size < bytes.size(); size += step) {
      const Bytes cut = Bytes(bytes).first(size);
      const Status status = check(cut);
      ASSERT_TRUE(status.code() == Code::kTruncated ||
                  (size == 0 && status.code() == Code::kNotAnArchive))
          << size << ": " << outcome(status);
      ASSERT_EQ(check_piped(cut).code(), status.code()) << size;
      ASSERT_FALSE(Reader::open(io::memory_source(cut)).ok()) << size;
    }
  }
};

TEST_P(Damage, EveryFlippedBitIsFoundWithItsPlace) {
  std::vector<std::byte> bytes = archive();
  BBZ_ASSERT_OK(check(bytes));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      bytes[at] ^= static_cast<std::byte>(1 << bit);
      const Status status = check(bytes);
      ASSERT_FALSE(status.ok()) << "byte " << at << " bit " << bit;
      // The magic aside, the message says where.
      if (at >= container::kMagic.size()) {
        ASSERT_TRUE(status.error().message.find(" at offset ") != std::string::npos ||
                    status.error().message.find("bytes at ") != std::string::npos)
            << status.error().message;
      }
      if (bit == static_cast<int>(at % 8)) {
        ASSERT_EQ(outcome(check_piped(bytes)), outcome(status));
      }
      bytes[at] ^= static_cast<std::byte>(1 << bit);
    }
  }
}

// Reading checks what it decodes, so damage that changes nothing may pass, and nothing else.
TEST_P(Damage, EveryFlippedBitIsFoundByReadingOrChangesNothing) {
  std::vector<std::byte> bytes = archive();
  const auto expected = contents(files());
  const bool front_index = std::get<1>(GetParam());
  const auto read = [&]() -> Status {
    ReadOptions options;
    options.threads = 1;
    options.use_front_index = front_index;
    BBZ_ASSIGN(const Reader reader, Reader::open(io::memory_source(Bytes(bytes)), options));
    Collector collector;
    BBZ_TRY(reader.visit_all(collector));
    for (const auto& [path, content] : expected) EXPECT_EQ(collector.files[path], content);
    for (const catalog::Tensor& tensor : reader.catalog().tensors) {
      std::vector<std::byte> out(tensor.byte_size);
      BBZ_TRY(reader.read_tensor(tensor.meta.number, out));
      const auto& file = expected.at(reader.catalog().files[tensor.meta.file].path);
      EXPECT_TRUE(std::ranges::equal(out, Bytes(file).subspan(tensor.meta.offset, out.size())));
    }
    return {};
  };
  BBZ_ASSERT_OK(read());
  std::vector<bool> is_payload(bytes.size());
  const auto sound = Reader::open(io::memory_source(Bytes(bytes)));
  for (const catalog::Chunk& chunk : sound->catalog().chunks) {
    const auto begin = is_payload.begin() + static_cast<std::ptrdiff_t>(chunk.payload.offset);
    std::fill_n(begin, chunk.payload.length, true);
  }
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      bytes[at] ^= static_cast<std::byte>(1 << bit);
      const Status status = read();
      ASSERT_FALSE(HasFailure()) << "byte " << at << " bit " << bit << ": " << outcome(status);
      if (is_payload[at] && !status.ok()) {
        ASSERT_EQ(status.code(), Code::kChecksum);
        ASSERT_NE(outcome(status).find(": payload check "), std::string::npos) << outcome(status);
      }
      bytes[at] ^= static_cast<std::byte>(1 << bit);
    }
  }
}

TEST_P(Damage, CutsAreFound) {
  expect_cuts_found(5);  // in every record, and in every field of more than four bytes
}

TEST_P(Damage, EveryCutIsFoundExhaustive) {
  expect_cuts_found(1);
}

TEST_P(Damage, AnAdditionIsFound) {
  std::vector<std::byte> bytes = archive();
  bytes.push_back(std::byte{0});
  EXPECT_EQ(check(bytes).code(), Code::kMalformed);
  EXPECT_FALSE(Reader::open(io::memory_source(Bytes(bytes))).ok());
}

INSTANTIATE_TEST_SUITE_P(Ways, Damage,
                         testing::Combine(testing::Bool(), testing::Bool(), testing::Bool()));

TEST(DamageTest, AVisitorMayPassDamagedChunksOver) {
  WriteOptions options;
  options.chunk_bytes = 128;
  std::vector<std::byte> bytes = *write_sample(sample_files(), options);
  const auto reader = Reader::open(io::memory_source(Bytes(bytes)));
  const catalog::Chunk victim = reader->catalog().chunks_of(
      reader->catalog().tensors[reader->catalog().find_tensors("embed")[0]])[1];
  bytes[victim.payload.offset] ^= std::byte{1};
  class Lenient : public Collector {
   public:
    Status damaged(const catalog::Tensor& tensor, const catalog::Chunk& chunk,
                   const Error& error) override {
      EXPECT_EQ(tensor.meta.name, "embed");
      EXPECT_EQ(chunk.meta.number, 1u);
      EXPECT_EQ(error.code, Code::kChecksum);
      ++damage;
      return {};
    }
    int damage = 0;
  };
  Lenient visitor;
  const auto source = io::memory_source(Bytes(bytes));
  BBZ_ASSERT_OK(read_stream(*source, {}, visitor));
  EXPECT_EQ(visitor.damage, 1);
  BBZ_ASSERT_OK(reader->visit_all(visitor));
  EXPECT_EQ(visitor.damage, 2);
}

}  // namespace
}  // namespace bbz
