#include "bbz/files/safetensors/internal/json_events.h"

#include "bbz/base/dtype.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz::safetensors {
namespace {

enum Field : unsigned { kDTypeField = 1, kShapeField = 2, kOffsetsField = 4, kAllFields = 7 };

}  // namespace

bool JsonEvents::refuse(Code code, const std::string& message) {
  error_ = error_with_message(code, subject() + message);
  return false;
}

// Returns the beginning of a message: what it is about.
std::string JsonEvents::subject() const {
  switch (place_) {
    case Place::kTensorValue:
    case Place::kTensor:
    case Place::kDType:
    case Place::kShapeValue:
    case Place::kShape:
    case Place::kOffsetsValue:
    case Place::kOffsets:
    case Place::kIgnored:
      return fmt::format("tensor {}: ", bbz::quoted(tensors_.back().name));
    case Place::kMetadataValue:
      return fmt::format("__metadata__ {}: ", bbz::quoted(metadata_.back().first));
    default:
      return {};
  }
}

// Returns what was expected at the current place, for a message.
std::string JsonEvents::expected() const {
  switch (place_) {
    case Place::kTensorValue:
      return "an object with dtype, shape and data_offsets";
    case Place::kDType:
      return "dtype to be a string";
    case Place::kShapeValue:
    case Place::kShape:
      return "shape to be an array of whole numbers";
    case Place::kOffsetsValue:
    case Place::kOffsets:
      return "data_offsets to be an array of two whole numbers";
    case Place::kMetadataRoot:
      return "__metadata__ to be an object of strings";
    case Place::kMetadataValue:
      return "a string";
    default:
      return "an object";
  }
}

bool JsonEvents::scalar(std::string_view what) {
  if (place_ == Place::kIgnored) return end_ignored();
  return refuse(Code::kMalformed, fmt::format("expected {}, found {}", expected(), what));
}

bool JsonEvents::end_ignored() {
  if (ignored_depth_ == 0) place_ = Place::kTensor;
  return true;
}

bool JsonEvents::number_unsigned(std::uint64_t value) {
  if (place_ == Place::kShape) {
    Shape& shape = tensors_.back().shape;
    if (shape.size() == limits_.rank) {
      return refuse(Code::kLimit, fmt::format("the shape has more than {} axes", limits_.rank));
    }
    shape.push_back(value);
    return true;
  }
  if (place_ == Place::kOffsets && offsets_ < 2) {
    (offsets_++ == 0 ? tensors_.back().begin : tensors_.back().end) = value;
    return true;
  }
  return scalar("a number");
}

bool JsonEvents::string(std::string& value) {
  if (place_ == Place::kMetadataValue) {
    metadata_.back().second = std::move(value);
    place_ = Place::kMetadata;
    return true;
  }
  if (place_ == Place::kDType) {
    const DTypeInfo* info = find_dtype(value);
    if (info == nullptr) {
      return refuse(Code::kUnsupported, fmt::format("unknown dtype {}", bbz::quoted(value)));
    }
    tensors_.back().dtype = info->dtype;
    place_ = Place::kTensor;
    return true;
  }
  return scalar("a string");
}

bool JsonEvents::start_object(std::size_t) {
  switch (place_) {
    case Place::kRoot:
      place_ = root_ == Root::kHeader ? Place::kTop : Place::kMetadata;
      return true;
    case Place::kTensorValue:
      place_ = Place::kTensor;
      fields_ = 0;
      return true;
    case Place::kMetadataRoot:
      place_ = Place::kMetadata;
      return true;
    case Place::kIgnored:
      if (++ignored_depth_ <= limits_.depth) return true;
      return refuse(Code::kLimit, fmt::format("JSON nested deeper than {}", limits_.depth));
    default:
      return scalar("an object");
  }
}

bool JsonEvents::key(std::string& name) {
  if (place_ == Place::kTop) {
    if (name == "__metadata__") {
      if (has_metadata_) return refuse(Code::kMalformed, "__metadata__ occurs twice");
      has_metadata_ = true;
      place_ = Place::kMetadataRoot;
      return true;
    }
    if (name.size() > limits_.name_bytes) {
      return refuse(Code::kLimit, fmt::format("the name {} has {} bytes, the limit is {}",
                                              bbz::quoted(name), name.size(), limits_.name_bytes));
    }
    if (tensors_.size() == limits_.tensors) {
      return refuse(Code::kLimit, fmt::format("more than {} tensors", limits_.tensors));
    }
    tensors_.emplace_back().name = std::move(name);
    place_ = Place::kTensorValue;
    return true;
  }
  if (place_ == Place::kMetadata) {
    if (metadata_.size() == limits_.metadata) {
      return refuse(Code::kLimit, fmt::format("__metadata__: more than {} keys", limits_.metadata));
    }
    metadata_.emplace_back(std::move(name), std::string());
    place_ = Place::kMetadataValue;
    return true;
  }
  if (place_ == Place::kIgnored) return true;

  unsigned field = 0;
  Place next = Place::kIgnored;
  if (name == "dtype") {
    field = kDTypeField;
    next = Place::kDType;
  } else if (name == "shape") {
    field = kShapeField;
    next = Place::kShapeValue;
  } else if (name == "data_offsets") {
    field = kOffsetsField;
    next = Place::kOffsetsValue;
  }
  if ((fields_ & field) != 0) return refuse(Code::kMalformed, name + " occurs twice");
  fields_ |= field;
  place_ = next;
  return true;
}

bool JsonEvents::end_object() {
  switch (place_) {
    case Place::kIgnored:
      --ignored_depth_;
      return end_ignored();
    case Place::kTensor:
      if (fields_ != kAllFields) {
        return refuse(
            Code::kMalformed,
            fmt::format("{} is missing", (fields_ & kDTypeField) == 0   ? "dtype"
                                         : (fields_ & kShapeField) == 0 ? "shape"
                                                                        : "data_offsets"));
      }
      place_ = Place::kTop;
      return true;
    case Place::kMetadata:
      place_ = root_ == Root::kHeader ? Place::kTop : Place::kEnd;
      return true;
    default:
      place_ = Place::kEnd;
      return true;
  }
}

bool JsonEvents::start_array(std::size_t) {
  switch (place_) {
    case Place::kShapeValue:
      place_ = Place::kShape;
      return true;
    case Place::kOffsetsValue:
      place_ = Place::kOffsets;
      offsets_ = 0;
      return true;
    case Place::kIgnored:
      if (++ignored_depth_ <= limits_.depth) return true;
      return refuse(Code::kLimit, fmt::format("JSON nested deeper than {}", limits_.depth));
    default:
      return scalar("an array");
  }
}

bool JsonEvents::end_array() {
  if (place_ == Place::kIgnored) {
    --ignored_depth_;
    return end_ignored();
  }
  if (place_ == Place::kOffsets && offsets_ != 2) {
    return scalar(fmt::format("{} of them", offsets_));
  }
  place_ = Place::kTensor;
  return true;
}

bool JsonEvents::parse_error(std::size_t position, const std::string&,
                             const nlohmann::json::exception& reason) {
  // Shortens the library's message: no prefix, no long quotation.
  std::string_view what = reason.what();
  if (const std::size_t colon = what.find(": "); colon != std::string_view::npos) {
    what.remove_prefix(colon + 2);
  }
  what = what.substr(0, what.find("; last read"));
  error_ = make_error(Code::kMalformed, "not well-formed JSON at byte {}: {}",
                      kLengthBytes * (root_ == Root::kHeader ? 1 : 0) + position,
                      what.size() > 200 ? "syntax error" : what);
  return false;
}

}  // namespace bbz::safetensors
