#include "report/gates.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "report/archive_data.h"

namespace bbz::tools {
namespace {

using Operator = Gate::Operator;

// The operators, those first that begin with another one.
constexpr std::pair<std::string_view, Operator> kOperators[] = {
    {"<=", Operator::kAtMost}, {">=", Operator::kAtLeast}, {"==", Operator::kEqual},
    {"<", Operator::kLess},    {">", Operator::kMore},
};

std::string_view operator_text(Operator op) {
  return std::ranges::find(kOperators, op, &std::pair<std::string_view, Operator>::second)->first;
}

std::string_view without_spaces(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

std::string names_of_figures() {
  std::string names;
  for (const FigureInfo& figure : kFigures)
    names += (names.empty() ? "" : ", ") + std::string(figure.name);
  return names;
}

Error bad_gate(const std::string& text, const std::string& why) {
  return make_error(Code::kInvalidArgument, "--gate {}: {}", bbz::quoted(text), why);
}

// Returns the power of 1024 of a suffix of a size; nullopt if it is none.
std::optional<int> power_of(std::string_view suffix) {
  if (suffix.empty()) return 0;
  const std::size_t power =
      std::string_view("KMGT").find(suffix.front() == 'k' ? 'K' : suffix.front());
  const std::string_view rest = suffix.substr(1);
  if (power == std::string_view::npos || (!rest.empty() && rest != "iB")) return std::nullopt;
  return static_cast<int>(power) + 1;
}

// Parses the limit into the gate.
Status parse_limit(std::string_view limit, Gate& gate) {
  const std::string expected =
      "expected a limit such as 0.66, 4G, +0.5% or -2%, found " + bbz::quoted(limit);
  gate.relative = limit.starts_with('+') || limit.starts_with('-');
  const double sign = limit.starts_with('-') ? -1 : 1;
  if (gate.relative) limit.remove_prefix(1);
  const char* const end = limit.data() + limit.size();
  const auto [rest, error] = std::from_chars(limit.data(), end, gate.number);
  if (error != std::errc() || !std::isfinite(gate.number) || limit.starts_with('-'))
    return bad_gate(gate.text, expected);
  const std::string_view suffix(rest, static_cast<std::size_t>(end - rest));
  if (suffix == "%") {
    gate.percent = gate.relative;
    if (!gate.relative && gate.figure->name != "ratio") {
      return bad_gate(gate.text,
                      "a limit in percent needs a sign, because it is relative to the old figure");
    }
    if (!gate.relative) gate.number /= 100;
  } else {
    const auto power = power_of(suffix);
    if (!power || (*power != 0 && !gate.figure->exact)) return bad_gate(gate.text, expected);
    gate.number = std::ldexp(gate.number, 10 * *power);
  }
  gate.number *= sign;
  if (gate.relative && !gate.figure->relative) {
    return bad_gate(gate.text, fmt::format("{} has no relative limit", gate.figure->name));
  }
  return {};
}

bool holds(double value, Operator op, double limit) {
  switch (op) {
    case Operator::kAtMost:
      return value <= limit;
    case Operator::kLess:
      return value < limit;
    case Operator::kAtLeast:
      return value >= limit;
    case Operator::kMore:
      return value > limit;
    case Operator::kEqual:
      return value == limit;
  }
  return false;
}

std::string number_text(double number, const FigureInfo& figure) {
  return figure.exact ? fmt::format("{:.0f}", number) : fmt::format("{:.9g}", number);
}

// Returns a number for JSON, as a whole one if it counts bytes or tensors and is one.
Json figure_json(const std::optional<double>& number, const std::string& figure) {
  if (!number) return {};
  const auto* const info = std::ranges::find(kFigures, figure, &FigureInfo::name);
  constexpr double kMost = 9007199254740992;  // up to which a double has all whole numbers
  const bool whole = info != kFigures.end() && info->exact && *number >= 0 && *number <= kMost &&
                     std::floor(*number) == *number;
  return whole ? Json(static_cast<std::uint64_t>(*number)) : Json(*number);
}

}  // namespace

Result<Gate> parse_gate(const std::string& text) {
  Gate gate;
  gate.text = text;
  const std::size_t at = text.find_first_of("<>=");
  const std::string_view name = without_spaces(std::string_view(text).substr(0, at));
  const auto* const figure = std::ranges::find(kFigures, name, &FigureInfo::name);
  if (figure == kFigures.end()) {
    return bad_gate(text, fmt::format("expected one of the figures {}, found {}",
                                      names_of_figures(), bbz::quoted(name)));
  }
  gate.figure = figure;
  const std::string_view rest = at == std::string::npos ? "" : std::string_view(text).substr(at);
  const auto* const op = std::ranges::find_if(
      kOperators, [&](const auto& row) { return rest.starts_with(row.first); });
  if (op == std::end(kOperators)) {
    return bad_gate(text, fmt::format("expected <=, <, >=, > or == after {}", name));
  }
  gate.op = op->second;
  BBZ_TRY(parse_limit(without_spaces(rest.substr(op->first.size())), gate));
  return gate;
}

Status check_gate(const Gate& gate, bool against, bool tokens) {
  const FigureNeed need = gate.figure->need;
  if (!tokens && (need == FigureNeed::kTokens || need == FigureNeed::kTokensAndAgainst)) {
    return bad_gate(gate.text, fmt::format("{} needs --tokens", gate.figure->name));
  }
  if (!against && (need == FigureNeed::kAgainst || need == FigureNeed::kTokensAndAgainst)) {
    return bad_gate(gate.text, fmt::format("{} needs --against", gate.figure->name));
  }
  if (!against && gate.relative) return bad_gate(gate.text, "a relative limit needs --against");
  return {};
}

GateVerdict judge(const Gate& gate, const std::string& archive, const Figures& figures) {
  GateVerdict verdict;
  verdict.archive = archive;
  verdict.gate = gate.text;
  verdict.figure = gate.figure->name;
  const auto found = figures.find(gate.figure->name);
  const Figure figure =
      found == figures.end() ? Figure{{}, {}, "it was not measured"} : found->second;
  verdict.value = figure.value;
  if (!gate.relative) {
    verdict.limit = gate.number;
  } else if (figure.old) {
    verdict.limit =
        gate.percent ? *figure.old * (1 + gate.number / 100) : *figure.old + gate.number;
  }
  const bool known =
      verdict.value && verdict.limit && !std::isnan(*verdict.value) && !std::isnan(*verdict.limit);
  if (!known) {
    verdict.why = fmt::format("{} could not be computed: {}",
                              verdict.value ? "the old " + verdict.figure : verdict.figure,
                              figure.why.empty() ? "it is not a number" : figure.why);
    return verdict;
  }
  verdict.passed = holds(*verdict.value, gate.op, *verdict.limit);
  if (verdict.passed) return verdict;
  verdict.why = fmt::format("expected {} {} {}, found {}", verdict.figure, operator_text(gate.op),
                            number_text(*verdict.limit, *gate.figure),
                            number_text(*verdict.value, *gate.figure));
  if (gate.relative)
    verdict.why += fmt::format(", and {} before", number_text(*figure.old, *gate.figure));
  return verdict;
}

Json gates_json(const std::vector<GateVerdict>& verdicts) {
  Json list = Json::array();
  for (const GateVerdict& verdict : verdicts) {
    list.push_back({{"gate", json_text(verdict.gate)},
                    {"archive", json_text(verdict.archive)},
                    {"figure", verdict.figure},
                    {"value", figure_json(verdict.value, verdict.figure)},
                    {"limit", figure_json(verdict.limit, verdict.figure)},
                    {"passed", verdict.passed},
                    {"why", verdict.why}});
  }
  return list;
}

}  // namespace bbz::tools
