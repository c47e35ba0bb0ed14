#include <cstdlib>
#include <cstring>

#include "emulated/lanes.h"

namespace bbz::emulated {

Register load(const void* p) {
  Register v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

void store(void* p, Register v) {
  std::memcpy(p, &v, sizeof v);
}

Register load(Mask mask, std::size_t size, const void* p) {
  Register v{};
  for (std::size_t at = 0; at < sizeof v; at += size, mask >>= 1) {
    if ((mask & 1) != 0) std::memcpy(v.bytes.data() + at, static_cast<const char*>(p) + at, size);
  }
  return v;
}

void store(void* p, Mask mask, std::size_t size, Register v) {
  for (std::size_t at = 0; at < sizeof v; at += size, mask >>= 1) {
    if ((mask & 1) != 0) std::memcpy(static_cast<char*>(p) + at, v.bytes.data() + at, size);
  }
}

void require_aligned(const void* p) {
  if (reinterpret_cast<std::uintptr_t>(p) % sizeof(Register) != 0) std::abort();
}

}  // namespace bbz::emulated
