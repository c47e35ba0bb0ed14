// Parses the JSON of a header as a stream of events: no tree is built, so that memory is in
// proportion to the result.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "bbz/base/error.h"
#include "bbz/files/safetensors/header.h"

namespace bbz::safetensors {

// Receives the events of nlohmann's SAX parser, and fills tensors and metadata in the order of the
// text. A handler returns false to stop the parse, with the reason in error().
//
// Checks the form: objects, keys and types. The caller checks the rules that span several tensors
// (names, offsets).
class JsonEvents {
 public:
  enum class Root { kHeader, kMetadata };  // whether the text is a header or the metadata alone

  // Parses a header or the metadata alone, and refuses more than the limits.
  JsonEvents(Root root, const Limits& limits) : limits_(limits), root_(root) {}

  // Returns why the parse was stopped.
  const std::optional<Error>& error() const { return error_; }
  // Return the tensors and the metadata that were parsed, for the caller to move.
  std::vector<Tensor>& tensors() { return tensors_; }
  Metadata& metadata() { return metadata_; }

  // Handle the events.
  bool null() { return scalar("null"); }
  bool boolean(bool) { return scalar("a boolean"); }
  bool number_integer(std::int64_t) { return scalar("a negative number"); }
  bool number_unsigned(std::uint64_t value);
  bool number_float(double, const std::string&) {
    return scalar("a number that is not whole or has more than 64 bits");
  }
  bool string(std::string& value);
  bool binary(std::vector<std::uint8_t>&) { return scalar("binary data"); }
  bool start_object(std::size_t);
  bool key(std::string& name);
  bool end_object();
  bool start_array(std::size_t);
  bool end_array();
  bool parse_error(std::size_t position, const std::string& token,
                   const nlohmann::json::exception& reason);

 private:
  // The place of the next value in the header.
  enum class Place {
    kRoot,
    kTop,          // among the tensors
    kTensorValue,  // the value of a tensor's name
    kTensor,       // among the fields of a tensor
    kDType,
    kShapeValue,
    kShape,
    kOffsetsValue,
    kOffsets,
    kMetadataRoot,  // the value of "__metadata__"
    kMetadata,      // among its entries
    kMetadataValue,
    kIgnored,  // within a field that the format does not define, which is skipped
    kEnd,
  };

  bool scalar(std::string_view what);
  bool refuse(Code code, const std::string& message);
  std::string expected() const;
  std::string subject() const;
  bool end_ignored();

  const Limits limits_;
  const Root root_;
  Place place_ = Place::kRoot;
  std::uint64_t ignored_depth_ = 0;
  unsigned fields_ = 0;  // bits of the fields of the tensor seen so far
  unsigned offsets_ = 0;
  bool has_metadata_ = false;
  std::vector<Tensor> tensors_;
  Metadata metadata_;
  std::optional<Error> error_;
};

}  // namespace bbz::safetensors
