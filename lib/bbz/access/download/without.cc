// Replaces this room in a build without libcurl.
#include "bbz/access/download/download.h"
#include "bbz/base/format.h"
#include "bbz/http/url.h"

namespace bbz::download {

Result<Summary> download(const std::string& url, const std::string&, const Options&) {
  return make_error(Code::kUnsupported,
                    "{}: cannot download, because this bbz was built without libcurl",
                    http::shown_url(url));
}

Result<Summary> repair(const std::string& url, const std::string& path, const Options& options) {
  return download(url, path, options);
}

Result<Summary> download_part(const std::string& url, const std::string& path,
                              const Options& options, const PartRequest&) {
  return download(url, path, options);
}

}  // namespace bbz::download
