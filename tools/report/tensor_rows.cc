#include "report/tensor_rows.h"

#include <algorithm>
#include <map>
#include <vector>

#include "bbz/ops/info.h"

namespace bbz::tools {
namespace {

Json number_or_none(std::uint32_t number) {
  return number == catalog::kNone ? Json() : Json(number);
}

// Returns the name of the codec that has most bytes of a tensor, or null if it stores none.
Json main_codec(const catalog::Catalog& catalog, const catalog::Tensor& tensor) {
  std::map<codec::CodecId, std::uint64_t> bytes;
  for (const catalog::Chunk& chunk : catalog.chunks_of(tensor)) {
    bytes[ops::stored_codec(chunk)] += chunk.decoded_bytes;
  }
  if (bytes.empty()) return {};
  return ops::codec_name(
      std::ranges::max_element(bytes, {}, &std::pair<const codec::CodecId, std::uint64_t>::second)
          ->first);
}

}  // namespace

Json tensor_rows(const catalog::Catalog& catalog) {
  std::vector<std::uint32_t> numbers;
  for (std::uint32_t i = 0; i < catalog.tensors.size(); ++i) {
    if (catalog.tensors[i].meta.kind == catalog::TensorKind::kTensor) numbers.push_back(i);
  }
  std::ranges::stable_sort(numbers, std::greater{}, [&](std::uint32_t i) {
    return std::pair(catalog.tensors[i].stored_bytes, catalog.tensors[i].byte_size);
  });
  Json rows = Json::array();
  for (const std::uint32_t i : numbers) {
    const catalog::Tensor& tensor = catalog.tensors[i];
    rows.push_back(Json::array(
        {tensor.meta.name, number_or_none(tensor.meta.file), ops::dtype_name(tensor),
         tensor.meta.shape, number_or_none(tensor.meta.layer), main_codec(catalog, tensor),
         ops::form_name(tensor.meta.form), tensor.byte_size, tensor.stored_bytes}));
  }
  return {{"count", rows.size()},
          {"rest", {{"tensors", 0}, {"bytes", 0}, {"stored_bytes", 0}}},
          {"columns",
           {"name", "file", "dtype", "shape", "layer", "codec", "form", "bytes", "stored_bytes"}},
          {"rows", std::move(rows)}};
}

}  // namespace bbz::tools
