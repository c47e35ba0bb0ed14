// Zip archives taken apart and put together again, for the fuzz target of files of torch.save: whatever
// is written has offsets, sizes and lengths that fit, and a list of the places of its numbers. Checksums
// stay 0, because the reader does not look at them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../tests/files/torch/make_files.h"
#include "bbz/base/wire.h"

namespace bbz::fuzz {

// An entry, without the numbers that follow from where it is.
struct LooseEntry {
  std::string name;
  std::string data;
  std::string after;        // before the next entry: a data descriptor, or anything
  std::string local_extra;  // both without the field of zip64
  std::string central_extra;
  std::string comment;
  std::uint16_t flags = 0;
  std::uint16_t method = 0;
  bool local_wide = false;    // the sizes of the local header are in a field of zip64
  bool hides_sizes = false;   // they are 0 in the local header, because they follow the data
  unsigned central_wide = 0;  // which are there in the directory: 1 size, 2 stored size, 4 offset
  bool covers_next = false;   // its size covers the next entry, which lies in the end of its data
  std::uint64_t place = 0;    // of its header, as it was read
};

// An archive, and what is before it in the file: anything, other archives too.
struct LooseZip {
  std::string before;
  std::vector<LooseEntry> entries;
  bool wide = false;  // its end record is in the form of zip64
  std::string comment;
};

// Takes an archive apart as far as its directory leads. Nothing is checked that is not needed.
class ZipParser {
 public:
  explicit ZipParser(std::string_view file) : file_(file) {}

  // Returns nullopt if no entry is found.
  std::optional<LooseZip> parse() {
    const std::size_t end = file_.rfind("PK\5\6");
    if (end == file_.npos || file_.size() - end < 22) return std::nullopt;
    LooseZip zip;
    zip.comment = file_.substr(end + 22);
    std::uint64_t size = number(end + 12, 4), offset = number(end + 16, 4);
    std::uint64_t limit = end;
    if (end >= 76 && file_.substr(end - 20, 4) == "PK\6\7" &&
        file_.substr(end - 76, 4) == "PK\6\6") {
      zip.wide = true;
      limit = end - 76;
      size = number(limit + 40, 8);
      offset = number(limit + 48, 8);
    }
    if (size > limit || offset > limit - size) return std::nullopt;
    directory_ = limit - size;
    begin_ = directory_ - offset;
    zip.before = file_.substr(0, begin_);
    for (std::uint64_t at = directory_; at < limit && zip.entries.size() < kMostEntries;) {
      auto entry = entry_at(at, limit);
      if (!entry) break;
      zip.entries.push_back(std::move(*entry));
    }
    if (zip.entries.empty()) return std::nullopt;
    std::ranges::stable_sort(zip.entries, {}, &LooseEntry::place);
    for (std::size_t i = 0; i < zip.entries.size(); ++i) find_after(zip.entries, i);
    return zip;
  }

 private:
  static constexpr std::size_t kMostEntries = 1000;

  std::uint64_t number(std::uint64_t at, int bytes) const {
    std::uint64_t value = 0;
    for (int i = bytes; i-- > 0;) {
      value = value << 8 | static_cast<std::uint8_t>(file_[at + static_cast<std::size_t>(i)]);
    }
    return value;
  }

  // Returns the text of an extra field of zip64, and removes the field from `extra`.
  static std::string take_zip64(std::string& extra) {
    for (std::size_t at = 0; at + 4 <= extra.size();) {
      const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(extra[at + i]); };
      const std::size_t id = byte(0) | byte(1) << 8;
      const std::size_t size = byte(2) | byte(3) << 8;
      if (size > extra.size() - at - 4) break;
      if (id == 1) {
        const std::string field = extra.substr(at + 4, size);
        extra.erase(at, size + 4);
        return field;
      }
      at += size + 4;
    }
    return {};
  }

  // Reads an entry of the directory and what it leads to, and moves `at` behind it.
  std::optional<LooseEntry> entry_at(std::uint64_t& at, std::uint64_t limit) {
    if (limit - at < 46 || file_.substr(at, 4) != "PK\1\2") return std::nullopt;
    const std::uint64_t name = number(at + 28, 2), extra = number(at + 30, 2);
    const std::uint64_t comment = number(at + 32, 2);
    if (limit - at - 46 < name + extra + comment) return std::nullopt;
    LooseEntry entry;
    entry.flags = static_cast<std::uint16_t>(number(at + 8, 2));
    entry.method = static_cast<std::uint16_t>(number(at + 10, 2));
    entry.name = file_.substr(at + 46, name);
    entry.central_extra = file_.substr(at + 46 + name, extra);
    entry.comment = file_.substr(at + 46 + name + extra, comment);
    std::uint64_t size = number(at + 24, 4), stored = number(at + 20, 4);
    std::uint64_t header = number(at + 42, 4);
    const std::string wide = take_zip64(entry.central_extra);
    std::size_t used = 0;
    unsigned bit = 1;
    for (std::uint64_t* field : {&size, &stored, &header}) {
      if (*field == 0xffffffff && wide.size() - used >= 8) {
        *field = load_le<std::uint64_t>(reinterpret_cast<const std::byte*>(wide.data() + used));
        used += 8;
        entry.central_wide |= bit;
      }
      bit <<= 1;
    }
    at += 46 + name + extra + comment;
    if (header > directory_ - begin_) return std::nullopt;
    entry.place = begin_ + header;
    return read_local(entry, stored) ? std::optional(entry) : std::nullopt;
  }

