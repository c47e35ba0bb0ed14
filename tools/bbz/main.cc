#include "bbz/commands.h"

int main(int argc, char** argv) {
  using namespace bbz::tools;
  Manual manual;
  manual.summary = "pack the weights of neural networks into archives";
  manual.description = {
      "Packs models into archives that can be streamed, read a tensor at a time, "
      "and checked to the last byte. "
      "Unpacking gives back the source files byte for byte.",
      "Source files are kept. "
      "An existing output is refused unless -f is given. "
      "An output appears under its name only when it is complete. "
      "It never replaces a file that is being read, and is no more readable than its sources. "
      "As a file name, - stands for standard input or output.",
      "bbzinfo(1) shows what is in an archive."};
  manual.examples = {
      {"bbz pack model.safetensors", "Packs a model into model.bbz."},
      {"bbz verify model.bbz", "Checks every byte of the archive."},
      {"bbz unpack model.bbz -C out/", "Unpacks the files below out/."},
      {"bbzinfo model.bbz", "Shows what is in the archive and how well it compresses."},
  };
  Program program("bbz", manual);
  add_pack_command(program);
  add_unpack_command(program);
  add_cat_command(program);
  add_mount_command(program);
  add_verify_command(program);
  add_get_command(program);
  add_salvage_command(program);
  add_join_command(program);
  add_apply_command(program);
  add_flatten_command(program);
  add_estimate_command(program);
  add_compare_command(program);
  add_report_command(program);
  return program.main(argc, argv);
}
