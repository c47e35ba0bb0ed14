#include "bbz/capi/writer.h"

#include "bbz/base/layer_name.h"
#include "bbz/base/names.h"
#include "bbz/capi/internal/tensor_file.h"
#include "bbz/capi/internal/writing.h"
#include "bbz/io/sink.h"

struct bbz_writer {
  bbz_writer(std::unique_ptr<bbz::io::Sink> s, bbz::Writer w)
      : sink(std::move(s)), writer(std::move(w)) {}

  std::unique_ptr<bbz::io::Sink> sink;
  bbz::Writer writer;
  std::optional<bbz::capi::TensorFile> file;  // that is open, if it is one of safetensors
};

namespace bbz::capi {

Result<Writing> writing_of(const bbz_writing* given) {
  BBZ_ASSIGN(const bbz_writing known, read_struct(given, "bbz_writing"));
  Writing writing;
  WriteOptions& archive = writing.archive;
  if (known.chunk_bytes != 0) archive.chunk_bytes = known.chunk_bytes;
  archive.alignment = known.alignment;
  archive.threads = known.threads;
  archive.dedup = known.no_dedup == 0;
  switch (known.level) {
    case BBZ_LEVEL_DEFAULT:
      break;
    case BBZ_LEVEL_FAST:
      archive.level = codec::Level::kFast;
      break;
    case BBZ_LEVEL_SMALL:
      archive.level = codec::Level::kSmall;
      break;
    default:
      return make_error(Code::kInvalidArgument, "bbz_writing: level {}, expected at most {}",
                        known.level, static_cast<int>(BBZ_LEVEL_SMALL));
  }
  if (known.digest > BBZ_DIGEST_SHA256) {
    return make_error(Code::kInvalidArgument, "bbz_writing: digest {}, expected at most {}",
                      known.digest, static_cast<int>(BBZ_DIGEST_SHA256));
  }
  if (known.digest == BBZ_DIGEST_SHA256) archive.digest = DigestKind::kSha256;
  BBZ_ASSIGN(archive.limits, limits_of(known.limits));
  writing.output.replace = known.replace != 0;
  writing.output.sync = known.no_sync == 0;
  return writing;
}

Status write_written(const bbz_written& value, bbz_written* out) {
  return out == nullptr ? Status() : write_struct(value, out, "bbz_written");
}

namespace {

// Passes bytes to a callback.
class CallbackSink final : public io::Sink {
 public:
  CallbackSink(const bbz_output& output, std::string name)
      : output_(output), name_(std::move(name)) {}

  Status write(Bytes bytes) override {
    if (failed_) return make_error(Code::kIo, "{}: an earlier write failed", name_);
    if (bytes.empty()) return {};
    const int result = output_.write(output_.user, bytes.data(), bytes.size());
    failed_ = result != 0;
    if (failed_) return callback_error(name_, fmt::format("cannot write at {}", written_), result);
    written_ += bytes.size();
    return {};
  }
  Status finish() override { return write({}); }
  std::uint64_t written() const override { return written_; }
  std::string_view name() const override { return name_; }

