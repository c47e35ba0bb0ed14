// Mutates files of torch.save that are zip archives: takes one apart into entries, changes something,
// and writes it again so that a mutant passes the first checks. Some numbers of it are made wrong at
// the end.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loose_zip.h"
#include "pickle_mutator.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace bbz::fuzz {

// Makes mutants of a file, the same ones for a seed.
class ZipMutator {
 public:
  explicit ZipMutator(unsigned seed) : random_(seed) {}

  // Returns nullopt if the file has no entry that can be found.
  std::optional<std::string> mutate(std::string_view file) {
    auto zip = ZipParser(file).parse();
    if (!zip) return std::nullopt;
    for (std::size_t i = below(3) + 1; i > 0; --i) change(*zip);
    ZipWriter writer;
    std::string mutant = writer.write(*zip);
    for (std::size_t i = below(6); i > 3; --i) make_wrong(mutant, writer.numbers());
    return mutant;
  }

 private:
  std::size_t below(std::size_t end) { return end == 0 ? 0 : random_() % end; }

  std::string bytes_of(std::size_t most) {
    std::string text;
    for (std::size_t i = below(most + 1); i > 0; --i) text.push_back(static_cast<char>(random_()));
    return text;
  }

  // Changes a text as libFuzzer sees fit.
  void change_text(std::string& text) {
    const std::size_t size = text.size();
    text.resize(size + 64);
    text.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(text.data()), size, text.size()));
  }

  // A field of an extra, or of something that is nearly one.
  std::string extra() {
    const std::string body = bytes_of(24);
    const std::size_t id = below(3) == 0 ? 1 : below(3) == 0 ? 0x4246 : random_() & 0xffff;
    const std::size_t size = below(4) == 0 ? random_() & 0xffff : body.size();
    return torch::little(id, 2) + torch::little(size, 2) + body;
  }

  std::string name(const LooseZip& zip) {
    static const std::vector<std::string> names = {"data.pkl",
                                                   "data/0",
                                                   "data/1",
                                                   "data/2",
                                                   "constants.pkl",
                                                   "constants/0",
                                                   "version",
                                                   "byteorder",
                                                   "code/a.py",
                                                   "data/data.pkl",
                                                   "",
                                                   "0",
                                                   "data/",
                                                   "data/00",
                                                   ".data/serialization_id"};
    const std::string& other = zip.entries[below(zip.entries.size())].name;
    const std::string folder = below(8) == 0 ? "other/" : other.substr(0, other.find('/') + 1);
    return (below(8) == 0 ? "" : folder) + names[below(names.size())];
  }

  void change(LooseZip& zip) {
    if (zip.entries.empty()) return;
    LooseEntry& entry = zip.entries[below(zip.entries.size())];
    switch (below(5)) {
      case 0:
        return change_list(zip);
      case 1:
        return change_form(zip, entry);
      case 2:
        return change_content(zip.entries);
      case 3:
        return change_pickle(zip.entries);
      default:
        return change_file(zip);
    }
  }

  // Changes which entries there are, and where.
  void change_list(LooseZip& zip) {
    std::vector<LooseEntry>& entries = zip.entries;
    const std::size_t at = below(entries.size());
    switch (below(5)) {
      case 0: {
        LooseEntry copy = entries[at];
        if (below(2) == 0) copy.name = name(zip);
        entries.insert(entries.begin() + static_cast<std::ptrdiff_t>(below(entries.size() + 1)),
                       std::move(copy));
        break;
      }
      case 1:
        entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(at));
        break;
      case 2:
        std::swap(entries[at], entries[below(entries.size())]);
        break;
      case 3:  // an entry within the data of another, whose size stays
        if (at + 1 == entries.size()) break;
        if (const std::size_t taken =
                entries[at].after.size() + ZipWriter::bytes_of(entries[at + 1]);
            taken <= entries[at].data.size()) {
          entries[at].data.resize(entries[at].data.size() - taken);
        }
        entries[at].covers_next = true;
        break;
      default:
        entries[at].name = name(zip);
    }
  }

  // Changes how an entry or the end is written.
  void change_form(LooseZip& zip, LooseEntry& entry) {
    constexpr std::uint16_t kFlags[] = {0, 8, 0x808, 0x800, 1, 9};
    switch (below(8)) {
      case 0:
        zip.wide = !zip.wide;
        break;
      case 1:
        entry.local_wide = !entry.local_wide;
        break;
      case 2:
        entry.central_wide = static_cast<unsigned>(below(8));
        break;
      case 3:
        entry.flags = kFlags[below(std::size(kFlags))];
        if (below(4) == 0) entry.method = below(2) == 0 ? 8 : 0;
        break;
      case 4:
        add_descriptor(entry);
        break;
      case 5:
        entry.local_extra = below(3) == 0 ? "" : extra() + entry.local_extra;
        break;
      case 6:
        entry.central_extra = below(3) == 0 ? "" : extra() + entry.central_extra;
        break;
      default:
        (below(2) == 0 ? entry.comment : zip.comment) = below(2) == 0 ? "PK\5\6" : bytes_of(30);
    }
  }

  // Lets the sizes of an entry follow its data, with or without a signature, in 4 or 8 bytes.
  void add_descriptor(LooseEntry& entry) {
    const int width = below(2) == 0 ? 4 : 8;
    const std::uint64_t size = entry.data.size();
    entry.flags |= 8;
    entry.hides_sizes = below(2) == 0;
    entry.after = (below(3) == 0 ? "" : "PK\7\10") + torch::little(0, 4) +
                  torch::little(size, width) + torch::little(size, width);
  }

  void change_content(std::vector<LooseEntry>& entries) {
    LooseEntry& entry = entries[below(entries.size())];
    switch (below(4)) {
      case 0:
        entry.data.resize(below(2 * entry.data.size() + 8));
        break;
      case 1:
        entry.data.swap(entries[below(entries.size())].data);
        break;
      case 2:
        change_text(entry.data);
        break;
      default:
        change_text(below(3) == 0 ? entry.after : entry.name);
    }
  }

  void change_pickle(std::vector<LooseEntry>& entries) {
    const std::size_t from = below(entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
      LooseEntry& entry = entries[(from + i) % entries.size()];
      if (!entry.name.ends_with(".pkl")) continue;
      entry.data = PickleMutator(static_cast<unsigned>(random_())).mutate(entry.data);
      return;
    }
  }

  // Puts archives in a row, or takes them away.
  void change_file(LooseZip& zip) {
    constexpr std::size_t kMost = 8192;
    if (below(2) == 0 || zip.before.size() > kMost) {
      zip.before.clear();
    } else if (below(4) == 0) {
      zip.before += bytes_of(40);
    } else {
      zip.before = ZipWriter().write(zip);
    }
  }

  void make_wrong(std::string& text, const std::vector<ZipWriter::Number>& numbers) {
    const auto value_of = [&](const ZipWriter::Number& number) {
      std::uint64_t value = 0;
      for (int i = number.bytes; i-- > 0;) {
        value = value << 8 | static_cast<std::uint8_t>(text[number.at + static_cast<unsigned>(i)]);
      }
      return value;
    };
    const ZipWriter::Number& number = numbers[below(numbers.size())];
    const std::uint64_t value = value_of(number);
    const std::uint64_t values[] = {0,
                                    1,
                                    ~std::uint64_t{0},
                                    ~std::uint64_t{1},
                                    value + 1,
                                    value - 1,
                                    value + below(64),
                                    value - below(64),
                                    value ^ std::uint64_t{1} << below(64),
                                    value_of(numbers[below(numbers.size())]),
                                    text.size(),
                                    text.size() - value};
    const std::string wrong = torch::little(values[below(std::size(values))], number.bytes);
    text.replace(number.at, wrong.size(), wrong);
  }

  std::minstd_rand random_;
};

}  // namespace bbz::fuzz
