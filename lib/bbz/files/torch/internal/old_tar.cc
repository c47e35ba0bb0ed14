// The first format of PyTorch, a tar of "sys_info", "pickle", "storages" and "tensors". Storages and
// tensors have numbers, which are persistent ids in the pickle.
#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/files/torch/internal/forms.h"
#include "bbz/files/torch/internal/naming.h"

namespace bbz::torch {
namespace {

using Kind = Value::Kind;

constexpr std::uint64_t kBlock = 512;
constexpr std::uint64_t kUsualPickle = std::uint64_t{1} << 9;
constexpr std::uint64_t kWholePickle = std::uint64_t{1} << 16;
constexpr std::uint64_t kMostMembers = 64;
constexpr std::array<std::string_view, 4> kMemberNames = {"sys_info", "pickle", "storages",
                                                          "tensors"};

// The fields of a tar header.
std::string_view name_of(Bytes header) {
  const std::string_view name = as_text(header.first(100));
  return name.substr(0, name.find('\0'));
}
char type_of(Bytes header) {
  return as_text(header)[156];
}
bool has_magic(Bytes header) {
  return as_text(header).substr(257, 5) == "ustar";
}

// Returns the size of a member, or nullopt if the field is no number.
std::optional<std::uint64_t> size_of(Bytes header) {
  std::string_view text = as_text(header).substr(124, 12);
  if ((static_cast<unsigned char>(text[0]) & 0x80) != 0) {  // binary, of a large member
    std::uint64_t size = 0;
    for (const char c : text.substr(4)) size = size << 8 | static_cast<unsigned char>(c);
    return size;
  }
  text = text.substr(0, text.find_first_of(std::string_view("\0 ", 2)));
  std::uint64_t size = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), size, 8);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return size;
}

struct Member {
  std::uint64_t offset = 0;
  std::uint64_t end = 0;
};

class TarReader {
 public:
  TarReader(io::Source& file, const Limits& limits)
      : file_(file), limits_(limits), pickle_(limits) {}

  Result<StateDict> read() {
    BBZ_TRY(find_members());
    BBZ_ASSIGN(const ReadPickle system, next(0, kWholePickle));
    BBZ_TRY(check_system(system));
    BBZ_TRY(read_storages());
    BBZ_TRY(read_tensors());
    Member& member = members_[1];
    if (member.end - member.offset > limits_.pickle_bytes) {
      return make_error(Code::kLimit, "pickle: more than {} bytes", limits_.pickle_bytes);
    }
    std::vector<std::byte> bytes(static_cast<std::size_t>(member.end - member.offset));
    BBZ_TRY(io::read_exactly(file_, member.offset, bytes));
    BBZ_ASSIGN(const ValueId root, pickle_.run(bytes, "pickle"));
    Limits left = limits_;
    UsedNames names;
    Naming naming(pickle_, left, names);
    BBZ_TRY(naming.visit(root, ""));
    StateDict state;
    const auto& mentions = pickle_.storages();
    if (mentions.size() != offsets_.size()) {
      return make_error(Code::kMalformed, "pickle: a storage that is not in the tar");
    }
    for (std::size_t i = 0; i < mentions.size(); ++i) {
      state.storages.push_back(
          {std::string(mentions[i].key), offsets_[i], *mentions[i].size, mentions[i].dtype});
    }
    state.tensors = naming.take();
    return state;
  }

 private:
  Status find_members() {
    std::array<bool, kMemberNames.size()> found{};
    std::uint64_t position = 0;
    for (std::uint64_t i = 0; i < kMostMembers; ++i) {
      std::array<std::byte, kBlock> header{};
      BBZ_ASSIGN(const std::size_t n, io::read_up_to(file_, position, header));
      if (n < kBlock || name_of(header).empty()) break;
      const auto size = size_of(header);
      if (!has_magic(header) || !size || *size > *file_.size() - position - kBlock) {
        return make_error(Code::kMalformed, "tar: offset {}: no member", position);
      }
      const std::uint64_t begin = position + kBlock;
      const auto* const name = std::ranges::find(kMemberNames, name_of(header));
      if (name != kMemberNames.end() && (type_of(header) == '0' || type_of(header) == '\0')) {
        const auto place = static_cast<std::size_t>(name - kMemberNames.begin());
        if (found[place]) {
          return make_error(Code::kMalformed, "tar: the member {} occurs twice", *name);
        }
        found[place] = true;
        members_[place] = {begin, begin + *size};
      }
      position = begin + divide_up(*size, kBlock) * kBlock;
    }
    const auto missing = std::ranges::find(found, false);
    if (missing == found.end()) return {};
    return make_error(Code::kMalformed, "tar: no member {}",
                      kMemberNames[static_cast<std::size_t>(missing - found.begin())]);
  }

  // Reads the next pickle of a member, and moves on to what follows.
  Result<ReadPickle> next(std::size_t place, std::uint64_t guess) {
    Member& member = members_[place];
    BBZ_ASSIGN(ReadPickle pickle, read_pickle(file_, member.offset, member.end, guess, limits_,
                                              std::string(kMemberNames[place])));
    member.offset += pickle.machine->size();
    BBZ_TRY(pickle_.spend(pickle.machine->count()));
    return pickle;
  }

