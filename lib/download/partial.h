// Partial: the files of a download that is not complete. Internal to bbz.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "bbz/http/fields.h"
#include "bbz/io/fd.h"
#include "bbz/push/state.h"
#include "bbz/push/store.h"

namespace bbz::download {

// What will be PATH is PATH.part until it is complete, and PATH.part.state says what of it is
// there. The state is written often, in place and not synced: a killed process loses nothing that
// it lists; after a failure of the machine it may list more than there is. So it is never trusted:
// what it lists is checked again, and where its own checksum does not hold, everything that is
// there.
class Partial {
 public:
  // Creates PATH.part, or takes up the one that is there, for this process alone. Errors: kExists
  // where another process works on it; kIo, kNotFound.
  static Result<std::unique_ptr<Partial>> open(const std::string& path);

  push::Store& store() { return *store_; }
  const std::string& name() const { return part_; }
  // How long the file is now.
  Result<std::uint64_t> size() const;
  Status resize(std::uint64_t size);

  // What was saved, and of which version of the file; nothing where there is none or it is damaged.
  struct Saved {
    http::Identity identity;
    std::vector<push::Interval> there;
  };
  std::optional<Saved> load() const;
  Status save(const Saved& saved);

  // Puts it in its place, complete and, if wanted, on the disk before and after. Errors: kExists if
  // something stands there that may not be replaced.
  Status publish(bool replace, bool sync);
  // Removes it and its state.
  void remove();

 private:
  Partial(const std::string& path, io::Fd lock, std::unique_ptr<push::Store> store);

  std::string path_;
  std::string part_;
  std::string state_;
  io::Fd file_;  // locked
  io::Fd state_file_;
  std::unique_ptr<push::Store> store_;
};

}  // namespace bbz::download
