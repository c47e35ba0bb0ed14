#include "bbz/access/bases/base_set.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "bbz/access/model/model.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/files/recognise.h"
#include "bbz/http/url.h"
#include "bbz/io/sink.h"

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
  std::string identity;
  std::shared_ptr<Base> next{};  // of an archive: where its own base is looked for
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

// Returns a file name without its suffix: step9.bbz is likely to be packed from step9.safetensors.
std::string_view stem(std::string_view hint) {
  return hint.substr(0, hint.rfind('.'));
}

// What is known of the tensors of all files, at whatever place of a chain they are found. Thread-safe.
class KnownTensors {
 public:
  std::shared_ptr<KnownTensor> at(const std::string& identity, std::size_t tensor) {
    const std::lock_guard lock(mutex_);
    auto& known = known_[{identity, tensor}];
    if (known == nullptr) known = std::make_shared<KnownTensor>();
    return known;
  }

 private:
  std::mutex mutex_;  // guards the other
  std::map<std::pair<std::string, std::size_t>, std::shared_ptr<KnownTensor>> known_;
};

class BaseSet final : public Base {
 public:
  // `above` are the archives that lean on it.
  BaseSet(std::shared_ptr<const Options> options, std::shared_ptr<KnownTensors> known,
          std::vector<Link> above)
      : options_(std::move(options)), known_(std::move(known)), above_(std::move(above)) {}

  Result<std::vector<BaseTensor>> find(std::string_view name,
                                       const catalog::BaseMeta* wanted) override {
    const std::lock_guard lock(mutex_);
    BBZ_TRY(open_all());
    std::vector<std::pair<int, Place>> found;
    bool too_deep = false;
    const auto [begin, end] = places_.equal_range(std::string(name));
    for (auto at = begin; at != end; ++at) {
      const model::Model& model = files_[at->second.file].model;
      if (model.archive != nullptr && above_.size() >= kMostChain) {
        too_deep = true;
        continue;
      }
      const bool meant = wanted == nullptr || (wanted->root && model.root == wanted->root);
      const bool leans = !model.leans.empty() && model.leans[at->second.tensor];
      // A tensor that leans may cost a whole chain to look at, so it comes last.
      found.emplace_back(meant ? 0 : leans ? 2 : 1, at->second);
    }
    if (found.empty() && wanted != nullptr) BBZ_TRY(check_cycle(*wanted));
    if (found.empty() && too_deep) return too_long();
    std::ranges::stable_sort(found, {}, [&](const auto& one) {
      const std::string& hint = files_[one.second.file].meta->hint;
      const int unlike = wanted == nullptr || hint == wanted->hint ? 0
                         : stem(hint) == stem(wanted->hint)        ? 1
                                                                   : 2;
      return std::tuple(one.first, unlike, one.second.file, one.second.tensor);
    });
    std::vector<BaseTensor> tensors;
    tensors.reserve(found.size());
    for (const auto& [rank, place] : found) tensors.push_back(tensor_at(place));
    return tensors;
  }

  Status add_inputs(io::Sink& sink) const override {
    const std::lock_guard lock(mutex_);
    for (const File& file : files_) {
      for (const auto& source : file.model.sources) BBZ_TRY(io::add_input(sink, *source));
      BBZ_TRY(file.next->add_inputs(sink));
    }
    return {};
  }

