#include "bbz/http/internal/curl.h"

#include "bbz/base/format.h"
#include "bbz/base/late_library.h"

namespace bbz::http {
namespace {

// The name of libcurl's ABI since 2006.
constexpr const char* kLibrary = "libcurl.so.4";

constexpr unsigned kOldest = 0x075500;  // 7.85.0: CURLOPT_PROTOCOLS_STR

Result<Curl> load() {
  LateLibrary library(kLibrary);
  Curl curl{};
  decltype(&curl_version_info) version_info = nullptr;
  library.bind(version_info, "curl_version_info");
  library.bind(curl.global_init, "curl_global_init");
  library.bind(curl.easy_init, "curl_easy_init");
  library.bind(curl.easy_cleanup, "curl_easy_cleanup");
  library.bind(curl.easy_reset, "curl_easy_reset");
  library.bind(curl.easy_setopt, "curl_easy_setopt");
  library.bind(curl.easy_getinfo, "curl_easy_getinfo");
  library.bind(curl.easy_pause, "curl_easy_pause");
  library.bind(curl.easy_strerror, "curl_easy_strerror");
  library.bind(curl.multi_init, "curl_multi_init");
  library.bind(curl.multi_cleanup, "curl_multi_cleanup");
  library.bind(curl.multi_add_handle, "curl_multi_add_handle");
  library.bind(curl.multi_remove_handle, "curl_multi_remove_handle");
  library.bind(curl.multi_perform, "curl_multi_perform");
  library.bind(curl.multi_info_read, "curl_multi_info_read");
  library.bind(curl.multi_poll, "curl_multi_poll");
  library.bind(curl.slist_append, "curl_slist_append");
  library.bind(curl.slist_free_all, "curl_slist_free_all");
  BBZ_TRY(library.status());
  const curl_version_info_data& version = *version_info(CURLVERSION_NOW);
  if (version.version_num < kOldest) {
    return make_error(Code::kUnsupported, "{}: expected version 7.85.0 or newer, found {}",
                      kLibrary, version.version);
  }
  if (curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    return make_error(Code::kIo, "cannot initialise {}", kLibrary);
  }
  return curl;
}

}  // namespace

Result<const Curl*> curl() {
  static const Result<Curl> loaded = load();
  if (!loaded.ok()) return loaded.error();
  return &*loaded;
}

}  // namespace bbz::http
