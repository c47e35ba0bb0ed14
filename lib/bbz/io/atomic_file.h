// AtomicFile: a file that appears under its name when it is complete.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "bbz/io/batch.h"
#include "bbz/io/fd_writer.h"
#include "bbz/io/publication.h"
#include "bbz/io/sink.h"

namespace bbz::io {

// Writes to a temporary file in the target's directory and renames it to the target in finish(). An
// error, a full disk or a kill before finish() leaves nothing under the target's name, or the file
// that was there before. The temporary has no name if the file system supports unnamed files.
//
// The destructor removes an unfinished temporary, and remove_unfinished_files() does so in a signal
// handler. On a file system without unnamed files, a kill may leave a temporary; the next process
// that creates a file in the directory removes it.
class AtomicFile final : public Sink {
 public:
  // Creates the temporary for `path`. With options.replace, finish() replaces a regular file or a
  // symbolic link (the link itself, not its target). Errors:
  // - kExists if `path` exists and options.replace is not set, or if it is a directory or device;
  // - kInvalidArgument if options.replace is set and `path` is options.input under any name, or if
  //   `path` does not end with the name of a file;
  // - kNotFound if the directory is missing; kIo; kCancelled after remove_unfinished_files().
  static Result<std::unique_ptr<AtomicFile>> create(const std::string& path,
                                                    const OutputOptions& options);

  // Creates the temporary for the entry `name` of an open directory. `name` has no '/', and `path`
  // is for messages. If there is a batch, finish() gives the file to it; the batch must outlive the
  // file. Errors: as create().
  static Result<std::unique_ptr<AtomicFile>> create_at(Directory directory, const std::string& name,
                                                       std::string path,
                                                       const OutputOptions& options,
                                                       Batch* batch = nullptr);

  ~AtomicFile() override = default;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  Status write(Bytes bytes) override;
  // Flushes the file, gives it the time of options.attributes, syncs it to the disk if options.sync
  // is set, and gives it its permissions and its name. If there is a batch, that does all from the
  // sync on. After an error the temporary is removed. Errors: as write(); kExists if the target has appeared since create() and must not be
  // replaced; kInvalidArgument if the target is an input, or if the file was finished or abandoned
  // before; kCancelled after remove_unfinished_files(); those of Batch::add().
  Status finish() override;
  bool can_patch() const override { return true; }
  Status patch(std::uint64_t offset, Bytes bytes) override;
  bool can_read() const override { return true; }
  Status read(std::uint64_t offset, MutableBytes out) override;
  Status extend(std::uint64_t size) override;
  bool can_place() const override { return true; }
  Status reserve(std::uint64_t size) override;
  Status place(std::uint64_t offset, Bytes bytes) override;
  Status add_input(const FileStatus& input) override;
  std::uint64_t written() const override { return writer_.written(); }
  std::string_view name() const override { return writer_.name(); }

  // Removes the temporary. Every later call fails with kInvalidArgument.
  void abandon() { file_.abandon(); }

 private:
  AtomicFile(Publication file, Batch* batch);
  Status check_open(std::string_view action) const;
  void count_dirty(std::size_t bytes);

  Publication file_;
  Batch* batch_;
  FdWriter writer_;
  std::atomic<std::uint64_t> dirty_{0};  // bytes that were written or placed
};

// Removes the named temporaries of this process. From then on, creating and finishing files fails
// with kCancelled. Async-signal-safe: handlers of SIGINT and SIGTERM call it, and the process
// should end soon after. It knows at most 128 names at a time; destructors or a later process
// remove the others.
void remove_unfinished_files();

}  // namespace bbz::io
