#include "report/tensor_changes.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <tuple>

#include "bbz/base/checked.h"
#include "bbz/symmetry/view.h"
#include "common/output.h"

namespace bbz::tools {
namespace {

using State = TensorChanges::State;

// Tensors are compared in pieces of so many bytes, which is a quarter of the parts for which the costs of
// views are known.
constexpr std::uint64_t kPiece = std::uint64_t{16} << 20;
constexpr std::uint64_t kPiecesOfPart = 4;
// All that is read for tensors whose content is not known from checksums is at most so many times the
// bytes of the files, and kFreeBytes more.
constexpr std::uint64_t kMostFactor = 16;
constexpr std::uint64_t kFreeBytes = std::uint64_t{4} << 30;

// A tensor of one side.
struct Entry {
  std::string key;  // by which it finds its counterpart
  std::string name;
  TensorInfo info;  // its name is empty
  std::uint64_t bytes = 0;
  std::uint64_t stored = 0;
  std::uint64_t cost = 0;  // bytes that are read for it, or more
  std::function<Status(std::uint64_t offset, MutableBytes out)> read;
  const catalog::Tensor* tensor = nullptr;  // of an archive
};

struct Side {
  std::vector<Entry> entries;
  const catalog::Catalog* catalog = nullptr;  // of an archive
  std::uint64_t bytes = 0;                    // of the files
};

// Returns the names that tensors of several files have.
std::set<std::string_view> shared_names(const catalog::Catalog& catalog) {
  std::set<std::string_view> names;
  std::set<std::string_view> shared;
  for (const catalog::Tensor& tensor : catalog.tensors) {
    if (tensor.meta.is_named() && !names.insert(tensor.meta.name).second)
      shared.insert(tensor.meta.name);
  }
  return shared;
}

// Lists the tensors of an archive. Those whose names are in `shared` have the paths of their files in
// their keys.
Side side_of(const ComparedArchive& archive, const std::set<std::string_view>& shared) {
  const catalog::Catalog& catalog = archive.reader.catalog();
  Side side;
  side.catalog = &catalog;
  side.bytes = catalog.unpacked_bytes;
  for (const catalog::Tensor& tensor : catalog.tensors) {
    const catalog::TensorMeta& meta = tensor.meta;
    if (!meta.is_named()) continue;
    Entry entry;
    entry.name = meta.name;
    // No path has a zero in it.
    entry.key =
        shared.contains(meta.name) ? catalog.files[meta.file].path + '\0' + meta.name : meta.name;
    entry.info = {"", meta.dtype, meta.shape, tensor.block};
    entry.bytes = tensor.byte_size;
    entry.stored = tensor.stored_bytes;
    entry.cost = meta.is_view() ? kPiecesOfPart * symmetry::bytes_read_for_view(
                                                      meta, catalog.tensors[meta.base()])
                                : tensor.byte_size;
    entry.read = [&archive, number = meta.number](std::uint64_t offset,
                                                  MutableBytes out) -> Status {
      Status read = archive.reader.read_bytes(number, offset, out);
      if (!read.ok()) return about_input(archive.name, read.error());
      return read;
    };
    entry.tensor = &tensor;
    side.entries.push_back(std::move(entry));
  }
  return side;
}

Side side_of(const model::Model& model) {
  Side side;
  side.bytes = model.file_bytes;
  for (std::size_t i = 0; i < model.tensors.size(); ++i) {
    const TensorInfo& info = model.tensors[i];
    Entry entry;
    entry.key = entry.name = info.name;
    entry.info = {"", info.dtype, info.shape, info.block};
    const auto count = element_count(info.shape);
    const std::uint64_t elements = count.ok() ? *count : 0;
    entry.bytes = entry.stored = elements * element_bits(info) / 8;
    entry.cost = model.reads[i] > entry.bytes ? kPiecesOfPart * model.reads[i] : model.reads[i];
    entry.read = [&model, i](std::uint64_t offset, MutableBytes out) {
      return model.read(i, offset, out);
    };
    side.entries.push_back(std::move(entry));
  }
  return side;
}

bool is_plain(const catalog::TensorMeta& meta) {
  return meta.form == catalog::Form::kDense && meta.group == catalog::kNone;
}

// Compares the checksums of the chunks of two tensors of the same type and shape; nullopt if they are not
// of the same bytes.
std::optional<bool> same_checksums(const Side& a, const Entry& first, const Side& b,
                                   const Entry& second) {
  if (first.tensor == nullptr || second.tensor == nullptr) return std::nullopt;
  const catalog::TensorMeta& one = first.tensor->meta;
  const catalog::TensorMeta& other = second.tensor->meta;
  if (!is_plain(one) || !is_plain(other) || one.chunk_elements != other.chunk_elements)
    return std::nullopt;
  return std::ranges::equal(
      a.catalog->chunks_of(*first.tensor), b.catalog->chunks_of(*second.tensor),
      [](const catalog::Chunk& x, const catalog::Chunk& y) {
        const auto& [left, right] = std::tie(x.meta.decoded_digest, y.meta.decoded_digest);
        return x.meta.decoded_checksum == y.meta.decoded_checksum &&
               (!left || !right || *left == *right);
      });
}

// Compares the bytes of pairs of tensors.
class Comparer {
 public:
  explicit Comparer(std::uint64_t file_bytes)
      : left_(saturating_add(saturating_mul(file_bytes, kMostFactor), kFreeBytes)) {}