 private:
  bbz_output output_;
  std::string name_;
  std::uint64_t written_ = 0;
  bool failed_ = false;
};

Status create(std::unique_ptr<io::Sink> sink, const WriteOptions& options, bbz_writer** writer) {
  BBZ_ASSIGN(Writer made, Writer::create(*sink, options));
  *writer = new bbz_writer(std::move(sink), std::move(made));
  return {};
}

Result<std::string_view> text_of(const char* text, std::size_t length) {
  if (length != 0) BBZ_REQUIRE(text);
  return length == 0 ? std::string_view() : std::string_view(text, length);
}

Result<TensorSpec> spec_of(const bbz_tensor_spec* given) {
  BBZ_REQUIRE(given);
  BBZ_ASSIGN(const bbz_tensor_spec known, read_struct(given, "bbz_tensor_spec"));
  BBZ_ASSIGN(const std::string_view name, text_of(known.name, known.name_length));
  if (known.rank != 0) BBZ_REQUIRE(known.shape);
  if (known.dtype > 0xFF || find_dtype(static_cast<DType>(known.dtype)) == nullptr) {
    return make_error(Code::kInvalidArgument, "tensor {}: dtype {} is unknown", quoted(name),
                      known.dtype);
  }
  TensorSpec spec;
  spec.name = name;
  spec.dtype = static_cast<DType>(known.dtype);
  if (known.rank > Limits().rank) {
    return make_error(Code::kLimit, "tensor {}: {} axes, expected at most {}", quoted(name),
                      known.rank, Limits().rank);
  }
  if (known.rank != 0) spec.shape.assign(known.shape, known.shape + known.rank);
  if (known.has_layer == 0) {
    spec.layer = LayerRules().layer_of(name);
  } else if (known.layer != BBZ_NONE) {
    spec.layer = known.layer;
  }
  return spec;
}

Result<safetensors::Metadata> metadata_of(std::span<const bbz_text_pair> pairs) {
  safetensors::Metadata metadata;
  for (const bbz_text_pair& pair : pairs) {
    BBZ_ASSIGN(const std::string_view key, text_of(pair.key, pair.key_length));
    BBZ_ASSIGN(const std::string_view value, text_of(pair.value, pair.value_length));
    metadata.emplace_back(key, value);
  }
  return metadata;
}

Result<std::vector<TensorSpec>> specs_of(std::span<const bbz_tensor_spec* const> given) {
  std::vector<TensorSpec> specs;
  for (const bbz_tensor_spec* one : given) {
    BBZ_ASSIGN(TensorSpec spec, spec_of(one));
    specs.push_back(std::move(spec));
  }
  return specs;
}

Status begin_tensor(bbz_writer& to, const bbz_tensor_spec* given) {
  if (given == nullptr) {
    if (to.file) return to.file->begin_tensor(to.writer, nullptr);
    return make_error(Code::kInvalidArgument, "spec is null, and no safetensors file is open");
  }
  BBZ_ASSIGN(const TensorSpec spec, spec_of(given));
  return to.file ? to.file->begin_tensor(to.writer, &spec) : to.writer.begin_tensor(spec);
}

Status end_file(bbz_writer& to) {
  if (!to.file) return to.writer.end_file();
  BBZ_TRY(to.file->end(to.writer));
  to.file.reset();
  return {};
}

// Refuses what is between tensors of a safetensors file.
Status check_no_tensors(const bbz_writer& to) {
  if (!to.file) return {};
  return make_error(Code::kInvalidArgument,
                    "a safetensors file is open, which has nothing but its header and its tensors");
}

Status finish(bbz_writer& to, bbz_written* out) {
  BBZ_TRY(check_out(out, "bbz_written"));
  BBZ_ASSIGN(const Digest root, to.writer.finish());
  BBZ_TRY(to.sink->finish());
  const catalog::Catalog& catalog = to.writer.catalog();
  bbz_written written{};
  written.file_count = catalog.files.size();
  written.tensor_count = static_cast<std::uint64_t>(
      std::ranges::count_if(catalog.tensors, [](const auto& t) { return t.meta.is_named(); }));
  written.input_bytes = catalog.unpacked_bytes;
  written.archive_bytes = to.sink->written();
  copy_text(root.to_string(), written.root);
  return write_written(written, out);
}

// Calls `body` with the writer.
template <class Body>
bbz_code with(bbz_writer* writer, bbz_error* error, Body&& body) noexcept {
  return guarded(error, [&]() -> Status {
    BBZ_REQUIRE(writer);
    return body(*writer);
  });
}

Status write_bytes(bbz_writer& to, const void* bytes, std::size_t size) {
  if (size != 0) BBZ_REQUIRE(bytes);
  return to.writer.write(Bytes(static_cast<const std::byte*>(bytes), size));
}

}  // namespace
}  // namespace bbz::capi

bbz_code bbz_writer_create_file(const char* path, const bbz_writing* options, bbz_writer** writer,
                                bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(writer);
    *writer = nullptr;
    BBZ_REQUIRE(path);
    BBZ_ASSIGN(const bbz::capi::Writing writing, bbz::capi::writing_of(options));
    BBZ_ASSIGN(auto sink, bbz::io::create_output(path, writing.output));
    return bbz::capi::create(std::move(sink), writing.archive, writer);
  });
}

bbz_code bbz_writer_create_callbacks(const bbz_output* output, const bbz_writing* options,
                                     bbz_writer** writer, bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(writer);
    *writer = nullptr;
    BBZ_REQUIRE(output);
    BBZ_ASSIGN(const bbz_output known, bbz::capi::read_struct(output, "bbz_output"));
    if (known.write == nullptr) {
      return bbz::make_error(bbz::Code::kInvalidArgument, "bbz_output: write is null");
    }
    BBZ_ASSIGN(const bbz::capi::Writing writing, bbz::capi::writing_of(options));
    std::string name = known.name == nullptr ? "callback" : known.name;
    return bbz::capi::create(std::make_unique<bbz::capi::CallbackSink>(known, std::move(name)),
                             writing.archive, writer);
  });
}

void bbz_writer_free(bbz_writer* writer) noexcept {
  delete writer;
}

bbz_code bbz_writer_begin_file(bbz_writer* writer, const char* path, size_t length,
                               bbz_error* error) noexcept {
  return bbz::capi::with(writer, error, [&](bbz_writer& to) -> bbz::Status {
    BBZ_REQUIRE(path);
    BBZ_TRY(bbz::capi::check_no_tensors(to));
    return to.writer.begin_file(std::string_view(path, length));
  });
}

bbz_code bbz_writer_end_file(bbz_writer* writer, bbz_error* error) noexcept {
  return bbz::capi::with(writer, error, [&](bbz_writer& to) { return bbz::capi::end_file(to); });
}

