// The values that a pickle makes. None of them is alive: a value of a class that the machine does
// not know is what the pickle gave for it, and no more.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "bbz/files/torch/internal/globals.h"

namespace bbz::torch {

// The index of a value in the machine. Values refer to each other by index, so that cycles and
// shared values cost nothing; the machine never follows them.
using ValueId = std::uint32_t;

// The values that every machine has from the beginning, and shares.
inline constexpr ValueId kOtherValue = 0;
inline constexpr ValueId kNoneValue = 1;
inline constexpr ValueId kFalseValue = 2;
inline constexpr ValueId kTrueValue = 3;
inline constexpr ValueId kEmptyTupleValue = 4;

// A value that the pickle makes.
struct Value {
  enum class Kind : std::uint8_t {
    kOther,  // None, a float in text, a large number: holds nothing
    kBool,
    kInt,
    kFloat,
    kString,
    kBytes,
    kTuple,
    kList,    // also a set
    kDict,    // also an OrderedDict
    kObject,  // whatever a call of an unknown name made
    kGlobal,
    kStorage,
    kTensor,
  };
  static constexpr std::uint32_t kEmpty = ~std::uint32_t{0};

  Kind kind = Kind::kOther;
  std::uint32_t contents = kEmpty;  // the index of its Contents, which are made if it gets any
  // Of a bool or an int; the eight bytes of a float, as the pickle has them; the index of a storage
  // reference or a view; 1 for a set and an OrderedDict.
  std::int64_t number = 0;
  union {
    std::string_view text{};  // of a string or bytes, in the pickle or in the machine
    const Global* global;     // of a global
  };
};

// Returns a value of a kind with a number.
inline Value plain_value(Value::Kind kind, std::int64_t number = 0) {
  Value value;
  value.kind = kind;
  value.number = number;
  return value;
}

// What a value holds. Tuples and lists hold items, dicts pairs, and objects all.
struct Contents {
  std::vector<ValueId> items;   // of a tuple, list or set, in order
  std::vector<ValueId> pairs;   // key, value, key, value, ...
  std::vector<ValueId> states;  // the arguments of an object's class, and what BUILD gave
};

// A storage as the pickle mentions it.
struct StorageMention {
  std::string_view key;
  std::optional<DType> dtype;         // none: bytes, or mentioned with several types
  std::optional<std::uint64_t> size;  // in bytes; none if the size of its elements is not known
  std::uint64_t elements = 0;         // of its own type
};

// A storage as a value: the whole of it, or a part by an old form of view.
struct StorageRef {
  std::size_t storage = 0;       // the index of its mention
  const Global* type = nullptr;  // its type; null if unknown
  std::uint64_t offset = 0;      // in elements
  std::uint64_t elements = 0;    // from there on
};

}  // namespace bbz::torch
