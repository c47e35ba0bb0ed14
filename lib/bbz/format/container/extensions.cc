#include "bbz/format/container/extensions.h"

#include "bbz/base/format.h"
#include "bbz/base/wire.h"

namespace bbz::container {
namespace {

constexpr std::uint64_t kMostExtensions = 255;
constexpr std::uint64_t kLayer = 3;

// Reads a known extension. Returns whether it is valid.
bool read_layer(const RecordHead& head, bool required, Bytes fields, Extensions& extensions) {
  WireReader r(fields);
  extensions.layer = r.get_varint<std::uint32_t>();
  return head.type == RecordType::kTensor && !required && r.finished() &&
         *extensions.layer != UINT32_MAX;
}

}  // namespace

void write_extensions(const Extensions& extensions, std::vector<std::byte>& out) {
  WireWriter w(out);
  w.put_varint(1);
  w.put_varint(2 * kLayer);
  w.put_varint(varint_size(*extensions.layer));
  w.put_varint(*extensions.layer);
}

std::optional<Extensions> read_extensions(const RecordHead& head, WireReader& rest) {
  Extensions extensions;
  if (head.is_extended()) {
    const auto count = rest.get_varint<std::uint64_t>();
    if (count == 0 || count > kMostExtensions) return std::nullopt;
    std::uint64_t before = 0;
    for (std::uint64_t i = 0; i < count && rest.ok(); ++i) {
      const auto number_and_need = rest.get_varint<std::uint64_t>();
      const std::uint64_t number = number_and_need / 2;
      const bool required = number_and_need % 2 == 1;
      const Bytes fields = rest.get_bytes(rest.get_varint<std::uint64_t>());
      if (i > 0 && number <= before) return std::nullopt;
      before = number;
      if (number >= kFirstPrivate && number < kEndPrivate) {
        extensions.private_numbers |= std::uint32_t{1} << (number - kFirstPrivate);
      }
      if (number == kLayer) {
        if (!read_layer(head, required, fields, extensions)) return std::nullopt;
      } else if (required) {
        extensions.unknown = true;
      }
    }
  }
  if (!rest.finished()) return std::nullopt;
  return extensions;
}

Status check_extensions(const Extensions& extensions, std::string_view what) {
  if (!extensions.unknown) return {};
  return make_error(Code::kUnsupported, "{}: it requires an extension that is not known", what);
}

}  // namespace bbz::container
