#include "bbz/access/download/download.h"

#include <filesystem>

#include "bbz/access/download/internal/fetcher.h"
#include "bbz/access/download/internal/gate.h"
#include "bbz/access/download/internal/ours.h"
#include "bbz/access/plan/plan.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/http/url.h"

namespace bbz::download {
namespace {

namespace fs = std::filesystem;

// Size of the first request for a part, or if something is there already. If there is a state, the
// smaller size is enough, because most of the file is there.
constexpr std::uint64_t kFrontBytes = 16 * 1024;
constexpr std::uint64_t kFrontAgain = 4 * 1024;
constexpr std::size_t kMostRanges = std::size_t{1} << 16;  // a state with more is ignored
// Size of the first request of a new download: everything, as far as every server can count.
constexpr std::uint64_t kAllBytes = (std::uint64_t{1} << 31) - 1;
constexpr std::uint64_t kAdoptStep = 16 * 1024 * 1024;  // bytes between two calls of progress

// Ranges of a part with at most this many bytes between them are fetched together: the gaps are
// heads of records.
constexpr std::uint64_t kPartGap = 4 * 1024;

class Download {
 public:
  // `part` is null for the whole archive. With `repair`, the file at `path` is repaired.
  Download(const std::string& url, const std::string& path, const Options& options,
           const PartRequest* part, bool repair)
      : url_(url),
        path_(path),
        options_(options),
        part_(part),
        gate_(options.expected, options.base, part == nullptr),
        repair_(repair) {}

  Result<Summary> run() {
    BBZ_TRY(check_path());
    BBZ_TRY(open_remote());
    if (part_ != nullptr && !remote_->ranges()) {
      return make_error(
          Code::kIo,
          "{}: the server does not support ranges, so only the whole file can be downloaded",
          remote_->name());
    }
    BBZ_TRY(open_partial());
    push::Options decoding;
    decoding.total = remote_->size();
    decoding.store = &partial_->store();
    if (part_ == nullptr) {
      decoding.decode = options_.expected.has_value();  // the root digest covers decoded bytes
    } else {
      decoding.wants = part_->wants;
      decoding.only_wanted = true;
    }
    decoding.structure_first = remote_->ranges();
    decoding.threads = options_.threads;
    decoding.base = options_.base;
    decoding.limits = options_.limits;
    BBZ_ASSIGN(decoder_, push::Decoder::create(decoding, gate_));
    gate_.watch(*decoder_);
    Status fetched = fetch();
    if (fetched.ok()) fetched = decoder_->finish();
    if (!fetched.ok()) return given_up(std::move(fetched).error());
    summary_.bytes = *decoder_->total();
    summary_.root = *decoder_->root();
    summary_.undecoded = gate_.undecoded();
    BBZ_TRY(partial_->resize(summary_.bytes));
    if (part_ == nullptr) {
      BBZ_TRY(partial_->publish(options_.replace, options_.sync));
    } else {
      if (Status used = use_part(); !used.ok()) {
        // Remove the files if nothing was selected and nothing had been there before.
        if (used.code() == Code::kNotFound && !found_) partial_->remove();
        return given_up(std::move(used).error());
      }
      partial_->remove();
    }
    return summary_;
  }

 private:
  Status check_path() {
    std::error_code error;
    const auto status = fs::symlink_status(path_, error);
    const bool there = fs::exists(status);
    if (repair_ && !there && !fs::exists(path_ + ".part", error)) {
      return make_error(Code::kNotFound, "{}: nothing to repair", bbz::quoted(path_));
    }
    if (!options_.replace) BBZ_TRY(check_partial(path_));
    if (!there) return {};
    if (repair_) {
      const auto archive = holds_archive(path_);
      if (archive.ok() && *archive) return {};
      repair_ = false;
      if (!options_.replace && !archive.ok()) return archive.error();
      if (!options_.replace) {
        return make_error(Code::kExists,
                          "{}: already exists and is not an archive, not even a damaged one",
                          bbz::quoted(path_));
      }
    }
    if (options_.replace && !fs::is_directory(status)) return {};
    return make_error(Code::kExists, part_ == nullptr ? Remedy::kRepair : Remedy::kReplace,
                      "{}: already exists", bbz::quoted(path_));
  }

