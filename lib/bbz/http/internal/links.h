// Links: the URL to request a file from, if the user's URL redirects to links that expire.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>

namespace bbz::http {

// Remembers the link that worked last, for all fetches of one file. A refused link is forgotten,
// and the URL is requested again for another. One fetch does that at a time and the others wait for
// its result, because a server may allow one link at a time, or limit the number of requests.
//
// Thread-safe; a Turn is for one thread.
class Links {
 public:
  explicit Links(std::string url) : url_(std::move(url)), link_(url_) {}

  // Returns the user's URL.
  const std::string& url() const { return url_; }

  // Counts the failures of one fetch since its last byte.
  struct Route {
    unsigned refused = 0;  // links from other fetches that did not work
  };

  // One attempt of a fetch, from its first request to the head of the final response.
  class Turn {
   public:
    // Chooses the link or the URL. Waits while another turn requests a link from the URL, but only
    // for some seconds, and not after `stop`.
    Turn(Links& links, Route& route, const std::atomic<bool>& stop);
    ~Turn() { end(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    // Returns the URL to request next.
    const std::string& at() const { return at_; }
    // Returns whether that is a link, and not the user's URL.
    bool at_link() const { return at_ != links_.url_; }
    // Returns whether a redirect has led to another origin since the user's URL was requested. From
    // then on no secret for the URL's origin is sent, even if a redirect leads back.
    bool is_away() const { return away_; }
    // Makes `link` the URL to request next, with the user and password of the user's URL unless
    // is_away(). Precondition: is_url(link).
    void follow(const std::string& link);

    // Reports the result of the attempt. If none of these is called, the link is kept.
    void works();   // the link serves the file, so all fetches use it from now on
    void failed();  // there was no response, so the link may have expired
    // The link was refused. Returns whether another link may be requested without a delay, which is
    // false for a link that the URL had just given. Precondition: at_link().
    bool refused();

   private:
    void end();
    void forget();

    Links& links_;
    Route& route_;
    std::string at_;
    bool away_ = false;
    bool followed_ = false;
    bool renews_ = false;
  };

 private:
  const std::string url_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string link_;        // the link that worked last, or the URL if no link is known
  bool away_ = false;       // the link was given by, or leads to, another origin
  bool redirects_ = false;  // the URL gave a link when it was last requested
  bool renewing_ = false;   // a turn is requesting the URL
};

}  // namespace bbz::http
