#include <fmt/format.h>
#include <malloc.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdlib>

#include "bbz/base/format.h"
#include "bbz/commands.h"
#include "bbz/http/url.h"
#include "bbz/ops/info.h"
#include "bbz/ops/unpack.h"
#include "common/acceptance.h"
#include "common/base_options.h"
#include "common/network.h"
#include "common/output.h"
#include "common/run_record.h"
#include "common/say.h"
#include "common/units.h"
#ifdef BBZ_HAVE_FUSE
#include "bbz/fuse_mount.h"
#include "bbz/mount_metrics.h"
#endif

namespace bbz::tools {
namespace {

struct MountArguments {
  std::string archive;
  std::string folder;
  std::string cache = "64M";
  std::string log;
  bool foreground = false;
  bool allow_other = false;
  bool statistics = false;
  NetworkArguments network;
  BaseArguments base;
  AcceptanceArguments acceptance;
  RecordArguments record;
};

Manual mount_manual() {
  Manual manual;
  manual.summary = "Mount an archive, so that programs can read its files in place";
  manual.description = {
      "The files and directories that unpack would write appear below DIR, an empty directory. "
      "Programs can open, map and read them, but not write; nothing is unpacked. "
      "A read decodes and checks the chunks that hold it. "
      "Recently used chunks are cached, and sequential reads are prefetched.",
      "The command returns as soon as the files are there. "
      "A process in the background serves them until fusermount3 -u DIR, or umount as root. "
      "With -f, the command serves them itself, until then or until it is interrupted. "
      "A read of a damaged chunk fails with EIO, and the chunk is named: "
      "on standard error with -f, otherwise in the system's log (syslog, as bbz), "
      "or in the file of --log. "
      "The archive must not change while it is mounted. "
      "With --openmetrics, the metrics are also written every 10 seconds while it is mounted.",
      "If the archive is behind a URL, "
      "sequential reads are also downloaded ahead, up to 64 MiB, over several connections."};
  manual.examples = {
      {"mkdir mnt && bbz mount llama.bbz mnt/", "Shows the files of llama.bbz below mnt/."},
      {"fusermount3 -u mnt/", "Unmounts it."},
      {"bbz mount -f --stats --cache 2G llama.bbz mnt/",
       "Serves the files until Ctrl-C with a cache of 2 GiB, "
       "and then prints how many chunks were decoded."},
  };
  return manual;
}

#ifdef BBZ_HAVE_FUSE
::timespec time_of(const std::string& archive) {
  struct ::stat attributes {};
  if (::stat(archive.c_str(), &attributes) == 0) return attributes.st_mtim;
  ::timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now;
}

// Keeps freed memory in the process. While a mount is served, chunks come and go, and giving their
// memory back to the system would mean page faults for each new chunk.
void keep_memory() {
#ifdef __GLIBC__
  ::mallopt(M_MMAP_THRESHOLD, 32 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 128 << 20);
#endif
}

// Passes prefetch hints on only after listen(). Prefetching starts threads, which a fork into the
// background would lose.
class LateListener final : public io::Source {
 public:
  explicit LateListener(std::unique_ptr<io::Source> source) : source_(std::move(source)) {}

  void listen() { listens_ = true; }

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    return source_->read_at(offset, out);
  }
  std::optional<std::uint64_t> size() const override { return source_->size(); }
  bool seekable() const override { return source_->seekable(); }
  std::optional<Bytes> view(std::uint64_t offset, std::size_t size) const override {
    return source_->view(offset, size);
  }
  std::unique_ptr<io::Prefetch> prefetch(std::span<const io::ByteRange> ranges) override {
    return listens_ ? source_->prefetch(ranges) : nullptr;
  }
  std::optional<io::FileStatus> file_status() const override { return source_->file_status(); }
  std::string_view name() const override { return source_->name(); }

