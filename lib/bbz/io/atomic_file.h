// AtomicFile: a file that stands under its name only once it is complete.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "bbz/io/batch.h"
#include "bbz/io/fd_sink.h"
#include "bbz/io/publication.h"
#include "bbz/io/sink.h"

namespace bbz::io {

// Writes to a temporary file in the target's directory, without a name if the file system has such
// files, and gives it the target's name in finish(). Whatever goes wrong before - an error, a full
// disk, a kill - leaves nothing under the target's name and a file that was there before as it was.
// The destructor removes a temporary that was not finished; remove_unfinished_files() does so from
// a signal handler; what a kill leaves on a file system without unnamed files is removed by the
// next process that creates a file in the directory.
class AtomicFile final : public Sink {
 public:
  // Errors: kExists if something stands under `path` that options.replace does not let go of: a
  // regular file or a symbolic link makes way (the link itself, not what it points to), a directory
  // or device never does. kInvalidArgument if it is options.input, under any name; kNotFound if the
  // directory is missing; kIo.
  static Result<std::unique_ptr<AtomicFile>> create(const std::string& path,
                                                    const OutputOptions& options);

  // Creates the entry `name`, without '/', of an open directory. `path` is for messages. With a
  // batch, which must outlive the file, finish() hands the file to it.
  static Result<std::unique_ptr<AtomicFile>> create_at(Directory directory, const std::string& name,
                                                       std::string path,
                                                       const OutputOptions& options,
                                                       Batch* batch = nullptr);

  ~AtomicFile() override = default;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  Status write(Bytes bytes) override;
  // Flushes, syncs to the disk and gives the file its name. Errors: as write; kExists if a target
  // appeared in the meantime and may not be replaced. After an error the temporary is gone.
  Status finish() override;
  bool can_patch() const override { return true; }
  Status patch(std::uint64_t offset, Bytes bytes) override;
  Status extend(std::uint64_t size) override;
  bool can_place() const override { return true; }
  Status reserve(std::uint64_t size) override;
  Status place(std::uint64_t offset, Bytes bytes) override;
  Status add_input(const FileStatus& input) override;
  std::uint64_t written() const override { return writer_.written(); }
  std::string_view name() const override { return writer_.name(); }

  // Removes the temporary file; nothing may be written after it.
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

// Removes every temporary of the process that has a name, and makes those that are created or
// finished from now on fail with kCancelled. Async-signal-safe, for the handler of SIGINT and
// SIGTERM; the process is expected to end soon after. Up to 128 names at a time are known here;
// more are removed by their destructors, or by a later process.
void remove_unfinished_files();

}  // namespace bbz::io
