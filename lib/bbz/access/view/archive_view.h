// ArchiveView: reads the original files of an archive at any offset.
//
//   view::ArchiveView view(reader);
//   BBZ_ASSIGN(const auto file, view.open(number));   // an io::Source
//   BBZ_ASSIGN(const std::size_t n, file->read_at(offset, buffer));
#pragma once

#include <memory>
#include <vector>

#include "bbz/access/view/counters.h"
#include "bbz/archive/reader.h"
#include "bbz/io/source.h"

namespace bbz::view {

// Options of an ArchiveView.
struct ViewOptions {
  // The bytes of decoded chunks to keep. One chunk is kept whatever its size. What readers hold or
  // wait for comes on top.
  std::uint64_t cache_bytes = std::uint64_t{256} << 20;
  // The number of threads that decode at once, including those of readers. With 1, nothing is
  // decoded ahead.
  unsigned threads = kAllCores;
};

// Bytes of a file at their place in the cache. Valid as long as `owner` is held.
struct FilePiece {
  Bytes bytes;                        // decoded
  std::shared_ptr<const void> owner;  // keeps `bytes` in memory while it is held
};

// An open file, with the bytes that unpacking gives, for every archive. Safe to read from many
// threads at once. While it is read sequentially, the next chunks are decoded ahead, and those
// after them are hinted to the archive's source, which may prefetch them. Errors of reading are
// those of Reader, and name tensor, chunk and offset; a later read tries again.
class FileView : public io::Source {
 public:
  // Returns up to `size` bytes from `offset`, fewer only at the end of the file: as pieces in
  // order, none of them empty.
  virtual Result<std::vector<FilePiece>> pieces(std::uint64_t offset, std::uint64_t size) = 0;
};

// Opens the files of an archive. All files opened from one view share a cache of decoded chunks: a
// chunk that several readers ask for at once is decoded once, and the chunks that were used last
// are kept. Safe to use from many threads.
class ArchiveView {
 public:
  // Makes a view of an archive. `reader` must outlive it. The view decodes each chunk on one
  // thread, the caller's or its own. The threads of `reader` only help to derive tensors.
  explicit ArchiveView(const Reader& reader, const ViewOptions& options = {});
  ~ArchiveView();

  // Opens a file of the catalog, by number. The view must outlive it. Errors: kInvalidArgument for
  // a number that does not exist and for a directory.
  Result<std::unique_ptr<FileView>> open(std::uint32_t file);

  // Returns what reading has cost so far.
  Counters counters() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bbz::view
