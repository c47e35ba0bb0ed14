#include "bbz/access/model/internal/archive.h"

#include <tuple>

#include "bbz/access/model/internal/gguf.h"
#include "bbz/access/model/internal/tensors.h"
#include "bbz/access/view/block.h"
#include "bbz/archive/reader.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/symmetry/view.h"

namespace bbz::model {
namespace {

using Bytewise = std::vector<std::byte>;

// Reads whole blocks of a tensor from `offset` on, where one begins.
Result<Bytewise> read_blocks(const Reader& reader, std::uint32_t number, std::uint64_t offset) {
  const catalog::Tensor& tensor = reader.catalog().tensors[number];
  BBZ_TRY(reader.read_bytes(number, 0, {}));  // checks limits before the memory is allocated
  std::uint64_t end = offset;
  while (end < tensor.byte_size && end - offset < kPartBytes) {
    BBZ_ASSIGN(const view::Block block, view::block_at(reader.catalog(), tensor, end));
    if (end != offset && block.end - offset > kPartBytes) break;
    end = block.end;
  }
  Bytewise bytes(end - offset);
  BBZ_TRY(reader.read_bytes(number, offset, bytes));
  return bytes;
}

// Returns the first tensor that is the same elements as each of some tensors of an archive.
std::vector<std::size_t> firsts_in(const catalog::Catalog& catalog,
                                   const std::vector<std::uint32_t>& numbers) {
  std::vector<bool> runs;  // whether each has consecutive bytes, of itself or of its base
  for (const std::uint32_t number : numbers) {
    const catalog::TensorMeta& meta = catalog.tensors[number].meta;
    runs.push_back(!meta.is_view() || symmetry::is_run_of_view(meta));
  }
  const auto key = [&](std::size_t i) {
    const catalog::TensorMeta& meta = catalog.tensors[numbers[i]].meta;
    const bool view = meta.is_view();
    return std::tuple(view ? meta.base() : meta.number, view ? meta.view->offset : 0, meta.dtype,
                      static_cast<bool>(runs[i]));
  };
  return firsts_of(numbers.size(), [&](std::size_t i, std::size_t j) {
    const auto of_i = key(i), of_j = key(j);
    if (of_i != of_j) return of_i < of_j;
    const catalog::TensorMeta& a = catalog.tensors[numbers[i]].meta;
    const catalog::TensorMeta& b = catalog.tensors[numbers[j]].meta;
    if (a.shape != b.shape) return a.shape < b.shape;
    return !runs[i] && strides_less(a.shape, a.view->strides, b.view->strides);
  });
}

// Returns the bytes that are decoded for all parts of a tensor, or more.
std::uint64_t bytes_read(const catalog::Catalog& catalog, const catalog::Tensor& tensor) {
  if (!tensor.meta.is_view()) return tensor.byte_size;
  return symmetry::bytes_read_for_view(tensor.meta, catalog.tensors[tensor.meta.base()]);
}

}  // namespace

Result<Model> from_archive(const std::shared_ptr<io::Source>& source, const Opening& opening) {
  ReadOptions options;
  options.threads = opening.threads;
  options.limits = opening.limits;
  options.base = opening.base;
  BBZ_ASSIGN(Reader opened, Reader::open(source, options));
  const auto reader = std::make_shared<const Reader>(std::move(opened));
  BBZ_TRY(check_gguf_files(*reader, source->name()));
  Model model;
  model.stored_bytes = reader->catalog().stored_bytes;
  model.file_bytes = reader->catalog().unpacked_bytes;
  model.root = reader->root();
  std::vector<std::uint32_t> numbers;
  for (const catalog::File& file : reader->catalog().files) {
    std::vector<std::uint32_t> all = file.tensors;
    all.insert(all.end(), file.views.begin(), file.views.end());
    for (const std::uint32_t number : all) {
      const catalog::TensorMeta& meta = reader->catalog().tensors[number].meta;
      const SharedBlockType& block = reader->catalog().tensors[number].block;
      if (!meta.is_named()) continue;
      if (block == nullptr && find_dtype(meta.dtype) == nullptr) {
        return make_error(Code::kUnsupported, "{}: tensor {}: unknown dtype {}", source->name(),
                          bbz::quoted(meta.name), static_cast<int>(meta.dtype));
      }
      model.tensors.push_back({meta.name, meta.dtype, meta.shape, block});
      numbers.push_back(number);
      const bool is_view = meta.is_view();
      model.leans.push_back((is_view ? reader->catalog().tensors[meta.base()].meta : meta).leans());
    }
    if (file.path == "config.json" && file.size <= kMostConfig) {
      Bytewise text(file.size);
      BBZ_TRY(reader->read_file(static_cast<std::uint32_t>(&file - reader->catalog().files.data()),
                                0, text));
      model.config = as_text(text);
    }
  }
  model.firsts = firsts_in(reader->catalog(), numbers);
  for (const std::uint32_t number : numbers) {
    model.reads.push_back(bytes_read(reader->catalog(), reader->catalog().tensors[number]));
  }
  model.load = [reader, numbers](std::size_t i) -> Result<Bytewise> {
    BBZ_TRY(reader->read_bytes(numbers[i], 0, {}));  // checks limits before the memory is allocated
    Bytewise bytes(reader->catalog().tensors[numbers[i]].byte_size);
    BBZ_TRY(reader->read_tensor(numbers[i], bytes));
    return bytes;
  };
  model.load_part = [reader, numbers](std::size_t i, std::uint64_t offset) {
    return read_blocks(*reader, numbers[i], offset);
  };
  model.read = [reader, numbers](std::size_t i, std::uint64_t offset, MutableBytes out) {
    return reader->read_bytes(numbers[i], offset, out);
  };
  model.archive = reader;
  model.numbers = std::move(numbers);
  return model;
}

}  // namespace bbz::model
