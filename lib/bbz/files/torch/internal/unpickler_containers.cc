// The opcodes that make containers and objects, and fill them.
#include "bbz/base/format.h"
#include "bbz/files/torch/internal/unpickler.h"

namespace bbz::torch {
namespace {

using Kind = Value::Kind;

bool holds(Kind kind) {
  return kind == Kind::kTuple || kind == Kind::kList || kind == Kind::kDict ||
         kind == Kind::kObject || kind == Kind::kTensor;
}

}  // namespace

// Pushes empty containers, and those made of the values above the last mark.
Status Unpickler::put_container(Op op) {
  switch (op) {
    case Op::kEmptyTuple:
      return push(kEmptyTupleValue);
    case Op::kEmptyList:
    case Op::kEmptySet:
      return push_new(plain_value(Kind::kList, op == Op::kEmptySet ? 1 : 0));
    case Op::kEmptyDict:
      return push_new(plain_value(Kind::kDict));
    default:
      break;
  }
  std::vector<ValueId> items;
  if (op == Op::kTuple1 || op == Op::kTuple2 || op == Op::kTuple3) {
    BBZ_ASSIGN(items, pop_many(op == Op::kTuple1 ? 1 : op == Op::kTuple2 ? 2 : 3));
  } else {
    BBZ_ASSIGN(items, pop_to_mark());
  }
  if (op == Op::kDict && items.size() % 2 != 0) return malformed("a key without a value");
  const bool list = op == Op::kList || op == Op::kFrozenSet;
  const Kind kind = op == Op::kDict ? Kind::kDict : list ? Kind::kList : Kind::kTuple;
  BBZ_ASSIGN(const ValueId id, make(plain_value(kind, op == Op::kFrozenSet ? 1 : 0)));
  if (!items.empty()) {
    Contents& contents = hold(id);
    (op == Op::kDict ? contents.pairs : contents.items) = std::move(items);
  }
  return push(id);
}

// Adds the values on top to the list, the dict or the object below.
Status Unpickler::collect(Op op) {
  const bool set = op == Op::kSetItem || op == Op::kSetItems;
  std::vector<ValueId> items;
  if (op == Op::kAppend || op == Op::kSetItem) {
    BBZ_ASSIGN(items, pop_many(set ? 2 : 1));
  } else {
    BBZ_ASSIGN(items, pop_to_mark());
  }
  BBZ_ASSIGN(const ValueId id, top());
  if (set && items.size() % 2 != 0) return malformed("a key without a value");
  const Kind kind = values_[id].kind;
  if (kind != Kind::kObject && kind != (set ? Kind::kDict : Kind::kList)) {
    return malformed(set ? "the value below is not a dict" : "the value below is not a list");
  }
  if (items.empty()) return {};
  Contents& contents = hold(id);
  auto& into = set ? contents.pairs : contents.items;
  into.insert(into.end(), items.begin(), items.end());
  return {};
}

// Makes objects of a class and its arguments. INST names the class itself.
Status Unpickler::instantiate(Op op) {
  ValueId arguments = kEmptyTupleValue, named = kOtherValue;
  if (op == Op::kNewObjEx) {
    BBZ_ASSIGN(named, pop());
  }
  ValueId type = kOtherValue;
  if (op == Op::kNewObj || op == Op::kNewObjEx || op == Op::kReduce) {
    BBZ_ASSIGN(arguments, pop());
    BBZ_ASSIGN(type, pop());
    if (values_[arguments].kind != Kind::kTuple) {
      return malformed("the arguments are not a tuple");
    }
  } else {
    BBZ_ASSIGN(std::vector<ValueId> items, pop_to_mark());
    if (op == Op::kInst) {
      line();
      line();
    } else {
      if (items.empty()) return malformed("an object without a class");
      type = items.front();
      items.erase(items.begin());
    }
    BBZ_ASSIGN(arguments, make(plain_value(Kind::kTuple)));
    if (!items.empty()) hold(arguments).items = std::move(items);
  }
  ValueId made = kOtherValue;
  if (op == Op::kReduce) {
    BBZ_ASSIGN(made, call(type, arguments));
  } else {
    BBZ_ASSIGN(made, make_object(type, arguments));
    if (named != kOtherValue) BBZ_TRY(attach(made, named));
  }
  return push(made);
}

Status Unpickler::change_stack(Op op) {
  if (op == Op::kMark) {
    if (marks_.size() >= limits_.values) {
      return error(Code::kLimit, fmt::format("more than {} marks", limits_.values));
    }
    marks_.push_back(stack_.size());
    return {};
  }
  if (op == Op::kDup) {
    BBZ_ASSIGN(const ValueId id, top());
    return push(id);
  }
  // As in Python, POP takes a mark that is on top.
  const bool mark_on_top = !marks_.empty() && marks_.back() == stack_.size();
  if (op == Op::kPop && !mark_on_top) {
    BBZ_TRY(pop());
  } else {
    BBZ_TRY(pop_to_mark());
  }
  return {};
}

Status Unpickler::build() {
  BBZ_ASSIGN(const ValueId state, pop());
  BBZ_ASSIGN(const ValueId id, top());
  return attach(id, state);
}

// Adds a state to a value. One that cannot hold any, such as a number, has no use for it.
Status Unpickler::attach(ValueId id, ValueId state) {
  const bool shared = id <= kEmptyTupleValue;
  if (!shared && holds(values_[id].kind)) hold(id).states.push_back(state);
  return {};
}

}  // namespace bbz::torch
