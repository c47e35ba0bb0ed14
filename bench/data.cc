#include "data.h"

#include <algorithm>
#include <cstring>
#include <fstream>

#include "bbz/base/format.h"
#include "bbz/files/safetensors/header.h"
#include "codec/generate.h"
#include "codec/generate_numbers.h"

namespace bbz::bench {
namespace {

constexpr std::uint64_t kChunkBytes = 1 << 20;
constexpr std::uint64_t kGeneratedRow = 4096;

// `base` is empty or as long as `bytes`.
void add_chunks(DType dtype, std::uint64_t row, Bytes bytes, Bytes base,
                std::vector<Chunk>& chunks) {
  const auto size = static_cast<std::uint64_t>(dtype_info(dtype).bits / 8);
  if (size == 0) return;  // sub-byte types
  const std::uint64_t rows = std::max<std::uint64_t>(kChunkBytes / (row * size), 1);
  const std::uint64_t step = row * size > kChunkBytes ? kChunkBytes : rows * row * size;
  for (std::uint64_t at = 0; at < bytes.size(); at += step) {
    const Bytes plain = bytes.subspan(at, std::min<std::uint64_t>(step, bytes.size() - at));
    chunks.push_back({{dtype, plain.size() / size, row, at / size % row},
                      plain,
                      base.empty() ? base : base.subspan(at, plain.size())});
  }
}

Result<std::vector<std::byte>> read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return make_error(Code::kIo, "{}: cannot be opened", path.string());
  const std::vector<char> file{std::istreambuf_iterator<char>(in), {}};
  std::vector<std::byte> bytes(file.size());
  std::memcpy(bytes.data(), file.data(), file.size());
  return bytes;
}

}  // namespace

DataSet generated(DType dtype, std::size_t size) {
  DataSet set;
  const DTypeInfo& info = dtype_info(dtype);
  set.name = std::string(info.name) + " rows";
  set.bytes =
      codec::gaussian_rows(dtype, size / static_cast<std::size_t>(info.bits / 8), kGeneratedRow, 1);
  add_chunks(dtype, kGeneratedRow, set.bytes, {}, set.chunks);
  return set;
}

DataSet generated_step(DType dtype, std::size_t size, double step) {
  DataSet set = generated(dtype, size);
  set.name = fmt::format("{} a step of {:g} later", set.name, step);
  set.base = std::move(set.bytes);
  set.bytes = codec::descendant(dtype, set.base, step, 2);
  set.chunks.clear();
  add_chunks(dtype, kGeneratedRow, set.bytes, set.base, set.chunks);
  return set;
}

std::vector<DataSet> generated_numbers(const std::string& part, std::size_t size) {
  std::vector<DataSet> sets;
  for (const codec::NumbersCase& which : codec::numbers_cases()) {
    if (std::string_view(which.name).find(part) == std::string_view::npos) continue;
    const auto bits = static_cast<std::size_t>(dtype_info(which.dtype).bits);
    DataSet set;
    set.name = which.name;
    set.bytes = make_numbers(which, size * 8 / bits).bytes;
    add_chunks(which.dtype, kGeneratedRow, set.bytes, {}, set.chunks);
    sets.push_back(std::move(set));
  }
  return sets;
}

Result<DataSet> from_file(const std::filesystem::path& path, const std::filesystem::path& base) {
  DataSet set;
  set.name = path.filename().string();
  BBZ_ASSIGN(set.bytes, read(path));
  BBZ_ASSIGN(const safetensors::Header header, safetensors::parse(set.bytes, set.bytes.size()));
  safetensors::Header base_header;
  if (!base.empty()) {
    set.name += " on " + base.filename().string();
    BBZ_ASSIGN(set.base, read(base));
    BBZ_ASSIGN(base_header, safetensors::parse(set.base, set.base.size()));
  }
  const Bytes data = Bytes(set.bytes).subspan(header.header_size);
  for (const safetensors::Tensor& t : header.tensors) {
    if (t.size() == 0) continue;
    Bytes below;
    for (const safetensors::Tensor& other : base_header.tensors) {
      if (other.name != t.name || other.dtype != t.dtype || other.shape != t.shape) continue;
      below = Bytes(set.base).subspan(base_header.header_size + other.begin, t.size());
    }
    add_chunks(t.dtype, row_length(t.shape), data.subspan(t.begin, t.size()), below, set.chunks);
  }
  return set;
}

}  // namespace bbz::bench