  Result<bool> same(const Entry& first, const Entry& second) {
    const std::uint64_t cost = saturating_add(first.cost, second.cost);
    if (cost > left_) {
      return error_with_message(Code::kUnsupported,
                                "the views of the models take too long to read");
    }
    left_ -= cost;
    for (std::uint64_t offset = 0; offset < first.bytes; offset += kPiece) {
      const std::uint64_t size = std::min(kPiece, first.bytes - offset);
      a_.resize(size);
      b_.resize(size);
      BBZ_TRY(first.read(offset, a_));
      BBZ_TRY(second.read(offset, b_));
      if (std::memcmp(a_.data(), b_.data(), size) != 0) return false;
    }
    return true;
  }

 private:
  static std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) {
    return checked_add(a, b).value_or(~std::uint64_t{0});
  }
  static std::uint64_t saturating_mul(std::uint64_t a, std::uint64_t b) {
    return checked_mul(a, b).value_or(~std::uint64_t{0});
  }

  std::uint64_t left_;
  std::vector<std::byte> a_;
  std::vector<std::byte> b_;
};

Result<State> state_of(const Side& a, const Entry& first, const Side& b, const Entry& second,
                       Comparer& comparer, std::string& why) {
  const bool alike =
      first.info.dtype == second.info.dtype && first.info.shape == second.info.shape &&
      same_blocks(first.info.block, second.info.block) && first.bytes == second.bytes;
  if (!alike) return State::kChanged;
  std::optional<bool> same = same_checksums(a, first, b, second);
  if (!same) {
    const auto compared = comparer.same(first, second);
    if (compared.code() == Code::kUnsupported || compared.code() == Code::kBase) {
      if (why.empty()) why = compared.error().message;
      return State::kUnknown;
    }
    if (!compared.ok()) return compared.error();
    same = *compared;
  }
  return *same ? State::kSame : State::kChanged;
}

Result<TensorChanges> compare_sides(const Side& a, const Side& b) {
  TensorChanges changes;
  Comparer comparer(a.bytes + b.bytes);
  std::map<std::string_view, const Entry*> old;
  for (const Entry& entry : a.entries) old.emplace(entry.key, &entry);
  for (const Entry& entry : b.entries) {
    TensorChanges::Row row{entry.name, State::kAdded, 0, entry.bytes, 0, entry.stored};
    if (const auto found = old.find(entry.key); found != old.end()) {
      BBZ_ASSIGN(row.state, state_of(a, *found->second, b, entry, comparer, changes.why));
      row.old_bytes = found->second->bytes;
      row.old_stored = found->second->stored;
      old.erase(found);
    }
    changes.tensors.push_back(std::move(row));
  }
  for (const Entry& entry : a.entries) {
    if (!old.contains(entry.key) || old[entry.key] != &entry) continue;
    changes.tensors.push_back({entry.name, State::kRemoved, entry.bytes, 0, entry.stored, 0});
  }
  for (const TensorChanges::Row& row : changes.tensors) {
    ++(row.state == State::kSame      ? changes.same
       : row.state == State::kChanged ? changes.changed
       : row.state == State::kAdded   ? changes.added
       : row.state == State::kRemoved ? changes.removed
                                      : changes.unknown);
  }
  std::ranges::stable_sort(changes.tensors, std::greater{}, [](const TensorChanges::Row& row) {
    const std::uint64_t change =
        std::max(row.old_stored, row.new_stored) - std::min(row.old_stored, row.new_stored);
    return std::pair(change, row.state != State::kSame);
  });
  return changes;
}

std::string_view state_name(State state) {
  switch (state) {
    case State::kSame:
      return "same";
    case State::kChanged:
      return "changed";
    case State::kAdded:
      return "added";
    case State::kRemoved:
      return "removed";
    case State::kUnknown:
      return "unknown";
  }
  return "";
}

}  // namespace

Json TensorChanges::summary() const {
  return {{"same", same},
          {"changed", changed},
          {"added", added},
          {"removed", removed},
          {"unknown", unknown}};
}

Json TensorChanges::rows() const {
  Json list = Json::array();
  for (const Row& row : tensors) {
    list.push_back({{"name", row.name},
                    {"state", state_name(row.state)},
                    {"old_bytes", row.old_bytes},
                    {"new_bytes", row.new_bytes},
                    {"old_stored", row.old_stored},
                    {"new_stored", row.new_stored}});
  }
  return list;
}

Result<TensorChanges> compare_tensors(const ComparedArchive& old, const ComparedArchive& now) {
  std::set<std::string_view> shared = shared_names(old.reader.catalog());
  shared.merge(shared_names(now.reader.catalog()));
  return compare_sides(side_of(old, shared), side_of(now, shared));
}

Result<TensorChanges> compare_tensors(const model::Model& old, const ComparedArchive& now) {
  return compare_sides(side_of(old), side_of(now, {}));
}

}  // namespace bbz::tools
