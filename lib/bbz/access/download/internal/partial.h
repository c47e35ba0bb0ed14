// Partial: the files of a download that is not complete.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bbz/access/download/identity.h"
#include "bbz/access/push/state.h"
#include "bbz/access/push/store.h"
#include "bbz/io/fd.h"
#include "bbz/io/source.h"

namespace bbz::download {

// PATH.part is the file until it is complete, and PATH.part.state lists the bytes of it that are
// there. The state is replaced often, as a whole and without a sync. A killed process loses nothing
// that it lists, but after a system crash it may list more than there is. So it is never trusted:
// the bytes that it lists are checked again, or all bytes of PATH.part if the checksum of the state
// is wrong.
//
// Both files belong to this user, and nobody else can write to them (io::open_own_file). PATH.part
// is used through the descriptor that was checked, whatever happens to its name.
class Partial {
 public:
  // Says how to treat an existing PATH.part.
  enum class Found {
    kOwn,       // refuse it if it is not this user's alone
    kReplaced,  // remove it if it would be refused
    kMended,    // take it over, even if others could write to it: it is an output to repair
  };
  // Creates PATH.part or opens the existing one, and locks it for this process. Errors: kExists if
  // another process is downloading to it or if it is refused; kIo; kNotFound.
  static Result<std::unique_ptr<Partial>> open(const std::string& path, Found found);

  // Returns the store that writes to PATH.part.
  push::Store& store() { return *store_; }
  // Returns the path of PATH.part.
  const std::string& name() const { return part_; }
  // Opens PATH.part for reading. Errors: kIo.
  Result<std::unique_ptr<io::Source>> source() const;
  // Returns the current length of PATH.part in bytes.
  Result<std::uint64_t> size() const;
  // Changes the length of PATH.part. Errors: kIo.
  Status resize(std::uint64_t size);
  // Empties PATH.part and removes its state.
  Status clear();

  // The bytes that were saved, and the version of the file that they are from.
  struct Saved {
    Origin origin;
    std::uint64_t total = 0;  // length of the file
    std::vector<push::Interval> there;
  };
  // Reads the state. Returns nullopt if there is none, or if it is damaged or not from a download
  // by URL. Errors: kUnsupported for a state of a later version; kExists if it is not this user's
  // alone; kIo.
  Result<std::optional<Saved>> load() const;
  // Replaces the state. Errors: kIo; kExists.
  Status save(const Saved& saved);

  // Renames PATH.part to PATH, with `sync` written through to the disk before and after. Errors:
  // kExists if PATH exists and may not be replaced; kIo if PATH.part was replaced.
  Status publish(bool replace, bool sync);
  // Removes PATH.part and its state.
  void remove();

 private:
  Partial(const std::string& path, io::Fd lock, std::unique_ptr<push::Store> store);
  void set_mode();

  std::string path_;
  std::string part_;
  std::string state_;
  io::Fd file_;  // locked
  std::unique_ptr<push::Store> store_;
  std::optional<std::uint32_t> mode_;  // the permissions that a repaired file had
};

}  // namespace bbz::download
