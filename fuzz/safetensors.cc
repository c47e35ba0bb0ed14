// Any bytes are refused or give a header that tiles its data and survives being built again.
#include <cstdint>
#include <cstdlib>

#include "bbz/files/safetensors/header.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void check_header(const bbz::safetensors::Header& header) {
  std::uint64_t position = 0;
  for (const auto& tensor : header.tensors) {
    require(tensor.begin == position && tensor.end >= position);
    position = tensor.end;
  }
  require(position == header.data_size);

  auto tensors = header.tensors;
  const auto built = bbz::safetensors::build(tensors, header.metadata);
  require(built.ok() && tensors == header.tensors && built->size() % 8 == 0);
  const auto again = bbz::safetensors::parse(*built, built->size() + header.data_size);
  require(again.ok() && again->tensors == header.tensors && again->metadata == header.metadata);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const bbz::Bytes bytes = std::as_bytes(std::span(data, size));
  const auto whole = bbz::safetensors::parse(bytes, size);
  const auto streamed = bbz::safetensors::parse(bytes, std::nullopt);
  if (whole.ok()) require(streamed.ok() && *streamed == *whole);
  if (streamed.ok()) check_header(*streamed);
  return 0;
}
