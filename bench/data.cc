#include "data.h"

#include <algorithm>
#include <cstring>
#include <fstream>

#include "bbz/base/format.h"
#include "bbz/files/safetensors/header.h"
#include "codec/generate.h"

namespace bbz::bench {
namespace {

constexpr std::uint64_t kChunkBytes = 1 << 20;

void add_chunks(DType dtype, std::uint64_t row, Bytes bytes, std::vector<Chunk>& chunks) {
  const auto size = static_cast<std::uint64_t>(dtype_info(dtype).bits / 8);
  if (size == 0) return;  // sub-byte types
  const std::uint64_t rows = std::max<std::uint64_t>(kChunkBytes / (row * size), 1);
  const std::uint64_t step = row * size > kChunkBytes ? kChunkBytes : rows * row * size;
  for (std::uint64_t at = 0; at < bytes.size(); at += step) {
    const Bytes plain = bytes.subspan(at, std::min<std::uint64_t>(step, bytes.size() - at));
    chunks.push_back({{dtype, plain.size() / size, row, at / size % row}, plain});
  }
}

}  // namespace

DataSet generated(DType dtype, std::size_t size) {
  constexpr std::uint64_t kRow = 4096;
  DataSet set;
  const DTypeInfo& info = dtype_info(dtype);
  set.name = std::string(info.name) + " rows";
  set.bytes = codec::gaussian_rows(dtype, size / static_cast<std::size_t>(info.bits / 8), kRow, 1);
  add_chunks(dtype, kRow, set.bytes, set.chunks);
  return set;
}

Result<DataSet> from_file(const std::filesystem::path& path) {
  DataSet set;
  set.name = path.filename().string();
  std::ifstream in(path, std::ios::binary);
  if (!in) return make_error(Code::kIo, "{}: cannot be opened", path.string());
  const std::vector<char> file{std::istreambuf_iterator<char>(in), {}};
  set.bytes.resize(file.size());
  std::memcpy(set.bytes.data(), file.data(), file.size());
  BBZ_ASSIGN(const safetensors::Header header, safetensors::parse(set.bytes, set.bytes.size()));
  const Bytes data = Bytes(set.bytes).subspan(header.header_size);
  for (const safetensors::Tensor& t : header.tensors) {
    if (t.size() == 0) continue;
    add_chunks(t.dtype, row_length(t.shape), data.subspan(t.begin, t.size()), set.chunks);
  }
  return set;
}

}  // namespace bbz::bench
