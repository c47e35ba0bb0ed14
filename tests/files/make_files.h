// Source files made for tests: safetensors and tars, as bytes in strings.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "bbz/files/safetensors/header.h"

namespace bbz::files {

// A safetensors file of these tensors, with data that counts up.
inline std::string make_safetensors(std::vector<safetensors::Tensor> tensors,
                                    const safetensors::Metadata& metadata = {}) {
  const auto header = safetensors::build(tensors, metadata).value();
  std::string file(reinterpret_cast<const char*>(header.data()), header.size());
  const std::uint64_t size = tensors.empty() ? 0 : tensors.back().end;
  for (std::uint64_t i = 0; i < size; ++i) file.push_back(static_cast<char>(i % 251));
  return file;
}

// One member of a tar, header and padded data. `type`: '0' file, '1' hard link, '2' symbolic link,
// '5' directory.
inline std::string tar_member(const std::string& name, const std::string& data, char type = '0',
                              const std::string& link = "") {
  std::string header(512, '\0');
  const auto field = [&](std::size_t at, const std::string& text) {
    header.replace(at, text.size(), text);
  };
  char size[12];
  std::snprintf(size, sizeof size, "%011o", static_cast<unsigned>(data.size()));
  field(0, name);
  field(100, "0000644");
  field(108, "0000000");
  field(116, "0000000");
  field(124, size);
  field(136, "00000000000");
  field(156, std::string(1, type));
  field(157, link);
  field(257, "ustar");
  field(263, "00");
  field(148, "        ");
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  char checksum[8];
  std::snprintf(checksum, sizeof checksum, "%06o", sum);
  field(148, std::string(checksum, 6) + '\0');
  return header + data + std::string((512 - data.size() % 512) % 512, '\0');
}

inline std::string tar_end() {
  return std::string(1024, '\0');
}

}  // namespace bbz::files
