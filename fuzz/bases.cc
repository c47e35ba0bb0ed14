// A difference and its base, both hostile. First a tensor and its base are made of the input, and
// written and read: the same bytes come back, also in place. Then bytes of the archive are changed, and
// the base: what is read then is an error or the same bytes.
#include <cstdlib>

#include "bbz/access/push/decoder.h"
#include "bbz/access/salvage/salvage.h"
#include "bbz/archive/reader.h"
#include "bbz/archive/stream.h"
#include "bbz/archive/writer.h"
#include "support/temp_dir.h"

namespace {

using namespace bbz;

// One tensor, which is what the input says.
class InputBase final : public Base {
 public:
  InputBase(const TensorInfo& info, std::vector<std::byte> bytes)
      : info_(info), bytes_(std::move(bytes)) {}

  Result<std::vector<BaseTensor>> find(std::string_view, const catalog::BaseMeta*) override {
    BaseTensor tensor;
    tensor.info = info_;
    tensor.origin = "input";
    tensor.file = std::make_shared<const catalog::BaseMeta>();
    tensor.read = [this](std::uint64_t offset, MutableBytes out) -> Status {
      if (offset > bytes_.size() || out.size() > bytes_.size() - offset) std::abort();
      std::ranges::copy(Bytes(bytes_).subspan(offset, out.size()), out.begin());
      return {};
    };
    return std::vector<BaseTensor>{tensor};
  }
  std::string shown() const override { return "input"; }

  std::vector<std::byte>& bytes() { return bytes_; }

 private:
  TensorInfo info_;
  std::vector<std::byte> bytes_;
};

class Collector final : public Visitor {
 public:
  Status data(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes) override {
    if (tensor.byte_size != expected.size()) return {};
    const Bytes right = expected.subspan(offset, bytes.size());
    if (tensor.meta.leans() && !std::ranges::equal(bytes, right)) std::abort();
    return {};
  }
  Bytes expected;
};

// Counts what is pushed of the tensor, and compares it.
class PushCollector final : public push::Receiver {
 public:
  explicit PushCollector(Bytes expected) : expected_(expected) {}
  Status data(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes) override {
    if (tensor.byte_size != expected_.size() || !tensor.meta.leans()) return {};
    if (!std::ranges::equal(bytes, expected_.subspan(offset, bytes.size()))) std::abort();
    received += bytes.size();
    return {};
  }
  Status failed(const catalog::Tensor&, const catalog::Chunk*, const Error&) override { return {}; }

  std::uint64_t received = 0;

