#include "bbz/access/bases/base_set.h"

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "bbz/access/model/model.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/files/recognise.h"
#include "bbz/http/url.h"

namespace bbz::bases {

namespace fs = std::filesystem;

std::string hint_of(const std::string& place) {
  std::string hint =
      http::is_url(place) ? http::shown_url(place) : fs::path(place).filename().string();
  return is_utf8(hint) && hint.size() <= catalog::BaseMeta::kMostHint ? hint : std::string();
}

namespace {

// Returns a text that is the same for all names of a file.
std::string identity_of(const std::string& place) {
  if (http::is_url(place)) return place;
  std::error_code error;
  const fs::path path = fs::canonical(place, error);
  return error ? place : path.string();
}

// A file of a base.
struct File {
  std::shared_ptr<const catalog::BaseMeta> meta;
  std::string origin;
  model::Model model;
};

// An archive of a chain.
struct Link {
  std::string identity;
  std::string hint;
  std::optional<Digest> root{};  // if it is known
};

// The place of a tensor.
struct Place {
  std::size_t file = 0;
  std::size_t tensor = 0;
};

class BaseSet final : public Base {
 public:
  // `above` are the archives that lean on it.
  BaseSet(std::shared_ptr<const Options> options, std::vector<Link> above)
      : options_(std::move(options)), above_(std::move(above)) {}

  Result<std::vector<BaseTensor>> find(std::string_view name,
                                       const catalog::BaseMeta* wanted) override {
    const std::lock_guard lock(mutex_);
    BBZ_TRY(open_all());
    std::vector<std::pair<int, Place>> found;
    const auto [begin, end] = places_.equal_range(std::string(name));
    for (auto at = begin; at != end; ++at) {
      const model::Model& model = files_[at->second.file].model;
      const bool meant = wanted == nullptr || (wanted->root && model.root == wanted->root);
      const bool leans = !model.leans.empty() && model.leans[at->second.tensor];
      // A tensor that leans may cost a whole chain to look at, and each of that another one. So it is
      // only looked at if its archive is the one that is meant, or there is no choice.
      if (leans && !meant && files_.size() > 1) continue;
      found.emplace_back(meant ? 0 : leans ? 2 : 1, at->second);
    }
    if (found.empty() && wanted != nullptr) BBZ_TRY(check_cycle(*wanted));
    std::ranges::stable_sort(found, {}, [&](const auto& one) {
      return std::tuple(one.first,
                        wanted != nullptr && files_[one.second.file].meta->hint != wanted->hint,
                        one.second.file, one.second.tensor);
    });
    std::vector<BaseTensor> tensors;
    for (const auto& [rank, place] : found) tensors.push_back(tensor_at(place));
    return tensors;
  }

  std::string shown() const override {
    std::string text;
    for (const std::string& place : options_->places) {
      text += (text.empty() ? "" : ", ") + bbz::quoted(hint_of(place));
    }
    for (const auto& source : options_->sources) {
      text += (text.empty() ? "" : ", ") + bbz::quoted(hint_of(std::string(source->name())));
    }
    if (!passed_over_.empty()) text += fmt::format(" (passed over: {})", passed_over_);
    return text;
  }

 private:
  // Checks that what is wanted is none of the archives that lean on it.
  Status check_cycle(const catalog::BaseMeta& wanted) const {
    const auto same = std::ranges::find_if(above_, [&](const Link& link) {
      return wanted.root && link.root ? link.root == wanted.root : link.hint == wanted.hint;
    });
    if (same == above_.end()) return {};
    return make_error(Code::kMalformed, "the chain of bases returns to where it was: {} -> {}",
                      chain(), bbz::quoted(same->hint));
  }

  std::string chain() const {
    std::string text;
    for (const Link& one : above_) text += (text.empty() ? "" : " -> ") + bbz::quoted(one.hint);
    return text;
  }

  BaseTensor tensor_at(const Place& place) const {
    const File& file = files_[place.file];
    BaseTensor tensor;
    tensor.info = file.model.tensors[place.tensor];
    tensor.origin = file.origin;
    tensor.file = file.meta;
    tensor.read = [read = file.model.read, number = place.tensor, origin = file.origin](
                      std::uint64_t offset, MutableBytes out) -> Status {
      const Status done = read(number, offset, out);
      if (done.ok()) return done;
      return make_error(done.code(), "base {}: {}", origin, done.error().message);
    };
    return tensor;
  }

  // Opens all files, once.
  Status open_all() {
    if (opened_) return outcome_;
    opened_ = true;
    outcome_ = open_places();
    return outcome_;
  }

