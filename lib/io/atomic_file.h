// AtomicFile: a file that stands under its name only once it is complete.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "bbz/io/fd.h"
#include "bbz/io/fd_sink.h"
#include "bbz/io/sink.h"

namespace bbz::io {

// Writes to a temporary file in the target's directory, with an unpredictable name, and renames it
// to the target in finish(). Whatever goes wrong before - an error, a full disk, a kill - leaves
// nothing under the target's name and a file that was there before as it was. The destructor
// removes a temporary that was not finished; remove_unfinished_files() does so from a signal
// handler.
class AtomicFile final : public Sink {
 public:
  // Errors: kExists where something stands under `path` that options.replace does not let go of: a
  // regular file or a symbolic link makes way (the link itself, not what it points to), a directory
  // or device never does. kNotFound where the directory is missing; kIo.
  static Result<std::unique_ptr<AtomicFile>> create(const std::string& path, OutputOptions options);

  // The same for the entry `name`, without '/', of the open directory `directory`, which is
  // duplicated. `path` is for messages.
  static Result<std::unique_ptr<AtomicFile>> create_at(int directory, const std::string& name,
                                                       std::string path, OutputOptions options);

  // Whether create_at would find the way free, as far as one can know without doing it.
  static Status check_at(int directory, const std::string& name, std::string_view path,
                         OutputOptions options);

  ~AtomicFile() override;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  Status write(Bytes bytes) override;
  // Flushes, syncs to the disk and renames. Errors: as write; kExists where a target appeared in
  // the meantime and may not be replaced. After an error the temporary is gone.
  Status finish() override;
  bool can_patch() const override { return true; }
  Status patch(std::uint64_t offset, Bytes bytes) override;
  Status extend(std::uint64_t size) override;
  bool can_place() const override { return true; }
  Status reserve(std::uint64_t size) override;
  Status place(std::uint64_t offset, Bytes bytes) override;
  std::uint64_t written() const override { return writer_.written(); }
  std::string_view name() const override { return writer_.name(); }

  // Removes the temporary file; nothing may be written after it.
  void abandon();

 private:
  AtomicFile(Fd directory, Fd file, std::string target, std::string temporary, int slot,
             std::string path, OutputOptions options);
  Status check_open(std::string_view action) const;
  void count_dirty(std::size_t bytes);
  Status publish();

  Fd directory_;
  Fd file_;
  std::string target_;     // entry of directory_
  std::string temporary_;  // entry of directory_, empty once it is gone
  int slot_;               // in the registry of temporaries
  OutputOptions options_;
  FdWriter writer_;
  std::atomic<std::uint64_t> dirty_{0};  // bytes that were written or placed
};

// Removes the temporary of every AtomicFile of the process that is not finished, and makes those
// that are created or finished from now on fail with kCancelled. Async-signal-safe, for the handler
// of SIGINT and SIGTERM; the process is expected to end soon after. Up to 128 files at a time are
// known here; more are removed by their destructors only.
void remove_unfinished_files();

}  // namespace bbz::io
