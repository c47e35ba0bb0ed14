// The bytes as an archive, read in every way: what streams is found by seeking, decodes to the same
// bytes, and comes out of a view as it does out of a reader. What does not stream is not decoded
// either, unless only a payload check is wrong. At the end it says how many inputs had a catalog,
// that is, came as far as decoding.
#include <cstdio>
#include <map>

#include "archive_mutator.h"
#include "bbz/access/view/archive_view.h"
#include "bbz/archive/reader.h"
#include "bbz/archive/stream.h"
#include "bbz/base/hash.h"
#include "bbz/format/chunk/payload.h"

namespace {

using namespace bbz;
using fuzz::Buffer;
using fuzz::require;

constexpr std::uint64_t kMost = 1 << 22;  // bytes of a tensor that is looked at

struct Share {
  std::uint64_t inputs = 0, opened = 0, decoded = 0;
  ~Share() {
    if (inputs == 0) return;
    std::fprintf(stderr, "archive: %llu inputs, %llu with a catalog, %llu decoded whole\n",
                 static_cast<unsigned long long>(inputs), static_cast<unsigned long long>(opened),
                 static_cast<unsigned long long>(decoded));
  }
} share;

// What became of each tensor.
class Collector final : public Visitor {
 public:
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
  Status damaged(const catalog::Tensor& tensor, const catalog::Chunk&, const Error& e) override {
    failed.emplace(tensor.meta.number, e.code);
    return {};
  }
  Status not_derived(const catalog::Tensor& tensor, const Error& e) override {
    failed.emplace(tensor.meta.number, e.code);
    return {};
  }

  std::map<std::uint32_t, Buffer> bytes;
  std::map<std::uint32_t, Code> failed;
};

// Returns whether a payload check is wrong, or that of a chunk of codec same may be. A stream
// compares it although the decoded bytes are right, and a reader that seeks need not.
bool has_wrong_payload_check(const Reader& reader, io::Source& source) {
  for (const catalog::Chunk& chunk : reader.catalog().chunks) {
    if (chunk.same_as) return true;
    Buffer payload(chunk.payload.length);
    const auto check = chunk::read_check(source, chunk.payload);
    if (!check.ok() || !io::read_exactly(source, chunk.payload.offset, payload).ok()) return true;
    if (check32(payload) != *check) return true;
  }
  return false;
}

void read_all(const Reader& reader, io::Source& source, const Collector* streamed) {
  bool whole = true;
  view::ArchiveView view(reader, {1 << 16, 1});
  std::map<std::uint32_t, std::unique_ptr<view::FileView>> files;
  for (const catalog::Tensor& tensor : reader.catalog().tensors) {
    if (tensor.byte_size > kMost) continue;
    const std::uint32_t number = tensor.meta.number;
    Buffer bytes(tensor.byte_size);
    const Status read = reader.read_tensor(number, bytes);
    whole = whole && read.ok();
    // A stream has the bytes of a view in its base, and passes them to nobody.
    if (streamed != nullptr && !tensor.meta.is_view()) {
      const auto failed = streamed->failed.find(number);
      if (failed == streamed->failed.end()) {
        require(read.ok() && bytes == streamed->bytes.at(number));
      } else if (read.ok()) {
        require(failed->second == Code::kChecksum && has_wrong_payload_check(reader, source));
      }
    }
    if (tensor.is_operand() || tensor.meta.is_view() || tensor.byte_size == 0) continue;
    auto& file = files[tensor.meta.file];
    if (!file) {
      auto opened = view.open(tensor.meta.file);
      const Status known = catalog::check_file(reader.catalog().files[tensor.meta.file]);
      require(opened.ok() == known.ok());
      if (!opened.ok()) continue;
      file = std::move(*opened);
    }
    Buffer viewed(tensor.byte_size);
    const auto seen = file->read_at(tensor.meta.offset, viewed);
    require(seen.ok() == read.ok());
    if (read.ok()) require(*seen == viewed.size() && viewed == bytes);
    if (!read.ok()) continue;
    // Any part is as in the whole.
    const std::uint64_t begin = bytes.size() / 3;
    Buffer part((bytes.size() - begin + 1) / 2);
    require(reader.read_bytes(number, begin, part).ok());
    require(std::ranges::equal(part, Bytes(bytes).subspan(begin, part.size())));
  }
  if (whole) ++share.decoded;
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  return fuzz::mutate_archive(data, size, most, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ++share.inputs;
  const auto source =
      std::shared_ptr<io::Source>(io::memory_source(std::as_bytes(std::span(data, size))));
  StreamOptions streaming;
  streaming.threads = 1;
  streaming.limits = fuzz::small_limits(kMost);
  Collector streamed;
  const auto summary = read_stream(*source, streaming, streamed);
  ReadOptions reading;
  reading.threads = 1;
  reading.limits = fuzz::small_limits(kMost);
  const auto reader = Reader::open(source, reading);
  if (summary.ok()) require(reader.ok() && reader->root() == summary->root);
  if (!reader.ok()) return 0;
  ++share.opened;
  read_all(*reader, *source, summary.ok() ? &streamed : nullptr);
  return 0;
}
