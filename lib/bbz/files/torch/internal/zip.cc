#include "bbz/files/torch/internal/zip.h"

#include <algorithm>
#include <array>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/base/wire.h"
#include "bbz/files/torch/internal/zip_fields.h"

namespace bbz::torch {
namespace {

constexpr std::string_view kPickleName = "/data.pkl";

constexpr std::uint64_t kLongestComment = 0xffff;

// The place of the central directory, relative to the beginning of the archive.
struct Directory {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t entries = 0;
};

Error malformed(std::uint64_t offset, std::string_view what) {
  return make_error(Code::kMalformed, "zip archive: offset {}: {}", offset, what);
}

Result<std::vector<std::byte>> read_range(io::Source& file, std::uint64_t offset,
                                          std::uint64_t size) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  BBZ_TRY(io::read_exactly(file, offset, bytes));
  return bytes;
}

// Reads the end record of zip64, to which the locator before the plain end record points, and
// updates `directory` and `end`, which hold the fields and the offset of the plain end record. The
// offset that the locator gives is relative to the beginning of the archive, which is not known yet;
// the record is right before the locator if it has no more than its usual fields.
Status read_end64(io::Source& file, Bytes locator, std::uint64_t locator_offset,
                  Directory& directory, std::uint64_t& end) {
  WireReader reader(locator);
  reader.get<std::uint32_t>();  // magic
  const auto disk = reader.get<std::uint32_t>();
  auto offset = reader.get<std::uint64_t>();
  const auto disks = reader.get<std::uint32_t>();
  if (disk != 0 || disks > 1) return malformed(locator_offset, "an archive in several parts");
  if (locator_offset < kEnd64Size || offset > locator_offset - kEnd64Size) {
    return malformed(locator_offset, "the zip64 end record is not before its locator");
  }
  const std::uint64_t usual = locator_offset - kEnd64Size;
  BBZ_ASSIGN(auto bytes, read_range(file, usual, kEnd64Size));
  if (load_le<std::uint32_t>(bytes.data()) == kEnd64Magic) {
    offset = usual;
  } else {
    BBZ_ASSIGN(bytes, read_range(file, offset, kEnd64Size));
  }
  WireReader record(bytes);
  const auto magic = record.get<std::uint32_t>();
  record.get<std::uint64_t>();  // size of this record
  record.get<std::uint32_t>();  // versions
  const auto this_disk = record.get<std::uint32_t>();
  const auto first_disk = record.get<std::uint32_t>();
  const auto entries_here = record.get<std::uint64_t>();
  Directory found;
  found.entries = record.get<std::uint64_t>();
  found.size = record.get<std::uint64_t>();
  found.offset = record.get<std::uint64_t>();
  if (magic != kEnd64Magic) return malformed(offset, "no zip64 end record");
  if (this_disk != 0 || first_disk != 0 || entries_here != found.entries) {
    return malformed(offset, "an archive in several parts");
  }
  const auto agrees = [](std::uint64_t plain, std::uint64_t elsewhere, std::uint64_t value) {
    return plain == elsewhere || plain == value;
  };
  if (!agrees(directory.entries, kElsewhere16, found.entries) ||
      !agrees(directory.size, kElsewhere32, found.size) ||
      !agrees(directory.offset, kElsewhere32, found.offset)) {
    return malformed(offset, "the two end records differ");
  }
  directory = found;
  end = offset;
  return {};
}

// A directory, and the offset in the file at which it ends.
struct FoundDirectory {
  Directory directory;
  std::uint64_t end = 0;
};

// Looks for the end record in the last `tail_size` bytes before `limit`.
Result<std::optional<FoundDirectory>> find_directory(io::Source& file, std::uint64_t limit,
                                                     std::uint64_t tail_size) {
  tail_size = std::min(limit, tail_size);
  const std::uint64_t tail_offset = limit - tail_size;
  BBZ_ASSIGN(const auto tail, read_range(file, tail_offset, tail_size));

  for (std::uint64_t at = tail_size; at-- > 0;) {
    if (tail_size - at < kEndSize) continue;
    if (load_le<std::uint32_t>(tail.data() + at) != kEndMagic) continue;
    WireReader reader(Bytes(tail).subspan(at + 4));
    const auto this_disk = reader.get<std::uint16_t>();
    const auto first_disk = reader.get<std::uint16_t>();
    const auto entries_here = reader.get<std::uint16_t>();
    FoundDirectory found;
    Directory& directory = found.directory;
    directory.entries = reader.get<std::uint16_t>();
    directory.size = reader.get<std::uint32_t>();
    directory.offset = reader.get<std::uint32_t>();
    const auto comment = reader.get<std::uint16_t>();
    if (comment != reader.remaining()) continue;  // the magic number is part of a comment

    found.end = tail_offset + at;
    if (this_disk != 0 || first_disk != 0 || entries_here != directory.entries) {
      return malformed(found.end, "an archive in several parts");
    }
    if (at >= kLocatorSize &&
        load_le<std::uint32_t>(tail.data() + at - kLocatorSize) == kLocatorMagic) {
      BBZ_TRY(read_end64(file, Bytes(tail).subspan(at - kLocatorSize, kLocatorSize),
                         found.end - kLocatorSize, directory, found.end));
    }
    if (directory.size > found.end || directory.offset > found.end - directory.size) {
      return malformed(found.end, "the central directory does not end where the end record begins");
    }
    return std::optional(found);
  }
  return std::optional<FoundDirectory>();
}

// Replaces the fields whose values are in the extra field of zip64, in the order of the format.
Status apply_zip64(Bytes extra, std::uint64_t at, std::array<std::uint64_t*, 3> fields) {
  if (std::ranges::none_of(fields, [](const auto* field) { return *field == kElsewhere32; })) {
    return {};
  }
  WireReader reader(extra);
  while (reader.remaining() != 0) {
    const auto id = reader.get<std::uint16_t>();
    const Bytes body = reader.get_bytes(reader.get<std::uint16_t>());
    if (!reader.ok()) break;
    if (id != kZip64Extra) continue;
    WireReader values(body);
    for (std::uint64_t* field : fields) {
      if (*field == kElsewhere32) *field = values.get<std::uint64_t>();
    }
    if (values.ok()) return {};
    break;
  }
  return malformed(at, "an entry whose sizes are in a missing zip64 field");
}

Result<ZipEntry> parse_central(WireReader& reader, std::uint64_t at) {
  if (reader.get<std::uint32_t>() != kCentralMagic) {
    return malformed(at, "no entry of the central directory");
  }
  reader.get<std::uint32_t>();  // versions
  const auto flags = reader.get<std::uint16_t>();
  const auto method = reader.get<std::uint16_t>();
  reader.get<std::uint32_t>();  // time and date
  reader.get<std::uint32_t>();  // checksum
  std::uint64_t stored = reader.get<std::uint32_t>();
  ZipEntry entry;
  entry.size = reader.get<std::uint32_t>();
  const auto name_size = reader.get<std::uint16_t>();
  const auto extra_size = reader.get<std::uint16_t>();
  const auto comment_size = reader.get<std::uint16_t>();
  const auto disk = reader.get<std::uint16_t>();
  reader.get_bytes(6);  // attributes
  entry.header = reader.get<std::uint32_t>();
  entry.name = reader.get_string(name_size);
  const Bytes extra = reader.get_bytes(extra_size);
  reader.get_bytes(comment_size);
  if (!reader.ok()) return malformed(at, "an entry ends after the central directory");
  BBZ_TRY(apply_zip64(extra, at, {&entry.size, &stored, &entry.header}));
  if (disk != 0 && disk != kElsewhere16) return malformed(at, "an archive in several parts");
  entry.method = method;
  entry.encrypted = (flags & kEncrypted) != 0;
  if (method == 0 && !entry.encrypted && stored != entry.size) {
    return malformed(at, "a stored entry with two different sizes");
  }
  entry.size = stored;
  return entry;
}

// Finds the data of an entry after its local header. Header and data must end at or before `limit`.
Status read_local(io::Source& file, std::uint64_t limit, ZipEntry& entry) {
  const std::uint64_t head_size = kLocalSize + entry.name.size();
  if (entry.header > limit || limit - entry.header < head_size) {
    return malformed(entry.header, "a local header does not end before the central directory");
  }
  BBZ_ASSIGN(const auto bytes, read_range(file, entry.header, head_size));
  WireReader reader(bytes);
  const auto magic = reader.get<std::uint32_t>();
  reader.get<std::uint16_t>();  // version
  const auto flags = reader.get<std::uint16_t>();
  const auto method = reader.get<std::uint16_t>();
  reader.get_bytes(8);  // time, date and checksum
  const auto stored = reader.get<std::uint32_t>();
  const auto size = reader.get<std::uint32_t>();
  const bool encrypted = (flags & kEncrypted) != 0;
  const auto name_size = reader.get<std::uint16_t>();
  const auto extra_size = reader.get<std::uint16_t>();
  if (magic != kLocalMagic) return malformed(entry.header, "no local header");
  const bool sizes_known =
      (flags & kSizesFollow) == 0 && size != kElsewhere32 && stored != kElsewhere32;
  if (method != entry.method || encrypted != entry.encrypted || name_size != entry.name.size() ||
      reader.get_string(name_size) != entry.name || (sizes_known && stored != entry.size) ||
      (sizes_known && method == 0 && size != stored)) {
    return malformed(entry.header, "the local header differs from the central directory");
  }
  entry.offset = entry.header + head_size + extra_size;
  if (entry.offset > limit || entry.size > limit - entry.offset) {
    return malformed(entry.header, "an entry's data does not end before the central directory");
  }
  return {};
}

}  // namespace

