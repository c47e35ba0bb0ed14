// Any bytes as a tensor of any type and shape: what is written comes back, by the index and as a
// stream.
#include <cstdlib>

#include "bbz/archive/reader.h"
#include "bbz/archive/stream.h"
#include "bbz/archive/writer.h"

namespace {

using namespace bbz;

class Collector final : public Visitor {
 public:
  Status data(const catalog::Tensor&, std::uint64_t offset, Bytes bytes) override {
    if (offset != collected.size()) std::abort();
    collected.insert(collected.end(), bytes.begin(), bytes.end());
    return {};
  }
  std::vector<std::byte> collected;
};

Status run(Bytes input) {
  // Three bytes of choices, then the data.
  if (input.size() < 3) return {};
  const auto choice = [&](std::size_t i) { return std::to_integer<std::size_t>(input[i]); };
  const auto table = dtype_table();
  const DTypeInfo& dtype = table[choice(0) % table.size()];
  const std::uint64_t row = 1 + choice(1) % 64;
  WriteOptions options;
  options.threads = 1;
  options.chunk_bytes = 16u << (choice(2) % 10);
  options.digest = choice(2) >= 128 ? DigestKind::kSha256 : DigestKind::kXxh3_128;
  // Whole rows of eight elements' multiples, so that any type fills whole bytes.
  const std::uint64_t row_bytes = row * 8 * static_cast<std::uint64_t>(dtype.bits) / 8;
  const std::uint64_t rows = (input.size() - 3) / row_bytes;
  const Bytes plain = input.subspan(3, rows * row_bytes);

  std::vector<std::byte> archive;
  const auto sink = io::memory_sink(archive);
  BBZ_ASSIGN(Writer writer, Writer::create(*sink, options));
  BBZ_TRY(writer.begin_file("f"));
  TensorSpec spec;
  spec.name = "t";
  spec.dtype = dtype.dtype;
  spec.shape = {rows, row * 8};
  BBZ_TRY(writer.begin_tensor(spec));
  BBZ_TRY(writer.write(plain));
  BBZ_TRY(writer.end_tensor());
  BBZ_TRY(writer.end_file());
  BBZ_ASSIGN(const Digest root, writer.finish());

  ReadOptions reading;
  reading.threads = 1;
  BBZ_ASSIGN(const Reader reader, Reader::open(io::memory_source(Bytes(archive)), reading));
  std::vector<std::byte> back(plain.size());
  BBZ_TRY(reader.read_tensor(0, back));
  Collector collector;
  StreamOptions stream;
  stream.threads = 1;
  const auto source = io::memory_source(Bytes(archive));
  BBZ_ASSIGN(const StreamSummary summary, read_stream(*source, stream, collector));
  const bool same = std::equal(back.begin(), back.end(), plain.begin(), plain.end());
  if (!same || collector.collected != back || reader.root() != root || summary.root != root) {
    std::abort();
  }
  return {};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (!run(std::as_bytes(std::span(data, size))).ok()) std::abort();
  return 0;
}
