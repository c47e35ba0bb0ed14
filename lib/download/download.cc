#include "bbz/download/download.h"

#include <filesystem>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/download/fetcher.h"
#include "bbz/download/ours.h"
#include "bbz/plan/plan.h"

namespace bbz::download {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kFrontBytes = 16 * 1024;  // of the first request of one that resumes
// Of the first request of a new one: everything, as far as every server can count.
constexpr std::uint64_t kAllBytes = (std::uint64_t{1} << 31) - 1;
constexpr std::uint64_t kAdoptStep = 16 * 1024 * 1024;  // between two calls of progress

// Of a part, what may lie between two ranges that are fetched together: the heads of records.
constexpr std::uint64_t kPartGap = 4 * 1024;

class Download {
 public:
  // `part`: null for the whole.
  Download(const std::string& url, const std::string& path, const Options& options,
           const Part* part)
      : url_(url), path_(path), options_(options), part_(part) {}

  Result<Summary> run() {
    BBZ_TRY(check_path());
    BBZ_TRY(open_remote());
    if (part_ != nullptr && !remote_->ranges()) {
      return make_error(Code::kIo,
                        "{}: the server serves no ranges, so that no part can be fetched: download "
                        "the whole",
                        remote_->name());
    }
    BBZ_TRY(open_partial());
    push::Options decoding;
    decoding.total = remote_->size();
    decoding.store = &partial_->store();
    if (part_ == nullptr) {
      decoding.decode = false;
    } else {
      decoding.wants = part_->wants;
      decoding.only_wanted = true;
    }
    decoding.structure_first = remote_->ranges();
    decoding.limits = options_.limits;
    BBZ_ASSIGN(decoder_, push::Decoder::create(decoding, receiver_));
    Status fetched = fetch();
    if (fetched.ok()) fetched = decoder_->finish();
    if (!fetched.ok()) return given_up(std::move(fetched).error());
    summary_.bytes = *decoder_->total();
    summary_.root = *decoder_->root();
    BBZ_TRY(partial_->resize(summary_.bytes));
    if (part_ == nullptr) {
      BBZ_TRY(partial_->publish(options_.replace, options_.sync));
    } else {
      if (Status used = use_part(); !used.ok()) {
        // Nothing was asked for, and nothing had come before.
        if (used.code() == Code::kNotFound && !saved_) partial_->remove();
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
    if (repair() && !there && !fs::exists(path_ + ".part", error)) {
      return make_error(Code::kNotFound, "{}: there is nothing to repair", bbz::quoted(path_));
    }
    if (!options_.replace) BBZ_TRY(check_partial(path_, options_.limits));
    if (!there) return {};
    if (repair() && fs::is_regular_file(status)) {
      BBZ_ASSIGN(const bool archive, holds_archive(path_, options_.limits));
      if (archive) return {};
      mendable_ = false;
      if (!options_.replace) {
        return make_error(Code::kExists,
                          "{}: already exists and is no archive, not even a damaged one",
                          bbz::quoted(path_));
      }
    }
    if (options_.replace && !fs::is_directory(status)) return {};
    return make_error(Code::kExists, part_ == nullptr ? Remedy::kRepair : Remedy::kReplace,
                      "{}: already exists", bbz::quoted(path_));
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
    from_front_ = part_ == nullptr && !repairs() && (options_.restart || !exists(path_ + ".part"));
    const auto before = Clock::now();
    BBZ_ASSIGN(remote_,
               http::RemoteFile::open(url_, options_.http, from_front_ ? kAllBytes : kFrontBytes));
    delay_ = Clock::now() - before;
    if (!remote_->ranges()) from_front_ = false;
    if (!remote_->ranges() || from_front_) return {};
    front_.resize(std::min(kFrontBytes, *remote_->size()));
    return remote_->fetch_into(0, front_);
  }

  // Whether a file stands at the path that is to be mended.
  bool repairs() const { return repair() && exists(path_); }
  static bool exists(const std::string& path) {
    std::error_code error;
    return fs::exists(fs::symlink_status(path, error));
  }
  bool repair() const { return options_.repair && part_ == nullptr && mendable_; }

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
    Fetcher fetcher(*remote_, *decoder_, *partial_, options_, part_ == nullptr ? 0 : kPartGap);
    if (delay_ > Clock::duration()) fetcher.answered(delay_);
    if (!remote_->ranges()) {
      summary_.whole = true;
      const Status fetched = fetcher.run_whole();
      summary_.moved = fetcher.moved();
      return fetched;
    }
    if (from_front_) {
      BBZ_TRY(partial_->resize(0));
      const Status fetched = fetcher.run_from_front();
      summary_.moved = fetcher.moved();
      return fetched;
    }
    const std::uint64_t total = *remote_->size();
    BBZ_ASSIGN(std::uint64_t size, partial_->size());
    if (part_ != nullptr && !saved_ && size > 0) {  // with holes, and nobody knows where
      BBZ_TRY(partial_->resize(0));
      size = 0;
    }
    if (size > total) {
      BBZ_TRY(partial_->resize(total));
      size = total;
    }
    if (saved_) {
      for (const push::Interval& range : saved_->there) {
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
    Status fetched = part_ == nullptr ? Status() : prepare_part(fetcher);
    if (fetched.ok()) fetched = fetcher.run();
    summary_.moved = front_.size() + fetcher.moved();
    return fetched;
  }

  // Fetches the index and the metadata that go with the part, and sets the goal.
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
    BBZ_ASSIGN(std::shared_ptr<io::Source> source, io::open_file(partial_->name()));
    ReadOptions reading;
    reading.use_front_index = true;  // as the decoder does
    reading.limits = options_.limits;
    BBZ_ASSIGN(const auto reader, Reader::open(std::move(source), reading));
    return part_->use(*reader);
  }

  Status adopt(push::Interval range) {
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
      error.message += fmt::format("; {} has a part of what it was before", partial_->name());
      error.remedy = Remedy::kRestart;
      return error;
    }
    const bool may_go_on =
        error.code == Code::kIo || error.code == Code::kCancelled || error.code == Code::kNotFound;
    if (may_go_on && remote_->ranges()) return error;
    if (moved_aside_) (void)partial_->publish(false, options_.sync);
    partial_->remove();
    return error;
  }

  const std::string& url_;
  const std::string& path_;
  const Options& options_;
  const Part* const part_;
  std::unique_ptr<Partial> partial_;
  std::optional<Partial::Saved> saved_;
  std::shared_ptr<http::RemoteFile> remote_;
  bool from_front_ = false;  // with the response to the first request, which asks for all
  Clock::duration delay_{};  // of that
  std::vector<std::byte> front_;
  push::Receiver receiver_;
  std::unique_ptr<push::Decoder> decoder_;
  Summary summary_;
  bool mendable_ = true;      // what stands at the path, if anything does
  bool moved_aside_ = false;  // the file to be mended
  std::error_code error_;
};

}  // namespace

Result<Summary> download(const std::string& url, const std::string& path, const Options& options) {
  return Download(url, path, options, nullptr).run();
}

Result<Summary> download_part(const std::string& url, const std::string& path,
                              const Options& options, const Part& part) {
  return Download(url, path, options, &part).run();
}

}  // namespace bbz::download
