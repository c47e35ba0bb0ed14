// Replaces the sources of this room in a build without libcurl.
#include "bbz/base/format.h"
#include "bbz/http/source.h"
#include "bbz/http/url.h"

namespace bbz::http {

Result<std::unique_ptr<io::Source>> open(const std::string& url, const Options&) {
  return make_error(Code::kUnsupported,
                    "{}: cannot read over HTTP, because this bbz was built without libcurl",
                    shown_url(url));
}

}  // namespace bbz::http