bool looks_like_zip(Bytes start) {
  return start.size() >= 4 && load_le<std::uint32_t>(start.data()) == kLocalMagic;
}

bool looks_like_torch_zip(Bytes start) {
  constexpr std::size_t kNameLength = 26;
  constexpr std::string_view kFirst[] = {"data.pkl", "data/",   "constants.pkl", "constants/",
                                         "code/",    "version", "byteorder",     ".format_version"};
  if (!looks_like_zip(start) || start.size() < kLocalSize) return false;
  const Bytes rest = start.subspan(kLocalSize);
  const std::size_t length = load_le<std::uint16_t>(start.data() + kNameLength);
  const std::string_view path = as_text(rest.first(std::min(length, rest.size())));
  const std::size_t slash = path.find('/');
  if (slash == path.npos) return false;
  const std::string_view name = path.substr(slash + 1);
  return std::ranges::any_of(kFirst, [&](std::string_view first) {
    return first.ends_with('/') ? name.starts_with(first) : name == first;
  });
}

bool is_pickle(const ZipEntry& entry) {
  const std::string_view name = entry.name;
  return name.ends_with(kPickleName) && name.find('/') == name.size() - kPickleName.size();
}

Status check_stored(const ZipEntry& entry) {
  if (entry.encrypted) {
    return make_error(Code::kUnsupported, "zip archive: the entry {} is encrypted",
                      quoted(entry.name));
  }
  if (entry.method == 0) return {};
  return make_error(Code::kUnsupported,
                    "zip archive: the entry {} is compressed (method {}), not stored",
                    quoted(entry.name), entry.method);
}

