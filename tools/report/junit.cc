#include "report/junit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "bbz/base/names.h"

namespace bbz::tools {
namespace {

// Escapes text for an attribute. What XML cannot hold, such as control characters, becomes \xNN, and the
// two numbers of Unicode that are no characters become a replacement character.
std::string xml_text(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&apos;";
        break;
      default:
        out += c;
    }
    if (out.ends_with("\xEF\xBF\xBE") || out.ends_with("\xEF\xBF\xBF"))
      out.replace(out.size() - 1, 1, "\xBD");
  }
  return out;
}

bool is_finite(const std::optional<double>& number) {
  return number && std::isfinite(*number);
}

std::string case_text(const GateVerdict& verdict) {
  const std::string head = fmt::format(R"(    <testcase name="{}" classname="{}")",
                                       xml_text(verdict.gate), xml_text(verdict.archive));
  if (verdict.passed) return head + "/>\n";
  return head + fmt::format(">\n      <failure message=\"{}\" type=\"gate\"/>\n    </testcase>\n",
                            xml_text(verdict.why));
}

std::string suite_text(const JunitSuite& suite, const std::string& made) {
  std::string text = fmt::format(
      "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"0\" time=\"{:.3f}\" timestamp=\"{}\">\n",
      xml_text(suite.archive), suite.verdicts.size(),
      std::ranges::count(suite.verdicts, false, &GateVerdict::passed), suite.seconds,
      made.substr(0, made.find('Z')));
  text += "    <properties>\n";
  for (const auto& [name, figure] : suite.figures) {
    if (is_finite(figure.value))
      text += fmt::format("      <property name=\"{}\" value=\"{}\"/>\n", xml_text(name),
                          *figure.value);
    if (is_finite(figure.old))
      text += fmt::format("      <property name=\"{}.old\" value=\"{}\"/>\n", xml_text(name),
                          *figure.old);
  }
  text += "    </properties>\n";
  for (const GateVerdict& verdict : suite.verdicts) text += case_text(verdict);
  return text + "  </testsuite>\n";
}

}  // namespace

std::string junit_text(const std::vector<JunitSuite>& suites, const std::string& made) {
  std::size_t tests = 0;
  std::ptrdiff_t failures = 0;
  std::string all;
  for (const JunitSuite& suite : suites) {
    tests += suite.verdicts.size();
    failures += std::ranges::count(suite.verdicts, false, &GateVerdict::passed);
    all += suite_text(suite, made);
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuites name=\"bbz report\" tests=\"{}\" failures=\"{}\" errors=\"0\">\n{}</testsuites>\n",
      tests, failures, all);
}

}  // namespace bbz::tools
