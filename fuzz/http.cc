// The fields of a response and the URLs in it, as a server may send them.
#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "bbz/http/fields.h"
#include "bbz/http/url.h"

using namespace bbz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  http::ResponseHead head;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    head.add_line(line);
    at = end + 1;
    if (!http::is_url(line)) continue;
    // What is shown has no user, no query and no fragment; of a URL whose authority does not end
    // like a host it is the scheme alone.
    const std::string shown = http::shown_url(line);
    const std::string_view rest = std::string_view(shown).substr(shown.find("://") + 3);
    if (rest.substr(0, rest.find('/')).find('@') != std::string_view::npos) std::abort();
    if (rest != "..." && !http::same_origin(line, shown)) std::abort();
    (void)http::file_name_of(line);
  }
  (void)http::retry_after(head);
  const http::Identity identity{head.etag, head.last_modified, head.content_length.value_or(0)};
  if (http::difference(identity, identity)) std::abort();
  const auto content = http::parse_content_range(head.content_range);
  if (content && content->range && content->total &&
      (content->range->size == 0 || content->range->end() > *content->total)) {
    std::abort();
  }
  return 0;
}