  // Opens the version of the file that the state is from or, without a state, any version. Either
  // way, the server's own bytes come first.
  Status open_remote() {
    if (!options_.restart && !repairs() && exists(path_ + ".part.state")) {
      BBZ_TRY(take_partial());
      BBZ_TRY(take_state());
    }
    from_front_ = part_ == nullptr && !repairs() && (options_.restart || !exists(path_ + ".part"));
    const auto before = Clock::now();
    const bool pinned = saved_ && !(saved_->origin.etag + saved_->origin.last_modified).empty();
    if (pinned) {
      const http::Identity known{saved_->origin.etag, saved_->origin.last_modified, saved_->total};
      BBZ_ASSIGN(remote_, http::RemoteFile::resume(url_, options_.http, known));
    } else {
      BBZ_ASSIGN(remote_, http::RemoteFile::open(url_, options_.http,
                                                 from_front_ ? kAllBytes : kFrontBytes));
      delay_ = Clock::now() - before;
    }
    if (!remote_->ranges()) from_front_ = false;
    if (!remote_->ranges() || from_front_) return {};
    if (saved_ && saved_->total != *remote_->size()) {
      return changed(make_error(Code::kIo,
                                "{}: the file has changed on the server: {} bytes, expected {}",
                                remote_->name(), *remote_->size(), saved_->total));
    }
    front_.resize(std::min(pinned ? kFrontAgain : kFrontBytes, *remote_->size()));
    if (Status fetched = remote_->fetch_into(0, front_); !fetched.ok()) {
      return saved_ && remote_->has_changed() ? changed(std::move(fetched).error()) : fetched;
    }
    return {};
  }

  // Reads the state of PATH.part, if it is from this URL.
  Status take_state() {
    auto saved = partial_->load();
    if (saved.ok() && *saved && (*saved)->origin.url != http::shown_url(url_)) {
      saved = make_error(Code::kExists, Remedy::kRestart,
                         "{}: is from a download of {}, expected {}", partial_->name(),
                         bbz::quoted((*saved)->origin.url), bbz::quoted(http::shown_url(url_)));
    }
    if (!saved.ok()) {
      if (!options_.replace) return saved.error();
      return partial_->clear();
    }
    saved_ = std::move(*saved);
    if (saved_ && saved_->there.size() > kMostRanges) saved_.reset();
    return {};
  }

  // Returns whether there is a file to repair at the path.
  bool repairs() const { return repair_ && exists(path_); }
  static bool exists(const std::string& path) {
    std::error_code error;
    return fs::exists(fs::symlink_status(path, error));
  }

  Status open_partial() {
    if (repairs()) {
      if (!remote_->ranges()) {
        return make_error(Code::kIo, "{}: the server does not support ranges, which a repair needs",
                          remote_->name());
      }
      moved_aside_ = true;
      if (fs::rename(path_, path_ + ".part", error_); error_) {
        return make_error(Code::kIo, "{}: cannot rename: {}", bbz::quoted(path_), error_.message());
      }
      fs::remove(path_ + ".part.state", error_);
    }
    if (!partial_) BBZ_TRY(take_partial());
    if (options_.restart || !remote_->ranges()) BBZ_TRY(partial_->clear());
    return {};
  }

  Status take_partial() {
    Partial::Found found = options_.replace ? Partial::Found::kReplaced : Partial::Found::kOwn;
    if (moved_aside_) found = Partial::Found::kMended;
    BBZ_ASSIGN(partial_, Partial::open(path_, found));
    return {};
  }

  Status fetch() {
    Fetcher fetcher(url_, *remote_, *decoder_, *partial_, options_,
                    part_ == nullptr ? 0 : kPartGap);
    if (delay_ > Clock::duration()) fetcher.answered(delay_);
    if (!remote_->ranges()) {
      summary_.whole = true;
      Status fetched = fetcher.run_whole();
      summary_.moved = fetcher.moved();
      return fetched;
    }
    if (from_front_) {
      BBZ_TRY(partial_->clear());
      Status fetched = fetcher.run_from_front();
      summary_.moved = fetcher.moved();
      return fetched;
    }
    BBZ_ASSIGN(const auto ranges, ranges_found());
    found_ = !ranges.empty();
    BBZ_TRY(decoder_->feed(0, front_));
    // Bytes that are there count only if they match the server's structure. Until they are checked,
    // a state that lists them must not be replaced by one that does not.
    fetcher.keep_state(true);
    if (found_) BBZ_TRY(fetcher.fetch_structure());
    for (const push::Interval& range : ranges) BBZ_TRY(adopt(range));
    fetcher.keep_state(false);
    summary_.damaged = decoder_->damage_count();
    Status fetched = part_ == nullptr ? Status() : prepare_part(fetcher);
    if (fetched.ok()) fetched = fetcher.run();
    summary_.moved = front_.size() + fetcher.moved();
    return fetched;
  }

  // Returns the bytes that PATH.part has: those that a state lists or, without one, all of them.
  Result<std::vector<push::Interval>> ranges_found() {
    const std::uint64_t total = *remote_->size();
    BBZ_ASSIGN(std::uint64_t size, partial_->size());
    if (part_ != nullptr && !saved_ && size > 0) {  // it has holes, and nothing says where
      BBZ_TRY(partial_->clear());
      size = 0;
    }
    if (size > total) {
      BBZ_TRY(partial_->resize(total));
      size = total;
    }
    const std::vector<push::Interval> all{{0, size}};
    std::vector<push::Interval> ranges;
    for (push::Interval range : saved_ ? saved_->there : all) {
      range.end = std::min(range.end, size);  // a system crash may have cut it
      if (!range.empty()) ranges.push_back(range);
    }
    return ranges;
  }

