// Downloading: an archive behind a URL, or a part of it, into a file.
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

struct Options {
  http::Options http;    // `connections` fetch at once
  bool replace = false;  // an existing file makes way, when the new one is complete, and so does
                         // what stands at PATH.part and is not of a download of this URL
  bool sync = true;      // the file is on the disk before it gets its name
  bool restart = false;  // what an earlier download has left is not used
  bool repair = false;   // the file that stands there is mended
  // The root digest that the archive must have. It is of the content, so that everything that is
  // fetched is decoded.
  std::optional<Digest> expected;
  Limits limits;
  // Called now and then, on any thread and one at a time, with the bytes that are there of what is
  // fetched and, where it is known, how many there will be.
  std::function<void(std::uint64_t, std::optional<std::uint64_t>)> progress;
};

struct Summary {
  std::uint64_t bytes = 0;    // of the archive
  std::uint64_t moved = 0;    // that were fetched for it
  std::uint64_t damaged = 0;  // records that were there before and wrong
  bool whole = false;         // fetched front to back: the server serves no ranges
  Digest root;
};

// Downloads an archive, over several connections if that takes long, and checks every record
// against its checksum and the index as it comes. Until it is complete and right it stands in
// PATH.part, with PATH.part.state beside it; a later call with the same path goes on where one
// ended, however that was. A piece that is damaged is fetched again, three times at most.
//
// What is found in these files is believed only as far as the server says the same: header, index
// and trailer are always fetched, and each record that is there is checked against them before it
// counts. Both files must be this user's, under one name and writable to nobody else; no link at
// their names is followed, and others are refused. The version of the file must be the same, as far
// as size, ETag and Last-Modified tell, and so must the URL, but for its user, its query and its
// fragment.
//
// A new download begins with one request for everything. If that would take more than about a
// second, the other connections join, with pieces that take some seconds each: long enough that the
// delay of a request hardly counts. A kill loses what was on its way, and at most 8 MiB that came
// after the state was saved.
//
// Memory: about 1 MiB for each connection, the index with what it lists, and the largest record;
// with options.expected also what that decodes to, and a symmetry group with its tensors.
//
// With options.repair, the file that stands at PATH becomes PATH.part, once the server has
// answered: what is not as the server's index says is fetched again. Where the server serves no
// ranges, or not the whole of an archive, it keeps its place.
//
// A server without ranges gives the file front to back, and an interrupted download begins anew.
//
// Errors: kExists if PATH is there (and may be neither replaced nor repaired: only an archive can
// be, however damaged, that is this user's under one name), if PATH.part or its state was not made
// by a download of this URL or is refused, or if another process downloads to it; kUnsupported if
// the state is of a later version of bbz; those of http::RemoteFile; kIo for the files;
// kDigestMismatch if the root digest is not the one that is expected; kNotAnArchive, kChecksum,
// kMalformed, kUnsupported, kLimit where the server's file is not an archive that is whole: then
// nothing of it is kept.
Result<Summary> download(const std::string& url, const std::string& path, const Options& options);

// What of an archive is fetched, and what becomes of it.
struct Part {
  std::function<bool(const catalog::File&, const catalog::Tensor&)> wants;
  // Called once, when all that is wanted is there, with a reader of the archive from which the
  // tensors that are wanted can be read, the metadata of their files, and nothing else. Its
  // outcome is that of the call.
  std::function<Status(const Reader&)> use;
};

// Fetches a part as download() fetches the whole, with the same files beside PATH: PATH.part has
// what was fetched at its place in the archive, and holes. What an earlier call has left there is
// used, of whatever part or the whole. What is at PATH in the end is `use`'s affair; then nothing
// is left beside it.
//
// Errors: as download(), and those of `use`, after which what was fetched is kept if the error is
// kIo or kCancelled, and of an earlier call also with kNotFound; kIo where the server serves no
// ranges. Options::repair is not looked at.
Result<Summary> download_part(const std::string& url, const std::string& path,
                              const Options& options, const Part& part);

}  // namespace bbz::download
