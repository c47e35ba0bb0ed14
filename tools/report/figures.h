// Figures: the numbers of a report that gates compare, and what each of them needs.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace bbz::tools {

// What must be given so that a figure can be computed.
enum class FigureNeed {
  kNothing,           // an archive is enough
  kTokens,            // --tokens
  kAgainst,           // --against
  kTokensAndAgainst,  // both
};

// A figure that gates can name.
struct FigureInfo {
  std::string_view name;
  std::string_view meaning;  // the end of a sentence, for --help
  FigureNeed need{};
  bool relative = false;  // whether a limit can be relative to that of --against
  bool exact = false;     // whether it is a whole number, of bytes or of tensors
};

// All figures, in the order of --help.
inline constexpr std::array<FigureInfo, 14> kFigures = {{
    {"ratio", "bytes of the archive to those of its files", FigureNeed::kNothing, true, false},
    {"size", "bytes of the archive", FigureNeed::kNothing, true, true},
    {"original", "bytes of its files", FigureNeed::kNothing, true, true},
    {"overhead", "bytes of the archive that are not chunks", FigureNeed::kNothing, true, true},
    {"error",
     "largest rms difference of a junction, or of the product of a pair, as pack --symmetry "
     "measured it; 0 if nothing was rotated",
     FigureNeed::kNothing, false, false},
    {"growth", "largest growth of that error by --symmetry-floor; 1 without it",
     FigureNeed::kNothing, false, false},
    {"nll", "negative log-likelihood in nats per token", FigureNeed::kTokens, true, false},
    {"kl", "mean KL divergence from the other model in nats per token",
     FigureNeed::kTokensAndAgainst, false, false},
    {"logit", "largest difference of a logit", FigureNeed::kTokensAndAgainst, false, false},
    {"orbit", "largest distance of a junction after rotation", FigureNeed::kAgainst, false, false},
    {"product", "largest distance of the products of a low-rank pair", FigureNeed::kAgainst, false,
     false},
    {"difference", "largest difference of an entry", FigureNeed::kAgainst, false, false},
    {"changed", "number of tensors whose bytes differ", FigureNeed::kAgainst, false, true},
    {"removed", "number of tensors that are no more there", FigureNeed::kAgainst, false, true},
}};

// A figure as it was found.
struct Figure {
  std::optional<double> value;  // nullopt: it could not be computed, and `why` says why not
  std::optional<double> old;    // that of --against, if there is one
  std::string why;              // also why there is no `old`
};

// The figures of an archive, by name. Those that nothing asked for are missing.
using Figures = std::map<std::string, Figure, std::less<>>;

}  // namespace bbz::tools
