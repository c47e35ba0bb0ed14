// A hub of models for tests: a stable URL that redirects to links which expire.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "http/server.h"

namespace bbz::http {

class Hub {
 public:
  using Clock = std::chrono::steady_clock;

  // How long a link is good.
  struct Terms {
    std::size_t requests = SIZE_MAX;
    std::chrono::milliseconds time{std::chrono::hours(1)};
    bool newest_only = false;
    std::string refusal = "403 Forbidden";
    std::chrono::milliseconds delay{0};  // of each answer
    std::uint64_t body = UINT64_MAX;     // bytes after which a connection breaks
  };

  explicit Hub(const Terms& terms, std::string content = "")
      : terms_(terms),
        server_("", [this](const ServerRequest& request, ServerConnection& connection) {
          return answer(request, connection);
        }) {
    server_.replace(std::move(content), "\"one\"");
  }

  Server& server() { return server_; }
  std::string url() const { return server_.url("/hub/model.bbz"); }
  // How often the URL was asked, and how many requests of links were refused.
  std::size_t asked() const { return asked_; }
  std::size_t refused() const { return refused_; }

  // From now on the URL itself answers so, unless it is empty.
  void refuse(const std::string& status) {
    const std::lock_guard lock(mutex_);
    closed_ = status;
  }
  void set_terms(const Terms& terms) {
    const std::lock_guard lock(mutex_);
    terms_ = terms;
    links_.clear();
  }

 private:
  struct Link {
    std::size_t used = 0;
    Clock::time_point since = Clock::now();
  };

  Terms terms() {
    const std::lock_guard lock(mutex_);
    return terms_;
  }

  bool answer(const ServerRequest& request, ServerConnection& connection) {
    std::string status;
    std::string fields;
    const Terms terms = this->terms();
    if (terms.delay.count() > 0) connection.wait(terms.delay);
    bool serves = false;
    {
      const std::lock_guard lock(mutex_);
      if (request.target.starts_with("/hub/")) {
        ++asked_;
        status = closed_.empty() ? "302 Found" : closed_;
        const std::string link = "/link/" + std::to_string(request.number);
        links_[link] = {};
        newest_ = link;
        fields = "Location: " + link + "\r\n";
      } else {
        const auto link = links_.find(request.target);
        serves = link != links_.end() && ++link->second.used <= terms.requests &&
                 Clock::now() - link->second.since <= terms.time &&
                 (!terms.newest_only || link->first == newest_);
        if (!serves) ++refused_;
        status = terms.refusal;
      }
    }
    if (serves) {
      server_.serve(request, connection, terms.body);
      if (terms.body != UINT64_MAX) connection.close();
      return true;
    }
    connection.send(server_.head(status, fields + "Content-Length: 0\r\n"));
    return true;
  }

  std::mutex mutex_;
  Terms terms_;
  std::string closed_;
  std::map<std::string, Link> links_;
  std::string newest_;
  std::atomic<std::size_t> asked_{0};
  std::atomic<std::size_t> refused_{0};
  Server server_;
};

}  // namespace bbz::http