  // Fetches the index and the metadata of the part, and sets the goal of progress.
  Status prepare_part(Fetcher& fetcher) {
    BBZ_TRY(fetcher.fetch_structure());
    if (!decoder_->root()) return {};  // run() and finish() will say why
    const catalog::Catalog& catalog = *decoder_->catalog();
    std::vector<std::uint32_t> wanted;
    for (const catalog::Tensor& tensor : catalog.tensors) {
      if (tensor.is_operand() || !part_->wants(catalog.files[tensor.meta.file], tensor)) continue;
      wanted.push_back(tensor.meta.number);
    }
    BBZ_ASSIGN(const auto parts, plan::whole_tensors(catalog, wanted));
    BBZ_ASSIGN(const plan::Plan plan,
               plan::Planner(catalog).plan(parts, {.gap = kPartGap, .metadata = true}));
    std::vector<push::Interval> metadata;
    for (const plan::Piece& piece : plan.pieces) {
      if (piece.what == plan::What::kMetadata) metadata.push_back({piece.offset, piece.end()});
    }
    BBZ_TRY(fetcher.fetch(metadata));
    std::uint64_t goal = decoder_->there().bytes();
    for (const push::Interval& need : decoder_->needs(SIZE_MAX, kPartGap)) goal += need.size();
    fetcher.set_goal(goal);
    return {};
  }

  Status use_part() {
    BBZ_ASSIGN(std::shared_ptr<io::Source> source, partial_->source());
    ReadOptions reading;
    reading.use_front_index = true;  // as the decoder does
    reading.threads = options_.threads;
    reading.limits = options_.limits;
    reading.base = options_.base;
    BBZ_ASSIGN(const Reader reader, Reader::open(std::move(source), reading));
    return part_->use(reader);
  }

  // Takes the existing bytes of the records. What says where the records are came from the server.
  Status adopt(push::Interval range) {
    const push::Interval records = decoder_->records();
    range = {std::max(range.begin, records.begin), std::min(range.end, records.end)};
    while (!range.empty()) {
      const std::uint64_t end = std::min(range.end, range.begin + kAdoptStep);
      BBZ_TRY(decoder_->adopt({range.begin, end}));
      range.begin = end;
      if (options_.progress) options_.progress(range.begin, decoder_->total());
    }
    return {};
  }

  Error changed(Error error) const {
    error.message += fmt::format("; {} has a part of the earlier version", partial_->name());
    error.remedy = Remedy::kRestart;
    return error;
  }

  // Returns the error of a failed download, after removing what is left of it if it cannot be
  // resumed.
  Error given_up(Error error) {
    if (remote_->has_changed()) return changed(std::move(error));
    bool may_go_on =
        error.code == Code::kIo || error.code == Code::kCancelled || error.code == Code::kNotFound;
    // The bytes that were there before may belong to an archive with the expected digest.
    if (gate_.refused()) may_go_on = found_ && !moved_aside_;
    may_go_on = may_go_on || gate_.lacks_base();
    if (may_go_on && remote_->ranges()) return error;
    if (moved_aside_) (void)partial_->publish(false, options_.sync);
    partial_->remove();
    return error;
  }

  const std::string& url_;
  const std::string& path_;
  const Options& options_;
  const PartRequest* const part_;
  std::unique_ptr<Partial> partial_;
  std::optional<Partial::Saved> saved_;
  std::shared_ptr<http::RemoteFile> remote_;
  bool found_ = false;  // PATH.part had data before
  // The response to the first request, which asks for everything, is used.
  bool from_front_ = false;
  Clock::duration delay_{};  // of the first request
  std::vector<std::byte> front_;
  Gate gate_;
  std::unique_ptr<push::Decoder> decoder_;
  Summary summary_;
  bool repair_;               // whether to repair the file at the path, if there is one
  bool moved_aside_ = false;  // the file to repair is now PATH.part
  std::error_code error_;
};

}  // namespace

Result<Summary> download(const std::string& url, const std::string& path, const Options& options) {
  return Download(url, path, options, nullptr, false).run();
}

Result<Summary> repair(const std::string& url, const std::string& path, const Options& options) {
  return Download(url, path, options, nullptr, true).run();
}

Result<Summary> download_part(const std::string& url, const std::string& path,
                              const Options& options, const PartRequest& part) {
  return Download(url, path, options, &part, false).run();
}

}  // namespace bbz::download
