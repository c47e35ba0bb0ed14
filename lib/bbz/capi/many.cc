// Reads many tensors in one call, lists layers and chunks, and opens files as sources.
#include <map>
#include <set>

#include "bbz/access/view/archive_view.h"
#include "bbz/capi/internal/boundary.h"
#include "bbz/capi/internal/job.h"
#include "bbz/capi/internal/targets.h"
#include "bbz/capi/reader.h"
#include "bbz/ops/info.h"

namespace bbz::capi {

Result<std::uint64_t> check_targets(std::span<const bbz_target> targets) {
  std::uint64_t total = 0;
  for (const bbz_target& target : targets) {
    if (target.reserved != 0) {
      return make_error(Code::kInvalidArgument, "bbz_target: reserved is not zero");
    }
    BBZ_TRY(buffer_of(target.buffer, target.size));
    const auto sum = checked_add(total, target.size);
    if (!sum) return make_error(Code::kInvalidArgument, "the targets have more than 2^64 bytes");
    total = *sum;
  }
  return total;
}

Result<Watcher> watcher_of(const bbz_many_options* given) {
  BBZ_ASSIGN(const bbz_many_options options, read_struct(given, "bbz_many_options"));
  return Watcher{options.progress, options.user};
}

Status read_targets(const Reader& reader, std::span<const bbz_target> targets, std::uint64_t total,
                    const Watcher& watcher) {
  std::vector<ReadPart> parts;
  parts.reserve(targets.size());
  for (const bbz_target& target : targets) {
    BBZ_ASSIGN(const MutableBytes out, buffer_of(target.buffer, target.size));
    parts.push_back({target.tensor, target.offset, out});
  }
  return Job::run(watcher, [&](Job& job) -> Status {
    BBZ_TRY(job.begin(BBZ_PHASE_WORK, total));
    return reader.read_parts(parts, job.progress());
  });
}

namespace {

// A file of an archive, with what it needs.
class FileInArchive final : public io::Source {
 public:
  FileInArchive(std::shared_ptr<const Reader> reader, const view::ViewOptions& options)
      : reader_(std::move(reader)), view_(*reader_, options) {}

  // Opens the file with this number. Call it once, first.
  Status open(std::uint32_t file) {
    BBZ_ASSIGN(file_, view_.open(file));
    name_ = reader_->catalog().files[file].path;
    return {};
  }

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    return file_->read_at(offset, out);
  }
  std::optional<std::uint64_t> size() const override { return file_->size(); }
  bool seekable() const override { return true; }
  std::string_view name() const override { return name_; }

