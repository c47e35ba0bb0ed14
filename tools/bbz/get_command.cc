#include <fmt/format.h>

#include <filesystem>

#include "bbz/access/download/download.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/commands.h"
#include "bbz/http/url.h"
#include "bbz/ops/extract.h"
#include "common/acceptance.h"
#include "common/base_options.h"
#include "common/network.h"
#include "common/output.h"
#include "common/progress.h"
#include "common/run_record.h"
#include "common/say.h"
#include "common/selection_options.h"
#include "common/units.h"

namespace bbz::tools {
namespace {

namespace fs = std::filesystem;

struct GetArguments {
  std::string url;
  std::string output;
  OutputArguments writing;
  bool repair = false;
  bool restart = false;
  SelectionArguments selection;
  NetworkArguments network;
  BaseArguments base;
  AcceptanceArguments acceptance;
  RecordArguments record;
};

Manual get_manual() {
  Manual manual;
  manual.summary = "Download an archive, or a part of it";
  manual.description = {
      "The download begins with one request, and uses several connections (-T) if it takes long. "
      "Every record is checked against its checksum and against the index as it arrives. "
      "Partial data is kept in FILE.part, and its state in FILE.part.state. "
      "Run the same command again to resume, whether an error, a signal or a kill ended it. "
      "Data from these files counts only if it agrees with the index on the server, "
      "and files that others could have written are refused. "
      "Damaged pieces are downloaded again. "
      "If the server does not support ranges, the archive is read front to back, "
      "and an interrupted download starts again from the beginning.",
      "--repair mends an existing copy: every record is checked against the index on the server, "
      "and the records that differ are downloaded. "
      "During the repair, the copy is called FILE.part. "
      "A FILE that is not an archive is refused, "
      "and so is a FILE.part that is not from a download of this URL; -f replaces them.",
      "With --file, --layer, --tensor or --exclude, only the selected tensors are downloaded. "
      "They are then packed into an archive of their own, with one safetensors file. "
      "Partial data is kept in FILE.part, and the download can be resumed.",
      "--expect has an archive decoded as it arrives. "
      "What leans on a base (pack --base) is decoded with --base. "
      "Without it, only the checksums of such tensors and the root digest are compared, "
      "and a message says so; a selection of such tensors needs --base. "
      "If the base is another one, the download is refused, and FILE.part is kept."};
  manual.examples = {
      {"bbz get https://example.org/llama.bbz", "Downloads the archive into llama.bbz."},
      {"bbz get https://example.org/llama.bbz --expect \"$(cat llama.digest)\"",
       "Refuses any content but the one with this root digest, "
       "as bbz pack -v and bbzinfo print it."},
      {"bbz get https://example.org/llama.bbz -o copy.bbz --repair",
       "Downloads what is damaged or missing in a copy."},
      {"bbz get https://example.org/llama.bbz --layer 0-7 -o first.bbz",
       "Makes an archive of the first eight layers."},
  };
  return manual;
}

// Returns the path of the download: -o, a file in -o if that is a directory, or the name in the
// URL.
Result<std::string> output_path(const GetArguments& arguments) {
  const std::string name = http::file_name_of(arguments.url);
  std::error_code error;
  if (arguments.output == "-") {
    return make_error(Code::kInvalidArgument,
                      "a download needs a file, because it cannot be resumed on standard output");
  }
  const bool in_folder = !arguments.output.empty() && fs::is_directory(arguments.output, error);
  if (!arguments.output.empty() && !in_folder) return arguments.output;
  if (name.empty() || !check_safe_path(name).ok()) {
    return make_error(Code::kInvalidArgument,
                      "the URL gives no name for the file: name it with -o FILE");
  }
  return in_folder ? (fs::path(arguments.output) / name).string() : name;
}

void report(const std::string& path, const std::string& what, const CommonOptions& common) {
  if (common.quiet || (!common.verbose && !messages_are_on_terminal())) return;
  say("{}: {}\n", shown(path), what);
}

Result<download::Options> options_of(const GetArguments& arguments, const CommonOptions& common) {
  download::Options options;
  BBZ_ASSIGN(options.http, arguments.network.options());
  if (common.threads != kAllCores) options.http.connections = common.threads;
  BBZ_ASSIGN(const Acceptance acceptance, arguments.acceptance.acceptance());
  options.limits = acceptance.limits;
  options.expected = acceptance.root;
  options.replace = arguments.writing.force;
  options.sync = !arguments.writing.no_sync;
  options.threads = common.threads;
  options.restart = arguments.restart;
  options.base = make_base(arguments.base, arguments.url, arguments.network, common.threads,
                           acceptance.limits);
  return options;
}

// Names the URL in an error about the archive. Other errors already name their subject.
Result<download::Summary> naming(const std::string& url, Result<download::Summary> result) {
  const bool of_archive = result.code() == Code::kDigestMismatch || result.code() == Code::kBase ||
                          exit_code(result.code()) == ExitCode::kCorrupt;
  if (result.ok() || !of_archive) return result;
  return about(url, std::move(result).error());
}

// The progress of a download, whose length is known when it has begun.
class DownloadBar {
 public:
  DownloadBar(std::string phase, const CommonOptions& common)
      : phase_(std::move(phase)), common_(common) {}

