// Gates: limits of figures, as the user writes them, and whether they hold.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bbz/base/error.h"
#include "common/json.h"
#include "report/figures.h"

namespace bbz::tools {

// A limit of a figure.
struct Gate {
  enum class Operator { kAtMost, kLess, kAtLeast, kMore, kEqual };

  std::string text;                    // as the user wrote it
  const FigureInfo* figure = nullptr;  // what is compared
  Operator op{};
  double number = 0;      // of the limit; a size in bytes
  bool relative = false;  // the limit is the old figure plus `number`
  bool percent = false;   // the limit is the old figure times 1 + `number` / 100
};

// Parses FIGURE OP LIMIT, such as "ratio<=0.66", "size<=+0.5%", "size<4G" or "nll<=+2e-4". A limit with a
// sign is relative to the figure of --against. K, M, G and T after a number of bytes are powers of 1024.
// Errors: kInvalidArgument.
Result<Gate> parse_gate(const std::string& text);

// Checks that a gate can be judged: that --against and --tokens are given if it needs them. Errors:
// kInvalidArgument.
Status check_gate(const Gate& gate, bool against, bool tokens);

// Whether a gate holds, and why not.
struct GateVerdict {
  std::string archive;  // the name of the archive whose figure it is
  std::string gate;     // as the user wrote it
  std::string figure;
  std::optional<double> value;  // nullopt: it could not be computed
  std::optional<double> limit;  // the absolute one; nullopt: it could not be computed
  bool passed = false;
  std::string why;  // if it did not pass
};

// Compares the figure of a gate with its limit. A figure or a limit that could not be computed, or is not
// a number, does not pass.
GateVerdict judge(const Gate& gate, const std::string& archive, const Figures& figures);

// Returns "gates" of the report. Whole numbers of bytes and tensors are whole there too.
Json gates_json(const std::vector<GateVerdict>& verdicts);

}  // namespace bbz::tools