Result<ZipArchive> read_zip(io::Source& file, std::uint64_t end, const Limits& limits) {
  BBZ_ASSIGN(auto found, find_directory(file, end, kEndSize + kLocatorSize));
  if (!found && end == file.size()) {
    BBZ_ASSIGN(found, find_directory(file, end, kEndSize + kLongestComment + kLocatorSize));
  }
  if (!found) return make_error(Code::kMalformed, "zip archive: no end record");
  const Directory& directory = found->directory;
  if (directory.entries > limits.entries || directory.size > limits.directory_bytes) {
    return make_error(Code::kLimit,
                      "zip archive: {} entries listed in {} bytes; the limits are {} and {}",
                      directory.entries, directory.size, limits.entries, limits.directory_bytes);
  }
  const std::uint64_t offset = found->end - directory.size;  // in the file
  if (directory.entries > directory.size / kCentralSize) {
    return malformed(offset, "the central directory is too short for its number of entries");
  }
  ZipArchive archive;
  archive.begin = offset - directory.offset;
  BBZ_ASSIGN(const auto bytes, read_range(file, offset, directory.size));
  WireReader reader(bytes);
  std::vector<ZipEntry>& entries = archive.entries;
  entries.reserve(static_cast<std::size_t>(directory.entries));
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    const std::uint64_t at = offset + directory.size - reader.remaining();
    BBZ_ASSIGN(ZipEntry entry, parse_central(reader, at));
    if (entry.header > directory.offset) {
      return malformed(at, "a local header does not end before the central directory");
    }
    entry.header += archive.begin;
    entries.push_back(std::move(entry));
  }
  if (!reader.finished()) {
    return malformed(offset, "the central directory has bytes after its entries");
  }
  // Most zip archives are no files of PyTorch; their local headers would be read for nothing.
  if (std::ranges::none_of(entries, is_pickle)) return make_error(Code::kMalformed, kNoPickle);
  for (ZipEntry& entry : entries) BBZ_TRY(read_local(file, offset, entry));
  std::ranges::sort(entries, {}, &ZipEntry::header);
  for (std::size_t i = 1; i < entries.size(); ++i) {
    if (entries[i].header < entries[i - 1].offset + entries[i - 1].size) {
      return malformed(entries[i].header, "two entries overlap");
    }
  }
  return archive;
}

}  // namespace bbz::torch