 private:
  Bytes expected_;
};

// Pushes the archive, the second half first. Aborts if other bytes come than a reader gives, or if it
// gives all of them and some do not come of an archive that is whole. `whole`: the reader gives them.
void push_all(Bytes archive, Bytes plain, const std::shared_ptr<Base>& base, bool whole) {
  push::Options options;
  options.threads = 1;
  options.base = base;
  PushCollector collector(plain);
  const auto decoder = *push::Decoder::create(options, collector);
  const std::size_t half = archive.size() / 2;
  (void)decoder->feed(half, archive.subspan(half));
  (void)decoder->feed(0, archive.first(half));
  (void)decoder->set_total(archive.size());
  if (whole && decoder->finish().ok() && collector.received != plain.size()) std::abort();
}

// Salvages the archive. Aborts if a byte that is recovered is another, or if some are lost of an archive
// that is whole.
void salvage_all(Bytes archive, Bytes plain, const std::shared_ptr<Base>& base, bool whole) {
  const io::TempDir dir;
  auto tree = io::OutputTree::open(dir / "out");
  if (!tree.ok()) std::abort();
  salvage::Options options;
  options.threads = 1;
  options.sync = false;
  options.base = base;
  const auto report = salvage::salvage(*io::memory_source(archive), *tree, options);
  if (whole && !(report.ok() && report->whole())) std::abort();
  if (!report.ok() || report->files.size() != 1) return;
  const salvage::FileReport& file = report->files[0];
  for (const std::string& path : file.written) {
    const std::string found = io::read_text(dir / ("out/" + path));
    const Bytes bytes = std::as_bytes(std::span(found));
    if (file.outcome == salvage::Outcome::kWhole && !std::ranges::equal(bytes, plain)) std::abort();
    if (!path.ends_with(".partial")) continue;
    for (std::size_t i = 0; i < bytes.size(); ++i) {  // what is lost is a hole
      if (bytes[i] != std::byte{0} && (i >= plain.size() || bytes[i] != plain[i])) std::abort();
    }
  }
}

Result<std::vector<std::byte>> write(const TensorInfo& info, Bytes plain, InputBase& base,
                                     const WriteOptions& options) {
  std::vector<std::byte> archive;
  const auto sink = io::memory_sink(archive);
  BBZ_ASSIGN(Writer writer, Writer::create(*sink, options));
  BBZ_ASSIGN(const auto found, base.find(info.name, nullptr));
  BBZ_TRY(writer.begin_file("f"));
  TensorSpec spec;
  spec.name = info.name;
  spec.dtype = info.dtype;
  spec.shape = info.shape;
  LeansOn leans;
  BBZ_ASSIGN(leans.base, writer.add_base(*found[0].file));
  leans.name = info.name;
  BBZ_ASSIGN(leans.bytes, SupportBytes::load(found[0], plain.size(), options.digest));
  spec.leans = leans;
  BBZ_TRY(writer.begin_tensor(spec));
  BBZ_TRY(writer.write(plain));
  BBZ_TRY(writer.end_tensor());
  BBZ_TRY(writer.end_file());
  BBZ_TRY(writer.finish());
  return archive;
}

// Reads the archive in every way. Returns whether all of it came back; aborts if something else did.
bool read(Bytes archive, Bytes plain, const std::shared_ptr<InputBase>& base) {
  ReadOptions options;
  options.threads = 1;
  options.base = base;
  Collector collector;
  collector.expected = plain;
  StreamOptions stream;
  stream.threads = 1;
  stream.base = base;
  (void)read_stream(*io::memory_source(archive), stream, collector);
  const auto reader = Reader::open(io::memory_source(archive), options);
  if (!reader.ok() || reader->catalog().tensors.size() != 1) return false;
  const catalog::Tensor& tensor = reader->catalog().tensors[0];
  if (tensor.byte_size != plain.size()) return false;
  std::vector<std::byte> out(plain.size());
  const bool whole = reader->read_tensor(0, out).ok();
  if (whole && !std::ranges::equal(out, plain)) std::abort();
  push_all(archive, plain, base, whole && tensor.meta.leans());
  std::vector<std::byte> resident = base->bytes();
  const bool updated = reader->update_tensor(0, resident).ok();
  if (updated && !std::ranges::equal(resident, plain)) std::abort();
  return whole && updated;
}

Status run(Bytes input) {
  // Eight bytes of choices, then the base, and then what differs from it.
  constexpr std::size_t kChoices = 8;
  if (input.size() < kChoices) return {};
  const auto choice = [&](std::size_t i) { return std::to_integer<std::size_t>(input[i]); };
  const auto table = dtype_table();
  const DTypeInfo& dtype = table[choice(0) % table.size()];
  WriteOptions options;
  options.threads = 1;
  options.chunk_bytes = 16u << (choice(2) % 10);
  options.digest = choice(2) >= 128 ? DigestKind::kSha256 : DigestKind::kXxh3_128;
  const std::uint64_t row = 1 + choice(1) % 64;
  const std::uint64_t row_bytes = row * 8 * static_cast<std::uint64_t>(dtype.bits) / 8;
  const Bytes data = input.subspan(kChoices);
  const std::uint64_t rows = data.size() / row_bytes;
  if (rows == 0) return {};
  const Bytes plain = data.first(rows * row_bytes);
  std::vector<std::byte> old(plain.begin(), plain.end());
  const std::size_t step = 1 + choice(3);
  for (std::size_t i = 0; i < old.size(); i += step) {
    old[i] ^= static_cast<std::byte>(choice(4));
  }
  const TensorInfo info{"t", dtype.dtype, {rows, row * 8}};
  const auto base = std::make_shared<InputBase>(info, old);
  BBZ_ASSIGN(std::vector<std::byte> archive, write(info, plain, *base, options));
  if (!read(archive, plain, base)) std::abort();
  salvage_all(archive, plain, base, true);

  const std::size_t at = (choice(5) << 8 | choice(6)) % archive.size();
  archive[at] ^= static_cast<std::byte>(choice(7));
  read(archive, plain, base);
  salvage_all(archive, plain, base, false);
  base->bytes()[at % old.size()] ^= static_cast<std::byte>(choice(7) | 1);
  read(archive, plain, base);
  salvage_all(archive, plain, base, false);
  return {};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (!run(std::as_bytes(std::span(data, size))).ok()) std::abort();
  return 0;
}
