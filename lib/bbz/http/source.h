// Opens a file behind a URL as a Source.
#pragma once

#include <memory>
#include <string>

#include "bbz/http/options.h"
#include "bbz/io/source.h"

namespace bbz::http {

// Opens a URL of http or https for reading.
//
// If the server serves ranges, the source is seekable and may be read by several threads. Each read
// sends its own request, except for bytes that were prefetched (io::Source::prefetch()) and these,
// which are cached:
// - the first Options::front_bytes, which come with the first request;
// - the end of the file, which the first small read there fetches, with as many bytes as the index
//   of an archive of that size usually takes;
// - a block at the offset of each other small read.
// The cache has at most 4 MiB, or one block if that is larger. So opening an archive usually takes
// two requests, or one if its index is within the first bytes.
//
// If the server does not serve ranges, the source is not seekable and reads the file front to back,
// like a pipe, from one request that is not retried.
//
// Redirects are followed, at most Options::redirects in a row, also from http to https but not from
// https to http. They may lead to other hosts, including those of a private network and this
// machine unless Options::private_redirects is false. Headers and passwords are not sent to another
// origin.
//
// All reads are of one version of the file. See RemoteFile for that and for errors. A build without
// libcurl always returns kUnsupported.
Result<std::unique_ptr<io::Source>> open(const std::string& url, const Options& options = {});

}  // namespace bbz::http
