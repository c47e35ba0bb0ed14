#include "bbz/files/recognise.h"

#include <algorithm>
#include <array>

#include "bbz/base/cut_text.h"
#include "bbz/base/format.h"
#include "bbz/base/stand_in.h"
#include "bbz/base/wire.h"
#include "bbz/files/internal/format.h"

namespace bbz::files {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::size_t kMostBytes = 300;

// The first bytes of a format that is not split into tensors.
struct Magic {
  std::size_t offset = 0;
  std::string_view bytes;
  std::string_view what;
};

constexpr std::array kMagics = {
    Magic{0, "GGUF"sv, "a GGUF file"},
    Magic{0, "lmgg"sv, "a GGML file"},
    Magic{0, "tjgg"sv, "a GGML file"},
    Magic{0, "\x93NUMPY"sv, "a NumPy array"},
    Magic{0, "\x89HDF\r\n\x1a\n"sv, "an HDF5 file"},
    Magic{4, "TFL3"sv, "a TensorFlow Lite model"},
};

// A suffix that tells the format by itself. Suffixes that many formats use (.bin, .pkl) are left to
// the content.
struct Suffix {
  std::string_view suffix;
  std::string_view what;
};

constexpr std::array kSuffixes = {
    Suffix{".onnx", "an ONNX model"},
    Suffix{".distcp", "a part of a distributed PyTorch checkpoint"},
    Suffix{".pt", "named like a torch.save file, but not in a known format"},
    Suffix{".pth", "named like a torch.save file, but not in a known format"},
    Suffix{".ckpt", "named like a checkpoint, but not in a known format"},
    Suffix{".gguf", "named like a GGUF file, but is not one"},
    Suffix{".npy", "named like a NumPy array, but is not one"},
    Suffix{".npz", "named like NumPy arrays, but is not a zip archive of them"},
    Suffix{".h5", "named like an HDF5 file, but is not one"},
    Suffix{".safetensors", "named like a safetensors file, but is not one"},
};

constexpr std::string_view kPickles[] = {".pkl", ".pickle", ".joblib", ".bin"};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

bool called_as_pickle(std::string_view path) {
  return torch::has_usual_suffix(path) ||
         std::ranges::any_of(kPickles, [&](auto suffix) { return path.ends_with(suffix); });
}

const Suffix* find_suffix(std::string_view path) {
  const auto* const found =
      std::ranges::find_if(kSuffixes, [&](const Suffix& s) { return path.ends_with(s.suffix); });
  return found == kSuffixes.end() ? nullptr : found;
}

// Returns the name in the first local header of a zip archive.
std::string_view first_zip_name(Bytes start) {
  constexpr std::size_t kNameLength = 26, kName = 30;
  if (start.size() < kName) return {};
  const std::size_t length = load_le<std::uint16_t>(start.data() + kNameLength);
  return as_text(start.subspan(kName, std::min(length, start.size() - kName)));
}

std::string with_reason(std::string_view what, std::string_view failure) {
  return failure.empty() ? std::string(what) : fmt::format("{}, but {}", what, failure);
}

std::string why_zip(const Unparsed& file, const std::string& path) {
  const std::string_view first = first_zip_name(file.start);
  if (first.ends_with(".npy")) return "NumPy arrays (.npz), which are not split into tensors";
  const bool torch = torch::looks_like_torch_zip(file.start) && file.failure != torch::kNoPickle;
  if (!torch && !torch::has_usual_suffix(path)) {
    return path.ends_with(".keras") ? "a Keras model" : "";
  }
  return with_reason("a torch.save file", file.failure);
}

std::string why(const Unparsed& file) {
  const std::string path = lower(file.path);
  const std::string_view text = as_text(file.start);
  const Suffix* const suffix = find_suffix(path);
  if (suffix != nullptr || called_as_pickle(path)) {
    if (std::string other = stand_in(file.start); !other.empty()) return other;
  }
  if (torch::looks_like_zip(file.start)) return why_zip(file, path);
  if (torch::looks_like_legacy(file.start)) {
    return with_reason("a file of PyTorch before 1.6", file.failure);
  }
  if (torch::looks_like_old_tar(file.start)) {
    return with_reason("a file of PyTorch 0.1, which is a tar", file.failure);
  }
  for (const Magic& magic : kMagics) {
    if (text.size() < magic.offset || !text.substr(magic.offset).starts_with(magic.bytes)) continue;
    return file.failure.empty() ? fmt::format("{}, which is not split into tensors", magic.what)
                                : with_reason(magic.what, file.failure);
  }
  const bool pickle = text.size() > 1 && text[0] == '\x80' && text[1] >= 2 && text[1] <= 5;
  if (pickle && called_as_pickle(path)) return "a pickle that torch.save did not write";
  if (!file.failure.empty() && safetensors::looks_like_header(file.start)) {
    return with_reason("a safetensors file by its first bytes", file.failure);
  }
  return suffix == nullptr ? "" : std::string(suffix->what);
}

}  // namespace

FileFormat recognise(std::string_view path, Bytes start) {
  for (const Format& format : formats()) {
    if (format.probe(path, start) != Format::Match::kNo) return format.id;
  }
  return FileFormat::kBytes;
}

FileFormat usual_format(std::string_view path) {
  for (const Format& format : formats()) {
    if (format.has_name != nullptr && format.has_name(path)) return format.id;
  }
  return FileFormat::kBytes;
}

std::string why_bytes(const Unparsed& file) {
  return std::string(cut_text(why(file), kMostBytes));
}

}  // namespace bbz::files
