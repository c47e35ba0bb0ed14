#include "bbz/capi/base.h"

#include <algorithm>
#include <iterator>

#include "bbz/access/bases/base_set.h"
#include "bbz/capi/internal/describe.h"
#include "bbz/http/source.h"
#include "bbz/io/sink.h"

namespace bbz::capi {
namespace {

// Several bases, of which the first that has what is wanted counts.
class JoinedBase final : public Base {
 public:
  explicit JoinedBase(std::vector<std::shared_ptr<Base>> bases) : bases_(std::move(bases)) {}

  Result<std::vector<BaseTensor>> find(std::string_view name,
                                       const catalog::BaseMeta* wanted) override {
    std::vector<BaseTensor> all;
    for (const auto& base : bases_) {
      BBZ_ASSIGN(auto found, base->find(name, wanted));
      std::ranges::move(found, std::back_inserter(all));
    }
    if (wanted == nullptr || !wanted->root) return all;
    // clang 14 does not compile std::ranges::stable_partition.
    std::stable_partition(all.begin(), all.end(), [&](const BaseTensor& tensor) {
      return tensor.file->root == wanted->root;
    });
    return all;
  }

  Status add_inputs(io::Sink& sink) const override {
    for (const auto& base : bases_) BBZ_TRY(base->add_inputs(sink));
    return {};
  }

  std::string shown() const override {
    std::string text;
    for (const auto& base : bases_) text += (text.empty() ? "" : ", ") + base->shown();
    return text;
  }

 private:
  std::vector<std::shared_ptr<Base>> bases_;
};

Result<std::shared_ptr<io::Source>> open_url(const std::string& url) {
  http::Options options;
  options.proxy = "";  // nothing of the environment is looked at
  BBZ_ASSIGN(std::shared_ptr<io::Source> source, http::open(url, options));
  return source;
}

// Returns the base of the places and sources, or null if there are none.
Result<std::shared_ptr<Base>> base_of_files(const bbz_base_options& known) {
  bases::Options options;
  BBZ_TRY(add_patterns(known.places, known.place_count, options.places));
  BBZ_TRY(add_patterns(known.deeper, known.deeper_count, options.deeper));
  if (known.source_count != 0) BBZ_REQUIRE(known.sources);
  for (const bbz_source* const source : std::span(known.sources, known.source_count)) {
    BBZ_REQUIRE(source);
    options.sources.push_back(source->source);
  }
  if (known.archive != nullptr) options.archive = known.archive;
  options.threads = known.threads;
  BBZ_ASSIGN(options.limits, limits_of(known.limits));
  options.open_url = open_url;
  if (options.places.empty() && options.sources.empty()) return std::shared_ptr<Base>();
  return bases::make(std::move(options));
}

Status open_base(const bbz_base_options* given, bbz_base** base) {
  BBZ_REQUIRE(base);
  *base = nullptr;
  BBZ_ASSIGN(const bbz_base_options known, read_struct(given, "bbz_base_options"));
  if (known.reserved != 0) {
    return make_error(Code::kInvalidArgument, "bbz_base_options: reserved is not zero");
  }
  std::vector<std::shared_ptr<Base>> all;
  if (known.reader_count != 0) BBZ_REQUIRE(known.readers);
  for (const bbz_reader* const reader : std::span(known.readers, known.reader_count)) {
    BBZ_REQUIRE(reader);
    const std::string name(reader->reader->source().name());
    all.push_back(base_of(reader->reader, bases::hint_of(name)));
  }
  BBZ_ASSIGN(auto files, base_of_files(known));
  if (files != nullptr) all.push_back(std::move(files));
  if (all.empty()) {
    return make_error(Code::kInvalidArgument, "bbz_base_options: there is nowhere to look");
  }
  *base = new bbz_base{all.size() == 1 ? std::move(all.front())
                                       : std::make_shared<JoinedBase>(std::move(all))};
  return {};
}

}  // namespace
}  // namespace bbz::capi

bbz_code bbz_base_open(const bbz_base_options* options, bbz_base** base,
                       bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&] { return bbz::capi::open_base(options, base); });
}

void bbz_base_free(bbz_base* base) noexcept {
  delete base;
}
