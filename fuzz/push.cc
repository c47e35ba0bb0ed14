// The bytes as an archive that is pushed in segments, some of them damaged at first, with the
// decoder saved and restored on the way: it must take what a reader takes, and hand out the same.
// The first byte says what is repaired first (repair.h) and how the decoder is set up, the second
// how the archive is fed, the third seeds the choices on the way.
#include <map>
#include <set>

#include "archive_mutator.h"
#include "bbz/access/push/decoder.h"
#include "bbz/archive/reader.h"
#include "bbz/archive/stream.h"

namespace {

using namespace bbz;
using fuzz::Buffer;
using fuzz::require;

constexpr std::uint64_t kMost =
    1 << 22;  // bytes of an archive's content, and of a tensor that is looked at

class MemoryStore final : public push::Store {
 public:
  explicit MemoryStore(std::size_t size) : bytes_(size) {}
  Status write(std::uint64_t offset, Bytes bytes) override {
    std::ranges::copy(bytes, bytes_.begin() + static_cast<std::ptrdiff_t>(offset));
    return {};
  }
  Status read(std::uint64_t offset, MutableBytes out) override {
    std::ranges::copy(Bytes(bytes_).subspan(offset, out.size()), out.begin());
    return {};
  }

 private:
  Buffer bytes_;
};

struct Collector final : push::Receiver {
  Status begin_tensor(const catalog::Tensor& tensor) override {
    if (tensor.byte_size <= kMost) bytes[tensor.meta.number].resize(tensor.byte_size);
    return {};
  }
  Status data(const catalog::Tensor& tensor, std::uint64_t offset, Bytes part) override {
    require(offset <= tensor.byte_size && part.size() <= tensor.byte_size - offset);
    if (tensor.byte_size > kMost) return {};
    std::ranges::copy(part,
                      bytes[tensor.meta.number].begin() + static_cast<std::ptrdiff_t>(offset));
    return {};
  }
  Status end_tensor(const catalog::Tensor& tensor) override {
    require(ended.insert(tensor.meta.number).second || tensor.chunk_count == 0);
    return {};
  }
  Status recall(const catalog::Tensor& tensor, std::uint64_t offset, MutableBytes out) override {
    const Buffer& from = bytes.at(tensor.meta.number);
    require(offset <= from.size() && out.size() <= from.size() - offset);
    std::ranges::copy(Bytes(from).subspan(offset, out.size()), out.begin());
    return {};
  }
  Status failed(const catalog::Tensor& tensor, const catalog::Chunk*, const Error& error) override {
    broken.insert(tensor.meta.number);
    if (error.code == Code::kUnsupported) unsupported.insert(tensor.meta.number);
    return {};
  }

  std::map<std::uint32_t, Buffer> bytes;
  std::set<std::uint32_t> ended;
  std::set<std::uint32_t> broken;
  std::set<std::uint32_t> unsupported;  // of these, those that failed with this code
};

struct Random {
  std::uint32_t state;
  std::uint32_t operator()(std::uint32_t below) {
    state = state * 1664525 + 1013904223;
    return (state >> 8) % below;
  }
};

class Feeder {
 public:
  Feeder(const Buffer& archive, unsigned setup, unsigned way, unsigned seed)
      : archive_(archive), way_(way), random_{seed}, store_(archive.size()) {
    if ((setup & 0x10) != 0) options_.store = &store_;
    if ((setup & 0x20) != 0) options_.total = archive.size();
    options_.structure_first = (setup & 0x40) != 0;
    options_.limits = fuzz::small_limits(kMost);
    decoder_ = std::move(*push::Decoder::create(options_, collector));
  }

