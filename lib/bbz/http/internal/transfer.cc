#include "bbz/http/internal/transfer.h"

#include <sys/socket.h>

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/http/internal/address.h"
#include "bbz/http/internal/curl.h"
#include "bbz/http/url.h"

namespace bbz::http {
namespace {

using Clock = std::chrono::steady_clock;

constexpr long kBufferBytes = 256 * 1024;
constexpr std::size_t kMostHeadBytes = 256 * 1024;
constexpr int kPollMilliseconds = 100;  // delay before `stop` is noticed

bool is_transient_code(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_GOT_NOTHING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_SSL_CONNECT_ERROR:
      return true;
    default:
      return false;
  }
}

}  // namespace

struct Transfer::State {
  explicit State(const Options& o) : options(o) {}

  ~State() {
    end();
    if (easy != nullptr) curl->easy_cleanup(easy);
    if (multi != nullptr) curl->multi_cleanup(multi);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // Removes the handle from the multi handle, which closes a connection whose response is not read
  // to the end.
  void end() {
    if (active) curl->multi_remove_handle(multi, easy);
    active = false;
    if (headers != nullptr) curl->slist_free_all(headers);
    headers = nullptr;
    buffered.clear();
    buffered_begin = 0;
  }

  Status open();
  Status prepare(const Request& request);
  Status guard(const Request& request);
  Error not_public(std::string_view address, std::string_view kind);
  Status run(const std::atomic<bool>& stop, std::chrono::milliseconds most);
  Error late(std::chrono::milliseconds most, bool for_head);
  Error failed(CURLcode code);
  std::size_t take_buffered(MutableBytes to);

  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self);
  static curl_socket_t on_open(void* self, curlsocktype purpose, curl_sockaddr* address);
  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* self);

  const Options options;
  const Curl* curl = nullptr;
  CURL* easy = nullptr;
  CURLM* multi = nullptr;
  curl_slist* headers = nullptr;
  char reason[CURL_ERROR_SIZE] = {};
  std::string url;

  bool active = false;
  bool ended = false;            // the response has ended
  bool paused = false;           // the body is paused until the next read
  std::optional<Error> failure;  // error of the response
  bool transient = false;
  std::string local;  // address that was refused because it is not public
  std::string local_kind;
  bool any_public = false;  // another address was accepted
  ResponseHead head;
  bool head_done = false;
  std::size_t head_bytes = 0;
  MutableBytes target;              // the rest of the buffer of read()
  std::vector<std::byte> buffered;  // bytes that `target` could not take
  std::size_t buffered_begin = 0;
  std::uint64_t received = 0;
};

std::size_t Transfer::State::on_header(char* data, std::size_t, std::size_t size, void* self) {
  State& state = *static_cast<State*>(self);
  state.head_bytes += size;
  if (state.head_bytes > kMostHeadBytes) return 0;
  const std::string_view line(data, size);
  if (line == "\r\n" || line == "\n") {
    state.head_done = state.head.status >= 200;
  } else {
    state.head.add_line(line);
  }
  return size;
}

