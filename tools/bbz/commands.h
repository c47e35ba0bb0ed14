// The commands of bbz, each with a function that adds it to the program.
#pragma once

#include "common/program.h"

namespace bbz::tools {

// Adds `bbz apply`.
void add_apply_command(Program& program);
// Adds `bbz flatten`.
void add_flatten_command(Program& program);
// Adds `bbz compare`.
void add_compare_command(Program& program);
// Adds `bbz estimate`.
void add_estimate_command(Program& program);
// Adds `bbz join`.
void add_join_command(Program& program);
// Adds `bbz mount`.
void add_mount_command(Program& program);
// Adds `bbz get`.
void add_get_command(Program& program);
// Adds `bbz pack`.
void add_pack_command(Program& program);
// Adds `bbz unpack`.
void add_unpack_command(Program& program);
// Adds `bbz cat`.
void add_cat_command(Program& program);
// Adds `bbz verify`.
void add_verify_command(Program& program);
// Adds `bbz report`.
void add_report_command(Program& program);
// Adds `bbz salvage`.
void add_salvage_command(Program& program);

}  // namespace bbz::tools
