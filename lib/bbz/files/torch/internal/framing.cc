#include "bbz/files/torch/internal/framing.h"

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/files/torch/internal/pickling.h"

namespace bbz::torch {
namespace {

using Kind = Value::Kind;

constexpr char kProtocol = 2;

// Whether two views are the same but for their names.
bool is_same_view(Tensor one, const Tensor& other) {
  one.name = other.name;
  return one == other;
}

// Goes through values in the order of Naming, which is that of the pickle.
class Framing {
 public:
  Framing(const Unpickler& pickle, std::span<const Tensor> tensors, const Limits& limits)
      : pickle_(pickle), tensors_(tensors), limits_(limits) {}

  Result<Frame> run(ValueId root) {
    if (!pickle_.simplified().empty()) return refuse(pickle_.simplified());
    put_op(text_, Op::kProto);
    text_.push_back(kProtocol);
    BBZ_TRY(put(root, 0));
    put_op(text_, Op::kStop);
    if (frame_.before.size() != tensors_.size()) return refuse("a tensor with another name");
    frame_.after = std::move(text_);
    return std::move(frame_);
  }

 private:
  Error refuse(std::string_view what) const {
    return make_error(
        Code::kUnsupported,
        "it holds {}{}, and only tensors, numbers and texts in dicts, lists and tuples "
        "can be written again",
        what, key_.empty() ? "" : " below " + quoted(key_));
  }

  Status put(ValueId id, std::uint64_t depth) {
    const Value& value = pickle_.value(id);
    if (depth >= limits_.depth) return refuse("values that are too deep");
    if (size_ + text_.size() > limits_.pickle_bytes) {
      return make_error(Code::kLimit, "its values take more than {} bytes", limits_.pickle_bytes);
    }
    const Contents& contents = pickle_.contents(value);
    if (!contents.states.empty() && value.kind != Kind::kDict) return refuse("an object");
    switch (value.kind) {
      case Kind::kOther:
        if (id != kNoneValue) return refuse("an unusual value");
        put_op(text_, Op::kNone);
        return {};
      case Kind::kBool:
        put_op(text_, value.number != 0 ? Op::kNewTrue : Op::kNewFalse);
        return {};
      case Kind::kInt:
        put_int(text_, value.number);
        return {};
      case Kind::kFloat:
        put_op(text_, Op::kBinFloat);
        text_.append(reinterpret_cast<const char*>(&value.number), sizeof(value.number));
        return {};
      case Kind::kString:
        if (!is_utf8(value.text)) return refuse("a text that is not UTF-8");
        put_text(text_, value.text);
        return {};
      case Kind::kTuple:
      case Kind::kList:
        return put_items(value, depth);
      case Kind::kDict:
        return put_dict(value, depth);
      case Kind::kTensor:
        return put_tensor(value);
      case Kind::kGlobal:
        if (value.global->kind != GlobalKind::kDType) return refuse("a name of code");
        put_global(text_, value.global->module, value.global->name);
        return {};
      case Kind::kBytes:
        return refuse("bytes");
      case Kind::kStorage:
        return refuse("a storage that is no tensor");
      case Kind::kObject:
        break;
    }
    return refuse("an object");
  }

  Status put_items(const Value& value, std::uint64_t depth) {
    const std::vector<ValueId>& items = pickle_.contents(value).items;
    const bool tuple = value.kind == Kind::kTuple;
    if (!tuple && value.number != 0) return refuse("a set");
    if (tuple && items.empty()) {
      put_op(text_, Op::kEmptyTuple);
      return {};
    }
    if (!tuple) put_op(text_, Op::kEmptyList);
    if (!tuple && items.empty()) return {};
    put_op(text_, Op::kMark);
    for (const ValueId item : items) BBZ_TRY(put(item, depth + 1));
    put_op(text_, tuple ? Op::kTuple : Op::kAppends);
    return {};
  }

  Status put_dict(const Value& value, std::uint64_t depth) {
    const Contents& contents = pickle_.contents(value);
    const bool ordered = value.number != 0;
    if (ordered) {
      put_global(text_, "collections", "OrderedDict");
      put_op(text_, Op::kEmptyTuple);
      put_op(text_, Op::kReduce);
    } else {
      put_op(text_, Op::kEmptyDict);
    }
    if (!contents.pairs.empty()) {
      put_op(text_, Op::kMark);
      for (std::size_t i = 0; i + 1 < contents.pairs.size(); i += 2) {
        const Value& key = pickle_.value(contents.pairs[i]);
        if (key.kind == Kind::kString) key_ = key.text;
        BBZ_TRY(put(contents.pairs[i], depth + 1));
        BBZ_TRY(put(contents.pairs[i + 1], depth + 1));
      }
      put_op(text_, Op::kSetItems);
    }
    if (contents.states.empty()) return {};
    // The attributes of an OrderedDict, such as the _metadata of a module's state.
    const bool attributes =
        contents.states.size() == 1 && pickle_.value(contents.states[0]).kind == Kind::kDict;
    if (!ordered || !attributes) return refuse("an object");
    BBZ_TRY(put(contents.states[0], depth + 1));
    put_op(text_, Op::kBuild);
    return {};
  }

  Status put_tensor(const Value& value) {
    const std::size_t number = frame_.before.size();
    if (number == tensors_.size() || !is_same_view(tensors_[number], pickle_.view(value))) {
      return refuse("a tensor with another name");
    }
    size_ += text_.size();
    frame_.before.push_back(std::move(text_));
    text_.clear();
    return {};
  }

  const Unpickler& pickle_;
  std::span<const Tensor> tensors_;
  const Limits& limits_;
  std::string_view key_;    // the last
  std::uint64_t size_ = 0;  // of what comes before tensors
  std::string text_;        // after the last tensor
  Frame frame_;
};

}  // namespace

Result<Frame> frame_of(const Unpickler& pickle, ValueId root, std::span<const Tensor> tensors,
                       const Limits& limits) {
  return Framing(pickle, tensors, limits).run(root);
}

Result<Frame> read_frame(io::Source& file, const StateDict& state, const Limits& limits) {
  std::byte start[4]{};
  BBZ_ASSIGN(const std::size_t size, io::read_up_to(file, 0, start));
  if (!looks_like_zip(Bytes(start).first(size))) {
    return make_error(Code::kUnsupported,
                      "{}: it has the format of before PyTorch 1.6, which cannot be written again",
                      file.name());
  }
  auto result = read_zip_frame(file, state, limits);
  if (result.ok() || result.code() == Code::kIo) return result;
  return make_error(result.code(), "{}: {}", file.name(), result.error().message);
}

}  // namespace bbz::torch
