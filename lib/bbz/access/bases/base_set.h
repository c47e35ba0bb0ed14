// Finds the tensors on which those of an archive lean: in archives, in files of models, in directories of
// them, and behind URLs.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bbz/archive/base.h"
#include "bbz/base/threads.h"
#include "bbz/format/container/limits.h"
#include "bbz/io/source.h"

namespace bbz::bases {

// The most archives of a chain in which each leans on the next.
inline constexpr std::size_t kMostChain = 16;

// Says where to look.
struct Options {
  // Files and URLs of archives and models, and directories. All files of a directory that can be opened
  // as one are looked at, but not its subdirectories. No other place is looked at, whatever an archive
  // says of its base.
  std::vector<std::string> places;
  // Archives and models that are open already, and are called by the names of their sources.
  std::vector<std::shared_ptr<io::Source>> sources{};
  // More places for the bases of the archives at these, if no archive is named that leans.
  std::vector<std::string> deeper{};
  // The archive that leans, if it is a file: it is passed over in directories.
  std::string archive{};
  unsigned threads = kAllCores;  // that decode archives
  Limits limits{};               // for archives
  // Opens a URL. Without it, URLs are refused.
  std::function<Result<std::shared_ptr<io::Source>>(const std::string& url)> open_url{};
};

// Returns a base of all tensors at these places. Files are opened when the first tensor is looked for, and
// stay open. If one of them is an archive that leans itself, its base is looked for at the same places;
// a chain of such archives has at most kMostChain. Errors of find(): those of model::open() of a place
// that is no directory; kInvalidArgument if there is neither a place nor a source.
std::shared_ptr<Base> make(Options options);

// Returns the name of a file without its directories, or a URL without secrets: what an archive records of
// its base. Empty if that is not UTF-8 or too long.
std::string hint_of(const std::string& place);

}  // namespace bbz::bases
