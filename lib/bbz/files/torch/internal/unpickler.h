// The machine that reads a pickle of tensors.
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

// The index of a value in the machine. Values refer to each other by index, so that cycles and
// shared values cost nothing; the machine never follows them.
using ValueId = std::uint32_t;

// A value that the pickle makes.
struct Value {
  enum class Kind {
    kOther,  // None, a float, bytes: holds no tensor
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
  std::int64_t number = 0;         // of a bool or an int; the index of a storage or a tensor
  std::string_view text;           // of a string, in the pickle
  const Global* global = nullptr;  // of a global
  std::vector<ValueId> items;      // of a tuple, list or dict
};

// A storage as the pickle mentions it.
struct StorageMention {
  std::string_view key;
  std::optional<DType> dtype;  // none: bytes
  std::uint64_t size = 0;      // in bytes

  friend bool operator==(const StorageMention&, const StorageMention&) = default;
};

// Reads a pickle and calls nothing. Not thread-safe.
class Unpickler {
 public:
  // Reads `pickle`, which must outlive the machine.
  Unpickler(Bytes pickle, const Limits& limits);

  // Reads the pickle to its end and returns its value. Call it once. Errors: those of
  // read_state_dict that concern the pickle.
  Result<ValueId> run();

  // Returns a value; the reference is valid while the pickle is not read further.
  const Value& value(ValueId id) const { return values_[id]; }
  // Returns the storages in the order in which the pickle mentions them.
  const std::vector<StorageMention>& storages() const { return storages_; }
  // Returns the tensors that were made, without names; Tensor::storage is an index in storages().
  const std::vector<Tensor>& views() const { return views_; }

  // Counts `count` values towards the limit on values. Errors: kLimit if it is exceeded.
  Status spend(std::uint64_t count);

 private:
  // Runs one opcode, or one of several of a kind.
  Status step(Op op);
  Status put_values(Op op);
  Status collect(Op op);
  Status memo(Op op);
  Status look_up(std::string_view module, std::string_view name);
  Status global();
  Status stack_global();
  Status persistent_id();
  Status build();

  // Calls a global with a tuple of arguments, or checks a part of such a call. In rebuild.cc.
  Status reduce();
  Result<ValueId> call(const Global& function, const std::vector<ValueId>& arguments);
  Result<ValueId> rebuild_tensor(const Global& function, const std::vector<ValueId>& arguments);
  Status check_metadata(const Global& function, const Value& metadata);
  Status check_bounds(const Tensor& view) const;
  Result<std::vector<std::uint64_t>> extents(ValueId id, std::string_view what);
  Result<std::uint64_t> count(ValueId id, std::string_view what) const;
  Result<ValueId> tensor_argument(const Global& function, ValueId id) const;

  // Operations on the stack. Errors: kMalformed if it has too few values above the last mark.
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
  std::uint64_t position_ = 0;  // of the opcode that is being run
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
