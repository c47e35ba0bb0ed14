// Appends opcodes of protocol 2 of pickle to a text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bbz/files/torch/internal/globals.h"
#include "bbz/files/torch/internal/opcodes.h"

namespace bbz::torch {

// Appends an opcode without operands.
void put_op(std::string& out, Op op);
// Appends a whole number, in the fewest bytes.
void put_int(std::string& out, std::int64_t number);
// Appends a text, which is UTF-8 and has less than 4 GiB.
void put_text(std::string& out, std::string_view text);
// Appends a name.
void put_global(std::string& out, std::string_view module, std::string_view name);

}  // namespace bbz::torch
