// The commands of bbz. Each function adds one to the program.
#pragma once

#include "common/program.h"

namespace bbz::tools {

void add_compare_command(Program& program);
void add_estimate_command(Program& program);
void add_mount_command(Program& program);
void add_get_command(Program& program);
void add_pack_command(Program& program);
void add_unpack_command(Program& program);
void add_cat_command(Program& program);
void add_verify_command(Program& program);
void add_salvage_command(Program& program);

}  // namespace bbz::tools