 private:
  std::unique_ptr<io::Source> source_;
  std::atomic<bool> listens_{false};
};

// Records what the archive is.
void record_mounted(const Reader& reader, RunRecord& record) {
  if (!record.wanted()) return;
  RunFigures& figures = record.figures();
  const std::uint64_t size = reader.source().size().value_or(0);
  const ops::Info info = ops::info(reader.catalog(), size);
  figures.original_bytes = info.file_bytes;
  figures.archive_bytes = size;
  figures.files = info.files;
  figures.tensors = info.tensors.tensors;
  figures.codecs = info.codecs;
  figures.has_speed = false;
}

void print_statistics(const std::string& archive, const view::Counters& counters) {
  say("bbz: {}: {} chunks decoded, {} of them ahead of reads, {} bytes\n"
      "  reads asked for chunks {} times: {} were cached, {} were being decoded; "
      "at most {} in memory at once\n",
      archive, grouped(counters.blocks_decoded), grouped(counters.blocks_ahead),
      grouped(counters.bytes_decoded), grouped(counters.blocks_asked),
      grouped(counters.blocks_found), grouped(counters.blocks_waited),
      human_size(counters.most_bytes_kept));
}

Result<ExitCode> run_mount(const MountArguments& arguments, const CommonOptions& common,
                           RunRecord& record) {
  MountOptions options;
  const auto cache = parse_size(arguments.cache);
  if (!cache) {
    return make_error(Code::kInvalidArgument, "--cache {}: expected a size, such as 64M or 2G",
                      arguments.cache);
  }
  if (arguments.statistics && !arguments.foreground) {
    return make_error(Code::kInvalidArgument,
                      "--stats needs -f: a process in the background has no terminal to print to");
  }
  options.view = {*cache, common.threads};
  options.archive = shown(arguments.archive);
  options.folder = arguments.folder;
  options.log = arguments.log;
  options.foreground = arguments.foreground;
  options.allow_other = arguments.allow_other;
  options.time = time_of(arguments.archive);
  BBZ_ASSIGN(const Acceptance acceptance, arguments.acceptance.acceptance());
  NetworkArguments network = arguments.network;
  if (http::is_url(arguments.archive)) network.traffic = std::make_shared<http::Traffic>();
  BBZ_ASSIGN(auto opened, open_source(arguments.archive, network));
  if (!opened->seekable()) {
    return make_error(Code::kInvalidArgument, "{}: cannot mount a stream, because it is read once",
                      options.archive);
  }
  const auto source = std::make_shared<LateListener>(std::move(opened));
  MountMetrics metrics(record, network.traffic);
  options.serving = [&](std::function<MountCounters()> counters) {
    source->listen();
    metrics.begin(std::move(counters));
  };
  options.ended = [&] { metrics.end(); };
  ReadOptions reading;
  reading.threads = 1;  // none is started, which a fork into the background would end
  reading.limits = acceptance.limits;
  reading.base =
      make_base(arguments.base, arguments.archive, arguments.network, 1, acceptance.limits);
  reading.use_front_index = http::is_url(arguments.archive);
  auto reader = Reader::open(source, reading);
  if (!reader.ok()) return about_input(arguments.archive, std::move(reader).error());
  BBZ_TRY(acceptance.check(arguments.archive, reader->root()));
  if (!ops::is_exact(reader->catalog()) && !common.quiet) {
    say("bbz: not bit-exact: a model in {} was rotated when it was packed; "
        "bbzinfo --symmetry shows the measured error\n",
        options.archive);
  }
  record_mounted(*reader, record);
  keep_memory();
  BBZ_ASSIGN(const MountOutcome outcome, mount_archive(*reader, options));
  // The mount and what was opened for it belong to the other process, so close nothing here.
  if (outcome.in_parent) std::_Exit(static_cast<int>(ExitCode::kSuccess));
  if (arguments.statistics) print_statistics(options.archive, outcome.counters.view);
  return ExitCode::kSuccess;
}
#else
Result<ExitCode> run_mount(const MountArguments&, const CommonOptions&, RunRecord&) {
  return make_error(Code::kUnsupported, "this bbz was built without libfuse 3, which mount needs");
}
#endif

}  // namespace

void add_mount_command(Program& program) {
  const auto arguments = std::make_shared<MountArguments>();
  Options& app = program.add_command("mount", mount_manual(), [&program, arguments] {
    return recorded(
        "mount", {arguments->archive}, arguments->record, program.common(),
        [&](RunRecord& record) { return run_mount(*arguments, program.common(), record); });
  });
  app.add_option("ARCHIVE", arguments->archive, "The archive, or its URL")->required();
  app.add_option("DIR", arguments->folder, "An empty directory, below which the files appear")
      ->required();
  app.add_flag("-f,--foreground", arguments->foreground, "Serve the files until interrupted");
  app.add_option("--cache", arguments->cache, "Keep up to this much of decoded chunks in memory")
      ->type_name("SIZE")
      ->capture_default_str();
  app.add_option("--log", arguments->log,
                 "Write damaged chunks and other read errors to this file, one a line, "
                 "instead of to standard error or the system's log")
      ->type_name("FILE");
  app.add_flag("--allow-other", arguments->allow_other,
               "Let other users read the files; see user_allow_other in fuse.conf(5)");
  app.add_flag("--stats", arguments->statistics,
               "Print at the end what was decoded; needs --foreground");
  add_expect_option(app, arguments->acceptance);
  add_max_size_option(app, arguments->acceptance);
  add_base_option(app, arguments->base);
  add_network_options(app, arguments->network);
  add_metrics_option(app, arguments->record);
}

}  // namespace bbz::tools