  bool read_local(LooseEntry& entry, std::uint64_t stored) const {
    const std::uint64_t at = entry.place;
    if (directory_ - at < 30) return false;
    const std::uint64_t name = number(at + 26, 2), extra = number(at + 28, 2);
    if (directory_ - at - 30 < name + extra) return false;
    entry.local_extra = file_.substr(at + 30 + name, extra);
    entry.local_wide = number(at + 18, 4) == 0xffffffff;
    if (entry.local_wide) take_zip64(entry.local_extra);
    entry.hides_sizes = (entry.flags & 8) != 0 && stored != 0 && number(at + 18, 4) == 0;
    const std::uint64_t data = at + 30 + name + extra;
    entry.data = file_.substr(data, std::min(stored, directory_ - data));
    return true;
  }

  void find_after(std::vector<LooseEntry>& entries, std::size_t i) const {
    LooseEntry& entry = entries[i];
    const std::uint64_t end = entry.place + 30 + number(entry.place + 26, 2) +
                              number(entry.place + 28, 2) + entry.data.size();
    const std::uint64_t next = i + 1 < entries.size() ? entries[i + 1].place : directory_;
    if (next > end) entry.after = file_.substr(end, next - end);
  }

  std::string_view file_;
  std::uint64_t directory_ = 0;  // where the directory begins
  std::uint64_t begin_ = 0;      // where the archive does
};

// Writes an archive, and keeps the places of its numbers.
class ZipWriter {
 public:
  struct Number {
    std::size_t at = 0;
    int bytes = 0;
  };

  std::string write(const LooseZip& zip) {
    text_ = zip.before;
    std::vector<std::uint64_t> places;
    std::vector<std::uint64_t> sizes;
    for (std::size_t i = 0; i < zip.entries.size(); ++i) {
      const LooseEntry& entry = zip.entries[i];
      const bool covers = entry.covers_next && i + 1 < zip.entries.size();
      sizes.push_back(entry.data.size() +
                      (covers ? entry.after.size() + bytes_of(zip.entries[i + 1]) : 0));
      places.push_back(text_.size() - zip.before.size());
      add_local(entry, sizes.back());
    }
    const std::uint64_t begin = text_.size() - zip.before.size();
    for (std::size_t i = 0; i < zip.entries.size(); ++i)
      add_central(zip.entries[i], sizes[i], places[i]);
    const std::uint64_t end = text_.size() - zip.before.size();
    if (zip.wide) add_end64(zip.entries.size(), begin, end);
    text_ += "PK\5\6";
    add(0, 2), add(0, 2);
    const std::uint64_t count = zip.wide ? 0xffff : zip.entries.size();
    add(count, 2), add(count, 2);
    add(zip.wide ? 0xffffffff : end - begin, 4), add(zip.wide ? 0xffffffff : begin, 4);
    add(zip.comment.size(), 2);
    return text_ + zip.comment;
  }

  const std::vector<Number>& numbers() const { return numbers_; }

  // Returns the bytes that an entry takes with its local header and what is after it.
  static std::size_t bytes_of(const LooseEntry& entry) {
    return 30 + entry.name.size() + (entry.local_wide ? 20 : 0) + entry.local_extra.size() +
           entry.data.size() + entry.after.size();
  }

 private:
  void add(std::uint64_t value, int bytes) {
    numbers_.push_back({text_.size(), bytes});
    text_ += torch::little(value, bytes);
  }

  void add_local(const LooseEntry& entry, std::uint64_t whole) {
    const std::uint64_t size = entry.hides_sizes ? 0 : whole;
    text_ += "PK\3\4";
    add(0, 2), add(entry.flags, 2), add(entry.method, 2);
    text_ += std::string(8, '\0');  // time, date and checksum
    add(entry.local_wide ? 0xffffffff : size, 4), add(entry.local_wide ? 0xffffffff : size, 4);
    add(entry.name.size(), 2), add(entry.local_extra.size() + (entry.local_wide ? 20 : 0), 2);
    text_ += entry.name;
    if (entry.local_wide) add(1, 2), add(16, 2), add(size, 8), add(size, 8);
    text_ += entry.local_extra + entry.data + entry.after;
  }

  void add_central(const LooseEntry& entry, std::uint64_t size, std::uint64_t place) {
    const auto plain = [&](unsigned bit, std::uint64_t value) {
      add((entry.central_wide & bit) != 0 ? 0xffffffff : value, 4);
    };
    const unsigned bits = entry.central_wide;
    const unsigned wide = 8 * ((bits & 1) + (bits >> 1 & 1) + (bits >> 2 & 1));
    text_ += "PK\1\2";
    add(0, 4), add(entry.flags, 2), add(entry.method, 2);
    text_ += std::string(8, '\0');
    plain(2, size), plain(1, size);
    add(entry.name.size(), 2), add(entry.central_extra.size() + (wide == 0 ? 0 : wide + 4), 2);
    add(entry.comment.size(), 2), add(0, 2), add(0, 2), add(0, 4);
    plain(4, place);
    text_ += entry.name;
    if (wide != 0) add(1, 2), add(wide, 2);
    if ((bits & 1) != 0) add(size, 8);
    if ((bits & 2) != 0) add(size, 8);
    if ((bits & 4) != 0) add(place, 8);
    text_ += entry.central_extra + entry.comment;
  }

  void add_end64(std::uint64_t count, std::uint64_t begin, std::uint64_t end) {
    text_ += "PK\6\6";
    add(44, 8), add(0, 4), add(0, 4), add(0, 4), add(count, 8), add(count, 8);
    add(end - begin, 8), add(begin, 8);
    text_ += "PK\6\7";
    add(0, 4), add(end, 8), add(1, 4);
  }

  std::string text_;
  std::vector<Number> numbers_;
};

}  // namespace bbz::fuzz
