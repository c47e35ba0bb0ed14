#include "bbz/access/push/state.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/push/archives.h"
#include "access/push/feeding.h"
#include "archive/sample.h"
#include "bbz/base/wire.h"
#include "support/assert.h"
#include "support/temp_dir.h"

namespace bbz::push {
namespace {

State example() {
  return {"\"etag-1\"", 1000, {{0, 32}, {100, 200}}, {{0, 40}, {90, 300}, {999, 1000}}};
}

void expect_same(const State& a, const State& b) {
  EXPECT_EQ(a.identity, b.identity);
  EXPECT_EQ(a.total, b.total);
  EXPECT_EQ(a.verified, b.verified);
  EXPECT_EQ(a.there, b.there);
}

// With the checksum put right.
std::vector<std::byte> repaired(std::vector<std::byte> bytes) {
  const std::size_t end = bytes.size() - 8;
  store_le(bytes.data() + end, xxh3_64(Bytes(bytes).first(end)));
  return bytes;
}

TEST(State, ComesBackAsItWas) {
  expect_same(*decode_state(encode_state(example())), example());
  expect_same(*decode_state(encode_state({})), {});
  State open = example();
  open.total.reset();
  expect_same(*decode_state(encode_state(open)), open);
}

TEST(State, HasTheBytesOfItsSpecification) {
  const std::string expected =
      "8942425a53540d0a"  // magic
      "0100"
      "0100"
      "0800"
      "0000"
      "e803000000000000"
      "0200000000000000"
      "0300000000000000"
      "22657461672d3122"
      "0000000000000000"
      "2000000000000000"
      "6400000000000000"
      "c800000000000000"
      "0000000000000000"
      "2800000000000000"
      "5a00000000000000"
      "2c01000000000000"
      "e703000000000000"
      "e803000000000000";
  const auto bytes = encode_state(example());
  EXPECT_EQ(to_hex(Bytes(bytes).first(bytes.size() - 8)), expected);
}

TEST(State, EveryFlippedBitAndEveryCutIsFound) {
  auto bytes = encode_state(example());
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_EQ(decode_state(bytes).code(), bit < 64 ? Code::kNotAnArchive : Code::kChecksum) << bit;
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
  }
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_state(Bytes(bytes).first(size)).ok()) << size;
  }
}

TEST(State, RefusesWhatBreaksARule) {
  const auto bytes = encode_state(example());
  const auto code = [&](std::size_t at, auto value) {
    auto changed = bytes;
    store_le(changed.data() + at, value);
    return decode_state(repaired(changed)).code();
  };
  EXPECT_EQ(code(8, std::uint16_t{2}), Code::kUnsupported);
  EXPECT_EQ(code(10, std::uint16_t{3}), Code::kUnsupported);
  EXPECT_EQ(code(14, std::uint16_t{1}), Code::kUnsupported);
  EXPECT_EQ(code(10, std::uint16_t{0}), Code::kMalformed);    // a length that is not known
  EXPECT_EQ(code(12, std::uint16_t{9}), Code::kMalformed);    // identity
  EXPECT_EQ(code(16, std::uint64_t{999}), Code::kMalformed);  // a range ends after it
  for (const std::uint64_t count : {std::uint64_t{0}, std::uint64_t{3}, ~std::uint64_t{0}}) {
    EXPECT_EQ(code(24, count), Code::kMalformed);
    EXPECT_EQ(code(32, count == 3 ? 4 : count), Code::kMalformed);
  }
  const auto of = [&](std::vector<Interval> verified, std::vector<Interval> there) {
    return decode_state(encode_state({"", 1000, std::move(verified), std::move(there)})).code();
  };
  EXPECT_EQ(of({{5, 6}}, {{5, 6}}), Code::kOk);
  EXPECT_EQ(of({{5, 5}}, {{5, 6}}), Code::kMalformed);
  EXPECT_EQ(of({{6, 5}}, {{5, 6}}), Code::kMalformed);
  EXPECT_EQ(of({}, {{5, 6}, {6, 7}}), Code::kMalformed);
  EXPECT_EQ(of({}, {{5, 6}, {2, 3}}), Code::kMalformed);
  EXPECT_EQ(of({{5, 7}}, {{5, 6}}), Code::kMalformed);
  EXPECT_EQ(of({{8, 9}}, {{5, 6}}), Code::kMalformed);
}

