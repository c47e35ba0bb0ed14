#include "bbz/format/container/extensions.h"

#include "bbz/base/format.h"
#include "bbz/base/wire.h"

namespace bbz::container {
namespace {

constexpr std::uint64_t kMostExtensions = 255;
constexpr std::uint64_t kMode = 1;
constexpr std::uint64_t kTime = 2;
constexpr std::uint64_t kLayer = 3;
constexpr std::uint64_t kStorage = 5;  // 4 is in a frozen archive, as one that is not known
constexpr std::uint64_t kLeaning = 6;

// Returns a signed number as one without a sign: 0, -1, 1, -2 and so on as 0, 1, 2, 3.
std::uint64_t zigzag(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  return bits << 1 ^ (value < 0 ? ~std::uint64_t{0} : 0);
}

// Returns the number of which zigzag() made `code`.
std::int64_t unzigzag(std::uint64_t code) {
  return static_cast<std::int64_t>(code >> 1 ^ (~(code & 1) + 1));
}

// Reads the fields of a known extension. Returns whether their values are valid; `r` says whether
// all are there.
bool read_fields(std::uint64_t number, WireReader& r, RecordExtensions& extensions) {
  if (number == kMode) {
    extensions.attributes.mode = r.get_varint<std::uint32_t>();
    return *extensions.attributes.mode <= io::FileAttributes::kPermissions;
  }
  if (number == kTime) {
    io::FileTime& time = extensions.attributes.time.emplace();
    time.seconds = unzigzag(r.get_varint<std::uint64_t>());
    time.nanoseconds = r.get_varint<std::uint32_t>();
    return time.nanoseconds < io::FileTime::kSecond;
  }
  if (number == kStorage) return extensions.storage = true;
  if (number == kLeaning) {
    const Bytes fields = r.get_bytes(r.remaining());
    extensions.leaning.emplace(fields.begin(), fields.end());
    return true;
  }
  extensions.layer = r.get_varint<std::uint32_t>();
  return *extensions.layer != UINT32_MAX;
}

// Returns the type of the records that have a known extension, or nothing if it is not known.
std::optional<RecordType> record_of(std::uint64_t number) {
  if (number == kMode || number == kTime) return RecordType::kFile;
  if (number == kLayer || number == kStorage || number == kLeaning) return RecordType::kTensor;
  return std::nullopt;
}

// Appends an ignorable extension.
void put(WireWriter& w, std::uint64_t number, const std::vector<std::byte>& fields) {
  w.put_varint(2 * number);
  w.put_varint(fields.size());
  w.put_bytes(fields);
}

}  // namespace

void write_extensions(const RecordExtensions& extensions, std::vector<std::byte>& out) {
  const auto& [mode, time] = extensions.attributes;
  WireWriter w(out);
  w.put_varint((mode ? 1u : 0u) + (time ? 1u : 0u) + (extensions.layer ? 1u : 0u) +
               (extensions.storage ? 1u : 0u) + (extensions.leaning ? 1u : 0u));
  std::vector<std::byte> fields;
  WireWriter f(fields);
  if (mode) {
    f.put_varint(*mode);
    put(w, kMode, fields);
  }
  if (time) {
    fields.clear();
    f.put_varint(zigzag(time->seconds));
    f.put_varint(time->nanoseconds);
    put(w, kTime, fields);
  }
  if (extensions.layer) {
    fields.clear();
    f.put_varint(*extensions.layer);
    put(w, kLayer, fields);
  }
  if (extensions.storage) put(w, kStorage, {});
  if (extensions.leaning) put(w, kLeaning, *extensions.leaning);
}

void write_extensions(const FileExtensions& extensions, std::vector<std::byte>& out) {
  RecordExtensions all;
  static_cast<FileExtensions&>(all) = extensions;
  write_extensions(all, out);
}

void write_extensions(const Extensions& extensions, std::vector<std::byte>& out) {
  RecordExtensions all;
  static_cast<Extensions&>(all) = extensions;
  write_extensions(all, out);
}

std::vector<std::byte> replace_leaning(Bytes list, const std::vector<std::byte>& fields) {
  std::vector<std::byte> out;
  WireReader r(list);
  WireWriter w(out);
  const auto count = r.get_varint<std::uint64_t>();
  w.put_varint(count);
  for (std::uint64_t i = 0; i < count && r.ok(); ++i) {
    const auto number_and_need = r.get_varint<std::uint64_t>();
    const Bytes before = r.get_bytes(r.get_varint<std::uint64_t>());
    const Bytes after = number_and_need / 2 == kLeaning ? Bytes(fields) : before;
    w.put_varint(number_and_need);
    w.put_varint(after.size());
    w.put_bytes(after);
  }
  return out;
}

std::optional<RecordExtensions> read_extensions(const RecordHead& head, WireReader& rest) {
  RecordExtensions extensions;
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
      if (const auto type = record_of(number)) {
        WireReader r(fields);
        const bool valid = read_fields(number, r, extensions) && r.finished();
        if (!valid || head.type != *type || required) return std::nullopt;
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