bbz_code bbz_writer_add_directory(bbz_writer* writer, const char* path, size_t length,
                                  bbz_error* error) noexcept {
  return bbz::capi::with(writer, error, [&](bbz_writer& to) -> bbz::Status {
    BBZ_REQUIRE(path);
    BBZ_TRY(
        to.writer.begin_file(std::string_view(path, length), bbz::catalog::FileKind::kDirectory));
    return to.writer.end_file();
  });
}

bbz_code bbz_writer_add_metadata(bbz_writer* writer, const char* key, size_t key_length,
                                 const char* value, size_t value_length,
                                 bbz_error* error) noexcept {
  return bbz::capi::with(writer, error, [&](bbz_writer& to) -> bbz::Status {
    BBZ_ASSIGN(const auto name, bbz::capi::text_of(key, key_length));
    BBZ_ASSIGN(const auto text, bbz::capi::text_of(value, value_length));
    return to.writer.add_metadata(name, text);
  });
}

bbz_code bbz_writer_begin_safetensors(bbz_writer* writer, const char* path, size_t length,
                                      const bbz_tensor_spec* const* specs, size_t count,
                                      const bbz_text_pair* metadata, size_t metadata_count,
                                      bbz_error* error) noexcept {
  return bbz::capi::with(writer, error, [&](bbz_writer& to) -> bbz::Status {
    BBZ_REQUIRE(path);
    if (count != 0) BBZ_REQUIRE(specs);
    if (metadata_count != 0) BBZ_REQUIRE(metadata);
    BBZ_TRY(bbz::capi::check_no_tensors(to));
    BBZ_ASSIGN(const auto pairs, bbz::capi::metadata_of(std::span(metadata, metadata_count)));
    BBZ_ASSIGN(auto tensors, bbz::capi::specs_of(std::span(specs, count)));
    BBZ_ASSIGN(to.file, bbz::capi::TensorFile::begin(to.writer, std::string_view(path, length),
                                                     std::move(tensors), pairs));
    return {};
  });
}

bbz_code bbz_writer_begin_open_safetensors(bbz_writer* writer, const char* path, size_t length,
                                           uint64_t header_bytes, const bbz_text_pair* metadata,
                                           size_t metadata_count, bbz_error* error) noexcept {
  return bbz::capi::with(writer, error, [&](bbz_writer& to) -> bbz::Status {
    BBZ_REQUIRE(path);
    if (metadata_count != 0) BBZ_REQUIRE(metadata);
    BBZ_TRY(bbz::capi::check_no_tensors(to));
    BBZ_ASSIGN(auto pairs, bbz::capi::metadata_of(std::span(metadata, metadata_count)));
    BBZ_ASSIGN(to.file, bbz::capi::TensorFile::begin_open(
                            to.writer, std::string_view(path, length),
                            header_bytes == 0 ? 1 << 18 : header_bytes, std::move(pairs)));
    return {};
  });
}

bbz_code bbz_writer_begin_tensor(bbz_writer* writer, const bbz_tensor_spec* spec,
                                 bbz_error* error) noexcept {
  return bbz::capi::with(writer, error,
                         [&](bbz_writer& to) { return bbz::capi::begin_tensor(to, spec); });
}

bbz_code bbz_writer_begin_bytes(bbz_writer* writer, uint64_t size, bbz_error* error) noexcept {
  return bbz::capi::with(writer, error, [&](bbz_writer& to) -> bbz::Status {
    BBZ_TRY(bbz::capi::check_no_tensors(to));
    return to.writer.begin_tensor(bbz::TensorSpec::bytes(size));
  });
}

bbz_code bbz_writer_write(bbz_writer* writer, const void* bytes, size_t size,
                          bbz_error* error) noexcept {
  return bbz::capi::with(writer, error,
                         [&](bbz_writer& to) { return bbz::capi::write_bytes(to, bytes, size); });
}

bbz_code bbz_writer_end_tensor(bbz_writer* writer, bbz_error* error) noexcept {
  return bbz::capi::with(writer, error, [&](bbz_writer& to) { return to.writer.end_tensor(); });
}

bbz_code bbz_writer_add_tensor(bbz_writer* writer, const bbz_tensor_spec* spec, const void* bytes,
                               size_t size, bbz_error* error) noexcept {
  return bbz::capi::with(writer, error, [&](bbz_writer& to) -> bbz::Status {
    if (size != 0) BBZ_REQUIRE(bytes);
    BBZ_TRY(bbz::capi::begin_tensor(to, spec));
    BBZ_TRY(bbz::capi::write_bytes(to, bytes, size));
    return to.writer.end_tensor();
  });
}

bbz_code bbz_writer_finish(bbz_writer* writer, bbz_written* written, bbz_error* error) noexcept {
  return bbz::capi::with(writer, error,
                         [&](bbz_writer& to) { return bbz::capi::finish(to, written); });
}