  std::string shown() const override {
    const std::lock_guard lock(mutex_);
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
      // Other archives may have the same name, so a root digest counts alone.
      if (wanted.root) return link.root == wanted.root;
      return !wanted.hint.empty() && link.hint == wanted.hint;
    });
    if (same == above_.end()) return {};
    return make_error(Code::kMalformed, "the chain of bases returns to where it was: {} -> {}",
                      chain(), bbz::quoted(same->hint));
  }

  Error too_long() const {
    return make_error(Code::kLimit, "a chain of more than {} archives: {}", kMostChain, chain());
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
    tensor.known = known_->at(file.identity, place.tensor);
    tensor.read = [read = file.model.read, number = place.tensor, origin = file.origin](
                      std::uint64_t offset, MutableBytes out) -> Status {
      Status done = read(number, offset, out);
      if (done.ok()) return done;
      return make_error(done.code(), "base {}: {}", origin, done.error().message);
    };
    return tensor;
  }

  // Opens all files, once.
  Status open_all() {
    if (opened_) return outcome_;
    Status outcome = open_places();
    if (outcome.code() == Code::kIo || outcome.code() == Code::kCancelled ||
        outcome.code() == Code::kOutOfMemory) {
      // That may pass: the next call tries again.
      files_.clear();
      places_.clear();
      passed_over_.clear();
      return outcome;
    }
    opened_ = true;
    outcome_ = outcome;
    return outcome_;
  }

  Status open_places() {
    if (options_->places.empty() && options_->sources.empty()) {
      return error_with_message(Code::kInvalidArgument, "no base is named");
    }
    std::vector<std::string> places = options_->places;
    if (above_.size() > 1) {
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
    fs::directory_iterator entry(folder, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      std::error_code ignored;  // of a link that leads nowhere
      if (entry->is_regular_file(ignored)) paths.push_back(entry->path().string());
    }
    if (error) return make_error(Code::kIo, "{}: {}", folder, error.message());
    std::ranges::sort(paths);
    for (const std::string& path : paths) {
      const Result<bool> is_model = looks_like_model(path);
      if (is_model.ok() && !*is_model) continue;
      Status done = is_model.ok() ? open_file(path) : Status(is_model.error());
      if (done.ok()) continue;
      if (done.code() == Code::kOutOfMemory || done.code() == Code::kCancelled) return done;
      if (!passed_over_.empty()) passed_over_ += "; ";
      passed_over_ += done.error().message;
    }
    return {};
  }

  static Result<bool> looks_like_model(const std::string& path) {
    BBZ_ASSIGN(const auto source, io::open_file(path));
    std::vector<std::byte> start(files::kRecognisedBytes);
    BBZ_ASSIGN(const std::size_t got, io::read_up_to(*source, 0, start));
    return files::recognise(path, Bytes(start).first(got)) != files::FileFormat::kBytes;
  }

  // Opens a file at a place, or one that `opened` reads.
  Status open_file(const std::string& place, const std::shared_ptr<io::Source>& opened = {}) {
    std::error_code ignored;
    const fs::file_status status =
        opened || http::is_url(place) ? fs::file_status() : fs::status(place, ignored);
    if (fs::exists(status) && !fs::is_regular_file(status) && !fs::is_block_file(status)) {
      return make_error(Code::kInvalidArgument, "{}: is no regular file, so it is no base",
                        bbz::quoted(place));
    }
    // Several sources may have one name.
    const std::string identity =
        opened ? fmt::format("source {}", static_cast<const void*>(opened.get()))
               : identity_of(place);
    // An archive may lie beside its base.
    if (std::ranges::find(above_, identity, &Link::identity) != above_.end()) return {};
    std::vector<Link> above = above_;
    above.push_back({identity, hint_of(place)});
    const auto next = std::make_shared<BaseSet>(options_, known_, std::move(above));
    File file;
    file.origin = http::is_url(place) ? http::shown_url(place) : bbz::quoted(place);
    file.identity = identity;
    file.next = next;
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
  const std::shared_ptr<KnownTensors> known_;
  std::vector<Link> above_;   // those that lean on it, the first of the chain first; never empty
  mutable std::mutex mutex_;  // guards what follows
  bool opened_ = false;
  Status outcome_;
  std::vector<File> files_;
  std::unordered_multimap<std::string, Place> places_;  // by name of the tensor
  std::string passed_over_;                             // files of directories, and why
};

}  // namespace

std::shared_ptr<Base> make(Options options) {
  // The archive that leans counts, also if it is a stream, or not written yet.
  std::vector<Link> above(1);
  if (!options.archive.empty()) above[0] = {identity_of(options.archive), hint_of(options.archive)};
  return std::make_shared<BaseSet>(std::make_shared<const Options>(std::move(options)),
                                   std::make_shared<KnownTensors>(), std::move(above));
}

}  // namespace bbz::bases