  Status open_places() {
    if (options_->places.empty() && options_->sources.empty()) {
      return error_with_message(Code::kInvalidArgument, "no base is named");
    }
    if (above_.size() > kMostChain) {
      return make_error(Code::kLimit, "a chain of more than {} archives: {}", kMostChain, chain());
    }
    std::vector<std::string> places = options_->places;
    if (!above_.empty()) {
      places.insert(places.end(), options_->deeper.begin(), options_->deeper.end());
    }
    for (const std::string& place : places) {
      std::error_code ignored;
      if (!http::is_url(place) && fs::is_directory(place, ignored)) {
        BBZ_TRY(open_folder(place));
      } else {
        BBZ_TRY(open_file(place));
      }
    }
    for (const auto& source : options_->sources) {
      BBZ_TRY(open_file(std::string(source->name()), source));
    }
    return {};
  }

  // Opens the files of a directory that can be, in the order of their names.
  Status open_folder(const std::string& folder) {
    std::vector<std::string> paths;
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
      if (entry.is_regular_file(error)) paths.push_back(entry.path().string());
    }
    if (error) return make_error(Code::kIo, "{}: {}", folder, error.message());
    std::ranges::sort(paths);
    for (const std::string& path : paths) {
      if (!looks_like_model(path)) continue;
      const Status done = open_file(path);
      if (done.ok()) continue;
      if (done.code() == Code::kOutOfMemory || done.code() == Code::kCancelled) return done;
      if (!passed_over_.empty()) passed_over_ += "; ";
      passed_over_ += done.error().message;
    }
    return {};
  }

  static bool looks_like_model(const std::string& path) {
    const auto source = io::open_file(path);
    if (!source.ok()) return false;
    std::vector<std::byte> start(files::kRecognisedBytes);
    const auto got = io::read_up_to(**source, 0, start);
    return got.ok() &&
           files::recognise(path, Bytes(start).first(*got)) != files::FileFormat::kBytes;
  }

  // Opens a file at a place, or one that `opened` reads.
  Status open_file(const std::string& place, const std::shared_ptr<io::Source>& opened = {}) {
    // Several sources may have one name.
    const std::string identity =
        opened ? fmt::format("source {}", static_cast<const void*>(opened.get()))
               : identity_of(place);
    // An archive may lie beside its base.
    if (std::ranges::find(above_, identity, &Link::identity) != above_.end()) return {};
    std::vector<Link> above = above_;
    above.push_back({identity, hint_of(place)});
    const auto next = std::make_shared<BaseSet>(options_, std::move(above));
    File file;
    file.origin = http::is_url(place) ? http::shown_url(place) : bbz::quoted(place);
    BBZ_ASSIGN(file.model, open_model(place, opened, next));
    next->above_.back().root = file.model.root;
    catalog::BaseMeta meta;
    meta.root = file.model.root;
    meta.hint = hint_of(place);
    file.meta = std::make_shared<const catalog::BaseMeta>(std::move(meta));
    for (std::size_t i = 0; i < file.model.tensors.size(); ++i) {
      places_.emplace(file.model.tensors[i].name, Place{files_.size(), i});
    }
    files_.push_back(std::move(file));
    return {};
  }

  Result<model::Model> open_model(const std::string& place,
                                  const std::shared_ptr<io::Source>& opened,
                                  const std::shared_ptr<Base>& next) {
    if (opened) {
      return model::open(opened, http::is_url(place) ? http::file_name_of(place) : place,
                         options_->threads, options_->limits, next);
    }
    if (!http::is_url(place)) {
      return model::open(place, options_->threads, options_->limits, next);
    }
    if (!options_->open_url) {
      return make_error(Code::kInvalidArgument, "{}: a base behind a URL cannot be opened here",
                        http::shown_url(place));
    }
    BBZ_ASSIGN(auto source, options_->open_url(place));
    return model::open(std::move(source), http::file_name_of(place), options_->threads,
                       options_->limits, next);
  }

  const std::shared_ptr<const Options> options_;
  std::vector<Link> above_;  // those that lean on it, the first of the chain first
  std::mutex mutex_;         // guards what follows
  bool opened_ = false;
  Status outcome_;
  std::vector<File> files_;
  std::unordered_multimap<std::string, Place> places_;  // by name of the tensor
  std::string passed_over_;                             // files of directories, and why
};

}  // namespace

std::shared_ptr<Base> make(Options options) {
  std::vector<Link> above;
  if (!options.archive.empty())
    above.push_back({identity_of(options.archive), hint_of(options.archive)});
  return std::make_shared<BaseSet>(std::make_shared<const Options>(std::move(options)),
                                   std::move(above));
}

}  // namespace bbz::bases