  void update(std::uint64_t done, std::optional<std::uint64_t> total) {
    if (!bar_) bar_.emplace(phase_, total, common_);
    bar_->update(done);
  }
  // Shows that all bytes are there.
  void finish(std::uint64_t bytes) {
    update(bytes, bytes);
    bar_->finish();
  }

 private:
  std::string phase_;
  const CommonOptions& common_;
  std::optional<ProgressBar> bar_;
};

// Records what was downloaded.
void record_download(const download::Summary& summary, RunFigures& figures) {
  figures.more.push_back({"bbz_fetched_bytes", {}, static_cast<double>(summary.moved)});
  figures.more.push_back({"bbz_repaired_records", {}, static_cast<double>(summary.damaged)});
}

Result<ExitCode> get_whole(const GetArguments& arguments, const std::string& path,
                           const CommonOptions& common, RunFigures& figures) {
  BBZ_ASSIGN(download::Options options, options_of(arguments, common));
  const auto fetch = arguments.repair ? download::repair : download::download;
  DownloadBar bar(arguments.repair ? "repairing" : "downloading", common);
  options.progress = [&](std::uint64_t done, std::optional<std::uint64_t> total) {
    bar.update(done, total);
  };
  BBZ_ASSIGN(const download::Summary summary,
             naming(arguments.url, fetch(arguments.url, path, options)));
  bar.finish(summary.bytes);
  record_download(summary, figures);
  figures.root_digest = summary.root.to_string();
  figures.archive_bytes = summary.bytes;
  std::string what =
      fmt::format("{}, {} fetched", human_size(summary.bytes), human_size(summary.moved));
  if (summary.damaged != 0) what += fmt::format(", {} records repaired", summary.damaged);
  if (summary.whole) what += "; the server does not support ranges";
  report(path, what, common);
  if (summary.undecoded != 0 && !common.quiet) {
    say("{}: the root digest is the expected one, and every payload has its checksum; {} tensors that "
        "lean on a base were not decoded, because none is given (--base)\n",
        shown(path), grouped(summary.undecoded));
  }
  if (common.verbose && !common.quiet) {
    say("  {} bytes, {} fetched\n  root digest {}\n", grouped(summary.bytes),
        grouped(summary.moved), summary.root.to_string());
  }
  return ExitCode::kSuccess;
}

Result<ExitCode> get_part(const GetArguments& arguments, const ops::Selection& selection,
                          const std::string& path, const CommonOptions& common,
                          RunFigures& figures) {
  if (arguments.repair) {
    return make_error(Code::kInvalidArgument,
                      "--repair works on whole archives and cannot be combined with a selection");
  }
  BBZ_ASSIGN(download::Options options, options_of(arguments, common));
  DownloadBar bar("downloading", common);
  std::uint64_t there = 0;
  options.progress = [&](std::uint64_t done, std::optional<std::uint64_t> total) {
    there = total.value_or(done);
    bar.update(done, total);
  };
  ops::ExtractSummary packed;
  std::uint64_t written = 0;
  download::PartRequest part;
  part.wants = [&](const catalog::File& file, const catalog::Tensor& tensor) {
    return selection.selects(file.path, tensor);
  };
  part.use = [&](const Reader& reader) -> Status {
    bar.finish(there);
    ops::ExtractOptions extracting;
    extracting.selection = selection;
    WriteOptions writing;
    writing.digest = reader.catalog().header.digest_kind;
    writing.threads = common.threads;
    BBZ_ASSIGN(const auto sink, open_output(path, arguments.writing));
    const std::string name = fs::path(path).stem().string() + ".safetensors";
    BBZ_ASSIGN(packed, ops::extract_archive(reader, *sink, name, extracting, writing));
    written = sink->written();
    return sink->finish();
  };
  BBZ_ASSIGN(const download::Summary summary,
             naming(arguments.url, download::download_part(arguments.url, path, options, part)));
  record_download(summary, figures);
  if (packed.root) figures.root_digest = packed.root->to_string();
  figures.original_bytes = packed.bytes;
  figures.archive_bytes = written;
  figures.tensors = packed.tensors;
  report(path,
         fmt::format("{} tensors, {}, {} fetched", grouped(packed.tensors), human_size(written),
                     human_size(summary.moved)),
         common);
  return ExitCode::kSuccess;
}

Result<ExitCode> run_get(const GetArguments& arguments, const CommonOptions& common,
                         RunFigures& figures) {
  if (!http::is_url(arguments.url)) {
    return make_error(Code::kInvalidArgument, "{}: expected an http or https URL",
                      bbz::quoted(arguments.url));
  }
  BBZ_ASSIGN(const ops::Selection selection, arguments.selection.selection());
  BBZ_ASSIGN(const std::string path, output_path(arguments));
  if (!selection.of_tensors() && selection.files.patterns.empty()) {
    return get_whole(arguments, path, common, figures);
  }
  if (arguments.output.empty()) {
    return make_error(Code::kInvalidArgument, "a part of an archive needs an output: -o FILE");
  }
  return get_part(arguments, selection, path, common, figures);
}

}  // namespace

void add_get_command(Program& program) {
  const auto arguments = std::make_shared<GetArguments>();
  Options& app = program.add_command("get", get_manual(), [&program, arguments] {
    return recorded(
        "get", {arguments->url}, arguments->record, program.common(),
        [&](RunRecord& record) { return run_get(*arguments, program.common(), record.figures()); });
  });
  app.add_option("URL", arguments->url, "The archive's URL")->required();
  app.add_option(
         "-o,--output", arguments->output,
         "Write to this file, or into this directory; by default, the name is that in the URL")
      ->type_name("FILE");
  add_output_options(app, arguments->writing, "Replace an existing file");
  app.add_flag("--repair", arguments->repair, "Repair the existing file");
  app.add_flag("--restart", arguments->restart,
               "Start again, ignoring what an earlier download has left");
  add_expect_option(
      app, arguments->acceptance,
      "Require this root digest; "
      "the archive is decoded as it arrives, and gets its name only if the digest is right");
  add_max_size_option(app, arguments->acceptance);
  add_base_option(app, arguments->base);
  add_network_options(app, arguments->network);
  add_file_option(app, arguments->selection);
  add_tensor_options(app, arguments->selection);
  add_metrics_option(app, arguments->record);
  add_progress_option(app, program);
}

}  // namespace bbz::tools
