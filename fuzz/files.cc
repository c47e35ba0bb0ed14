// Any stream is refused or gives files with safe paths whose extents tile them; a stream that is no
// tar comes back byte for byte.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "bbz/base/names.h"
#include "bbz/files/source_file.h"

namespace {

using bbz::files::SourceFile;

// What a reader of the extents may take from a hostile tar: sparse members are larger than the
// input.
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 24;

void require(bool condition) {
  if (!condition) std::abort();
}

class Pipe final : public bbz::io::Source {
 public:
  explicit Pipe(bbz::Bytes bytes) : bytes_(bytes) {}
  bbz::Result<std::size_t> read_at(std::uint64_t offset, bbz::MutableBytes out) override {
    require(offset == position_);
    const std::size_t n = std::min({out.size(), bytes_.size() - position_, std::size_t{1000}});
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(position_), n, out.begin());
    position_ += n;
    return n;
  }
  std::optional<std::uint64_t> size() const override { return std::nullopt; }
  bool seekable() const override { return false; }

 private:
  bbz::Bytes bytes_;
  std::size_t position_ = 0;
};

// Whether the file could be read to its end, which fails if the stream is cut.
bool read_file(SourceFile& file, std::vector<std::byte>& text) {
  for (const auto& extent : file.layout.extents) {
    require(extent.offset == text.size());
    std::uint64_t left = extent.length.value_or(kMostBytes);
    if (left > kMostBytes) return false;
    while (left != 0) {
      std::byte piece[4096];
      const auto n = file.source->read_at(
          text.size(), bbz::MutableBytes(piece).first(std::min<std::uint64_t>(left, sizeof piece)));
      if (!n.ok() || (*n == 0 && extent.length)) return false;
      if (*n == 0) break;
      text.insert(text.end(), piece, piece + *n);
      left -= *n;
    }
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const bbz::Bytes input = std::as_bytes(std::span(data, size));
  auto files = bbz::files::open_stream(std::make_unique<Pipe>(input));
  if (!files.ok()) return 0;
  while (true) {
    auto file = (*files)->next();
    if (!file.ok() || !file->has_value()) return 0;
    require(bbz::check_safe_path((*file)->path).ok());
    if ((*file)->kind == SourceFile::Kind::kDirectory) continue;
    const bool streamed = (*file)->path.starts_with("stdin") && size < 512;
    std::vector<std::byte> text;
    if (read_file(**file, text) && streamed) require(std::ranges::equal(text, input));
  }
}
