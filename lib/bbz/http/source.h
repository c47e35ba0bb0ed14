// A file behind a URL as a Source.
#pragma once

#include <memory>
#include <string>

#include "bbz/http/options.h"
#include "bbz/io/source.h"

namespace bbz::http {

// Opens a URL of http or https for reading.
//
// Where the server serves ranges, the source can seek and may be read from many threads. Every read
// is a request of its own unless its bytes were announced (io::Source::announce) or lie in what is
// kept: the first Options::front_bytes, which come with the first request; the end of the file,
// fetched at the first small read there with as much before it as the index of an archive of that
// size is likely to take; and what small reads fetched around them. So an archive is opened with
// one request where its index stands within the first bytes, and otherwise, as a rule, with two.
//
// Where it does not, the source cannot seek, and gives the file front to back as a pipe does, from
// one request that cannot be made again.
//
// Redirects are followed, at most Options::redirects in a row, from http to https but not back. They
// may lead to other hosts, also of a private network and of this machine unless
// Options::private_redirects is false. Headers and passwords do not go along to another origin.
//
// The whole source reads one version of the file: see RemoteFile, also for errors. kUnsupported
// where libcurl cannot be loaded or is too old, and from a build without it.
Result<std::unique_ptr<io::Source>> open(const std::string& url, const Options& options = {});

}  // namespace bbz::http
