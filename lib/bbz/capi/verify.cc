#include "bbz/capi/verify.h"

#include "bbz/capi/internal/boundary.h"
#include "bbz/capi/internal/job.h"
#include "bbz/ops/verify.h"

struct bbz_report {
  bbz::ops::VerifyReport report;
};

namespace bbz::capi {

// It has grown by `watch`.
template <>
inline constexpr std::size_t kFirstSize<bbz_verify_options> = offsetof(bbz_verify_options, user) +
                                                              sizeof(bbz_verify_options::user);

template <>
inline constexpr std::size_t kFirstSize<bbz_report_info> = offsetof(bbz_report_info, without_base);

namespace {

Status verify(const bbz_source* source, const bbz_verify_options* given, bbz_report** out) {
  if (out != nullptr) *out = nullptr;
  BBZ_REQUIRE(source);
  BBZ_ASSIGN(const bbz_verify_options options, read_struct(given, "bbz_verify_options"));
  ops::VerifyOptions verify;
  verify.fast = options.fast != 0;
  verify.threads = options.threads;
  BBZ_ASSIGN(verify.limits, limits_of(options.limits));
  verify.base = base_of(options.base);
  if (options.expected_root != nullptr) {
    BBZ_ASSIGN(verify.expected, ops::parse_digest(options.expected_root));
  }
  if (options.progress != nullptr) {
    verify.progress = [&options](std::uint64_t bytes) { options.progress(options.user, bytes); };
  }
  if (options.progress != nullptr && options.watch != nullptr) {
    return make_error(Code::kInvalidArgument,
                      "bbz_verify_options: progress and watch cannot be combined");
  }
  ops::VerifyReport found;
  const Status done = Job::run({options.watch, options.user}, [&](Job& job) -> Status {
    if (options.watch != nullptr) verify.progress = job.progress();
    BBZ_TRY(job.begin(BBZ_PHASE_WORK, source->source->size().value_or(BBZ_UNKNOWN)));
    BBZ_ASSIGN(found, ops::verify(*source->source, verify));
    return {};
  });
  BBZ_TRY(done);
  Status outcome = found.outcome();
  if (out != nullptr) *out = new bbz_report{std::move(found)};
  return outcome;
}

bbz_report_info describe(const ops::VerifyReport& report) {
  bbz_report_info info{};
  info.damage_count = report.damaged;
  info.listed_count = report.damages.size();
  info.file_count = report.files;
  info.tensor_count = report.tensors;
  info.chunk_count = report.chunks;
  info.archive_bytes = report.archive_bytes;
  info.broken = report.broken ? static_cast<int>(report.broken->code) : BBZ_OK;
  if (report.root) copy_text(report.root->to_string(), info.root);
  info.without_base = report.without_base;
  return info;
}

bbz_damage describe(const ops::Damage& found) {
  bbz_damage damage{};
  damage.file = found.file.c_str();
  damage.tensor = found.tensor.c_str();
  damage.message = found.error.message.c_str();
  damage.code = static_cast<int>(found.error.code);
  damage.chunk = found.chunk.value_or(BBZ_NONE);
  damage.archive_offset = found.archive_offset;
  return damage;
}

}  // namespace
}  // namespace bbz::capi

bbz_code bbz_verify(const bbz_source* source, const bbz_verify_options* options,
                    bbz_report** report, bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&] { return bbz::capi::verify(source, options, report); });
}

void bbz_report_free(bbz_report* report) noexcept {
  delete report;
}

bbz_code bbz_report_get(const bbz_report* report, bbz_report_info* info,
                        bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(report);
    BBZ_REQUIRE(info);
    return bbz::capi::write_struct(bbz::capi::describe(report->report), info, "bbz_report_info");
  });
}

bbz_code bbz_report_damage(const bbz_report* report, size_t number, bbz_damage* damage,
                           bbz_error* error) noexcept {
  return bbz::capi::guarded(error, [&]() -> bbz::Status {
    BBZ_REQUIRE(report);
    BBZ_REQUIRE(damage);
    const auto& damages = report->report.damages;
    BBZ_TRY(bbz::capi::check_number("damage", number, damages.size()));
    return bbz::capi::write_struct(bbz::capi::describe(damages[number]), damage, "bbz_damage");
  });
}
