#include "bbz/files/torch/internal/unpickler.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz::torch {
namespace {

using Kind = Value::Kind;

// Values that are made once and shared.
constexpr ValueId kOtherValue = 0;
constexpr ValueId kFalseValue = 1;
constexpr ValueId kTrueValue = 2;
constexpr ValueId kEmptyTupleValue = 3;

constexpr std::uint8_t kOldestProtocol = 2;
constexpr std::uint8_t kNewestProtocol = 5;

Value simple(Kind kind, std::int64_t number = 0) {
  Value value;
  value.kind = kind;
  value.number = number;
  return value;
}

}  // namespace

Unpickler::Unpickler(Bytes pickle, const Limits& limits)
    : pickle_(pickle), reader_(pickle), limits_(limits), values_left_(limits.values) {
  values_ = {simple(Kind::kOther), simple(Kind::kBool, 0), simple(Kind::kBool, 1),
             simple(Kind::kTuple)};
}

Error Unpickler::error(Code code, std::string_view what) const {
  return make_error(code, "data.pkl: byte {}: {}: {}", position_, opcode_name(opcode_), what);
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
  values_.push_back(std::move(value));
  return static_cast<ValueId>(values_.size() - 1);
}

Status Unpickler::push_new(Value value) {
  BBZ_ASSIGN(const ValueId id, make(std::move(value)));
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

Status Unpickler::push_string(std::uint64_t size) {
  Value value;
  value.kind = Kind::kString;
  value.text = as_text(reader_.get_bytes(size));
  return push_new(std::move(value));
}

Status Unpickler::skip(std::uint64_t size) {
  reader_.get_bytes(size);
  return push(kOtherValue);
}

// Pushes scalars and empty containers.
Status Unpickler::put_values(Op op) {
  switch (op) {
    case Op::kNewTrue:
      return push(kTrueValue);
    case Op::kNewFalse:
      return push(kFalseValue);
    case Op::kBinInt:
      return push_new(simple(Kind::kInt, static_cast<std::int32_t>(reader_.get<std::uint32_t>())));
    case Op::kBinInt1:
      return push_new(simple(Kind::kInt, reader_.get<std::uint8_t>()));
    case Op::kBinInt2:
      return push_new(simple(Kind::kInt, reader_.get<std::uint16_t>()));
    case Op::kLong1:
    case Op::kLong4: {
      const std::uint64_t size =
          op == Op::kLong1 ? reader_.get<std::uint8_t>() : reader_.get<std::uint32_t>();
      if (size > sizeof(std::int64_t)) return skip(size);  // no shape needs such a number
      const Bytes digits = reader_.get_bytes(size);
      const bool negative = !digits.empty() && (digits.back() & std::byte{0x80}) != std::byte{0};
      std::int64_t number = negative ? -1 : 0;  // extends the sign over the missing bytes
      std::ranges::copy(digits, reinterpret_cast<std::byte*>(&number));
      return push_new(simple(Kind::kInt, number));
    }
    case Op::kBinFloat:
      return skip(8);
    case Op::kShortBinString:
    case Op::kShortBinUnicode:
      return push_string(reader_.get<std::uint8_t>());
    case Op::kBinString:
    case Op::kBinUnicode:
      return push_string(reader_.get<std::uint32_t>());
    case Op::kBinUnicode8:
      return push_string(reader_.get<std::uint64_t>());
    case Op::kShortBinBytes:
      return skip(reader_.get<std::uint8_t>());
    case Op::kBinBytes:
      return skip(reader_.get<std::uint32_t>());
    case Op::kBinBytes8:
      return skip(reader_.get<std::uint64_t>());
    case Op::kEmptyTuple:
      return push(kEmptyTupleValue);
    case Op::kEmptyList:
      return push_new(simple(Kind::kList));
    case Op::kEmptyDict:
      return push_new(simple(Kind::kDict));
    default:
      return push(kOtherValue);  // None
  }
}

// Makes tuples from the values on top, or adds these to the list or dict below.
Status Unpickler::collect(Op op) {
  std::vector<ValueId> items;
  const bool one = op == Op::kTuple1 || op == Op::kAppend;
  const bool two = op == Op::kTuple2 || op == Op::kSetItem;
  if (one || two || op == Op::kTuple3) {
    BBZ_ASSIGN(items, pop_many(one ? 1 : two ? 2 : 3));
  } else {
    BBZ_ASSIGN(items, pop_to_mark());
  }
  const bool append = op == Op::kAppend || op == Op::kAppends;
  const bool set = op == Op::kSetItem || op == Op::kSetItems;
  if (!append && !set) {
    Value tuple = simple(Kind::kTuple);
    tuple.items = std::move(items);
    return push_new(std::move(tuple));
  }
  BBZ_ASSIGN(const ValueId id, top());
  Value& target = values_[id];
  if (target.kind != (append ? Kind::kList : Kind::kDict)) {
    return malformed(append ? "the value below is not a list" : "the value below is not a dict");
  }
  if (set && items.size() % 2 != 0) return malformed("a key without a value");
  target.items.insert(target.items.end(), items.begin(), items.end());
  return {};
}

Status Unpickler::memo(Op op) {
  const bool get = op == Op::kBinGet || op == Op::kLongBinGet;
  std::uint64_t place = memo_count_;
  if (op == Op::kBinGet || op == Op::kBinPut) place = reader_.get<std::uint8_t>();
  if (op == Op::kLongBinGet || op == Op::kLongBinPut) place = reader_.get<std::uint32_t>();
  if (get) {
    if (place >= memo_.size() || !memo_[place]) return malformed("the memo has no value there");
    return push(*memo_[place]);
  }
  BBZ_ASSIGN(const ValueId id, top());
  if (place >= limits_.values) {
    return error(Code::kLimit, fmt::format("more than {} values", limits_.values));
  }
  if (place >= memo_.size()) memo_.resize(static_cast<std::size_t>(place + 1));
  if (!memo_[place]) ++memo_count_;
  memo_[place] = id;
  return {};
}

Status Unpickler::look_up(std::string_view module, std::string_view name) {
  const Global* const found = find_global(module, name);
  if (found == nullptr) {
    return unsupported(fmt::format("the name {}, which tensors do not need",
                                   quoted(fmt::format("{}.{}", module, name))));
  }
  Value value = simple(Kind::kGlobal);
  value.global = found;
  return push_new(std::move(value));
}

Status Unpickler::global() {
  const Bytes rest = pickle_.subspan(pickle_.size() - reader_.remaining());
  const auto first = std::ranges::find(rest, std::byte{'\n'});
  const auto second =
      first == rest.end() ? first : std::find(first + 1, rest.end(), std::byte{'\n'});
  if (second == rest.end()) return malformed("a name without a line break at its end");
  const std::string_view module =
      as_text(reader_.get_bytes(static_cast<std::uint64_t>(first - rest.begin())));
  reader_.get<std::uint8_t>();
  const std::string_view name =
      as_text(reader_.get_bytes(static_cast<std::uint64_t>(second - first - 1)));
  reader_.get<std::uint8_t>();
  return look_up(module, name);
}

Status Unpickler::stack_global() {
  BBZ_ASSIGN(const auto names, pop_many(2));
  const Value& module = values_[names[0]];
  const Value& name = values_[names[1]];
  if (module.kind != Kind::kString || name.kind != Kind::kString) {
    return malformed("a name that is not a string");
  }
  return look_up(module.text, name.text);
}

// Drops the attributes of a value: those of an OrderedDict (the _metadata of a state dict) or a
// tensor do not concern elements.
Status Unpickler::build() {
  BBZ_TRY(pop());
  BBZ_ASSIGN(const ValueId id, top());
  if (values_[id].kind != Kind::kDict && values_[id].kind != Kind::kTensor) {
    return unsupported("attributes of a value that is neither a dict nor a tensor");
  }
  return {};
}

Status Unpickler::step(Op op) {
  switch (op) {
    case Op::kFrame: {
      const auto size = reader_.get<std::uint64_t>();
      if (size > reader_.remaining()) return malformed("the frame ends after the pickle");
      return {};
    }
    case Op::kMark:
      if (marks_.size() >= limits_.values) {
        return error(Code::kLimit, fmt::format("more than {} marks", limits_.values));
      }
      marks_.push_back(stack_.size());
      return {};
    case Op::kNone:
    case Op::kNewTrue:
    case Op::kNewFalse:
    case Op::kBinInt:
    case Op::kBinInt1:
    case Op::kBinInt2:
    case Op::kLong1:
    case Op::kLong4:
    case Op::kBinFloat:
    case Op::kBinString:
    case Op::kShortBinString:
    case Op::kBinUnicode:
    case Op::kShortBinUnicode:
    case Op::kBinUnicode8:
    case Op::kBinBytes:
    case Op::kShortBinBytes:
    case Op::kBinBytes8:
    case Op::kEmptyTuple:
    case Op::kEmptyList:
    case Op::kEmptyDict:
      return put_values(op);
    case Op::kTuple:
    case Op::kTuple1:
    case Op::kTuple2:
    case Op::kTuple3:
    case Op::kAppend:
    case Op::kAppends:
    case Op::kSetItem:
    case Op::kSetItems:
      return collect(op);
    case Op::kBinGet:
    case Op::kLongBinGet:
    case Op::kBinPut:
    case Op::kLongBinPut:
    case Op::kMemoize:
      return memo(op);
    case Op::kGlobal:
      return global();
    case Op::kStackGlobal:
      return stack_global();
    case Op::kReduce:
      return reduce();
    case Op::kBuild:
      return build();
    case Op::kBinPersId:
      return persistent_id();
    case Op::kProto:
    case Op::kStop:
      break;  // run() handles these
  }
  return unsupported("an opcode that tensors do not need");
}

Result<ValueId> Unpickler::run() {
  opcode_ = reader_.get<std::uint8_t>();
  const auto protocol = reader_.get<std::uint8_t>();
  if (!reader_.ok() || opcode_ != static_cast<std::uint8_t>(Op::kProto)) {
    return make_error(Code::kMalformed, "data.pkl: it does not begin with PROTO");
  }
  if (protocol < kOldestProtocol || protocol > kNewestProtocol) {
    return unsupported(
        fmt::format("protocol {}, expected {} to {}", protocol, kOldestProtocol, kNewestProtocol));
  }
  while (reader_.ok()) {
    position_ = pickle_.size() - reader_.remaining();
    opcode_ = reader_.get<std::uint8_t>();
    if (!reader_.ok()) break;
    if (opcode_ == static_cast<std::uint8_t>(Op::kStop)) {
      BBZ_ASSIGN(const ValueId id, pop());
      if (!stack_.empty() || !marks_.empty()) return malformed("values are left on the stack");
      if (reader_.remaining() != 0) return malformed("bytes follow the end of the pickle");
      return id;
    }
    const Status status = step(static_cast<Op>(opcode_));
    if (reader_.ok() && !status.ok()) return status.error();
  }
  return make_error(Code::kTruncated, "data.pkl: byte {}: the pickle ends within {}", position_,
                    position_ == pickle_.size() ? "its opcodes" : opcode_name(opcode_));
}

}  // namespace bbz::torch
