#include "bbz/files/torch/internal/naming.h"

#include <algorithm>
#include <unordered_map>

#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz::torch {
namespace {

using Kind = Value::Kind;

constexpr std::string_view kLoneTensor = "tensor";
constexpr int kMostVisits = 16;        // of one value
constexpr std::uint64_t kRepeats = 2;  // of all values, in their number
constexpr std::uint64_t kFewValues = 1000;
constexpr std::size_t kLongestTuple = 16;  // that is shown as a key
constexpr int kDeepestTuple = 3;
constexpr std::uint64_t kNameValues = 8;  // that a name takes, and 2 for each axis
constexpr std::uint64_t kTextBytes = 64;  // of a key that is put into a path, and of its own text

bool is_module_part(const Value& key) {
  return key.kind == Kind::kString &&
         (key.text == "_parameters" || key.text == "_buffers" || key.text == "_modules");
}

// Returns the text if it is UTF-8, and else what it is as Latin-1, which Python 2 may have written.
std::string as_utf8(std::string_view text) {
  if (is_utf8(text)) return std::string(text);
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out.push_back(c);
    } else {
      out.push_back(static_cast<char>(0xc0 | byte >> 6));
      out.push_back(static_cast<char>(0x80 | (byte & 0x3f)));
    }
  }
  return out;
}

template <class Visit>
void for_each_below(const Contents& contents, const Visit& visit) {
  for (const auto* list : {&contents.items, &contents.pairs, &contents.states}) {
    for (const ValueId id : *list) visit(id);
  }
}

}  // namespace

Naming::Naming(const Unpickler& pickle, Limits& left, UsedNames& used)
    : pickle_(pickle),
      left_(left),
      limits_(left),
      visits_(pickle.count()),
      on_path_(pickle.count()),
      holds_(pickle.count()),
      repeats_left_(kFewValues + kRepeats * pickle.count()),
      names_(used) {
  find_holders();
}

// Marks the values below which a tensor or a storage is: goes from these upwards.
void Naming::find_holders() {
  // The values that hold value i are above[begin[i]] to above[begin[i + 1]].
  const std::size_t count = pickle_.count();
  std::vector<std::size_t> begin(count + 1);
  for (ValueId id = 0; id < count; ++id) {
    for_each_below(pickle_.contents(pickle_.value(id)), [&](ValueId below) { ++begin[below + 1]; });
  }
  for (std::size_t i = 0; i < count; ++i) begin[i + 1] += begin[i];
  std::vector<ValueId> above(begin[count]);
  std::vector<std::size_t> next = begin;
  for (ValueId id = 0; id < count; ++id) {
    for_each_below(pickle_.contents(pickle_.value(id)),
                   [&](ValueId below) { above[next[below]++] = id; });
  }
  std::vector<ValueId> found;
  for (ValueId id = 0; id < count; ++id) {
    const Kind kind = pickle_.value(id).kind;
    if (kind != Kind::kTensor && kind != Kind::kStorage) continue;
    holds_[id] = true;
    found.push_back(id);
  }
  while (!found.empty()) {
    const ValueId id = found.back();
    found.pop_back();
    for (std::size_t i = begin[id]; i < begin[id + 1]; ++i) {
      if (holds_[above[i]]) continue;
      holds_[above[i]] = true;
      found.push_back(above[i]);
    }
  }
}

bool Naming::may_enter(ValueId id) const {
  if (on_path_[id] || frames_.size() >= limits_.depth) return false;
  if (visits_[id] == 0) return true;
  const Contents& contents = pickle_.contents(pickle_.value(id));
  const std::size_t size =
      1 + contents.items.size() + contents.pairs.size() + contents.states.size();
  return visits_[id] < kMostVisits && size <= repeats_left_;
}

// Counts bytes of a key towards the limit: a pickle can mention a long one again and again in a few
// bytes.
Status Naming::look_at_key(std::uint64_t bytes) {
  if (bytes > left_.key_bytes) {
    return make_error(Code::kLimit, "the keys of dicts have more than {} bytes in all",
                      limits_.key_bytes);
  }
  left_.key_bytes -= bytes;
  return {};
}