TEST(State, IsKeptInAFile) {
  const std::string path = testing::TempDir() + "bbz-push-state";
  BBZ_ASSERT_OK(save_state(path, {}));
  BBZ_ASSERT_OK(save_state(path, example()));
  const auto loaded = load_state(path);
  BBZ_ASSERT_OK(loaded);
  expect_same(*loaded, example());
  std::remove(path.c_str());
  EXPECT_EQ(load_state(path).code(), Code::kNotFound);
}

std::uint32_t mode_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777;
}

TEST(State, IsSavedInPlaceOfALinkAndForNobodyElseToWrite) {
  const io::TempDir dir;
  io::write_text(dir / "precious", "precious");
  std::filesystem::create_symlink("precious", dir / "state");
  for (const bool sync : {true, false}) {
    const mode_t before = ::umask(0);
    const Status saved = save_state(dir / "state", example(), sync);
    ::umask(before);
    BBZ_ASSERT_OK(saved);
    EXPECT_EQ(mode_of(dir / "state"), 0644u);
    const auto loaded = load_state(dir / "state");
    BBZ_ASSERT_OK(loaded);
    expect_same(*loaded, example());
  }
  EXPECT_EQ(io::read_text(dir / "precious"), "precious");
  EXPECT_EQ(dir.entries(), (std::set<std::string>{"precious", "state"}));
}

TEST(State, IsTakenFromNobodyElse) {
  const io::TempDir dir;
  const std::string path = dir / "state";
  BBZ_ASSERT_OK(save_state(path, example()));
  std::filesystem::create_symlink("state", dir / "link");
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  std::filesystem::create_directory(dir / "folder");
  for (const char* const name : {"link", "fifo", "folder"}) {
    EXPECT_EQ(load_state(dir / name).code(), Code::kExists) << name;
    EXPECT_EQ(open_file_store(dir / name).code(), Code::kExists) << name;
  }
  for (const std::uint32_t mode : {0664u, 0646u}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    EXPECT_EQ(load_state(path).code(), Code::kExists) << mode;
    EXPECT_EQ(open_file_store(path).code(), Code::kExists) << mode;
  }
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  BBZ_ASSERT_OK(load_state(path));
  std::filesystem::create_hard_link(path, dir / "hard");
  EXPECT_EQ(load_state(path).code(), Code::kExists);
  EXPECT_EQ(open_file_store(path).code(), Code::kExists);
  std::filesystem::remove(dir / "hard");
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make another user's file";
  ASSERT_EQ(::chown(path.c_str(), 65534, 65534), 0);
  EXPECT_EQ(load_state(path).code(), Code::kExists);
  EXPECT_EQ(open_file_store(path).code(), Code::kExists);
}

TEST(State, HasALimit) {
  const io::TempDir dir;
  BBZ_ASSERT_OK(save_state(dir / "state", example()));
  std::filesystem::resize_file(dir / "state", (std::uint64_t{64} << 20) + 1);
  EXPECT_EQ(load_state(dir / "state").code(), Code::kLimit);
}

class Resumed : public testing::TestWithParam<Named> {
 protected:
  void SetUp() override {
    archive_ = GetParam().archive();
    ASSERT_FALSE(archive_.empty());
    const auto reader = Reader::open(io::memory_source(Bytes(archive_)));
    BBZ_ASSERT_OK(reader);
    expected_ = content_of(*reader);
    for (const catalog::Tensor& t : reader->catalog().tensors) {
      if (t.chunk_count == 0) chunkless_.insert(t.meta.number);
    }
  }
  std::vector<std::byte> archive_;
  Content expected_;
  std::set<std::uint32_t> chunkless_;
};
INSTANTIATE_TEST_SUITE_P(Archives, Resumed, testing::ValuesIn(archives()),
                         [](const auto& named) { return named.param.name; });

// Remembers across lives which bytes of each tensor were handed out.
struct Tally : Receiver {
  Status data(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes) override {
    const std::uint32_t number = tensor.meta.number;
    content[number].resize(tensor.byte_size);
    std::ranges::copy(bytes, content[number].begin() + static_cast<std::ptrdiff_t>(offset));
    handed[number] += bytes.size();
    return {};
  }
  Status begin_tensor(const catalog::Tensor& tensor) override {
    content[tensor.meta.number].resize(tensor.byte_size);
    return {};
  }
  std::map<std::uint32_t, std::vector<std::byte>> content;
  std::map<std::uint32_t, std::uint64_t> handed;
};

