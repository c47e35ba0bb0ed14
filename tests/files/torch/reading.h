// Reads files that are held in strings.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "bbz/files/torch/elements.h"
#include "bbz/files/torch/state_dict.h"

namespace bbz::torch {

inline std::unique_ptr<io::Source> source_of(const std::string& file) {
  return io::memory_source(std::as_bytes(std::span(file)), "test.pt");
}

inline Result<StateDict> read(const std::string& file, const Limits& limits = {}) {
  return read_state_dict(*source_of(file), limits);
}

// The message of the error that reading gives, with its code before it.
inline std::string refusal(const std::string& file, const Limits& limits = {}) {
  const auto state = read(file, limits);
  if (state.ok()) return "no error";
  return std::string(code_name(state.code())) + ": " + state.error().message;
}

// All elements of a tensor, in row-major order.
inline Result<std::string> elements_of(const std::string& file, const StateDict& state,
                                       const Tensor& tensor) {
  const auto source = source_of(file);
  BBZ_ASSIGN(const auto elements, element_source(*source, state, tensor));
  std::string text(static_cast<std::size_t>(*elements->size()), '?');
  BBZ_TRY(io::read_exactly(*elements, 0, std::as_writable_bytes(std::span(text))));
  return text;
}

}  // namespace bbz::torch
