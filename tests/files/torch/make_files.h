// Files of torch.save made for tests: zip archives and pickles, as bytes in strings.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bbz/base/shape.h"

namespace bbz::torch {

// `value` in `bytes` bytes, little-endian.
inline std::string little(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i, value >>= 8) text.push_back(static_cast<char>(value));
  return text;
}

// How an archive differs from the plainest one.
struct ZipForm {
  unsigned method = 0;
  unsigned flags = 0x808;  // what PyTorch writes: sizes follow, names are UTF-8
  bool zip64 = false;
  std::string comment;
  std::string extra;  // of every local header: PyTorch aligns data with it
};

using ZipFiles = std::vector<std::pair<std::string, std::string>>;

inline std::string make_zip(const ZipFiles& files, const ZipForm& form = {}) {
  std::string zip, directory;
  const std::string middle = little(form.flags, 2) + little(form.method, 2) + little(0, 8);
  for (const auto& [name, data] : files) {
    const std::string offset = form.zip64 ? little(0xffffffff, 4) : little(zip.size(), 4);
    const std::string size = little(form.zip64 ? 0xffffffff : data.size(), 4);
    const std::string extra = form.zip64 ? little(7, 2) + little(2, 2) + "??" + little(1, 2) +
                                               little(24, 2) + little(data.size(), 8) +
                                               little(data.size(), 8) + little(zip.size(), 8)
                                         : "";
    directory += little(0x02014b50, 4) + little(0, 4) + middle + size + size +
                 little(name.size(), 2) + little(extra.size(), 2) + little(0, 2 + 2 + 2 + 4) +
                 offset + name + extra;
    zip += little(0x04034b50, 4) + little(0, 2) + middle + size + size + little(name.size(), 2) +
           little(form.extra.size(), 2) + name + form.extra + data;
  }
  const std::uint64_t begin = zip.size();
  const std::uint64_t end = begin + directory.size();
  zip += directory;
  if (form.zip64) {
    zip += little(0x06064b50, 4) + little(44, 8) + little(0, 4 + 4 + 4) + little(files.size(), 8) +
           little(files.size(), 8) + little(directory.size(), 8) + little(begin, 8);
    zip += little(0x07064b50, 4) + little(0, 4) + little(end, 8) + little(1, 4);
  }
  const std::uint64_t count = form.zip64 ? 0xffff : files.size();
  return zip + little(0x06054b50, 4) + little(0, 4) + little(count, 2) + little(count, 2) +
         little(form.zip64 ? 0xffffffff : directory.size(), 4) +
         little(form.zip64 ? 0xffffffff : begin, 4) + little(form.comment.size(), 2) + form.comment;
}

// Opcodes of pickle, with their operands.
inline std::string pickle_text(std::string_view text) {
  return 'X' + little(text.size(), 4) + std::string(text);
}
inline std::string pickle_int(std::uint64_t value) {
  if (value < 256) return 'K' + little(value, 1);
  if (value < (1u << 31)) return 'J' + little(value, 4);
  return "\x8a\x08" + little(value, 8);
}
inline std::string pickle_tuple(const std::vector<std::uint64_t>& values) {
  std::string text = "(";
  for (const std::uint64_t value : values) text += pickle_int(value);
  return text + 't';
}
inline std::string pickle_global(std::string_view module, std::string_view name) {
  return 'c' + std::string(module) + '\n' + std::string(name) + '\n';
}
// `more` is what follows the number of elements: in old files, a part of the storage.
inline std::string pickle_storage(std::string_view module, std::string_view type,
                                  std::string_view key, std::uint64_t elements,
                                  const std::string& more = "") {
  return '(' + pickle_text("storage") + pickle_global(module, type) + pickle_text(key) +
         pickle_text("cpu") + pickle_int(elements) + more + "tQ";
}

// A view of a storage of one of torch's own types ("FloatStorage").
struct View {
  std::string type = "FloatStorage";
  std::string key = "0";
  std::uint64_t elements = 0;  // of the storage
  std::uint64_t offset = 0;
  std::vector<std::uint64_t> shape;
  std::vector<std::uint64_t> strides;
};

// A matrix of 2 x 3, the first tensor of many a pickled value of the tests.
inline const View kMatrix{"FloatStorage", "0", 6, 0, {2, 3}, {3, 1}};

// The start of a call of _rebuild_tensor_v2 and its end, for arguments after the usual ones.
inline std::string pickle_view_open(const View& view) {
  return pickle_global("torch._utils", "_rebuild_tensor_v2") + '(' +
         pickle_storage("torch", view.type, view.key, view.elements) + pickle_int(view.offset) +
         pickle_tuple(view.shape) + pickle_tuple(view.strides) + "\x89" +
         pickle_global("collections", "OrderedDict") + ")R";
}
inline std::string pickle_view(const View& view) {
  return pickle_view_open(view) + "tR";
}

// A call of _rebuild_tensor_v3: a view of bytes, or of a part of them, with the dtype beside it.
inline std::string pickle_view_v3(const View& view, std::string_view dtype,
                                  const std::string& part = "") {
  return pickle_global("torch._utils", "_rebuild_tensor_v3") + '(' +
         pickle_storage("torch.storage", "UntypedStorage", view.key, view.elements, part) +
         pickle_int(view.offset) + pickle_tuple(view.shape) + pickle_tuple(view.strides) + "\x89" +
         pickle_global("collections", "OrderedDict") + ")R" + pickle_global("torch", dtype) + "tR";
}

using PickleDict = std::vector<std::pair<std::string, std::string>>;  // names and pickled values

inline std::string pickle_dict(const PickleDict& entries) {
  std::string text = "}(";
  for (const auto& [name, value] : entries) text += pickle_text(name) + value;
  return text + 'u';
}

inline std::string pickle(const std::string& value) {
  return "\x80\x02" + value + '.';
}

// The archive of a pickle and the storages "data/0", "data/1", ...
inline std::string make_torch(const std::string& pickled, const std::vector<std::string>& storages,
                              const ZipForm& form = {}, const ZipFiles& more = {}) {
  ZipFiles files = {{"model/data.pkl", pickled}};
  for (std::size_t i = 0; i < storages.size(); ++i) {
    files.emplace_back("model/data/" + std::to_string(i), storages[i]);
  }
  files.insert(files.end(), more.begin(), more.end());
  files.emplace_back("model/version", "3\n");
  return make_zip(files, form);
}

// Bytes that differ from place to place.
inline std::string counting_bytes(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) {
    text[i] = static_cast<char>((i * 2654435761u + 12345) >> 13);
  }
  return text;
}

}  // namespace bbz::torch