  // Reads the next 8 bytes of a member as a number.
  Result<std::uint64_t> number(std::size_t place) {
    Member& member = members_[place];
    std::array<std::byte, 8> bytes{};
    if (member.end - member.offset < bytes.size()) return cut(place);
    BBZ_TRY(io::read_exactly(file_, member.offset, bytes));
    member.offset += bytes.size();
    return load_le<std::uint64_t>(bytes.data());
  }

  static Error cut(std::size_t place) {
    return make_error(Code::kTruncated, "tar: the member {} ends too early", kMemberNames[place]);
  }
  static Error malformed(std::size_t place, std::string_view what) {
    return make_error(Code::kMalformed, "tar: the member {}: {}", kMemberNames[place], what);
  }

  // Reads how many there are.
  Result<std::int64_t> count(std::size_t place) {
    BBZ_ASSIGN(const ReadPickle pickle, next(place, kUsualPickle));
    if (pickle.value().kind != Kind::kInt) return malformed(place, "no number at its beginning");
    return pickle.value().number;
  }

  // Reads (key, location, type) and the elements of each storage, and then the parts of storages.
  Status read_storages() {
    constexpr std::size_t kPlace = 2;
    BBZ_ASSIGN(const std::int64_t storages, count(kPlace));
    for (std::int64_t i = 0; i < storages; ++i) {
      BBZ_ASSIGN(const ReadPickle pickle, next(kPlace, kUsualPickle));
      const std::vector<ValueId>& items = pickle.machine->contents(pickle.value()).items;
      if (items.size() != 3) return malformed(kPlace, "a storage without a key and a type");
      const Value& type = pickle.machine->value(items[2]);
      if (type.kind != Kind::kGlobal || type.global->kind != GlobalKind::kStorageType) {
        return make_error(Code::kUnsupported, "a storage of an unknown type");
      }
      BBZ_ASSIGN(const std::uint64_t elements, number(kPlace));
      BBZ_TRY(
          pickle_.add_storage(key_text(pickle.machine->value(items[0])), *type.global, elements));
      Member& member = members_[kPlace];
      const std::uint64_t size = *pickle_.storages().back().size;
      if (size > member.end - member.offset) return cut(kPlace);
      offsets_.push_back(member.offset);
      member.offset += size;
    }
    BBZ_ASSIGN(const ReadPickle parts, next(kPlace, kWholePickle));
    for (const ValueId id : parts.machine->contents(parts.value()).items) {
      const std::vector<ValueId>& items = parts.machine->contents(parts.machine->value(id)).items;
      const bool numbers = items.size() == 4 && std::ranges::all_of(items, [&](ValueId item) {
                             return parts.machine->value(item).kind == Kind::kInt;
                           });
      if (!numbers) return malformed(kPlace, "a part of a storage that is not four numbers");
      const auto at = [&](std::size_t place) { return parts.machine->value(items[place]); };
      BBZ_TRY(pickle_.add_part(key_text(at(0)), key_text(at(1)),
                               static_cast<std::uint64_t>(at(2).number),
                               static_cast<std::uint64_t>(at(3).number)));
    }
    return {};
  }

  // Reads (key, storage, type), the number of axes, extents, strides and the offset of each tensor.
  Status read_tensors() {
    constexpr std::size_t kPlace = 3;
    constexpr std::uint64_t kAxes = 0xffffffff;  // the other half of the number means nothing
    BBZ_ASSIGN(const std::int64_t tensors, count(kPlace));
    for (std::int64_t i = 0; i < tensors; ++i) {
      BBZ_ASSIGN(const ReadPickle pickle, next(kPlace, kUsualPickle));
      const std::vector<ValueId>& items = pickle.machine->contents(pickle.value()).items;
      if (items.size() < 2) return malformed(kPlace, "a tensor without a key and a storage");
      BBZ_ASSIGN(std::uint64_t axes, number(kPlace));
      axes &= kAxes;
      if (axes > limits_.rank) {
        return make_error(Code::kLimit, "a tensor of {} axes; the limit is {}", axes, limits_.rank);
      }
      Tensor view;
      for (std::uint64_t axis = 0; axis < axes; ++axis) {
        BBZ_ASSIGN(const std::uint64_t extent, number(kPlace));
        view.shape.push_back(extent);
      }
      for (std::uint64_t axis = 0; axis < axes; ++axis) {
        BBZ_ASSIGN(const std::uint64_t stride, number(kPlace));
        view.strides.push_back(stride);
      }
      BBZ_ASSIGN(view.storage_offset, number(kPlace));
      BBZ_TRY(pickle_.add_tensor(key_text(pickle.machine->value(items[0])),
                                 key_text(pickle.machine->value(items[1])), std::move(view)));
    }
    return {};
  }

  io::Source& file_;
  const Limits& limits_;
  Unpickler pickle_;
  std::array<Member, kMemberNames.size()> members_{};
  std::vector<std::uint64_t> offsets_;  // of the storages
};

}  // namespace

bool looks_like_old_tar(Bytes start) {
  const auto is_member = [](Bytes header) {
    return has_magic(header) && name_of(header) == kMemberNames.front();  // which is written first
  };
  if (start.size() < kBlock) return false;
  if (is_member(start)) return true;
  // Python puts a header before a member, for its time.
  const bool extended = has_magic(start) && type_of(start) == 'x' && size_of(start) <= kBlock;
  return extended && start.size() >= 3 * kBlock && is_member(start.subspan(2 * kBlock));
}

Result<StateDict> read_tar_form(io::Source& file, const Limits& limits) {
  return TarReader(file, limits).read();
}

}  // namespace bbz::torch
