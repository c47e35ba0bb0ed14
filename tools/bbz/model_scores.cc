#include "bbz/model_scores.h"

#include "bbz/base/format.h"
#include "bbz/base/wire.h"
#include "bbz/io/source.h"

namespace bbz::tools {
namespace {

Result<forward::Hints> hints_for(const std::string& config, const ScoreArguments& arguments) {
  forward::Hints hints;
  if (!config.empty()) {
    BBZ_ASSIGN(hints, forward::hints_from_config(config));
  }
  if (arguments.hints.heads) hints.heads = arguments.hints.heads;
  if (arguments.hints.kv_heads) hints.kv_heads = arguments.hints.kv_heads;
  if (arguments.hints.hidden) hints.hidden = arguments.hints.hidden;
  if (arguments.hints.rotary_base) hints.rotary_base = arguments.hints.rotary_base;
  return hints;
}

Result<forward::Model> load_model(const model::Model& model, const forward::Hints& hints) {
  BBZ_ASSIGN(const forward::Config config, forward::infer_config(model.tensors, hints));
  return forward::Model::load(model.tensors, config, model.load);
}

}  // namespace

Status ScoreArguments::check() const {
  if (tokens.empty() || length >= 2) return {};
  return make_error(Code::kInvalidArgument, "--tokens needs a --length of at least 2 tokens");
}

void add_score_options(Options& options, ScoreArguments& arguments, const std::string& meaning) {
  options.add_option("--tokens", arguments.tokens, meaning)->type_name("FILE");
  options.add_option("--length", arguments.length, "Run sequences of this many tokens")
      ->type_name("N");
  options.add_option("--rows", arguments.rows, "Run at most this many sequences")->type_name("N");
  options.add_option("--heads", arguments.hints.heads, "The number of attention heads")
      ->type_name("N");
  options
      .add_option("--kv-heads", arguments.hints.kv_heads, "The number of heads of keys and values")
      ->type_name("N");
  options.add_option("--hidden", arguments.hints.hidden, "The hidden size before slicing")
      ->type_name("N");
  options
      .add_option("--rotary-base", arguments.hints.rotary_base, "The base of the rotary embedding")
      ->type_name("X");
}

Result<std::vector<std::uint32_t>> read_tokens(const ScoreArguments& arguments) {
  BBZ_ASSIGN(const auto source, io::open_file(arguments.tokens));
  const auto size = source->size();
  constexpr std::uint64_t kMost = std::uint64_t{256} << 20;
  if (!size || *size % 2 != 0 || *size > kMost) {
    return make_error(Code::kInvalidArgument,
                      "{}: expected a file of 16-bit token ids, whole ids and at most 256 MiB",
                      arguments.tokens);
  }
  std::uint64_t count = *size / 2;
  if (arguments.rows != 0 && arguments.rows <= count / arguments.length) {
    count = arguments.rows * arguments.length;
  }
  if (count % arguments.length != 0) {
    return make_error(Code::kInvalidArgument,
                      "{}: expected whole sequences of {} tokens (--length), found {} tokens",
                      arguments.tokens, arguments.length, count);
  }
  std::vector<std::byte> bytes(count * 2);
  BBZ_TRY(io::read_exactly(*source, 0, bytes));
  BBZ_TRY(source->check_unchanged());
  std::vector<std::uint32_t> tokens;
  for (std::size_t i = 0; i < count; ++i)
    tokens.push_back(load_le<std::uint16_t>(bytes.data() + 2 * i));
  return tokens;
}

Result<forward::Comparison> compare_scores(const model::Model& first, const model::Model& second,
                                           const ScoreArguments& arguments,
                                           const std::vector<std::uint32_t>& tokens) {
  BBZ_ASSIGN(const forward::Hints hints,
             hints_for(first.config.empty() ? second.config : first.config, arguments));
  for (const model::Model* model : {&first, &second}) BBZ_TRY(model::check_expansion(*model));
  BBZ_ASSIGN(const forward::Model a, load_model(first, hints));
  BBZ_ASSIGN(const forward::Model b, load_model(second, hints));
  return forward::compare(a, b, tokens, arguments.length);
}

Result<forward::Score> score_of(const model::Model& model, const ScoreArguments& arguments,
                                const std::vector<std::uint32_t>& tokens) {
  BBZ_ASSIGN(const forward::Hints hints, hints_for(model.config, arguments));
  BBZ_TRY(model::check_expansion(model));
  BBZ_ASSIGN(const forward::Model loaded, load_model(model, hints));
  return forward::score(loaded, tokens, arguments.length);
}

}  // namespace bbz::tools
