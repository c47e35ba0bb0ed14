// Packing files that change at the same time, and many files with few descriptors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "bbz/io/atomic_file.h"
#include "bbz/ops/symmetry.h"
#include "io/changes.h"
#include "ops/rotation/packed.h"
#include "ops/sequence.h"

namespace bbz::ops {
namespace {

using io::Change;
using io::kChanges;
using io::TempDir;
using io::write_text;
using testing::HasSubstr;

// Ways to pack a directory.
enum class Way { kPlain, kSha256, kIndexFirst, kSymmetric };

// The same model each time, sliced, so that it is rotated if that is asked for.
const std::string& sliced_model() {
  static const std::string text = [] {
    const auto bytes =
        rotation::file_of(test_models::sliced_model(rotation::small_spec("llama", DType::kF16)));
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }();
  return text;
}

Result<PackSummary> pack_in(Way way, files::FileSequence& files, io::Sink& sink,
                            PackOptions options) {
  if (way == Way::kSha256) options.write.digest = DigestKind::kSha256;
  options.index_first = way == Way::kIndexFirst;
  if (way != Way::kSymmetric) return pack(files, sink, options);
  BBZ_ASSIGN(const SymmetrySummary summary,
             pack_symmetric(files, sink, options, {.method = rotation::RequestedMethod::kPolar}));
  EXPECT_TRUE(summary.record.has_value());
  return summary.packed;
}

// Changes `name` when so many bytes were read, and expects that the archive does not appear.
void expect_noticed(Way way, bool folder, const std::string& name, Change change,
                    std::uint64_t when, unsigned threads) {
  const TempDir dir;
  write_text(dir / "a.bin", std::string(200'000, 'a'));
  write_text(dir / "m.safetensors", sliced_model());
  write_text(dir / "z.txt", "z");
  const auto files = std::move(files::open(folder ? dir.path().string() : dir / name)).value();
  const TempDir out;
  auto sink = std::move(io::AtomicFile::create(out / "x.bbz", {})).value();
  PackOptions options;
  options.write.threads = threads;
  options.write.chunk_bytes = 8192;
  bool done = false;
  options.progress = [&](std::uint64_t bytes) {
    if (!done && bytes >= when) {
      change_file(dir / name, change);
      done = true;
    }
  };
  const auto packed = pack_in(way, *files, *sink, options);
  ASSERT_TRUE(done);
  ASSERT_FALSE(packed.ok());
  EXPECT_EQ(packed.code(), Code::kIo) << packed.error().message;
  EXPECT_THAT(packed.error().message, HasSubstr(dir / name));
  sink.reset();
  EXPECT_TRUE(out.entries().empty());
}

TEST(PackChange, IsNoticedWhereverItHappens) {
  const std::uint64_t all = 200'000 + sliced_model().size() + 1;
  for (const Way way : {Way::kPlain, Way::kSha256, Way::kIndexFirst, Way::kSymmetric}) {
    for (const Change change : kChanges) {
      SCOPED_TRACE(static_cast<int>(way) * 10 + static_cast<int>(change));
      // While it is read, while another is, before it is reached, and at the end.
      expect_noticed(way, true, "m.safetensors", change, 205'000, 2);
      expect_noticed(way, true, "a.bin", change, 205'000, 1);
      expect_noticed(way, true, "z.txt", change, 1000, 2);
      expect_noticed(way, true, "m.safetensors", change, all, 2);
      expect_noticed(way, false, "m.safetensors", change, 5000, 2);
    }
  }
}

// Files that are changed when the index at the front was measured, before they are packed.
class ChangedAfterMeasuring final : public SequenceOf {
 public:
  ChangedAfterMeasuring(std::unique_ptr<files::FileSequence> files, std::function<void()> change)
      : SequenceOf(std::move(files)), change_(std::move(change)) {}
  Status rewind() override {
    change_();
    return SequenceOf::rewind();
  }

 private:
  std::function<void()> change_;
};

TEST(PackChange, BetweenMeasuringAndPackingIsNoticed) {
  for (const Change change : kChanges) {
    const TempDir dir;
    write_text(dir / "m.safetensors", sliced_model());
    int changed = 0;
    ChangedAfterMeasuring files(std::move(files::open(dir.path())).value(), [&] {
      change_file(dir / "m.safetensors", change);
      ++changed;
    });
    PackOptions options;
    options.index_first = true;
    std::vector<std::byte> archive;
    const auto packed = pack(files, *io::memory_sink(archive), options);
    EXPECT_EQ(changed, 1);
    ASSERT_FALSE(packed.ok());
    EXPECT_EQ(packed.code(), Code::kIo) << packed.error().message;
  }
}

// A stream that was cut short by an error has no end, so that the unpacker notices.
TEST(PackChange, AStreamIsLeftWithoutItsEnd) {
  const TempDir dir;
  write_text(dir / "a.bin", std::string(20'000, 'a'));
  const auto files = std::move(files::open(dir / "a.bin")).value();
  std::vector<std::byte> archive;
  PackOptions options;
  options.progress = [&](std::uint64_t) { change_file(dir / "a.bin", Change::kOverwritten); };
  ASSERT_EQ(pack(*files, *io::memory_sink(archive), options).code(), Code::kIo);
  const auto reader = Reader::open(io::memory_source(archive));
  EXPECT_FALSE(reader.ok());
}

TEST(PackChange, ManyFilesNeedFewDescriptors) {
  const TempDir dir;
  // Some of one chunk, some of several, and empty ones.
  for (int i = 0; i < 300; ++i) {
    write_text(dir / std::to_string(i), std::string(i % 3 == 0 ? 0 : i * 700, 'x'));
  }
  const auto files = std::move(files::open(dir.path())).value();
  PackOptions options;
  options.write.threads = 32;
  options.write.chunk_bytes = 1 << 16;
  // The threads' own are taken before the limit comes.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next = ::dup(0);
  ASSERT_GE(next, 0);
  ::close(next);
  rlimit low = before;
  low.rlim_cur = static_cast<rlim_t>(next) + 10;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  std::vector<std::byte> archive;
  const auto packed = pack(*files, *io::memory_sink(archive), options);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_TRUE(packed.ok()) << packed.error().message;
  EXPECT_EQ(packed->files, 300u);
}

}  // namespace
}  // namespace bbz::ops
