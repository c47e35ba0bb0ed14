#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <filesystem>
#include <utility>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/commands.h"
#include "bbz/pack_report.h"
#include "bbz/symmetry_options.h"
#include "common/base_options.h"
#include "common/output.h"
#include "common/progress.h"
#include "common/run_record.h"
#include "common/say.h"
#include "common/units.h"

namespace bbz::tools {
namespace {

struct PackArguments {
  std::string input;
  std::string output;
  OutputArguments writing;
  std::string digest = "xxh3";
  std::string level = "default";
  std::string chunk_size = "1M";
  std::string alignment = "0";
  bool index_first = false;
  bool no_dedup = false;
  bool all_opaque = false;
  std::vector<std::string> opaque;
  std::vector<std::string> excluded;
  bool skip_unreadable = false;
  bool follow = false;
  bool modes = false;
  bool times = false;
  std::string name;
  SymmetryArguments symmetry;
  std::string part;
  std::vector<std::string> layer_patterns;
  BaseArguments base;
  NetworkArguments network;
  RecordArguments record;
};

Manual pack_manual() {
  Manual manual;
  manual.summary = "Pack a file, a directory or a stream into an archive";
  manual.description = {
      "Safetensors files, GGUF files and all that torch.save wrote in any version are split into "
      "tensors, whatever their names; nothing in a pickle is run. Any other file is packed as bytes; "
      "if it looks like a model, a message names it and says why. "
      "If INPUT is -, standard input is packed: the members of a tar, or a single file. In a stream, "
      "a file of PyTorch is first copied to the output's directory, as it is read from its end.",
      "A directory is packed with everything below it, "
      "except for the archive itself and an older archive that -f replaces. "
      "Links within the directory are followed. "
      "A link that leads out of it is refused unless --follow is given; "
      "the links from snapshots/ to blobs/ in the cache of a model hub are of this kind. "
      "All files are opened and their headers are read before the first file is packed. "
      "If a file changes before the end, the command fails with exit code 5, "
      "because the archive would mix two states of the file.",
      "A GLOB is a pattern for paths below the directory or in the tar. "
      "* matches any characters, ? matches any one character, also /, "
      "and [...] matches one of a set. "
      "A GLOB without / is compared with the last component of a path only, "
      "so '*.pt' and 'optimizer.pt' match in every directory. "
      "If --exclude matches a directory, everything below it is left out too."};
  manual.examples = {
      {"bbz pack model.safetensors -o model.bbz", "Packs one file."},
      {"bbz pack llama/", "Packs a directory, with all shards and texts, into llama.bbz."},
      {"tar -c llama | bbz pack - -o llama.bbz", "Packs the files of a tar as they arrive."},
      {"bbz pack model.safetensors -o - | ssh host 'bbz unpack - -C models'",
       "Sends a model to another machine, compressed and checked."},
      {"bbz pack run/ --exclude 'checkpoint-*' --exclude optimizer.pt",
       "Packs a directory without the files and directories that match."},
      {"bbz pack run/ --opaque='*-00002-of-*' --skip-unreadable",
       "Packs a broken shard as bytes, and leaves out what cannot be read."},
      {"bbz pack llama/ --part 2/8 -o part2.bbz",
       "Packs the second of eight shares of a directory, one of eight jobs."},
      {"bbz pack tuned.safetensors --base base.safetensors -o tuned.bbz",
       "Packs a fine-tuned model as its difference from another."},
      {"bbz pack sliced.pt --symmetry auto",
       "Packs a sliced model up to rotations that do not change its function: "
       "smaller, but not exact. It unpacks to a file of PyTorch with the same tensors."},
      {"bbz pack factored.safetensors --symmetry pivot --symmetry-floor 0.5",
       "Packs a model with low-rank factors, such as one of ASVD or SVD-LLM."},
      {"bbz pack model.safetensors --digest sha256 --index-first",
       "Makes an archive to publish: "
       "anyone who knows its SHA-256 root digest can detect forgery, "
       "and opening it over HTTP usually takes one request."},
  };
  return manual;
}

Result<WriteOptions> write_options(const PackArguments& arguments, const CommonOptions& common) {
  WriteOptions options;
  options.threads = common.threads;
  if (arguments.digest == "sha256") options.digest = DigestKind::kSha256;
  options.level = level_of(arguments.level);
  const auto chunk = parse_size(arguments.chunk_size);
  if (!chunk || *chunk == 0 || *chunk > options.limits.chunk_bytes) {
    return make_error(Code::kInvalidArgument,
                      "--chunk-size {}: expected a size from 1 to {}M, such as 256K or 1M",
                      arguments.chunk_size, options.limits.chunk_bytes >> 20);
  }
  options.chunk_bytes = *chunk;
  const auto alignment = parse_size(arguments.alignment);
  const bool aligned = alignment && std::has_single_bit(*alignment) &&
                       *alignment >= container::kLeastAlignment &&
                       *alignment <= container::kMostAlignment;
  if (!aligned && alignment != std::uint64_t{0}) {
    return make_error(Code::kInvalidArgument,
                      "--align {}: expected a power of two from {} to {}M, such as 4096, or 0",
                      arguments.alignment, container::kLeastAlignment,
                      container::kMostAlignment >> 20);
  }
  options.alignment = *alignment;
  options.dedup = !arguments.no_dedup;
  return options;
}

Result<files::Options::Share> parse_share(const std::string& text) {
  files::Options::Share share;
  if (text.empty()) return share;
  const char* const end = text.data() + text.size();
  const auto number = std::from_chars(text.data(), end, share.number);
  if (number.ec == std::errc() && number.ptr != end && *number.ptr == '/') {
    const auto count = std::from_chars(number.ptr + 1, end, share.count);
    const bool whole = count.ec == std::errc() && count.ptr == end;
    if (whole && share.number >= 1 && share.number <= share.count) return share;
  }
  return make_error(Code::kInvalidArgument,
                    "--part {}: expected I/N with I from 1 to N, such as 2/8", printable(text));
}

Result<files::Options> reading_options(const PackArguments& arguments, const std::string& output) {
  files::Options reading;
  BBZ_ASSIGN(reading.share, parse_share(arguments.part));
  reading.opaque = arguments.all_opaque;
  reading.opaque_paths = arguments.opaque;
  reading.excluded = arguments.excluded;
  reading.skip_unreadable = arguments.skip_unreadable;
  reading.follow_links = arguments.follow;
  reading.stream_name = arguments.name;
  reading.temporary_folder = folder_of(output);
  reading.output = output;
  return reading;
}

// Adds advice to the error about an entry of a directory that cannot be packed.
Error with_advice(const PackArguments& arguments, Error error) {
  std::error_code ignored;
  const bool of_entry = error.code == Code::kUnsafePath || error.code == Code::kInvalidArgument;
  if (of_entry && std::filesystem::is_directory(arguments.input, ignored)) {
    error.message +=
        " (--exclude leaves out what matches, --skip-unreadable leaves out what cannot be packed, "
        "--follow follows links that lead out of the directory)";
  }
  return error;
}

// Opens what is to be packed, and examines all of it.
Result<std::unique_ptr<files::FileSequence>> open_input(const PackArguments& arguments,
                                                        const std::string& output) {
  BBZ_ASSIGN(const files::Options reading, reading_options(arguments, output));
  auto files = files::open(arguments.input, reading);
  if (!files.ok()) return with_advice(arguments, files.error());
  BBZ_TRY((*files)->look());
  for (const std::string& warning : (*files)->warnings()) {
    say("bbz: warning: {}\n", warning);
  }
  return files;
}

Status check_arguments(const PackArguments& arguments) {
  BBZ_TRY(check_symmetry(arguments.symmetry));
  const bool rotate = arguments.symmetry.asked();
  if (!arguments.part.empty() && rotate) {
    return make_error(Code::kInvalidArgument, "--part cannot be combined with --symmetry");
  }
  if (!arguments.base.places.empty() && rotate) {
    return make_error(Code::kInvalidArgument, "--base cannot be combined with --symmetry");
  }
  if (!arguments.index_first) return {};
  if (rotate) {
    return make_error(Code::kInvalidArgument, "--index-first cannot be combined with --symmetry");
  }
  if (arguments.input == "-") {
    return make_error(Code::kInvalidArgument,
                      "--index-first needs an input that can be read twice, not a stream");
  }
  return {};
}

// Reports what was left out of the archive.
ExitCode report_left_out(const files::FileSequence& files) {
  const auto left_out = files.left_out();
  for (const files::LeftOut& one : left_out) {
    say("bbz: left out: {}\n", one.reason);
  }
  return left_out.empty() ? ExitCode::kSuccess : ExitCode::kNo;
}

Result<ExitCode> run_pack(const PackArguments& arguments, const std::string& output,
                          const CommonOptions& common, RunRecord& record) {
  ops::PackOptions options;
  BBZ_ASSIGN(options.write, write_options(arguments, common));
  options.index_first = arguments.index_first;
  options.modes = arguments.modes;
  options.times = arguments.times;
  BBZ_ASSIGN(options.layers, LayerRules::make(arguments.layer_patterns));
  BBZ_TRY(check_arguments(arguments));
  options.base = make_base_to_write(arguments.base, arguments.network, common.threads);
  BBZ_ASSIGN(const auto files, open_input(arguments, output));
  BBZ_ASSIGN(const auto sink, open_output(output, arguments.writing));
  if (arguments.index_first && !sink->can_patch()) {
    return make_error(Code::kInvalidArgument,
                      "--index-first needs an output that can seek, not a stream");
  }
  ProgressBar bar("packing", files->total_size(), common);
  options.progress = [&](std::uint64_t done) { bar.update(done); };
  PackedAsBytes bytes(common);
  options.as_bytes = bytes.collect();
  std::string outcome;
  ops::PackSummary summary;
  if (arguments.symmetry.asked()) {
    BBZ_ASSIGN(
        const ops::SymmetrySummary changed,
        ops::pack_symmetric(*files, *sink, options, symmetry_options(arguments.symmetry, output)));
    summary = changed.packed;
    if (!common.quiet) outcome = symmetry_outcome(changed);
  } else {
    BBZ_ASSIGN(summary, ops::pack(*files, *sink, options));
  }
  BBZ_TRY(sink->finish());
  bar.finish();
  record_packed(summary, record.figures());
  bytes.print();
  report_views(summary, common);
  report_packed(summary, output == "-" ? "standard output" : shown(output), common);
  say_text(outcome);
  return report_left_out(*files);
}

// Sorts the values of --opaque, "" for none. The value of the last one is the INPUT if there is no
// other.
Status sort_out_opaque(PackArguments& arguments) {
  if (arguments.input.empty() && !arguments.opaque.empty()) {
    arguments.input = std::exchange(arguments.opaque.back(), "");
  }
  arguments.all_opaque = std::erase(arguments.opaque, "") != 0;
  if (!arguments.input.empty()) return {};
  return make_error(Code::kInvalidArgument, "INPUT is required (see bbz pack --help)");
}

}  // namespace

void add_pack_command(Program& program) {
  const auto arguments = std::make_shared<PackArguments>();
  Options& app =
      program.add_command("pack", pack_manual(), [&program, arguments]() -> Result<ExitCode> {
        BBZ_TRY(sort_out_opaque(*arguments));
        const std::string output =
            arguments->output.empty() ? default_archive_name(arguments->input) : arguments->output;
        return recorded("pack", {output == "-" ? "standard output" : output}, arguments->record,
                        program.common(), [&](RunRecord& record) {
                          return run_pack(*arguments, output, program.common(), record);
                        });
      });
  Option* const input =
      app.add_option("INPUT", arguments->input, "A file, a directory, or - for standard input");
  input->required();
  app.add_option(
         "-o,--output", arguments->output,
         "Write the archive to FILE, or to standard output if FILE is -. "
         "By default, .bbz replaces the suffix of INPUT (.safetensors, .pt, .pth, .bin or .ckpt), "
         "or is added to any other name; "
         "if INPUT is -, FILE is - too")
      ->type_name("FILE");
  add_output_options(app, arguments->writing, "Replace an existing archive");
  add_level_option(app, arguments->level);
  app.add_option("--digest", arguments->digest,
                 "Make the root digest with xxh3, which detects damage, "
                 "or with sha256, which also detects forgery")
      ->type_name("KIND")
      ->one_of({"xxh3", "sha256"})
      ->capture_default_str();
  app.add_option("--chunk-size", arguments->chunk_size,
                 "Split data into chunks of this size (such as 256K, at most 64M). "
                 "A chunk is the smallest unit that is read")
      ->type_name("SIZE")
      ->capture_default_str();
  app.add_option("--align", arguments->alignment,
                 "Let the stored bytes of each chunk of N bytes and more begin at a multiple of N, "
                 "a power of two from 16 to 2M. "
                 "Chunks that are stored as they are can then be mapped into memory")
      ->type_name("N")
      ->capture_default_str();
  add_symmetry_options(app, arguments->symmetry);
  app.add_flag("--index-first", arguments->index_first,
               "Put the index at the front too, so that the archive opens from its first bytes. "
               "Cannot be combined with a stream as INPUT or output, nor with --symmetry");
  app.add_flag("--no-dedup", arguments->no_dedup,
               "Store chunks again that are in the archive already, instead of referring to them. "
               "Then a tensor can be taken from a stream without those before it");
  app.add_option("--exclude", arguments->excluded,
                 "Leave out files and directories that match; may be repeated")
      ->type_name("GLOB")
      ->allow_extra_args(false);
  app.add_list_or_flag("--opaque", arguments->opaque, *input,
                       "Pack files that match as bytes, or all files without GLOB; may be repeated")
      ->type_name("[GLOB]");
  app.add_flag("--skip-unreadable", arguments->skip_unreadable,
               "Leave out what cannot be opened or packed in a directory; "
               "if something was left out, name it and exit with 1");
  app.add_flag("--follow", arguments->follow, "Follow links that lead out of the directory");
  app.add_flag("--modes", arguments->modes,
               "Record the permissions of files and empty directories, if they are known");
  app.add_flag(
      "--times", arguments->times,
      "Record the modification times of files and empty directories, if they are known. By "
      "default neither is recorded, so that the same files give the same archive anywhere");
  app.add_option("--part", arguments->part,
                 "Pack the I-th of N shares of a directory's files, of about the same size; "
                 "bbz join makes one archive of all parts. "
                 "Cannot be combined with --symmetry")
      ->type_name("I/N");
  app.add_option(
         "--layer-pattern", arguments->layer_patterns,
         "Find layers in names by PATTERN as well, as in 'stages.#': # is the number, * is any "
         "text of one component; may be repeated. Not for models that --symmetry rotates")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  app.add_option(
         "--base", arguments->base.places,
         "Store the tensors that this archive or model also has, with the same name, dtype and "
         "shape, relative to those: a file, a directory or a URL; may be repeated. "
         "Whoever reads the archive needs them too. Cannot be combined with --symmetry")
      ->type_name("BASE")
      ->allow_extra_args(false);
  add_network_options(app, arguments->network);
  app.add_option("--name", arguments->name, "Give a file from a stream this path in the archive")
      ->type_name("PATH");
  add_history_option(app, arguments->record);
  add_metrics_option(app, arguments->record);
  add_progress_option(app, program);
}

}  // namespace bbz::tools
