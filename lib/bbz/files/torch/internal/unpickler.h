// The machine that reads a pickle of tensors. Internal to the room.
#pragma once

#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bbz/base/wire.h"
#include "bbz/files/torch/internal/globals.h"
#include "bbz/files/torch/internal/opcodes.h"
#include "bbz/files/torch/state_dict.h"

namespace bbz::torch {

// A value is its place in Unpickler::values, so that values which hold each other, or many times
// the same, cost nothing and are never followed here.
using ValueId = std::uint32_t;

struct Value {
  enum class Kind {
    kOther,  // None, a float, bytes: holds no tensor and is of no further interest
    kBool,
    kInt,
    kString,
    kTuple,
    kList,
    kDict,  // items are key, value, key, value, ...
    kGlobal,
    kStorage,
    kTensor,
  };

  Kind kind = Kind::kOther;
  std::int64_t number = 0;         // of a bool or an int; the place of a storage or a tensor
  std::string_view text;           // of a string, in the pickle
  const Global* global = nullptr;  // of a global
  std::vector<ValueId> items;      // of a tuple, list or dict
};

// A storage as the pickle speaks of it.
struct StorageMention {
  std::string_view key;
  std::optional<DType> dtype;  // none: bytes
  std::uint64_t size = 0;      // in bytes

  friend bool operator==(const StorageMention&, const StorageMention&) = default;
};

class Unpickler {
 public:
  // `pickle` must outlive the machine.
  Unpickler(Bytes pickle, const Limits& limits);

  // Reads the pickle to its end and gives the value that it stands for. To be called once. Errors:
  // those of read_state_dict that concern the pickle.
  Result<ValueId> run();

  const Value& value(ValueId id) const { return values_[id]; }
  const std::vector<StorageMention>& storages() const { return storages_; }
  // The views that were made; without names, and with `storage` counting storages().
  const std::vector<Tensor>& views() const { return views_; }

  // Takes `count` from what the limit of values leaves. Errors: kLimit.
  Status spend(std::uint64_t count);

 private:
  // One opcode each, or a few of a kind.
  Status step(Op op);
  Status put_values(Op op);
  Status collect(Op op);
  Status memo(Op op);
  Status look_up(std::string_view module, std::string_view name);
  Status global();
  Status stack_global();
  Status persistent_id();
  Status build();

  // rebuild.cc: what calling a global with a tuple of arguments makes.
  Status reduce();
  Result<ValueId> call(const Global& function, const std::vector<ValueId>& arguments);
  Result<ValueId> rebuild_tensor(const Global& function, const std::vector<ValueId>& arguments);
  Status check_metadata(const Global& function, const Value& metadata);
  Status check_bounds(const Tensor& view) const;
  Result<std::vector<std::uint64_t>> extents(ValueId id, std::string_view what);
  Result<std::uint64_t> count(ValueId id, std::string_view what) const;
  Result<ValueId> tensor_argument(const Global& function, ValueId id) const;

  // The stack. Errors: kMalformed where it has too few values above the last mark.
  Status push(ValueId id);
  Status push_new(Value value);
  Result<ValueId> make(Value value);
  Result<ValueId> pop();
  Result<ValueId> top() const;
  Result<std::vector<ValueId>> pop_many(std::size_t count);
  Result<std::vector<ValueId>> pop_to_mark();
  Status push_string(std::uint64_t size);
  Status skip(std::uint64_t size);

  Error error(Code code, std::string_view what) const;
  Error malformed(std::string_view what) const;
  Error unsupported(std::string_view what) const;

  Bytes pickle_;
  WireReader reader_;
  Limits limits_;
  std::uint64_t values_left_;
  std::uint64_t position_ = 0;  // of the opcode that is being read
  std::uint8_t opcode_ = 0;
  std::vector<Value> values_;
  std::vector<ValueId> stack_;
  std::vector<std::size_t> marks_;
  std::vector<std::optional<ValueId>> memo_;
  std::uint64_t memo_count_ = 0;
  std::vector<StorageMention> storages_;
  std::unordered_map<std::string_view, std::size_t> storage_places_;
  std::vector<Tensor> views_;
};

}  // namespace bbz::torch