Status Naming::add_pairs(const Value& dict, Role role, std::vector<Child>& out) {
  const std::vector<ValueId>& pairs = pickle_.contents(dict).pairs;
  // As in Python, a key that is set again keeps its place and takes the last value.
  std::unordered_map<std::string_view, std::size_t> texts;
  std::unordered_map<std::int64_t, std::size_t> numbers;
  for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
    const Value& key = pickle_.value(pairs[i]);
    const bool text = key.kind == Kind::kString || key.kind == Kind::kBytes;
    if (text && key.text.size() > limits_.name_bytes) continue;  // what is below has no name
    const auto place = static_cast<std::uint32_t>(i / 2);
    Child child{pairs[i + 1], pairs[i], place, Role::kKey};
    if (role == Role::kState && is_module_part(key)) child.role = Role::kItself;
    bool added = true;
    std::size_t at = 0;
    if (key.kind == Kind::kString) {
      BBZ_TRY(look_at_key(key.text.size()));
      const auto found = texts.try_emplace(key.text, out.size());
      added = found.second;
      at = found.first->second;
    } else if (key.kind == Kind::kInt) {
      const auto found = numbers.try_emplace(key.number, out.size());
      added = found.second;
      at = found.first->second;
    } else if (holds_[pairs[i]]) {  // a parameter as a key
      out.push_back({pairs[i], pairs[i], place, Role::kIndex});
    }
    if (added) {
      out.push_back(child);
    } else {
      out[at].value = child.value;
    }
  }
  return {};
}

// Returns what hangs below a value and holds tensors.
Result<std::vector<Naming::Child>> Naming::children_of(ValueId id, Role role) {
  const Value& value = pickle_.value(id);
  const Contents& contents = pickle_.contents(value);
  std::vector<Child> children;
  const std::vector<ValueId>& items = contents.items;
  // What __slots__ make is (attributes or None, attributes).
  const bool slots = role == Role::kState && value.kind == Kind::kTuple && items.size() == 2 &&
                     std::ranges::all_of(items, [&](ValueId item) {
                       const Kind kind = pickle_.value(item).kind;
                       return kind == Kind::kDict || kind == Kind::kOther;
                     });
  for (std::size_t i = 0; i < items.size(); ++i) {
    const bool wrapped = role == Role::kWrapped && i == 0;
    children.push_back({items[i], 0, static_cast<std::uint32_t>(i),
                        slots     ? Role::kState
                        : wrapped ? Role::kItself
                                  : Role::kIndex});
  }
  BBZ_TRY(add_pairs(value, role, children));
  const bool wraps = value.kind == Kind::kObject && value.number != 0;
  for (const ValueId state : contents.states) {
    children.push_back({state, 0, 0, wraps ? Role::kWrapped : Role::kState});
  }
  std::erase_if(children, [&](const Child& child) { return !holds_[child.value]; });
  return children;
}

// Returns the text of a key, or nullopt if its place says more.
Result<std::optional<std::string>> Naming::text_of(ValueId key, int depth) {
  const Value& value = pickle_.value(key);
  const auto none = [] { return std::optional<std::string>(); };
  BBZ_TRY(look_at_key(kTextBytes));
  switch (value.kind) {
    case Kind::kString:
    case Kind::kBytes:
      if (value.text.size() > limits_.name_bytes) return none();
      BBZ_TRY(look_at_key(value.text.size()));
      return std::optional(as_utf8(value.text));
    case Kind::kInt:
      return std::optional(std::to_string(value.number));
    case Kind::kBool:
      return std::optional<std::string>(value.number != 0 ? "True" : "False");
    case Kind::kTuple:
      break;
    default:
      return none();
  }
  const std::vector<ValueId>& items = pickle_.contents(value).items;
  if (depth == kDeepestTuple || items.size() > kLongestTuple) return none();
  std::string text = "(";
  for (std::size_t i = 0; i < items.size(); ++i) {
    BBZ_ASSIGN(const auto item, text_of(items[i], depth + 1));
    if (!item || text.size() + item->size() > limits_.name_bytes) return none();
    if (i != 0) text += ',';
    text += *item;
  }
  return std::optional(text + ')');
}