 private:
  std::shared_ptr<const Reader> reader_;
  view::ArchiveView view_;
  std::unique_ptr<view::FileView> file_;
  std::string name_;
};

Status open_file(const bbz_reader* reader, std::uint32_t file, const bbz_view_options* given,
                 bbz_source** source) {
  BBZ_REQUIRE(source);
  *source = nullptr;
  BBZ_REQUIRE(reader);
  BBZ_ASSIGN(const bbz_view_options options, read_struct(given, "bbz_view_options"));
  if (options.reserved != 0) {
    return make_error(Code::kInvalidArgument, "bbz_view_options: reserved is not zero");
  }
  view::ViewOptions view;
  view.cache_bytes = options.cache_bytes == 0 ? std::uint64_t{64} << 20 : options.cache_bytes;
  view.threads = options.threads;
  auto opened = std::make_shared<FileInArchive>(reader->reader, view);
  BBZ_TRY(opened->open(file));
  *source = new bbz_source{std::move(opened)};
  return {};
}

Status list_layers(const bbz_reader* reader, std::uint32_t* layers, std::size_t capacity,
                   std::size_t* count) {
  BBZ_REQUIRE(count);
  *count = 0;
  BBZ_REQUIRE(reader);
  if (capacity != 0) BBZ_REQUIRE(layers);
  std::set<std::uint32_t> found;
  for (const catalog::Tensor& tensor : reader->reader->catalog().tensors) {
    if (tensor.meta.layer != BBZ_NONE) found.insert(tensor.meta.layer);
  }
  *count = found.size();
  if (capacity == 0) return {};
  if (capacity < found.size()) {
    return make_error(Code::kInvalidArgument, "an array of {} numbers, expected {} for the layers",
                      capacity, found.size());
  }
  std::ranges::copy(found, layers);
  return {};
}

Status describe_chunk(const bbz_reader* reader, std::uint32_t number, std::uint64_t of_tensor,
                      bbz_chunk_info* out) {
  BBZ_REQUIRE(reader);
  BBZ_REQUIRE(out);
  const catalog::Catalog& catalog = reader->reader->catalog();
  BBZ_TRY(check_number("tensor", number, catalog.tensors.size()));
  const catalog::Tensor& tensor = catalog.tensors[number];
  BBZ_TRY(check_number("chunk", of_tensor, tensor.chunk_count));
  const catalog::Chunk& chunk = catalog.chunks[tensor.first_chunk + of_tensor];
  bbz_chunk_info info{};
  info.offset = chunk.payload.offset;
  info.stored_bytes = ops::stored_bytes(chunk);
  info.decoded_bytes = chunk.decoded_bytes;
  info.first_element = chunk.first_element;
  info.element_count = chunk.element_count;
  info.codec = static_cast<std::uint32_t>(chunk.meta.codec);
  info.repeats = chunk.same_as ? 1 : 0;
  return write_struct(info, out, "bbz_chunk_info");
}

Status find_codec(const bbz_reader* reader, std::uint32_t number, std::uint32_t* codec) {
  BBZ_REQUIRE(reader);
  BBZ_REQUIRE(codec);
  const catalog::Catalog& catalog = reader->reader->catalog();
  BBZ_TRY(check_number("tensor", number, catalog.tensors.size()));
  std::map<codec::CodecId, std::uint64_t> bytes;
  for (const catalog::Chunk& chunk : catalog.chunks_of(catalog.tensors[number])) {
    bytes[chunk.meta.codec] += chunk.payload.length;
  }
  const auto most =
      std::ranges::max_element(bytes, {}, [](const auto& of_codec) { return of_codec.second; });
  *codec = most == bytes.end() ? BBZ_NONE : static_cast<std::uint32_t>(most->first);
  return {};
}

}  // namespace
}  // namespace bbz::capi

bbz_code bbz_reader_read_many(const bbz_reader* reader, const bbz_target* targets, size_t count,
                              const bbz_many_options* options, bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(reader);
    if (count != 0) BBZ_REQUIRE(targets);
    const std::span all(targets, count);
    BBZ_ASSIGN(const bbz::capi::Watcher watcher, bbz::capi::watcher_of(options));
    BBZ_ASSIGN(const std::uint64_t total, bbz::capi::check_targets(all));
    return bbz::capi::read_targets(*reader->reader, all, total, watcher);
  });
}

bbz_code bbz_reader_layers(const bbz_reader* reader, uint32_t* layers, size_t capacity,
                           size_t* count, bbz_error* error) noexcept {
  return bbz::capi::guarded(
      error, [&] { return bbz::capi::list_layers(reader, layers, capacity, count); });
}

bbz_code bbz_reader_chunk(const bbz_reader* reader, uint32_t tensor, uint64_t chunk,
                          bbz_chunk_info* info, bbz_error* error) noexcept {
  return bbz::capi::guarded(error,
                            [&] { return bbz::capi::describe_chunk(reader, tensor, chunk, info); });
}

bbz_code bbz_reader_codec(const bbz_reader* reader, uint32_t tensor, uint32_t* codec,
                          bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&] { return bbz::capi::find_codec(reader, tensor, codec); });
}

bbz_code bbz_reader_open_file(const bbz_reader* reader, uint32_t file,
                              const bbz_view_options* options, bbz_source** source,
                              bbz_error* error) noexcept {
  return bbz::capi::guarded(error,
                            [&] { return bbz::capi::open_file(reader, file, options, source); });
}
