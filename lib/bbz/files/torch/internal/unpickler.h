// The machine that reads a pickle and calls nothing.
//
// It runs the opcodes of all protocols. What tensors and storages consist of, it understands; of
// all else it keeps what the pickle puts into it, so that tensors are found wherever they hang.
#pragma once

#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "bbz/base/wire.h"
#include "bbz/files/torch/internal/opcodes.h"
#include "bbz/files/torch/internal/value.h"
#include "bbz/files/torch/state_dict.h"

namespace bbz::torch {

// Reads pickles one after another. Not thread-safe.
class Unpickler {
 public:
  // Counts values against `limits`, which must outlive the machine.
  explicit Unpickler(const Limits& limits);

  // Reads the pickle at the beginning of `bytes`, which must outlive the machine, and returns its
  // value. Messages call it `name`. The stack and the memo begin empty, and values stay. Errors:
  // those of read_state_dict that concern the pickle; kTruncated if `bytes` end within it.
  Result<ValueId> run(Bytes bytes, std::string name);
  // Returns the bytes of the pickle that was read last.
  std::size_t size() const { return static_cast<std::size_t>(pickle_.size() - rest_); }

  // Returns a value; the reference is valid until the next call of run().
  const Value& value(ValueId id) const { return values_[id]; }
  // Returns the number of values. Ids are below it.
  std::size_t count() const { return values_.size(); }
  // Returns what a value holds, as valid as the value.
  const Contents& contents(const Value& value) const;
  // Returns the storages in the order in which the pickles mention them.
  const std::vector<StorageMention>& storages() const { return storages_; }
  // Returns the reference to a storage that a value of kStorage is.
  const StorageRef& storage(const Value& value) const;
  // Returns the view that a value of kTensor is, without a name; Tensor::storage is an index in
  // storages().
  const Tensor& view(const Value& value) const;

  // Returns what the values do not say about what was read, for the first such thing: "a parameter".
  // Empty if they say all, apart from objects of unknown classes and other values that are known by
  // their kind.
  std::string_view simplified() const { return simplified_; }

  // Gives a persistent id a value: a storage, a part of the storage `whole`, or a view of it without
  // a dtype, which must lie within it. Errors: kMalformed.
  Status add_storage(std::string_view key, const Global& type, std::uint64_t elements);
  Status add_part(std::string_view key, std::string_view whole, std::uint64_t offset,
                  std::uint64_t elements);
  Status add_tensor(std::string_view key, std::string_view whole, Tensor view);
  // Counts `count` values towards the limit on values. Errors: kLimit if it is exceeded.
  Status spend(std::uint64_t count);

 private:
  // Runs one opcode, or one of several of a kind.
  Status step(Op op);
  Status put_number(Op op);
  Status put_text(Op op);
  Status put_line(Op op);
  Status put_container(Op op);
  Status collect(Op op);
  Status instantiate(Op op);
  Status change_stack(Op op);
  Status memo(Op op);
  Status global(Op op);
  Status build();

  // Resolves a persistent id. In persistent.cc.
  Status persistent_id(ValueId id);
  Result<ValueId> storage_id(const std::vector<ValueId>& items);
  Result<ValueId> mention(std::string_view key, const Global& type, std::uint64_t elements);
  Result<ValueId> part_of(const StorageRef& whole, std::uint64_t offset, std::uint64_t elements);

  // Calls a global with a tuple of arguments. In rebuild.cc. A call that returns nullopt makes an
  // object.
  Result<ValueId> call(ValueId function, ValueId arguments);
  Result<std::optional<ValueId>> call_known(const Global& function,
                                            const std::vector<ValueId>& arguments);
  Result<ValueId> make_object(ValueId function, ValueId arguments);
  Result<std::optional<ValueId>> make_dict(const std::vector<ValueId>& arguments, bool ordered);
  Result<std::optional<ValueId>> make_sparse(const std::vector<ValueId>& arguments);
  Result<std::optional<ValueId>> rebuild_tensor(const Global& function,
                                                const std::vector<ValueId>& arguments);
  Result<ValueId> make_tensor(const StorageRef& from, const Global& type, Tensor view);
  Status add_named(std::vector<ValueId>& pairs, std::string_view name, ValueId value);
  Status attach(ValueId id, ValueId state);
  std::string bits_of(ValueId metadata);
  void simplify(std::string_view what);
  Status place(Tensor& view, const StorageRef& from, std::uint64_t width) const;
  Result<std::vector<std::uint64_t>> extents(ValueId id, std::string_view what);
  Result<std::uint64_t> count(ValueId id, std::string_view what) const;

  // Operations on the stack. Errors: kMalformed if it has too few values above the last mark.
  Status push(ValueId id);
  Status push_new(Value value);
  Result<ValueId> make(Value value);
  Result<ValueId> pop();
  Result<ValueId> top() const;
  Result<std::vector<ValueId>> pop_many(std::size_t count);
  Result<std::vector<ValueId>> pop_to_mark();
  Status push_text(Value::Kind kind, std::uint64_t size);
  Status skip(std::uint64_t size);

  // Returns the next line without its end; reading fails if there is none.
  std::string_view line();
  // Returns a text that lives as long as the machine.
  std::string_view keep(std::string text);
  Result<ValueId> known_storage(std::string_view key) const;
  Contents& hold(ValueId id);

  Error error(Code code, std::string_view what) const;
  Error malformed(std::string_view what) const;
  Error unsupported(std::string_view what) const;

  const Limits& limits_;
  std::string name_;
  std::string_view simplified_;  // a constant
  Bytes pickle_;
  WireReader reader_;
  std::size_t rest_ = 0;  // the bytes after the pickle
  std::uint64_t values_left_;
  std::uint64_t position_ = 0;  // of the opcode that is being run
  std::uint8_t opcode_ = 0;
  std::vector<Value> values_;
  std::vector<Contents> contents_;
  std::vector<ValueId> stack_;
  std::vector<std::size_t> marks_;
  std::vector<ValueId> memo_;                               // the places up to the first gap
  std::unordered_map<std::uint64_t, ValueId> sparse_memo_;  // and those after it
  std::deque<std::string> texts_;
  std::vector<StorageMention> storages_;
  std::unordered_map<std::string_view, std::size_t> storage_places_;
  std::unordered_map<std::string_view, ValueId> known_;
  std::vector<StorageRef> references_;
  std::vector<Tensor> views_;
};

}  // namespace bbz::torch
