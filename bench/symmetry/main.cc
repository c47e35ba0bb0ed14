// bench_symmetry: what the symmetry coder saves, and what it costs.
#include <CLI/CLI.hpp>

#include "symmetry/block.h"
#include "symmetry/pivot.h"
#include "symmetry/rotated.h"
#include "symmetry/savings.h"

int main(int argc, char** argv) {
  using namespace bbz::bench;
  CLI::App app("What the symmetry coder saves and costs on models of the sizes in use.");
  app.require_subcommand(1);

  SavingsOptions savings;
  CLI::App* table = app.add_subcommand(
      "savings",
      "the share of OPT-1.3B, OPT-6.7B, Llama-2-7B and Llama-2-13B that each method "
      "saves, by packing generated weights of their shapes");
  table->add_option("--models", savings.models, "only these")->delimiter(',');
  table->add_option("--slicing", savings.slicings, "percent")
      ->delimiter(',')
      ->check(CLI::Range(1, 45))
      ->capture_default_str();
  CLI::Option* bits_back = table->add_flag("--bits-back", savings.bits_back,
                                           "pack by bits-back too: minutes for each row");
  table
      ->add_option("--floors", savings.floors,
                   "print what triangular and polar save with these noise floors")
      ->delimiter(',')
      ->check(CLI::IsMember({"0", "0.5", "1"}))
      ->excludes(bits_back);

  BlockOptions block;
  CLI::App* one = app.add_subcommand(
      "block", "time and memory of one block of Llama, by default that of Llama-2-7B");
  one->add_option("--hidden", block.hidden, "width before slicing")->capture_default_str();
  one->add_option("--width", block.width, "width of every junction")->capture_default_str();
  one->add_option("--inner", block.inner, "width of the mlp")->capture_default_str();
  one->add_option("--heads", block.heads, "heads of the attention")->capture_default_str();
  one->add_option(
         "--repeat", block.repeat,
         "rounds of decoding both archives in turn: medians are shown, and the range of ratios")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  one->add_option("--folder", block.folder,
                  "where the archives lie meanwhile, and what is unpacked of them")
      ->capture_default_str();
  one->add_flag("--bits-back", block.bits_back, "measure bits-back too: minutes");

  PivotOptions pivots;
  CLI::App* pivot = app.add_subcommand(
      "pivot", "speed of tensors of form pivot: by default a factor of Llama-2-7B at 80 percent");
  pivot->add_option("--extent", pivots.extent, "lines along the axis of the pivots")
      ->capture_default_str();
  pivot->add_option("--rank", pivots.rank, "pivots")->capture_default_str();
  pivot->add_option("--repeat", pivots.repeat, "rounds: the fastest counts")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  RotatedOptions rotated;
  CLI::App* entries = app.add_subcommand(
      "rotated", "how far stored entries are from the rotation in float64, and how long it takes");
  entries->add_option("--widths", rotated.widths, "of the junction")
      ->delimiter(',')
      ->capture_default_str();
  entries->add_option("--rows", rotated.rows, "of the tensor")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const bool done = *pivot     ? print_pivot(pivots)
                    : *table   ? print_savings(savings)
                    : *entries ? print_rotated(rotated)
                               : print_block(block);
  return done ? 0 : 1;
}