  // Feeds everything, then what is asked for again; whether the archive was accepted.
  bool run() {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> segments;  // offset, size
    for (std::uint64_t at = 0; at < archive_.size();) {
      const std::uint64_t size =
          std::min<std::uint64_t>(1 + random_((way_ & 1) != 0 ? 8 : 700), archive_.size() - at);
      segments.emplace_back(at, size);
      at += size;
    }
    for (std::size_t i = segments.size(); (way_ & 2) != 0 && i > 1; --i) {
      std::swap(segments[i - 1], segments[random_(static_cast<std::uint32_t>(i))]);
    }
    for (const auto& [offset, size] : segments) {
      Buffer part(archive_.begin() + static_cast<std::ptrdiff_t>(offset),
                  archive_.begin() + static_cast<std::ptrdiff_t>(offset + size));
      if ((way_ & 4) != 0 && random_(8) == 0) part[random_(256) % size] ^= std::byte{1};
      if (!decoder_->feed(offset, part).ok()) return false;
      if ((way_ & 8) != 0 && lives_ > 0 && random_(16) == 0 && !resume()) return false;
    }
    // The transport has come to the end. Then, until nothing comes of it any more.
    if (!decoder_->set_total(archive_.size()).ok()) return false;
    for (bool progress = true; progress && !decoder_->complete() && !hopeless();) {
      const std::uint64_t verified = decoder_->verified().bytes();
      const std::uint64_t there = decoder_->there().bytes();
      const auto needs = decoder_->needs(1 + random_(64), random_(3));
      require(!needs.empty());
      for (push::Interval range : needs) {
        range.end = std::min<std::uint64_t>(range.end, archive_.size());
        if (range.empty()) return false;
        if (!decoder_->feed(range.begin, Bytes(archive_).subspan(range.begin, range.size())).ok()) {
          return false;
        }
      }
      progress = verified != decoder_->verified().bytes() || there != decoder_->there().bytes();
    }
    const bool accepted = decoder_->finish().ok();
    require(accepted == decoder_->complete());
    return accepted;
  }

  Collector collector;

 private:
  // What comes right and is damaged every time is wrong in the archive.
  bool hopeless() const {
    constexpr std::uint32_t kOften = 20;
    return std::ranges::any_of(decoder_->damages(),
                               [](const push::Damage& damage) { return damage.times > kOften; });
  }

  bool resume() {
    if (options_.store == nullptr) return true;
    --lives_;
    const auto state = decoder_->state("it");
    require(state.ok());
    const auto decoded = push::decode_state(push::encode_state(*state));
    require(decoded.ok());
    const auto needs = decoder_->needs(SIZE_MAX);
    decoder_ = std::move(*push::Decoder::create(options_, collector));
    const Status restored = decoder_->restore(*decoded);
    require(!restored.ok() || needs == decoder_->needs(SIZE_MAX));
    return restored.ok();
  }

  const Buffer& archive_;
  unsigned way_;
  int lives_ = 16;
  Random random_;
  MemoryStore store_;
  push::Options options_;
  std::unique_ptr<push::Decoder> decoder_;
};

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  return fuzz::mutate_archive(data, size, most, seed, 3);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const Bytes input = std::as_bytes(std::span(data, size)).subspan(3);
  Buffer archive(input.begin(), input.end());
  fuzz::repair(archive, data[0] & 15);

  StreamOptions stream;
  stream.threads = 1;
  stream.decode = false;
  stream.limits = fuzz::small_limits(kMost);
  Visitor visitor;
  const auto source = io::memory_source(Bytes(archive));
  const bool valid = read_stream(*source, stream, visitor).ok();

  Feeder feeder(archive, data[0], data[1], data[2]);
  require(feeder.run() == valid);
  if (!valid) return 0;

  ReadOptions read;
  read.threads = 1;
  read.limits = fuzz::small_limits(kMost);
  const auto reader = Reader::open(io::memory_source(Bytes(archive)), read);
  require(reader.ok());
  Buffer expected;
  for (const catalog::Tensor& tensor : reader->catalog().tensors) {
    if (tensor.byte_size > kMost) continue;
    const std::uint32_t number = tensor.meta.number;
    expected.resize(tensor.byte_size);
    const bool readable = reader->read_tensor(number, expected).ok();
    const bool broken = feeder.collector.broken.contains(number);
    // Without a store, what repeats a chunk of a broken tensor may come too late.
    const bool too_late =
        (data[0] & 0x10) == 0 && tensor.repeats && feeder.collector.unsupported.contains(number);
    require(readable != broken || too_late);
    if (!broken) require(feeder.collector.bytes[number] == expected);
  }
  return 0;
}