// Adds a child's component to the path. Returns false if the path is too long for a name.
Result<bool> Naming::append_component(const Child& child) {
  if (child.role != Role::kIndex && child.role != Role::kKey) return true;
  std::optional<std::string> text;
  if (child.role == Role::kKey) {
    BBZ_ASSIGN(text, text_of(child.key, 0));
  }
  if (!text) text = std::to_string(child.place);
  if (text->size() >= limits_.name_bytes || path_.size() >= limits_.name_bytes - text->size()) {
    return false;
  }
  if (!path_.empty()) path_ += '.';
  path_ += *text;
  return true;
}

// Names a tensor, and begins a frame if anything is below the value.
Status Naming::enter(const Child& child) {
  const Value& value = pickle_.value(child.value);
  if (value.kind == Kind::kTensor || value.kind == Kind::kStorage) BBZ_TRY(add(value));
  if (value.contents == Value::kEmpty || !may_enter(child.value)) return {};
  Frame frame;
  frame.value = child.value;
  BBZ_ASSIGN(frame.children, children_of(child.value, child.role));
  frame.path_size = path_.size();
  if (visits_[child.value] != 0) {
    const Contents& contents = pickle_.contents(value);
    repeats_left_ -= 1 + contents.items.size() + contents.pairs.size() + contents.states.size();
  }
  ++visits_[child.value];
  on_path_[child.value] = true;
  frames_.push_back(std::move(frame));
  return {};
}

Status Naming::visit(ValueId root, std::string_view prefix) {
  path_ = prefix;
  if (!holds_[root]) return {};
  BBZ_TRY(enter({root, 0, 0, Role::kItself}));
  while (!frames_.empty()) {
    Frame& frame = frames_.back();
    path_.resize(frame.path_size);
    if (frame.next == frame.children.size()) {
      on_path_[frame.value] = false;
      frames_.pop_back();
      continue;
    }
    const Child child = frame.children[frame.next++];
    BBZ_ASSIGN(const bool named, append_component(child));
    if (named) BBZ_TRY(enter(child));
  }
  return {};
}

// Names a tensor, or a storage as a tensor of one axis, by the path.
Status Naming::add(const Value& value) {
  if (value.kind == Kind::kTensor) return add(pickle_.view(value));
  const StorageRef& storage = pickle_.storage(value);
  if (storage.type == nullptr) return {};
  Tensor view;
  view.storage = storage.storage;
  view.dtype = storage.type->dtype.value_or(DType::kU8);
  const std::uint64_t parts = std::max(storage.type->parts, 1u);
  view.storage_offset = storage.offset * parts;
  view.shape = {storage.elements};
  view.strides = {parts};
  if (parts != 1) {
    view.shape.push_back(parts);
    view.strides.push_back(1);
  }
  return add(std::move(view));
}

// A name that is too long, which a number or the bits of the tensor can make it, is not given.
Status Naming::add(Tensor view) {
  std::string name = (path_.empty() ? std::string(kLoneTensor) : path_) + view.name;
  if (name.size() > limits_.name_bytes) return {};
  std::uint64_t& next = names_.try_emplace(name, 1).first->second;
  if (next++ != 1) {
    const std::string base = name;
    std::uint64_t number = next - 1;
    do {
      name = fmt::format("{}~{}", base, number++);
      if (name.size() > limits_.name_bytes) return {};
    } while (!names_.try_emplace(name, 2).second);
    names_[base] = number;
  }
  if (name.size() > left_.all_name_bytes) {
    return make_error(Code::kLimit, "the names of tensors have more than {} bytes in all",
                      limits_.all_name_bytes);
  }
  left_.all_name_bytes -= name.size();
  const std::uint64_t values = kNameValues + 2 * view.shape.size();
  if (values > left_.named_values) {
    return make_error(Code::kLimit, "the named tensors take more than {} values in all",
                      limits_.named_values);
  }
  left_.named_values -= values;
  view.name = std::move(name);
  tensors_.push_back(std::move(view));
  return {};
}

}  // namespace bbz::torch
