// Files as PyTorch wrote them before 1.6, made for tests.
#pragma once

#include "make_files.h"

namespace bbz::torch {

// The pickled number that the format of before 1.6 begins with.
inline const std::string kLegacyMagic = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

// A storage of an old file: its key, its type, the number of its elements, and these.
struct OldStorage {
  std::string key;
  std::string type;
  std::uint64_t elements = 0;
  std::string bytes;
};

inline std::string pickle_keys(const std::vector<OldStorage>& storages) {
  std::string list = "](";
  for (const OldStorage& storage : storages) list += pickle_text(storage.key);
  return pickle(list + "e");
}

inline std::string pickle_system(bool little_endian = true) {
  return pickle(pickle_dict({{"protocol_version", pickle_int(1001)},
                             {"little_endian", little_endian ? "\x88" : "\x89"},
                             {"type_sizes", pickle_dict({{"int", pickle_int(4)}})}}));
}

// A file of the format of before 1.6 with this pickled value.
inline std::string make_legacy(const std::string& value, const std::vector<OldStorage>& storages,
                               bool little_endian = true) {
  std::string file = kLegacyMagic + pickle(pickle_int(1001)) + pickle_system(little_endian) +
                     pickle(value) + pickle_keys(storages);
  for (const OldStorage& storage : storages) file += little(storage.elements, 8) + storage.bytes;
  return file;
}

// One member of a tar. `type`: '0' file, 'x' extended header.
inline std::string old_member(const std::string& name, const std::string& data, char type = '0') {
  std::string header(512, '\0');
  const auto field = [&](std::size_t at, const std::string& text) {
    header.replace(at, text.size(), text);
  };
  std::string size(11, '0');
  for (std::size_t i = 11, rest = data.size(); rest != 0; rest /= 8) {
    size[--i] = static_cast<char>('0' + rest % 8);
  }
  field(0, name);
  field(124, size);
  field(156, std::string(1, type));
  field(257, "ustar");
  field(263, "00");
  return header + data + std::string((512 - data.size() % 512) % 512, '\0');
}

// A tensor of the oldest format.
struct OldTensor {
  std::uint64_t key = 0;
  std::uint64_t storage = 0;
  std::uint64_t offset = 0;
  std::vector<std::uint64_t> shape;
  std::vector<std::uint64_t> strides;
};

// A part of a storage: its key, the key of the whole, and where it is in it.
using OldPart = std::vector<std::uint64_t>;

// A tar of the oldest format with this pickled value. As Python writes it, if `times`.
inline std::string make_old_tar(const std::string& value, const std::vector<OldStorage>& storages,
                                const std::vector<OldPart>& parts,
                                const std::vector<OldTensor>& tensors, bool times = true,
                                bool little_endian = true) {
  std::string of_storages = pickle(pickle_int(storages.size()));
  for (const OldStorage& storage : storages) {
    of_storages += pickle(pickle_int(std::stoull(storage.key)) + pickle_text("cpu") +
                          pickle_global("torch", storage.type) + "\x87") +
                   little(storage.elements, 8) + storage.bytes;
  }
  std::string list = "](";
  for (const OldPart& part : parts) list += pickle_tuple(part);
  of_storages += pickle(list + "e");
  std::string of_tensors = pickle(pickle_int(tensors.size()));
  for (const OldTensor& tensor : tensors) {
    of_tensors += pickle(pickle_int(tensor.key) + pickle_int(tensor.storage) +
                         pickle_global("torch", "FloatTensor") + "\x87") +
                  little(tensor.shape.size(), 4) + "????";  // which means nothing
    for (const std::uint64_t extent : tensor.shape) of_tensors += little(extent, 8);
    for (const std::uint64_t stride : tensor.strides) of_tensors += little(stride, 8);
    of_tensors += little(tensor.offset, 8);
  }
  std::string tar;
  const auto add = [&](const std::string& name, const std::string& data) {
    if (times) tar += old_member("././@PaxHeader", "27 mtime=1483228800.1234567\n", 'x');
    tar += old_member(name, data);
  };
  add("sys_info", pickle_system(little_endian));
  add("pickle", pickle(value));
  add("tensors", of_tensors);
  add("storages", of_storages);
  return tar + std::string(1024, '\0');
}

}  // namespace bbz::torch
