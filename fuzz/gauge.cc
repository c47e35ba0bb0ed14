// Fuzz target of the polar form and of junction detection. Byte 0 chooses: 0 (mod 3) decodes a
// form, 1 reads the rest as a shortcut and looks for a form, 2 reads a list of tensors.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "bbz/base/wire.h"
#include "bbz/symmetry/gauge/polar.h"
#include "bbz/symmetry/junction/detect.h"

namespace {

using namespace bbz;

void require(bool condition) {
  if (!condition) std::abort();
}

DType dtype_of(std::uint8_t byte) {
  constexpr DType kTypes[] = {DType::kF16, DType::kBF16, DType::kF32, DType::kF64};
  return kTypes[byte % 4];
}

void fuzz_decode(WireReader& in) {
  gauge::PolarForm form;
  form.dtype = dtype_of(in.get<std::uint8_t>());
  form.rows = in.get<std::uint16_t>();
  form.cols = in.get<std::uint16_t>();
  const std::uint8_t rank = in.get<std::uint8_t>();
  for (int k = 0; in.ok() && k < rank; ++k) form.pivots.push_back(in.get<std::uint16_t>());
  const Bytes rest = in.get_bytes(in.remaining());
  form.factor.assign(rest.begin(), rest.end());
  if (form.rows * form.cols > 1 << 16) return;
  std::vector<std::byte> out(form.rows * form.cols * dtype_info(form.dtype).bits / 8);
  if (!gauge::decode_polar(form, out).ok()) return;
  std::vector<std::byte> again(out.size(), std::byte{1});
  require(gauge::decode_polar(form, again).ok() && again == out);
}

// What is recovered decodes to the bytes that it was recovered from.
void fuzz_recover(WireReader& in) {
  const DType dtype = dtype_of(in.get<std::uint8_t>());
  const std::uint64_t rows = in.get<std::uint8_t>(), cols = in.get<std::uint8_t>();
  std::vector<std::byte> shortcut(rows * cols * dtype_info(dtype).bits / 8);
  const Bytes rest = in.get_bytes(std::min(in.remaining(), shortcut.size()));
  std::copy(rest.begin(), rest.end(), shortcut.begin());
  const auto form = gauge::recover_polar(shortcut, dtype, rows, cols);
  if (!form) return;
  std::vector<std::byte> again(shortcut.size());
  require(gauge::decode_polar(*form, again).ok() && again == shortcut);
}

// Tensors named by the table of a family, with widths from the input.
void fuzz_detect(WireReader& in) {
  std::vector<TensorInfo> infos;
  while (in.remaining() > 4) {
    TensorInfo info;
    info.dtype = dtype_of(in.get<std::uint8_t>());
    const std::uint8_t axes = in.get<std::uint8_t>() % 4;
    for (int a = 0; a < axes; ++a) info.shape.push_back(in.get<std::uint8_t>());
    info.name = in.get_string(std::min<std::uint64_t>(in.get<std::uint8_t>(), in.remaining()));
    infos.push_back(std::move(info));
  }
  const junction::Detection found = junction::detect(infos);
  bool any = false;
  for (const junction::Junction& j : found.junctions) {
    any |= j.proven();
    for (const junction::Member& m : j.members) {
      require(infos[m.tensor].shape[junction::role_axis(m.role)] == j.width);
    }
  }
  require(any == found.refusal.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  WireReader in(std::as_bytes(std::span(data, size)));
  switch (in.get<std::uint8_t>() % 3) {
    case 0:
      fuzz_decode(in);
      break;
    case 1:
      fuzz_recover(in);
      break;
    default:
      fuzz_detect(in);
      break;
  }
  return 0;
}
