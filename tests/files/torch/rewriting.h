// Writes files of torch.save again, with the same tensors.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "bbz/files/torch/elements.h"
#include "bbz/files/torch/state_writer.h"

namespace bbz::torch {

// A file in memory, made of a layout and of what it leaves out.
inline void put_at(std::string& file, std::uint64_t offset, Bytes bytes) {
  if (file.size() < offset + bytes.size()) file.resize(offset + bytes.size(), '?');
  file.replace(offset, bytes.size(), as_text(bytes));
}

// Writes the tensors of a file into a new one, from the last to the first, with this note.
inline Result<std::string> rewrite(io::Source& file, std::string_view note,
                                   const Limits& limits = {}) {
  BBZ_ASSIGN(const StateDict state, read_state_dict(file, limits));
  BBZ_ASSIGN(Frame frame, read_frame(file, state, limits));
  std::vector<StateWriter::Item> items;
  for (const Tensor& tensor : state.tensors) items.push_back({tensor.dtype, tensor.shape});
  BBZ_ASSIGN(StateWriter writer, StateWriter::create(std::move(frame), items));
  std::string out;
  for (std::size_t i = items.size(); i-- > 0;) {
    BBZ_ASSIGN(const auto elements, element_source(file, state, state.tensors[i]));
    std::vector<std::byte> bytes(*elements->size());
    BBZ_TRY(io::read_exactly(*elements, 0, bytes));
    writer.note_bytes(i, bytes);
    put_at(out, writer.offset(i), bytes);
  }
  for (const auto& piece : writer.pieces(note)) put_at(out, piece.offset, piece.bytes);
  return out;
}

}  // namespace bbz::torch
