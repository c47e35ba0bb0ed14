#include "report/report_outputs.h"

#include "bbz/http/url.h"
#include "report/page_data.h"
#ifdef BBZ_HAVE_REPORT_PAGE
#include "report/page.h"
#endif

namespace bbz::tools {
namespace {

Status write_text(io::Sink& sink, std::string_view text) {
  return sink.write(std::as_bytes(std::span(text)));
}

#ifdef BBZ_HAVE_REPORT_PAGE
Status check_page() {
  return {};
}

Status write_page(io::Sink& sink, Json report) {
  bound_for_page(report);
  BBZ_TRY(write_text(sink, page_before_data()));
  BBZ_TRY(write_text(sink, script_text(report)));
  return write_text(sink, page_after_data());
}
#else
Status check_page() {
  return error_with_message(
      Code::kUnsupported,
      "this build of bbz has no pages for reports, because d3 was not installed when it was "
      "made: --json prints the same data");
}

Status write_page(io::Sink&, const Json&) {
  return check_page();
}
#endif

// Returns the name of the page of an archive: "dir/model.report.html" for "dir/model.bbz", below the
// current directory for a URL.
std::string default_page_name(const std::string& archive) {
  if (archive == "-") return archive;
  std::string name = http::is_url(archive) ? http::file_name_of(archive) : archive;
  if (name.empty()) name = "archive";
  if (name.ends_with(".bbz") && name.size() > 4 && !name.ends_with("/.bbz"))
    name.resize(name.size() - 4);
  return name + ".report.html";
}

}  // namespace

Result<ReportOutputs> ReportOutputs::open(const ReportArguments& arguments) {
  ReportOutputs outputs;
  outputs.json_ = arguments.json;
  std::string path = arguments.output;
  if (path.empty()) path = arguments.json ? "-" : default_page_name(arguments.archives.front());
  if (!arguments.json) BBZ_TRY(check_page());
  if (!arguments.json || path != "-") {
    BBZ_ASSIGN(outputs.report_, open_output(path, arguments.writing));
  }
  if (!arguments.junit.empty()) {
    BBZ_ASSIGN(outputs.junit_, io::create_output(arguments.junit, arguments.writing.options()));
  }
  return outputs;
}

Status ReportOutputs::add_inputs(const ReportedArchive& archive) {
  for (io::Sink* const sink : {report_.get(), junit_.get()}) {
    if (sink == nullptr) continue;
    BBZ_TRY(io::add_input(*sink, archive.reader().source()));
    BBZ_TRY(archive.reader().add_base_inputs(*sink));
  }
  return {};
}

Status ReportOutputs::add_inputs(const std::vector<std::shared_ptr<io::Source>>& sources) {
  for (io::Sink* const sink : {report_.get(), junit_.get()}) {
    if (sink == nullptr) continue;
    for (const auto& source : sources) BBZ_TRY(io::add_input(*sink, *source));
  }
  return {};
}

Status ReportOutputs::write_report(Json report) {
  if (report_ == nullptr) {
    write_json(report);
    return {};
  }
  if (!json_) return write_page(*report_, std::move(report));
  return write_text(*report_, report.dump(2, ' ', true, Json::error_handler_t::replace) + "\n");
}

Status ReportOutputs::write_junit(const std::string& text) {
  return junit_ == nullptr ? Status() : write_text(*junit_, text);
}

Status ReportOutputs::finish() {
  if (report_ != nullptr) BBZ_TRY(report_->finish());
  return junit_ == nullptr ? Status() : junit_->finish();
}

}  // namespace bbz::tools
