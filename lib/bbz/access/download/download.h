// Downloads an archive, or a part of one, from a URL into a file.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "bbz/archive/reader.h"
#include "bbz/base/error.h"
#include "bbz/base/hash.h"
#include "bbz/format/container/limits.h"
#include "bbz/http/options.h"

namespace bbz::download {

// Options of a download.
struct Options {
  http::Options http;  // also the number of connections that fetch at once (at least 1)
  // Replaces an existing file when the new one is complete, and PATH.part if it is not from a
  // download of this URL.
  bool replace = false;
  // Writes the file through to the disk before it gets its name.
  bool sync = true;
  // Ignores what an earlier download has left, and begins anew.
  bool restart = false;
  // The root digest that the archive must have. The digest covers the content, so everything that
  // is fetched is also decoded.
  std::optional<Digest> expected;
  unsigned threads = kAllCores;  // the number of threads that decode what is decoded
  // Has the tensors on which those of the archive lean, for what is decoded. May be null: then tensors
  // that lean are not decoded, and a part cannot have them.
  std::shared_ptr<Base> base{};
  Limits limits;  // bound what the archive may declare
  // Called now and then, on any thread but one call at a time, with the number of bytes that are
  // there so far and, if it is known, the number that there will be.
  std::function<void(std::uint64_t, std::optional<std::uint64_t>)> progress;
};

// The outcome of a download.
struct Summary {
  std::uint64_t bytes = 0;    // length of the archive
  std::uint64_t moved = 0;    // bytes that were fetched
  std::uint64_t damaged = 0;  // damaged heads and payloads found in what was there before
  bool whole = false;         // fetched front to back: the server has no ranges
  // Tensors that Options::expected would have decoded, and that lean on a base which was not given.
  std::uint64_t undecoded = 0;
  // The root digest of the archive.
  Digest root;
};

// Downloads an archive, over several connections if that takes long. Checks every record against
// its checksum and against the index as it arrives. Until it is complete and correct, the data is
// in PATH.part and its state in PATH.part.state. A later call with the same path resumes the
// download, however the earlier one ended. A damaged piece is fetched again; a third damaged copy
// ends the download.
//
// These files are trusted only as far as the server confirms them: header, index and trailer are
// always fetched, and each record found in PATH.part is checked against them before it counts. Both
// files must belong to this user, have no other name and be writable by nobody else. Links at their
// names are not followed; other files are refused. The file on the server must be the same version,
// judged by size, ETag and Last-Modified. The URL must be the same except for its user, query and
// fragment.
//
// A new download begins with one request for everything. If that would take more than about a
// second, the other connections join. Their pieces take some seconds each, so that the delay of a
// request hardly counts. If the process is killed, the data in flight is lost, and about 8 MiB at
// most that arrived after the state was last saved.
//
// Memory: about 1 MiB for each connection, the index with what it lists, and the largest record.
// With options.expected, also what that record decodes to, and a symmetry group with its tensors.
//
// A server without ranges sends the file front to back, and an interrupted download starts over.
//
// Errors: kExists if PATH exists and may not be replaced; kExists if PATH.part or its state was not
// made by a download of this URL or is refused, or if another process downloads to it; kUnsupported
// if the state was written by a later version of bbz; those of http::RemoteFile; kIo for the files;
// kDigestMismatch if the root digest is not the expected one; kNotAnArchive, kTruncated, kChecksum,
// kMalformed, kUnsupported, kLimit if the server's file is not a whole archive. After these,
// nothing that was fetched is kept. If options.base is not the one on which the archive leans,
// kUnsupported, kBase, and others of opening the base; what was fetched is kept then.
Result<Summary> download(const std::string& url, const std::string& path,
                         const Options& options = {});

// Repairs the archive at PATH: downloads as download() does, and keeps what is right. The file
// becomes PATH.part once the server has answered, and what differs from the server's index is
// fetched again. If the server does not support ranges, the file stays at PATH. If the server's
// file is not a whole archive, the file is moved back to PATH.
//
// Only an archive can be repaired, however damaged, and only if it belongs to this user and has no
// other name. With options.replace, any other file is replaced. Errors: those of download();
// kExists if the file at PATH can be neither repaired nor replaced; kNotFound if there is neither a
// file at PATH nor one at PATH.part.
Result<Summary> repair(const std::string& url, const std::string& path,
                       const Options& options = {});

// Selects the part of an archive to fetch, and uses it.
struct PartRequest {
  // Returns whether to fetch a tensor of a file.
  std::function<bool(const catalog::File&, const catalog::Tensor&)> wants;
  // Called once, when all selected tensors are there. The reader can read those tensors, the
  // metadata of their files, and nothing else. Its result is the result of download_part().
  std::function<Status(const Reader&)> use;
};

// Fetches a part as download() fetches the whole archive, with the same files beside PATH:
// PATH.part holds what was fetched at its place in the archive, and holes elsewhere. What an
// earlier call has left there is used, whether it was for this part, another or the whole.
// `part.use` decides what is written to PATH; after it succeeds, the files beside PATH are removed.
//
// Errors: those of download(), and those of `part.use`; kIo if the server does not support ranges.
// After an error of `part.use`, what was fetched is kept if the code is kIo or kCancelled, or if it
// is kNotFound and an earlier call had left data.
Result<Summary> download_part(const std::string& url, const std::string& path,
                              const Options& options, const PartRequest& part);

}  // namespace bbz::download
