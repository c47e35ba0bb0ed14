// libcurl, which is loaded when a URL is first opened. It loads some thirty other libraries, which
// would slow down every start of a tool.
#pragma once

#include <curl/curl.h>

#include "bbz/base/error.h"

namespace bbz::http {

// The functions of libcurl that bbz uses, by their names without "curl_".
struct Curl {
  decltype(&curl_global_init) global_init;
  decltype(&curl_easy_init) easy_init;
  decltype(&curl_easy_cleanup) easy_cleanup;
  decltype(&curl_easy_reset) easy_reset;
  decltype(&curl_easy_setopt) easy_setopt;
  decltype(&curl_easy_getinfo) easy_getinfo;
  decltype(&curl_easy_pause) easy_pause;
  decltype(&curl_easy_strerror) easy_strerror;
  decltype(&curl_multi_init) multi_init;
  decltype(&curl_multi_cleanup) multi_cleanup;
  decltype(&curl_multi_add_handle) multi_add_handle;
  decltype(&curl_multi_remove_handle) multi_remove_handle;
  decltype(&curl_multi_perform) multi_perform;
  decltype(&curl_multi_info_read) multi_info_read;
  decltype(&curl_multi_poll) multi_poll;
  decltype(&curl_slist_append) slist_append;
  decltype(&curl_slist_free_all) slist_free_all;
};

// Returns libcurl, which the first call loads and initialises. It stays loaded, because other code
// may use it too. Thread-safe. Errors: kUnsupported if it is not installed or is too old; kIo if it
// cannot be initialised.
Result<const Curl*> curl();

}  // namespace bbz::http
