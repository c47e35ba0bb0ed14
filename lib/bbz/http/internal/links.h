// Links: where a file is asked for, if its URL redirects to links that expire. Internal to bbz.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>

namespace bbz::http {

// Keeps the link that worked last, for all fetches of one file. A link that is refused is
// forgotten, and the URL is asked for another. One fetch does that at a time and the others wait
// for its answer: a server may give one link at a time, or count who asks.
//
// All methods may be called from many threads.
class Links {
 public:
  explicit Links(std::string url) : url_(std::move(url)), link_(url_) {}

  const std::string& url() const { return url_; }

  // What one fetch has met since a byte last came.
  struct Route {
    unsigned refused = 0;  // links of others that did not work
    unsigned fresh = 0;    // links that were refused although the URL had just given them
  };

  // One attempt of a fetch, from its first request to the head of the final response.
  class Turn {
   public:
    // Waits while another turn asks the URL for a link, for some seconds or until `stop`.
    Turn(Links& links, Route& route, const std::atomic<bool>& stop);
    ~Turn() { end(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    // Where this attempt asks now.
    const std::string& at() const { return at_; }
    bool at_link() const { return at_ != links_.url_; }
    // Reports whether a redirect has led to another origin than the URL's since the URL was asked.
    // From there on nothing is sent that is meant for the URL's own, even where it leads back.
    bool is_away() const { return away_; }
    // Asks there next. A user of the URL is sent along unless is_away(). Precondition:
    // is_url(link).
    void follow(const std::string& link);

    // Says how it ended. Of none of these, the place is kept as it is.
    void works();   // the link serves the file: it is for all from now on
    void failed();  // it gave nothing, and may not be the right place any more
    // It was refused. Precondition: at_link(). Returns whether another may be asked for at once;
    // false for a link that the URL had just given.
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
  std::string link_;        // the URL itself if no link is known
  bool away_ = false;       // the link was given by, or leads to, another origin
  bool redirects_ = false;  // the URL gave a link when it was asked last
  bool renewing_ = false;   // a turn is asking it
};

}  // namespace bbz::http
