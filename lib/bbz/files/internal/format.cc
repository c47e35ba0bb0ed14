#include "bbz/files/internal/format.h"

#include <array>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/base/stand_in.h"
#include "bbz/files/gguf/header.h"
#include "bbz/files/internal/gguf.h"
#include "bbz/files/internal/pytorch.h"
#include "bbz/format/container/header.h"

namespace bbz::files {
namespace {

using Match = Format::Match;

Match probe_archive(std::string_view, Bytes first) {
  return container::begins_with_magic(first) ? Match::kContent : Match::kNo;
}

Match probe_safetensors(std::string_view path, Bytes first) {
  if (safetensors::has_usual_suffix(path)) return Match::kClaimed;
  return safetensors::looks_like_header(first) ? Match::kMaybe : Match::kNo;
}

// Lays a file out as its header, which is plain bytes, and its tensors in order of offset.
Result<Layout> layout_safetensors(Front& front, const Options& options) {
  BBZ_ASSIGN(const Bytes length, front.first(safetensors::kLengthBytes));
  const auto header_size = safetensors::header_size(length, options.safetensors);
  BBZ_ASSIGN(const Bytes start, front.first(header_size.ok() ? *header_size : length.size()));
  BBZ_ASSIGN(safetensors::Header header,
             safetensors::parse(start, front.size(), options.safetensors));
  Layout layout;
  if (!header.metadata.empty()) {
    BBZ_ASSIGN(layout.metadata, safetensors::metadata_to_json(header.metadata));
  }
  layout.extents.reserve(header.tensors.size() + 1);
  layout.extents.push_back(bytes_extent(0, header.header_size));
  for (safetensors::Tensor& tensor : header.tensors) {
    layout.extents.push_back({Extent::Kind::kTensor, std::move(tensor.name), tensor.dtype,
                              std::move(tensor.shape), header.header_size + tensor.begin,
                              tensor.size()});
  }
  return layout;
}

bool pytorch_wants_copy(std::string_view path, Bytes first) {
  return !torch::looks_like_zip(first) || torch::looks_like_torch_zip(first) ||
         torch::has_usual_suffix(path);
}

Match probe_bytes(std::string_view, Bytes) {
  return Match::kClaimed;
}

Result<Layout> layout_bytes(Front& front, const Options&) {
  Layout layout;
  if (front.size() != 0) layout.extents.push_back(bytes_extent(0, front.size()));
  return layout;
}

constexpr std::array<Format, 5> kFormats = {{
    {FileFormat::kArchive, "bbz", ".bbz", container::kMagic.size(), probe_archive, nullptr, nullptr,
     nullptr},
    {FileFormat::kPytorch, "pytorch", ".pt", kPytorchProbeSize, probe_pytorch,
     torch::has_usual_suffix, pytorch_wants_copy, layout_pytorch},
    {FileFormat::kSafetensors, "safetensors", ".safetensors", safetensors::kLengthBytes + 1,
     probe_safetensors, safetensors::has_usual_suffix, nullptr, layout_safetensors},
    {FileFormat::kGguf, "gguf", ".gguf", gguf::kMagicBytes, probe_gguf, nullptr, nullptr,
     layout_gguf},
    {FileFormat::kBytes, "bytes", "", 0, probe_bytes, nullptr, nullptr, layout_bytes},
}};

Result<Layout> lay_out(Front& front, std::string_view path, std::string_view shown,
                       const Options& options) {
  const std::string name(path.empty() ? options.stream_name : path);
  const bool opaque = options.opaque || matches_path(options.opaque_paths, name);
  std::string failure;  // the error of a format that it might have had
  for (const Format& format : kFormats) {
    const bool last = &format == &kFormats.back();
    if (format.layout == nullptr || (opaque && !last)) continue;
    BBZ_ASSIGN(const Bytes first, front.first(format.probe_size));
    const Match match = format.probe(path, first);
    if (match < Match::kMaybe) continue;
    if (format.wants_copy != nullptr && front.seekable() == nullptr) {
      if (!format.wants_copy(name, first)) continue;
      BBZ_ASSIGN(const std::string why_not,
                 front.copy(options.temporary_folder, options.copied_bytes));
      if (!why_not.empty()) {
        failure = fmt::format("in a stream it is read from a copy, and {}", why_not);
        continue;
      }
    }
    auto layout = format.layout(front, options);
    if (layout.ok()) {
      layout->format = format.name;
      if (last && !opaque) {
        BBZ_ASSIGN(const Bytes start, front.first(kRecognisedBytes));
        layout->why_bytes = why_bytes({path, start, failure});
      }
      return layout;
    }
    const Error& error = layout.error();
    if (error.code == Code::kIo) return error;
    failure = error.message;
    if (const std::string begin = fmt::format("{}: ", front.name()); failure.starts_with(begin)) {
      failure.erase(0, begin.size());
    }
    if (match == Match::kClaimed) {
      BBZ_ASSIGN(const Bytes start, front.first(kRecognisedBytes));
      if (const std::string other = stand_in(start); !other.empty()) {
        return make_error(error.code, "{}: it is {}", shown, other);
      }
      return make_error(error.code, Remedy::kPackAsBytes, "{}: {}", shown, error.message);
    }
  }
  return make_error(Code::kInternal, "{}: no format accepts it", shown);
}

std::string stream_path(std::string_view format, const Options& options) {
  if (!options.stream_name.empty()) return options.stream_name;
  std::string path = "stdin";
  for (const Format& row : kFormats) {
    if (row.name == format) path += row.suffix;
  }
  return path;
}

}  // namespace

std::span<const Format> formats() {
  return kFormats;
}

Extent bytes_extent(std::uint64_t offset, std::optional<std::uint64_t> length) {
  Extent extent;
  extent.offset = offset;
  extent.length = length;
  if (length) extent.shape = {*length};
  return extent;
}

Result<SourceFile> describe(std::unique_ptr<io::Source> source, std::string path,
                            std::string_view shown, const Options& options) {
  Front front(std::move(source));
  SourceFile file;
  // Passes no name for a stream: the caller chose it, and it says nothing about the content.
  BBZ_ASSIGN(file.layout, lay_out(front, path, shown, options));
  file.path = path.empty() ? stream_path(file.layout.format, options) : std::move(path);
  if (const Status safe = check_safe_path(file.path); !safe.ok()) {
    return make_error(safe.error().code, "{}: {}", shown, safe.error().message);
  }

  const bool size_known = front.size().has_value();
  file.source = front.release();
  if (!size_known && !file.layout.extents.empty() && file.layout.extents.back().length) {
    const Extent& last = file.layout.extents.back();
    file.source = sized_source(std::move(file.source), last.offset + *last.length);
  }
  return file;
}

}  // namespace bbz::files
