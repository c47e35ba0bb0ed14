// Finds the tensors and storages below a value, and names them by the paths that lead to them.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "bbz/files/torch/internal/unpickler.h"

namespace bbz::torch {

// The names that tensors of a file have, each with the number that the next of that name gets.
using UsedNames = std::unordered_map<std::string, std::uint64_t>;

// Names tensors by the keys, indices and attributes that lead to them, joined by '.'. A module is
// named as its own state dict would: its parameters, buffers and modules are found through the
// attributes _parameters, _buffers and _modules, which leave no trace in the name.
//
// A value is entered again for each path that leads to it, so that what is tied has all its names,
// but never below itself, at most kMostVisits times, and not if that would take longer than a few
// walks through all values. Not thread-safe.
class Naming {
 public:
  // Visits values of `pickle`, which must not read on. All arguments must outlive this object. What
  // the names and the keys take is taken from `left`, which is what a file may still have. Names are
  // unique among `used`, to which they are added.
  Naming(const Unpickler& pickle, Limits& left, UsedNames& used);

  // Names what is below a value; `prefix` leads to it and may be empty. Errors: kLimit if the names
  // or the keys take too much.
  Status visit(ValueId root, std::string_view prefix);

  // Returns the tensors that were named, in the order of the visits.
  std::vector<Tensor> take() { return std::move(tensors_); }

 private:
  // How a value hangs below another.
  enum class Role : std::uint8_t {
    kIndex,    // at a place
    kKey,      // at a key
    kItself,   // as the value itself: without a component of the path
    kState,    // as its attributes
    kWrapped,  // as the state of a tensor's class, whose first item is the tensor
  };
  struct Child {
    ValueId value = 0;
    ValueId key = 0;          // of kKey
    std::uint32_t place = 0;  // among its siblings
    Role role{};
  };
  struct Frame {
    ValueId value = 0;
    std::vector<Child> children;
    std::size_t next = 0;
    std::size_t path_size = 0;  // before the children's components
  };

  void find_holders();
  Status enter(const Child& child);
  bool may_enter(ValueId id) const;
  Result<std::vector<Child>> children_of(ValueId id, Role role);
  Status add_pairs(const Value& dict, Role role, std::vector<Child>& out);
  Status look_at_key(std::uint64_t bytes);
  Result<bool> append_component(const Child& child);
  Result<std::optional<std::string>> text_of(ValueId key, int depth);
  Status add(const Value& value);
  Status add(Tensor view);

  const Unpickler& pickle_;
  Limits& left_;
  const Limits limits_;               // those at the beginning
  std::vector<std::uint8_t> visits_;  // by value
  std::vector<bool> on_path_;         // by value
  std::vector<bool> holds_;           // by value: whether a tensor or a storage is below it
  std::uint64_t repeats_left_ = 0;    // visits of values that were visited before
  std::vector<Frame> frames_;
  std::string path_;
  std::vector<Tensor> tensors_;
  UsedNames& names_;
};

}  // namespace bbz::torch
