#include "bbz/commands.h"

int main(int argc, char** argv) {
  using namespace bbz::tools;
  Manual manual;
  manual.summary = "archive for the weights of neural networks";
  manual.description = {
      "Packs models into archives that stream, open a tensor at a time, check every byte and give "
      "back the source files byte for byte. Sources are kept. An output that exists is refused "
      "unless -f is given. Outputs appear under their names only when they are complete, never in "
      "the place of a file that is being read, and are no more readable than what they are made "
      "of. \"-\" stands for standard input or output.",
      "What is in an archive is shown by bbzinfo(1)."};
  manual.examples = {
      {"bbz pack model.safetensors", "Packs a model into model.bbz, beside it."},
      {"bbz verify model.bbz", "Checks every byte of it."},
      {"bbz unpack model.bbz -C out/", "Gives back the files, below out/."},
      {"bbzinfo model.bbz", "Shows what is in it and how well it packed."},
  };
  Program program("bbz", manual);
  add_pack_command(program);
  add_unpack_command(program);
  add_cat_command(program);
  add_mount_command(program);
  add_verify_command(program);
  add_get_command(program);
  add_salvage_command(program);
  add_estimate_command(program);
  add_compare_command(program);
  return program.main(argc, argv);
}