// Makes a socket for the address to which libcurl is about to connect, unless it is not public.
curl_socket_t Transfer::State::on_open(void* self, curlsocktype, curl_sockaddr* address) {
  State& state = *static_cast<State*>(self);
  if (const std::string_view kind = kind_of_local(address->addr); !kind.empty()) {
    state.local = shown_address(address->addr);
    state.local_kind = kind;
    return CURL_SOCKET_BAD;
  }
  state.any_public = true;
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::size_t Transfer::State::on_body(char* data, std::size_t, std::size_t size, void* self) {
  State& state = *static_cast<State*>(self);
  if (!state.buffered.empty()) {
    state.paused = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  const Bytes bytes = std::as_bytes(std::span(data, size));
  const std::size_t now = std::min(size, state.target.size());
  std::ranges::copy(bytes.first(now), state.target.begin());
  state.target = state.target.subspan(now);
  state.buffered.assign(bytes.begin() + static_cast<std::ptrdiff_t>(now), bytes.end());
  state.buffered_begin = 0;
  state.received += size;
  if (state.options.traffic) state.options.traffic->bytes += size;
  return size;
}

std::size_t Transfer::State::take_buffered(MutableBytes to) {
  const Bytes left = Bytes(buffered).subspan(buffered_begin);
  const std::size_t size = std::min(left.size(), to.size());
  std::ranges::copy(left.first(size), to.begin());
  buffered_begin += size;
  if (size == left.size()) {
    buffered.clear();
    buffered_begin = 0;
  }
  return size;
}

Status Transfer::State::open() {
  if (curl == nullptr) {
    BBZ_ASSIGN(curl, http::curl());
  }
  if (easy == nullptr) easy = curl->easy_init();
  if (multi == nullptr) multi = curl->multi_init();
  if (easy == nullptr || multi == nullptr) return make_error(Code::kIo, "out of memory");
  return {};
}

Error Transfer::State::not_public(std::string_view address, std::string_view kind) {
  return make_error(Code::kIo, "{}: expected a redirect to a public address, found {} ({})",
                    shown_url(url), address, kind);
}

// Restricts the request to public addresses. A proxy may have any address, and it makes the
// connection itself, so the host is checked as it is written. Hosts in no_proxy use the proxy here
// too.
Status Transfer::State::guard(const Request& request) {
  const std::string proxy = proxy_of(options, request.url);
  curl->easy_setopt(easy, CURLOPT_PROXY, proxy.c_str());
  curl->easy_setopt(easy, CURLOPT_NOPROXY, "");
  if (proxy.empty()) {
    curl->easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &State::on_open);
    curl->easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
    return {};
  }
  const std::string host = host_of(request.url);
  const std::string_view kind = kind_of_local(host);
  if (!kind.empty()) return not_public(quoted(host), kind);
  return {};
}

Status Transfer::State::prepare(const Request& request) {
  end();
  head = {};
  failure.reset();
  head_done = ended = paused = transient = false;
  head_bytes = 0;
  received = 0;
  reason[0] = '\0';
  local.clear();
  any_public = false;
  url = request.url;
  BBZ_TRY(open());
  curl->easy_reset(easy);
  BBZ_ASSIGN(const std::vector<std::string> lines, lines_of(request));
  for (const std::string& line : lines) {
    curl_slist* const longer = curl->slist_append(headers, line.c_str());
    if (longer == nullptr) return make_error(Code::kIo, "out of memory");
    headers = longer;
  }
  const auto set = [&](auto option, auto value) { curl->easy_setopt(easy, option, value); };
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_HTTPHEADER, headers);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_USERAGENT, "bbz");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_NETRC, long{request.netrc ? CURL_NETRC_OPTIONAL : CURL_NETRC_IGNORED});
  if (!options.ca_file.empty()) {
    set(CURLOPT_CAINFO, options.ca_file.c_str());
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));  // otherwise the system's are used too
  }
  if (options.proxy) {
    set(CURLOPT_PROXY, options.proxy->c_str());
    set(CURLOPT_NOPROXY, "");  // otherwise libcurl obeys no_proxy
  }
  if (request.public_only) BBZ_TRY(guard(request));
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  set(CURLOPT_BUFFERSIZE, kBufferBytes);
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(CURLOPT_ERRORBUFFER, reason);
  set(CURLOPT_HEADERFUNCTION, &State::on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &State::on_body);
  set(CURLOPT_WRITEDATA, this);
  if (request.range) {
    const std::string range = fmt::format("{}-{}", request.range->offset, request.range->end() - 1);
    set(CURLOPT_RANGE, range.c_str());
  }
  if (curl->multi_add_handle(multi, easy) != CURLM_OK) {
    return make_error(Code::kIo, "{}: libcurl cannot begin a request", shown_url(url));
  }
  active = true;
  if (options.traffic) ++options.traffic->requests;
  return {};
}

Error Transfer::State::failed(CURLcode code) {
  if (!local.empty() && !any_public) return not_public(local, local_kind);
  transient = is_transient_code(code);
  long proxy_status = 0;  // of a tunnel through the proxy
  curl->easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
  if (proxy_status >= 400) {
    transient = is_transient_status(static_cast<int>(proxy_status));
    return make_error(Code::kIo, "{}: the proxy refuses the connection (status {})", shown_url(url),
                      proxy_status);
  }
  if (code == CURLE_PARTIAL_FILE) {
    return make_error(Code::kIo, "{}: the connection ended after {} bytes of {}", shown_url(url),
                      received, head.content_length.value_or(0));
  }
  std::string words = reason;
  // libcurl quotes the URL of a proxy that it cannot use, including its password.
  if (words.empty() || words.find('@') != std::string::npos) words = curl->easy_strerror(code);
  if (code == CURLE_PEER_FAILED_VERIFICATION) {
    return make_error(Code::kIo, "{}: the server's certificate is not trusted: {}", shown_url(url),
                      words);
  }
  return make_error(Code::kIo, "{}: {}", shown_url(url), words);
}

