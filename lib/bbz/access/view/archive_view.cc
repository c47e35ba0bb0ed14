#include "bbz/access/view/archive_view.h"

#include <algorithm>
#include <cstring>

#include "bbz/access/view/internal/block_cache.h"
#include "bbz/access/view/internal/read_pattern.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz::view {

struct ArchiveView::State {
  State(const Reader& r, const ViewOptions& options)
      : reader(r),
        cache(options.cache_bytes, options.threads,
              [this](const Block& block, MutableBytes out) {
                return reader.read_bytes(block.tensor, block.begin, out);
              }),
        most_ahead(options.cache_bytes / 4) {}

  const Reader& reader;
  BlockCache cache;
  const std::uint64_t most_ahead;  // bytes to decode ahead for one file
};

namespace {

class OpenFile final : public FileView {
 public:
  OpenFile(const Reader& reader, const catalog::File& file, BlockCache& cache,
           std::uint64_t most_ahead)
      : reader_(reader),
        catalog_(reader.catalog()),
        file_(file),
        cache_(cache),
        most_ahead_(most_ahead) {}

  Result<std::vector<FilePiece>> pieces(std::uint64_t offset, std::uint64_t size) override {
    std::vector<FilePiece> pieces;
    if (offset >= file_.size || size == 0) return pieces;
    const std::uint64_t end = offset + std::min(size, file_.size - offset);
    look_ahead(offset, end);
    while (offset < end) {
      BBZ_ASSIGN(const Place place, place_of(offset));
      BBZ_ASSIGN(const SharedBlock decoded, cache_.get(place.block));
      const std::uint64_t from = offset - place.begin;
      const std::uint64_t part = std::min(end - offset, decoded->size() - from);
      pieces.push_back({decoded->bytes().subspan(from, part), decoded});
      offset += part;
    }
    return pieces;
  }

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    BBZ_ASSIGN(const std::vector<FilePiece> all, pieces(offset, out.size()));
    std::size_t done = 0;
    for (const FilePiece& piece : all) {
      std::memcpy(out.data() + done, piece.bytes.data(), piece.bytes.size());
      done += piece.bytes.size();
    }
    return done;
  }

  std::optional<std::uint64_t> size() const override { return file_.size; }
  bool seekable() const override { return true; }
  std::string_view name() const override { return file_.path; }

 private:
  struct Place {
    Block block;
    std::uint64_t begin = 0;  // offset of the block in the file
  };

  // Returns the position in file_.tensors of the tensor that holds a byte of the file.
  std::size_t tensor_at(std::uint64_t offset) const {
    const auto end_of = [&](std::uint32_t number) {
      return catalog_.tensors[number].meta.offset + catalog_.tensors[number].byte_size;
    };
    return static_cast<std::size_t>(std::ranges::upper_bound(file_.tensors, offset, {}, end_of) -
                                    file_.tensors.begin());
  }
  const catalog::Tensor& tensor(std::size_t position) const {
    return catalog_.tensors[file_.tensors[position]];
  }

  Result<Place> place_of(std::uint64_t offset) const {
    const catalog::Tensor& holder = tensor(tensor_at(offset));
    Place place;
    BBZ_ASSIGN(place.block, block_at(catalog_, holder, offset - holder.meta.offset));
    place.begin = holder.meta.offset + place.block.begin;
    return place;
  }

  // Returns the end of the tensor that holds byte `offset`. For bytes that are no tensor, such as a
  // header, returns the end of the tensor that follows them.
  std::uint64_t tensor_end(std::uint64_t offset) const {
    std::size_t at = tensor_at(offset);
    while (tensor(at).meta.kind == catalog::TensorKind::kBytes && at + 1 < file_.tensors.size()) {
      ++at;
    }
    return tensor(at).meta.offset + tensor(at).byte_size;
  }

