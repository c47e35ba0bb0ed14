// bbz_source: reads the bytes of an archive. A source that cannot seek serves one call at a time,
// and can be read only once.
#ifndef BBZ_CAPI_SOURCE_H
#define BBZ_CAPI_SOURCE_H

#include "bbz/capi/core.h"

#ifdef __cplusplus
extern "C" {
#endif

// A source of bytes.
typedef struct bbz_source bbz_source;

// Opens a file for reading. A FIFO, or "-" for standard input, can be verified, but cannot be
// opened by a reader, which needs to seek. Errors: BBZ_ERROR_NOT_FOUND, BBZ_ERROR_IO, with the path
// and the system's reason.
BBZ_API bbz_code bbz_source_open_file(const char* path, bbz_source** source,
                                      bbz_error* error) BBZ_NOEXCEPT;

// Makes a source of bytes in memory. The caller keeps them, unchanged, until the source and its
// readers are freed.
BBZ_API bbz_code bbz_source_open_memory(const void* bytes, size_t size, bbz_source** source,
                                        bbz_error* error) BBZ_NOEXCEPT;

// Callbacks that read bytes for the library. They must return to the call that made them: no
// longjmp.
typedef struct bbz_callbacks {
  size_t struct_size;  // the size of this struct, which the caller sets
  void* user;          // passed to each callback
  const char* name;    // the name in messages, copied; null: "callback"

  // Reads up to `length` bytes at `offset` into `buffer`, and returns their number. It may return
  // fewer than asked for at any time, but 0 only at or past the end. To report a failure, returns
  // the negative of an errno: -ECANCELED becomes BBZ_ERROR_CANCELLED, and others become
  // BBZ_ERROR_IO with the system's text. Called from several threads at once, because a reader and
  // bbz_verify use all cores unless their `threads` is 1, and a reader may be used from several.
  int64_t (*read)(void* user, uint64_t offset, void* buffer, size_t length);

  // Sets the length in bytes, and returns 0 or the negative of an errno. Called once, when the
  // source is opened. If null, the source is a stream, which is read front to back by one thread at
  // a time: it can be verified, but cannot be opened by a reader.
  int (*size)(void* user, uint64_t* size);

  // Called once, by the last _free of the source and its readers; not if opening fails. May be
  // null.
  void (*close)(void* user);
} bbz_callbacks;

// Makes a source of callbacks; the struct is copied. Errors: BBZ_ERROR_INVALID_ARGUMENT if `read`
// is null; those of the size callback.
BBZ_API bbz_code bbz_source_open_callbacks(const bbz_callbacks* callbacks, bbz_source** source,
                                           bbz_error* error) BBZ_NOEXCEPT;

// Says how to read a file behind a URL. The library looks up nothing else, neither in the
// environment nor in the user's files, unless use_environment is set. Texts are copied.
typedef struct bbz_url_options {
  size_t struct_size;  // the size of this struct, which the caller sets
  // Lines "Name: value". They are sent to the origin of the URL (scheme, host and port), until a
  // redirect leads to another origin, and then no more. No message shows them, or a user, password
  // or query of a URL.
  const char* const* headers;
  size_t header_count;  // length of `headers`
  const char* ca_file;  // certificates (PEM) to trust; null: those of the system
  const char* proxy;    // its URL; null: none
  // If not 0, the user and password for the host of the URL are looked up in ~/.netrc, and are sent
  // as headers are; if `proxy` is also null, the proxy is looked up in http_proxy, https_proxy,
  // all_proxy and no_proxy.
  uint32_t use_environment;
  // The number of connections that prefetch for readers; 0: 4.
  uint32_t connections;
  // The number of times in a row that a failed request is retried; 0: 6; negative: never.
  int32_t retries;
  uint32_t connect_timeout;  // in milliseconds; 0: 30,000
  // Milliseconds, for the head of a response to arrive, and for a body without new bytes while it
  // is read; 0: 60,000. Over that time, a body must also bring 100 bytes a second on average. Time
  // in which nobody reads does not count.
  uint32_t stall_timeout;
  uint32_t reserved;  // must be 0
  // If not 0, a redirect to another scheme, host or port than the URL's is an error if it leads to
  // an address that is not public: unspecified, loopback, private, link-local, multicast or
  // reserved. The check is made on the address to connect to, whatever name led to it. If a proxy
  // connects, the check is made on the host as it is written. The URL itself may have any address.
  // If 0, such redirects are followed.
  uint32_t refuse_private_redirects;
} bbz_url_options;

// Opens an http or https URL for reading, with one request, or more if it redirects. At most ten
// redirects in a row are followed, from http to https but not back. They may lead to any host, also
// in a private network or on this machine, unless refuse_private_redirects is set. If the server
// does not support ranges, the source is a stream, which a reader cannot open, but which can be
// verified.
// Like any source, it may be read from many threads. Up to `connections` threads of the library
// prefetch; they end with the last _free of the source and its readers, and do not survive a
// fork().
//
// Errors, of this call and of everything that reads from the source: BBZ_ERROR_INVALID_ARGUMENT for
// any other URL and for a malformed header; BBZ_ERROR_NOT_FOUND for the statuses 404 and 410;
// BBZ_ERROR_UNSUPPORTED if libcurl cannot be loaded, is too old or was left out of the build;
// otherwise BBZ_ERROR_IO: for a network that failed after all retries, a refusal, a certificate
// that is not trusted, or a file that changed since it was opened.
BBZ_API bbz_code bbz_source_open_url(const char* url, const bbz_url_options* options,
                                     bbz_source** source, bbz_error* error) BBZ_NOEXCEPT;

// Sets the length of a source in bytes, or BBZ_UNKNOWN for a stream.
BBZ_API bbz_code bbz_source_size(const bbz_source* source, uint64_t* size,
                                 bbz_error* error) BBZ_NOEXCEPT;
// Reads up to `size` bytes at `offset`, as many as there are, and sets `read` to their number, which is
// less than `size` only at the end. Errors: BBZ_ERROR_IO and others of the source;
// BBZ_ERROR_INVALID_ARGUMENT if a stream is not read front to back.
BBZ_API bbz_code bbz_source_read(const bbz_source* source, uint64_t offset, void* buffer,
                                 size_t size, size_t* read, bbz_error* error) BBZ_NOEXCEPT;

// Frees a source. Its readers keep what they need of it.
BBZ_API void bbz_source_free(bbz_source* source) BBZ_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