// Returns the error for a server that takes too long.
Error Transfer::State::late(std::chrono::milliseconds most, bool for_head) {
  transient = true;
  const double seconds = std::chrono::duration<double>(most).count();
  if (for_head && head_bytes > 0) {
    return make_error(Code::kIo,
                      "{}: expected the head of a response within {} seconds, found {} bytes of it",
                      shown_url(url), seconds, head_bytes);
  }
  return make_error(Code::kIo, "{}: no answer for {} seconds", shown_url(url), seconds);
}

// Runs libcurl until the head is complete or, if it is, until there are bytes of the body or it has
// ended. Takes no longer than `most`.
Status Transfer::State::run(const std::atomic<bool>& stop, std::chrono::milliseconds most) {
  const bool for_head = !head_done;
  const std::size_t wanted = target.size();
  if (paused) {
    paused = false;
    curl->easy_pause(easy, CURLPAUSE_CONT);
  }
  const Clock::time_point deadline = Clock::now() + most;
  while (!ended) {
    int running = 0;
    if (curl->multi_perform(multi, &running) != CURLM_OK) {
      return make_error(Code::kIo, "{}: libcurl failed", shown_url(url));
    }
    int left = 0;
    while (const CURLMsg* const message = curl->multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      ended = true;
      if (message->data.result != CURLE_OK) failure = failed(message->data.result);
    }
    if (for_head ? head_done : target.size() < wanted || !buffered.empty()) break;
    if (ended) break;
    if (stop) {
      transient = false;
      return make_error(Code::kCancelled, "{}: cancelled", shown_url(url));
    }
    if (Clock::now() > deadline) return late(most, for_head);
    curl->multi_poll(multi, nullptr, 0, kPollMilliseconds, nullptr);
  }
  if (for_head && !head_done) {
    if (failure) return *failure;
    transient = true;
    return make_error(Code::kIo, "{}: the connection ended without a response", shown_url(url));
  }
  return {};
}

Transfer::Transfer(const Options& options) : state_(std::make_unique<State>(options)) {}
Transfer::~Transfer() = default;

Result<ResponseHead> Transfer::start(const Request& request, const std::atomic<bool>& stop) {
  State& state = *state_;
  BBZ_TRY(state.prepare(request));
  state.target = {};
  BBZ_TRY(state.run(stop, state.options.stall_timeout));
  ResponseHead head = state.head;
  const char* location = nullptr;
  state.curl->easy_getinfo(state.easy, CURLINFO_REDIRECT_URL, &location);
  if (location != nullptr) head.location = location;
  if (!head.retry_after.empty() && !retry_after(head)) {  // a date
    curl_off_t seconds = 0;
    state.curl->easy_getinfo(state.easy, CURLINFO_RETRY_AFTER, &seconds);
    head.retry_after = std::to_string(seconds);
  }
  return head;
}

Result<std::size_t> Transfer::read(MutableBytes out, const std::atomic<bool>& stop,
                                   std::chrono::milliseconds most) {
  State& state = *state_;
  if (out.empty()) return std::size_t{0};
  if (const std::size_t size = state.take_buffered(out); size != 0) return size;
  if (!state.ended) {
    state.target = out;
    const Status ran = state.run(stop, most);
    const std::size_t got = out.size() - std::exchange(state.target, {}).size();
    BBZ_TRY(ran);
    // Bytes before a failure are valid. The next call returns the failure.
    if (got != 0) return got;
    if (const std::size_t size = state.take_buffered(out); size != 0) return size;
  }
  if (state.failure) return *state.failure;
  return std::size_t{0};
}

bool Transfer::is_transient() const {
  return state_->transient;
}

void Transfer::finish() {
  state_->end();
}

}  // namespace bbz::http
