// libcurl, loaded when a URL is first opened: it brings some thirty other libraries along, whose
// loading would cost every start of a tool more than all else it does. Internal to bbz.
#pragma once

#include <curl/curl.h>

#include "bbz/base/error.h"

namespace bbz::http {

// The functions of libcurl that are used, by their names without "curl_".
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

// libcurl, loaded and initialised once in the process; it is never torn down, as others may use it
// too. From any thread. Errors: kUnsupported where it is not installed.
Result<const Curl*> curl();

}  // namespace bbz::http
