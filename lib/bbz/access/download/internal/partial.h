// Partial: the files of a download that is not complete. Internal to bbz.
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

// What will be PATH is PATH.part until it is complete, and PATH.part.state says what of it is
// there. The state is replaced often, as a whole and not synced: a killed process loses nothing
// that it lists; after a failure of the machine it may list more than there is. So it is never
// trusted: what it lists is checked again, and where its own checksum does not hold, everything
// that is there.
//
// Both are files of this user that nobody else can write to (io::open_own_file), and the first is
// used through the descriptor that was looked at, whatever comes to its name.
class Partial {
 public:
  enum class Found {
    kOwn,       // what is there is refused if it is not this user's alone
    kReplaced,  // it then makes way
    kMended,    // it is an output that is repaired, which others may write to until it is opened
  };
  // Creates PATH.part, or takes up the one that is there, for this process alone. Errors: kExists
  // if another process works on it, or for what is refused; kIo, kNotFound.
  static Result<std::unique_ptr<Partial>> open(const std::string& path, Found found);

  push::Store& store() { return *store_; }
  const std::string& name() const { return part_; }
  // Opens it for reading. Errors: kIo.
  Result<std::unique_ptr<io::Source>> source() const;
  // How long the file is now.
  Result<std::uint64_t> size() const;
  Status resize(std::uint64_t size);
  // Forgets what is there, and what is known of it.
  Status clear();

  // What was saved, and of which version of which file.
  struct Saved {
    Origin origin;
    std::uint64_t total = 0;
    std::vector<push::Interval> there;
  };
  // Nothing if there is none, or one that is damaged or not of such a download. Errors:
  // kUnsupported for a state of a later version; kExists if it is not this user's alone; kIo.
  Result<std::optional<Saved>> load() const;
  Status save(const Saved& saved);

  // Puts it in its place, complete and, if wanted, on the disk before and after. Errors: kExists if
  // something stands there that may not be replaced; kIo if it is not at its own name any more.
  Status publish(bool replace, bool sync);
  // Removes it and its state.
  void remove();

 private:
  Partial(const std::string& path, io::Fd lock, std::unique_ptr<push::Store> store);
  void set_mode();

  std::string path_;
  std::string part_;
  std::string state_;
  io::Fd file_;  // locked
  std::unique_ptr<push::Store> store_;
  std::optional<std::uint32_t> mode_;  // that a mended file had
};

}  // namespace bbz::download