  // Notes a read, and starts to fetch and decode what is likely to be read next. Errors are left to
  // the read that needs those bytes.
  void look_ahead(std::uint64_t begin, std::uint64_t end) {
    const std::lock_guard lock(mutex_);
    const std::uint64_t horizon =
        ahead_.note(begin, end, tensor_end(begin), file_.size, kFetchWindow);
    if (ahead_.begun()) {
      told_.clear();
      asked_ahead_ = 0;
    }
    // At the end of a tensor, hints before it may still be in use: keep them until the reader is
    // well past them or somewhere else.
    std::erase_if(told_, [&](const Told& told) { return told.end + ReadPattern::kSlack < begin; });
    const auto last = place_of(end - 1);
    if (horizon <= end || !last.ok()) return;
    const std::uint64_t block = last->block.size();
    // Do not ask again for what this read and earlier ones have asked for.
    const std::uint64_t next = std::max(last->begin + block, asked_ahead_);
    const std::uint64_t window =
        std::min(most_ahead_, std::max(kLeastWindow, cache_.depth() * block));
    const std::uint64_t decoded = cache_.depth() == 0 ? end : std::min(horizon, end + window);
    fetch_ahead(next, decoded, horizon);
    decode_ahead(next, decoded);
  }

  // Hints the chunks up to the horizon to the source, before any of them is decoded. Beyond the
  // bytes to be decoded now, waits until the new hint covers at least half of what lies ahead of
  // the reader, so that the source fetches many chunks together. Chunks in the cache are not
  // hinted. Beyond the bytes to be decoded, a cached chunk ends the hint, because it may leave the
  // cache before the reader needs it.
  void fetch_ahead(std::uint64_t next, std::uint64_t decoded, std::uint64_t horizon) {
    const std::uint64_t from = told_.empty() ? next : std::max(next, told_.back().end);
    if (from >= horizon) return;
    if (from >= decoded && 2 * (horizon - from) < horizon - next) return;
    Told told{from, {}};
    std::vector<catalog::Chunk> chunks;
    while (told.end < horizon) {
      const auto place = place_of(told.end);
      if (!place.ok()) break;
      const auto all = catalog_.chunks_of(catalog_.tensors[place->block.tensor]);
      if (cache_.knows(place->block)) {
        if (told.end >= decoded) break;
      } else if (place->block.number < all.size()) {
        const catalog::Chunk& chunk = all[place->block.number];
        const bool again = !chunks.empty() && chunks.back().payload.offset == chunk.payload.offset;
        if (!again) chunks.push_back(chunk);
      }
      told.end = place->begin + place->block.size();
    }
    if (told.end == from) return;
    told.hint = reader_.prefetch(chunks);
    told_.push_back(std::move(told));
  }

  void decode_ahead(std::uint64_t next, std::uint64_t decoded) {
    while (next < decoded) {
      const auto following = place_of(next);
      if (!following.ok() || !cache_.decode_ahead(following->block)) return;
      next = following->begin + following->block.size();
      asked_ahead_ = next;
    }
  }

  // A prefetch hint, up to `end` in the file.
  struct Told {
    std::uint64_t end = 0;
    std::unique_ptr<io::Prefetch> hint;
  };

  static constexpr std::uint64_t kLeastWindow = std::uint64_t{4} << 20;   // bytes to decode ahead
  static constexpr std::uint64_t kFetchWindow = std::uint64_t{32} << 20;  // bytes to hint ahead

  const Reader& reader_;
  const catalog::Catalog& catalog_;
  const catalog::File& file_;
  BlockCache& cache_;
  const std::uint64_t most_ahead_;
  std::mutex mutex_;
  ReadPattern ahead_;
  std::uint64_t asked_ahead_ = 0;  // offset up to which this run has asked
  std::vector<Told> told_;         // in the order of their offsets
};

}  // namespace

ArchiveView::ArchiveView(const Reader& reader, const ViewOptions& options)
    : state_(std::make_unique<State>(reader, options)) {}
ArchiveView::~ArchiveView() = default;

Result<std::unique_ptr<FileView>> ArchiveView::open(std::uint32_t file) {
  const catalog::Catalog& catalog = state_->reader.catalog();
  if (file >= catalog.files.size()) {
    return make_error(Code::kInvalidArgument, "file {}: expected a number below {}", file,
                      catalog.files.size());
  }
  const catalog::File& entry = catalog.files[file];
  if (entry.kind != catalog::FileKind::kRegular) {
    return make_error(Code::kInvalidArgument, "{}: is a directory", quoted(entry.path));
  }
  BBZ_TRY(catalog::check_file(entry));
  return std::unique_ptr<FileView>(
      std::make_unique<OpenFile>(state_->reader, entry, state_->cache, state_->most_ahead));
}

Counters ArchiveView::counters() const {
  return state_->cache.counters();
}

}  // namespace bbz::view