TEST_P(Resumed, GoesOnWithoutFetchingOrDecodingAgain) {
  std::mt19937 random(11);
  for (int round = 0; round < 24; ++round) {
    SCOPED_TRACE(round);
    const Way way = kWays[round % std::size(kWays)];
    auto segments = segments_of(way, archive_.size(), random);
    if (segments.size() > 2000) segments = segments_of(Way::kRandom, archive_.size(), random);
    MemoryStore store;
    Options options;
    options.store = &store;
    if (round % 2 != 0) options.total = archive_.size();
    Tally tally;
    auto decoder = *Decoder::create(options, tally);
    std::uint64_t taken = 0;
    for (const Segment& s : segments) {
      const std::uint64_t before = decoder->there().bytes();
      BBZ_ASSERT_OK(decoder->feed(s.offset, Bytes(archive_).subspan(s.offset, s.size)));
      taken += decoder->there().bytes() - before;
      if (random() % 4 != 0) continue;
      // Killed, and started again.
      const auto state = decoder->state("same");
      BBZ_ASSERT_OK(state);
      const std::uint64_t there = decoder->there().bytes();
      const auto needs = decoder->needs(SIZE_MAX);
      decoder = *Decoder::create(options, tally);
      const auto restored = decode_state(encode_state(*state));
      BBZ_ASSERT_OK(restored);
      BBZ_ASSERT_OK(decoder->restore(*restored));
      EXPECT_EQ(decoder->there().bytes(), there);
      EXPECT_EQ(decoder->needs(SIZE_MAX), needs);
    }
    BBZ_ASSERT_OK(decoder->finish());
    EXPECT_EQ(taken, archive_.size());
    EXPECT_EQ(tally.content, expected_.tensors);
    for (const auto& [number, bytes] : tally.handed) {
      if (!chunkless_.contains(number)) {
        EXPECT_EQ(bytes, expected_.tensors.at(number).size());
      }
    }
  }
}

TEST_P(Resumed, AdoptsAFileAndNamesWhatIsDamagedInIt) {
  std::mt19937 random(12);
  MemoryStore store;
  store.bytes = archive_;
  std::vector<std::uint64_t> flipped;
  for (int i = 0; i < 10; ++i) {
    flipped.push_back(random() % archive_.size());
    store.bytes[flipped.back()] ^= std::byte{16};
  }
  Options options;
  options.store = &store;
  options.total = archive_.size();
  options.decode = false;
  Receiver receiver;
  const auto decoder = *Decoder::create(options, receiver);
  for (std::uint64_t at = 0; at < archive_.size(); at += 5000) {
    BBZ_ASSERT_OK(decoder->adopt({at, std::min<std::uint64_t>(at + 5000, archive_.size())}));
  }
  EXPECT_FALSE(decoder->complete());
  while (!decoder->complete()) {
    const auto damages = decoder->damages();
    ASSERT_FALSE(damages.empty());
    for (const Damage& damage : damages) {
      EXPECT_TRUE(std::ranges::any_of(flipped, [&](std::uint64_t at) {
        return damage.range.begin <= at && at < damage.range.end;
      })) << damage.range.begin;
      EXPECT_EQ(damage.times, 1u);
    }
    for (const Interval& range : decoder->needs(SIZE_MAX)) {
      BBZ_ASSERT_OK(decoder->feed(range.begin, Bytes(archive_).subspan(range.begin, range.size())));
    }
  }
  BBZ_ASSERT_OK(decoder->finish());
  EXPECT_EQ(store.bytes, archive_);
}

TEST(Restore, RefusesWhatCannotBe) {
  const auto archive = *write_sample(sample_files(), {});
  Receiver receiver;
  MemoryStore store;
  Options options;
  EXPECT_EQ((*Decoder::create(options, receiver))->state("").code(), Code::kInvalidArgument);
  EXPECT_EQ((*Decoder::create(options, receiver))->restore({}).code(), Code::kInvalidArgument);
  EXPECT_EQ((*Decoder::create(options, receiver))->adopt({0, 1}).code(), Code::kInvalidArgument);
  options.store = &store;
  options.total = archive.size();
  const auto decoder = *Decoder::create(options, receiver);
  State other;
  other.total = archive.size() + 1;
  EXPECT_EQ(decoder->restore(other).code(), Code::kInvalidArgument);
  State beyond;
  beyond.there = {{0, archive.size() + 1}};
  EXPECT_EQ(decoder->restore(beyond).code(), Code::kInvalidArgument);
  BBZ_ASSERT_OK(decoder->feed(5, Bytes(archive).subspan(5, 1)));
  EXPECT_EQ(decoder->restore({}).code(), Code::kInvalidArgument);
  EXPECT_EQ(decoder->state(std::string(70'000, 'x')).code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace bbz::push
