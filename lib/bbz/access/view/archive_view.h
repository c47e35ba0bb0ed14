// ArchiveView: the original files of an archive, read at any offset.
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

struct ViewOptions {
  // How many bytes of decoded chunks are kept. One chunk is kept whatever its size, and what
  // readers hold or wait for comes on top.
  std::uint64_t cache_bytes = std::uint64_t{256} << 20;
  unsigned threads = 0;  // that decode, those of readers among them; 0: all cores, 1: none ahead
};

// Bytes of a file where they lie in the cache, valid as long as `owner` is held.
struct Piece {
  Bytes bytes;
  std::shared_ptr<const void> owner;
};

// One file, opened. Its bytes are those that unpacking gives, for every archive. Reads may come
// from many threads at once; a run of them that goes forward has the chunks before it decoded
// ahead and, further before it, announced to the archive's source, which may fetch them. Errors of
// reading are those of Reader, and name tensor, chunk and offset; a later read tries again.
class FileView : public io::Source {
 public:
  // Up to `size` bytes from `offset`, fewer only at the end of the file: in pieces, in order, none
  // of them empty.
  virtual Result<std::vector<Piece>> pieces(std::uint64_t offset, std::uint64_t size) = 0;
};

// Files opened from one view share a cache of decoded chunks: a chunk that several readers ask for
// at once is decoded once, and those used last are kept. Safe to use from many threads.
class ArchiveView {
 public:
  // `reader` must outlive the view. It decodes one chunk at a time on the thread of each reader and
  // on those of the view, so one that was opened for one thread does.
  explicit ArchiveView(const Reader& reader, const ViewOptions& options = {});
  ~ArchiveView();

  // A file of the catalog, by number. The view must outlive it.
  // Errors: kInvalidArgument for a number that does not exist and for a folder.
  Result<std::unique_ptr<FileView>> open(std::uint32_t file);

  Counters counters() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bbz::view
