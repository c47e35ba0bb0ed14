#include "bbz/files/torch/internal/unpickler.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz::torch {
namespace {

using Kind = Value::Kind;

constexpr std::uint8_t kNewestProtocol = 5;

}  // namespace

Unpickler::Unpickler(const Limits& limits)
    : limits_(limits), reader_(Bytes()), values_left_(limits.values) {
  values_ = {plain_value(Kind::kOther), plain_value(Kind::kOther), plain_value(Kind::kBool, 0),
             plain_value(Kind::kBool, 1), plain_value(Kind::kTuple)};
}

const Contents& Unpickler::contents(const Value& value) const {
  static const Contents nothing;
  return value.contents == Value::kEmpty ? nothing : contents_[value.contents];
}

const StorageRef& Unpickler::storage(const Value& value) const {
  return references_[static_cast<std::size_t>(value.number)];
}

const Tensor& Unpickler::view(const Value& value) const {
  return views_[static_cast<std::size_t>(value.number)];
}

Contents& Unpickler::hold(ValueId id) {
  Value& value = values_[id];
  if (value.contents == Value::kEmpty) {
    value.contents = static_cast<std::uint32_t>(contents_.size());
    contents_.emplace_back();
  }
  return contents_[value.contents];
}

std::string_view Unpickler::keep(std::string text) {
  return texts_.emplace_back(std::move(text));
}

void Unpickler::simplify(std::string_view what) {
  if (simplified_.empty()) simplified_ = what;
}

Error Unpickler::error(Code code, std::string_view what) const {
  if (name_.empty()) return make_error(code, "{}", what);
  return make_error(code, "{}: byte {}: {}: {}", name_, position_, opcode_name(opcode_), what);
}

Error Unpickler::malformed(std::string_view what) const {
  return error(Code::kMalformed, what);
}

Error Unpickler::unsupported(std::string_view what) const {
  return error(Code::kUnsupported, what);
}

Status Unpickler::spend(std::uint64_t count) {
  if (count > values_left_) {
    return error(Code::kLimit, fmt::format("more than {} values", limits_.values));
  }
  values_left_ -= count;
  return {};
}

Status Unpickler::push(ValueId id) {
  if (stack_.size() >= limits_.values) {
    return error(Code::kLimit, fmt::format("more than {} values", limits_.values));
  }
  stack_.push_back(id);
  return {};
}

Result<ValueId> Unpickler::make(Value value) {
  BBZ_TRY(spend(1));
  values_.push_back(value);
  return static_cast<ValueId>(values_.size() - 1);
}

Status Unpickler::push_new(Value value) {
  BBZ_ASSIGN(const ValueId id, make(value));
  return push(id);
}

Result<ValueId> Unpickler::top() const {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) return malformed("the stack is empty");
  return stack_.back();
}

Result<ValueId> Unpickler::pop() {
  BBZ_ASSIGN(const ValueId id, top());
  stack_.pop_back();
  return id;
}

Result<std::vector<ValueId>> Unpickler::pop_many(std::size_t count) {
  const std::size_t bottom = marks_.empty() ? 0 : marks_.back();
  if (stack_.size() - bottom < count) return malformed("the stack has too few values");
  const auto first = stack_.end() - static_cast<std::ptrdiff_t>(count);
  std::vector<ValueId> items(first, stack_.end());
  stack_.erase(first, stack_.end());
  return items;
}

Result<std::vector<ValueId>> Unpickler::pop_to_mark() {
  if (marks_.empty()) return malformed("the stack has no mark");
  const std::size_t count = stack_.size() - marks_.back();
  BBZ_ASSIGN(auto items, pop_many(count));
  marks_.pop_back();
  return items;
}

