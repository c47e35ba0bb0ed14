#include "bbz/download/download.h"

#include <filesystem>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/download/fetcher.h"

namespace bbz::download {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kFrontBytes = 64 * 1024;        // of the first request of a new download
constexpr std::uint64_t kAdoptStep = 16 * 1024 * 1024;  // between two calls of progress

class Download {
 public:
  Download(const std::string& url, const std::string& path, const Options& options)
      : url_(url), path_(path), options_(options) {}

  Result<Summary> run() {
    BBZ_TRY(check_path());
    BBZ_TRY(open_remote());
    BBZ_TRY(open_partial());
    push::Options decoding;
    decoding.total = remote_->size();
    decoding.store = &partial_->store();
    decoding.decode = false;
    decoding.structure_first = remote_->ranges();
    decoding.limits = options_.limits;
    BBZ_ASSIGN(decoder_, push::Decoder::create(decoding, receiver_));
    Status fetched = fetch();
    if (fetched.ok()) fetched = decoder_->finish();
    if (!fetched.ok()) return given_up(std::move(fetched).error());
    summary_.bytes = *decoder_->total();
    summary_.root = *decoder_->root();
    BBZ_TRY(partial_->resize(summary_.bytes));
    BBZ_TRY(partial_->publish(options_.replace));
    return summary_;
  }

 private:
  Status check_path() {
    std::error_code error;
    const auto status = fs::symlink_status(path_, error);
    const bool there = fs::exists(status);
    if (options_.repair && !there && !fs::exists(path_ + ".part", error)) {
      return make_error(Code::kNotFound, "{}: there is nothing to repair", bbz::quoted(path_));
    }
    if (!there || (options_.repair && fs::is_regular_file(status))) return {};
    if (options_.replace && !fs::is_directory(status)) return {};
    return make_error(Code::kExists, "{}: it exists (--repair mends it, -f replaces it)",
                      bbz::quoted(path_));
  }

  // Goes on with the version of a state that was saved, without a request, or begins with one.
  Status open_remote() {
    std::error_code error;
    if (!options_.restart && !repairs() && fs::exists(path_ + ".part.state", error)) {
      BBZ_TRY(take_partial());
      saved_ = partial_->load();
    }
    if (saved_) {
      BBZ_ASSIGN(remote_, http::RemoteFile::resume(url_, options_.http, saved_->identity));
      return {};
    }
    BBZ_ASSIGN(remote_,
               http::RemoteFile::open(url_, options_.http, kFrontBytes, [&](Bytes bytes) -> Status {
                 front_.insert(front_.end(), bytes.begin(), bytes.end());
                 return {};
               }));
    return {};
  }

  // Whether a file stands at the path that is to be mended.
  bool repairs() const {
    std::error_code error;
    return options_.repair && fs::exists(path_, error);
  }

  Status open_partial() {
    if (repairs()) {
      if (!remote_->ranges()) {
        return make_error(Code::kIo,
                          "{}: the server serves no ranges, so that nothing can be mended",
                          remote_->name());
      }
      moved_aside_ = true;
      if (fs::rename(path_, path_ + ".part", error_); error_) {
        return make_error(Code::kIo, "{}: cannot rename it: {}", bbz::quoted(path_),
                          error_.message());
      }
      fs::remove(path_ + ".part.state", error_);
    }
    if (!partial_) BBZ_TRY(take_partial());
    if (options_.restart || !remote_->ranges()) BBZ_TRY(partial_->resize(0));
    return {};
  }

  Status take_partial() {
    BBZ_ASSIGN(partial_, Partial::open(path_));
    return {};
  }

  Status fetch() {
    Fetcher fetcher(*remote_, *decoder_, *partial_, options_);
    if (!remote_->ranges()) {
      summary_.whole = true;
      const Status fetched = fetcher.run_whole();
      summary_.moved = fetcher.moved();
      return fetched;
    }
    const std::uint64_t total = *remote_->size();
    BBZ_ASSIGN(std::uint64_t size, partial_->size());
    if (size > total) {
      BBZ_TRY(partial_->resize(total));
      size = total;
    }
    if (saved_) {
      for (const push::ByteRange& range : saved_->there) {
        if (range.end <= size) BBZ_TRY(adopt(range));
      }
    } else {
      BBZ_TRY(decoder_->feed(0, front_));
      // What is there without a state is checked against the structure that the server gives.
      if (size > 0) {
        BBZ_TRY(fetcher.fetch_structure());
        BBZ_TRY(adopt({0, size}));
      }
    }
    summary_.damaged = decoder_->damages().size();
    const Status fetched = fetcher.run();
    summary_.moved = front_.size() + fetcher.moved();
    return fetched;
  }

  Status adopt(push::ByteRange range) {
    while (!range.empty()) {
      const std::uint64_t end = std::min(range.end, range.begin + kAdoptStep);
      BBZ_TRY(decoder_->adopt({range.begin, end}));
      range.begin = end;
      if (options_.progress) options_.progress(range.begin, decoder_->total());
    }
    return {};
  }

  // What is left of a download that failed: nothing where going on cannot help.
  Error given_up(Error error) {
    if (remote_->has_changed()) {
      error.message += fmt::format("; --restart forgets what {} has of it", partial_->name());
      return error;
    }
    const bool may_go_on =
        error.code == Code::kIo || error.code == Code::kCancelled || error.code == Code::kNotFound;
    if (may_go_on && remote_->ranges()) return error;
    if (moved_aside_) (void)partial_->publish(false);
    partial_->remove();
    return error;
  }

  const std::string& url_;
  const std::string& path_;
  const Options& options_;
  std::unique_ptr<Partial> partial_;
  std::optional<Partial::Saved> saved_;
  std::shared_ptr<http::RemoteFile> remote_;
  std::vector<std::byte> front_;
  push::Receiver receiver_;
  std::unique_ptr<push::Decoder> decoder_;
  Summary summary_;
  bool moved_aside_ = false;  // the file to be mended
  std::error_code error_;
};

}  // namespace

Result<Summary> download(const std::string& url, const std::string& path, const Options& options) {
  return Download(url, path, options).run();
}

}  // namespace bbz::download
