// bbz_source: where the bytes of an archive are read from. One that cannot seek serves one call at
// a time, and only once.
#ifndef BBZ_CAPI_SOURCE_H
#define BBZ_CAPI_SOURCE_H

#include "bbz/capi/core.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bbz_source bbz_source;

// Opens a file for reading. A FIFO, and "-" for standard input, can be verified, but a reader needs
// to seek. Errors: BBZ_ERROR_NOT_FOUND, BBZ_ERROR_IO with the path and the system's reason.
BBZ_API bbz_code bbz_source_open_file(const char* path, bbz_source** source,
                                      bbz_error* error) BBZ_NOEXCEPT;

// Reads bytes that the caller keeps, unchanged, until the source and its readers are freed.
BBZ_API bbz_code bbz_source_open_memory(const void* bytes, size_t size, bbz_source** source,
                                        bbz_error* error) BBZ_NOEXCEPT;

// Bytes that the caller fetches. Callbacks must return to the call that made them: no longjmp.
typedef struct bbz_callbacks {
  size_t struct_size;
  void* user;        // passed to each callback
  const char* name;  // what messages call it, copied; null: "callback"

  // Reads up to `length` bytes at `offset` into `buffer` and returns how many: fewer than asked for
  // at any time, 0 only at or past the end. A failure is the negative of an errno: -EIO becomes
  // BBZ_ERROR_IO with the system's text for it, -ECANCELED becomes BBZ_ERROR_CANCELLED. Called from
  // several threads at once where the reader decodes on several or is used from several.
  int64_t (*read)(void* user, uint64_t offset, void* buffer, size_t length);

  // Sets the length in bytes, and returns 0 or the negative of an errno. Called once, when the
  // source is opened. Null: the source is a stream, read front to back and by one thread at a time;
  // it can be verified, but a reader needs to seek.
  int (*size)(void* user, uint64_t* size);

  // Called once, from the last _free of the source and its readers; not where opening fails. May be
  // null.
  void (*close)(void* user);
} bbz_callbacks;

// Errors: BBZ_ERROR_INVALID_ARGUMENT where there is no read callback; those of the size callback.
BBZ_API bbz_code bbz_source_open_callbacks(const bbz_callbacks* callbacks, bbz_source** source,
                                           bbz_error* error) BBZ_NOEXCEPT;

// How a file behind a URL is read. What is not set here is not looked up anywhere else, neither in
// the environment nor in files of the user's, unless use_environment says so. Texts are copied.
typedef struct bbz_url_options {
  size_t struct_size;
  // "Name: value", sent to the origin of the URL (scheme, host and port) and, once a redirect has
  // led to another, to nobody. No message shows them, or a user, password or query of a URL.
  const char* const* headers;
  size_t header_count;
  const char* ca_file;  // certificates (PEM) to trust; null: those of the system
  const char* proxy;    // its URL; null: none
  // Not 0: the user and password for the host of the URL are looked up in ~/.netrc, and sent where
  // headers are; if `proxy` is null, the proxy is looked up in http_proxy, https_proxy, all_proxy
  // and no_proxy.
  uint32_t use_environment;
  uint32_t connections;      // that fetch what readers are about to need; 0: 4
  int32_t retries;           // in a row, of a request that fails; 0: 6; negative: none
  uint32_t connect_timeout;  // in milliseconds; 0: 30,000
  // In milliseconds, how long the head of a response may take, and how long a body may bring nothing
  // while it is read; 0: 60,000. Over that long a body must also bring 100 bytes a second on
  // average. Time in which nobody reads does not count.
  uint32_t stall_timeout;
  uint32_t reserved;  // 0
  // Not 0: a redirect to another scheme, host or port than the URL's is an error if the address
  // that it leads to is not public: unspecified, loopback, private, link-local, multicast or
  // reserved. The address that is about to be connected to is checked, whatever name led to it;
  // through a proxy, which connects by itself, the host as it is written. The URL itself may have
  // any address. 0: such redirects are followed.
  uint32_t refuse_private_redirects;
} bbz_url_options;

// Opens a URL of http or https for reading, with one request or, if it redirects, more: at most ten
// redirects in a row are followed, from http to https but not back. They may lead to any host, also
// of a private network and of this machine unless refuse_private_redirects is set. From a
// server without ranges the source is a stream: it can be verified, but a reader needs to seek.
// Reading may be done from many threads, as of any source. Up to `connections` threads of the
// library's own fetch ahead; they end with the last _free of the source and its readers, and do not
// survive a fork().
//
// Errors, here and of all that reads from the source: BBZ_ERROR_INVALID_ARGUMENT for what is no
// such URL, and for a header that is none; BBZ_ERROR_NOT_FOUND for the statuses 404 and 410;
// otherwise BBZ_ERROR_IO: for a network that failed after all retries, a refusal, a certificate
// that is not trusted, a file that changed since it was opened. BBZ_ERROR_UNSUPPORTED where
// libcurl cannot be loaded or is too old, and from a library that was built without it.
BBZ_API bbz_code bbz_source_open_url(const char* url, const bbz_url_options* options,
                                     bbz_source** source, bbz_error* error) BBZ_NOEXCEPT;

BBZ_API void bbz_source_free(bbz_source* source) BBZ_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