Status Unpickler::memo(Op op) {
  std::uint64_t place = memo_.size() + sparse_memo_.size();  // of MEMOIZE
  if (op == Op::kBinGet || op == Op::kBinPut) place = reader_.get<std::uint8_t>();
  if (op == Op::kLongBinGet || op == Op::kLongBinPut) place = reader_.get<std::uint32_t>();
  if (op == Op::kGet || op == Op::kPut) {
    const std::string_view text = line();
    if (!reader_.ok()) return {};
    if (text.empty() || text.size() > 18 || text.find_first_not_of("0123456789") != text.npos) {
      return malformed("the place in the memo is not a number");
    }
    place = 0;
    for (const char digit : text) place = place * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  if (op == Op::kGet || op == Op::kBinGet || op == Op::kLongBinGet) {
    if (place < memo_.size()) return push(memo_[static_cast<std::size_t>(place)]);
    const auto found = sparse_memo_.find(place);
    if (found == sparse_memo_.end()) return malformed("the memo has no value there");
    return push(found->second);
  }
  BBZ_ASSIGN(const ValueId id, top());
  if (place < memo_.size()) {
    memo_[static_cast<std::size_t>(place)] = id;
  } else if (place == memo_.size() && sparse_memo_.empty()) {
    memo_.push_back(id);
  } else {
    const bool added = sparse_memo_.insert_or_assign(place, id).second;
    if (added) BBZ_TRY(spend(1));  // it takes more memory than the opcode
  }
  return {};
}

// Pushes a name. EXT opcodes have the number of one that only Python's registry knows.
Status Unpickler::global(Op op) {
  std::string_view module, name;
  if (op == Op::kGlobal) {
    module = line();
    name = line();
  } else if (op == Op::kStackGlobal) {
    BBZ_ASSIGN(const auto names, pop_many(2));
    const Value& first = values_[names[0]];
    const Value& second = values_[names[1]];
    if (first.kind != Kind::kString || second.kind != Kind::kString) {
      return malformed("a name that is not a string");
    }
    module = first.text;
    name = second.text;
  } else {
    reader_.get_bytes(op == Op::kExt1 ? 1 : op == Op::kExt2 ? 2 : 4);
  }
  Value value = plain_value(Kind::kGlobal);
  value.global = &find_global(module, name);
  return push_new(value);
}

std::string_view Unpickler::line() {
  const Bytes rest = pickle_.last(reader_.remaining());
  const auto end = std::ranges::find(rest, std::byte{'\n'});
  if (end == rest.end()) {
    reader_.get_bytes(rest.size() + 1);  // fails
    return {};
  }
  const auto size = static_cast<std::uint64_t>(end - rest.begin());
  const std::string_view text = as_text(reader_.get_bytes(size));
  reader_.get<std::uint8_t>();
  return text;
}

Status Unpickler::step(Op op) {
  switch (op) {
    case Op::kProto: {
      const auto protocol = reader_.get<std::uint8_t>();
      if (protocol <= kNewestProtocol) return {};
      return unsupported(fmt::format("protocol {}, expected 0 to {}", protocol, kNewestProtocol));
    }
    case Op::kFrame:  // says how much to read at once, and nothing about the value
      reader_.get<std::uint64_t>();
      return {};
    case Op::kNextBuffer:  // bytes that are not in the pickle
      return push(kOtherValue);
    case Op::kReadonlyBuffer:
      BBZ_TRY(top());
      return {};
    case Op::kMark:
    case Op::kPop:
    case Op::kPopMark:
    case Op::kDup:
      return change_stack(op);
    case Op::kNone:
      return push(kNoneValue);
    case Op::kNewTrue:
      return push(kTrueValue);
    case Op::kNewFalse:
      return push(kFalseValue);
    case Op::kBinInt:
    case Op::kBinInt1:
    case Op::kBinInt2:
    case Op::kLong1:
    case Op::kLong4:
    case Op::kBinFloat:
      return put_number(op);
    case Op::kBinString:
    case Op::kShortBinString:
    case Op::kBinUnicode:
    case Op::kShortBinUnicode:
    case Op::kBinUnicode8:
    case Op::kBinBytes:
    case Op::kShortBinBytes:
    case Op::kBinBytes8:
    case Op::kByteArray8:
      return put_text(op);
    case Op::kInt:
    case Op::kLong:
    case Op::kFloat:
    case Op::kString:
    case Op::kUnicode:
      return put_line(op);
    case Op::kEmptyTuple:
    case Op::kEmptyList:
    case Op::kEmptyDict:
    case Op::kEmptySet:
    case Op::kTuple:
    case Op::kTuple1:
    case Op::kTuple2:
    case Op::kTuple3:
    case Op::kList:
    case Op::kDict:
    case Op::kFrozenSet:
      return put_container(op);
    case Op::kAppend:
    case Op::kAppends:
    case Op::kAddItems:
    case Op::kSetItem:
    case Op::kSetItems:
      return collect(op);
    case Op::kGet:
    case Op::kBinGet:
    case Op::kLongBinGet:
    case Op::kPut:
    case Op::kBinPut:
    case Op::kLongBinPut:
    case Op::kMemoize:
      return memo(op);
    case Op::kGlobal:
    case Op::kStackGlobal:
    case Op::kExt1:
    case Op::kExt2:
    case Op::kExt4:
      return global(op);
    case Op::kReduce:
    case Op::kNewObj:
    case Op::kNewObjEx:
    case Op::kObj:
    case Op::kInst:
      return instantiate(op);
    case Op::kBuild:
      return build();
    case Op::kPersId: {
      Value value = plain_value(Kind::kString);
      value.text = line();
      BBZ_ASSIGN(const ValueId id, make(value));
      return persistent_id(id);
    }
    case Op::kBinPersId: {
      BBZ_ASSIGN(const ValueId id, pop());
      return persistent_id(id);
    }
    case Op::kStop:
      break;  // run() handles it
  }
  return malformed("no opcode of pickle");
}

Result<ValueId> Unpickler::run(Bytes bytes, std::string name) {
  pickle_ = bytes;
  reader_ = WireReader(bytes);
  rest_ = 0;
  name_ = std::move(name);
  stack_.clear();
  marks_.clear();
  memo_.clear();
  sparse_memo_.clear();
  while (reader_.ok()) {
    position_ = pickle_.size() - reader_.remaining();
    opcode_ = reader_.get<std::uint8_t>();
    if (!reader_.ok()) break;
    if (opcode_ == static_cast<std::uint8_t>(Op::kStop)) {
      BBZ_ASSIGN(const ValueId id, pop());
      if (!stack_.empty() || !marks_.empty()) return malformed("values are left on the stack");
      rest_ = reader_.remaining();
      return id;
    }
    const Status status = step(static_cast<Op>(opcode_));
    if (reader_.ok() && !status.ok()) return status.error();
  }
  return make_error(Code::kTruncated, "{}: byte {}: the pickle ends within {}", name_, position_,
                    position_ == pickle_.size() ? "its opcodes" : opcode_name(opcode_));
}

}  // namespace bbz::torch
