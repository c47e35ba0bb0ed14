#include "common/model_input.h"

#include "bbz/http/url.h"

namespace bbz::tools {

Result<weights::Model> open_model(const std::string& name, const NetworkArguments& network,
                                  unsigned threads) {
  if (!http::is_url(name)) return weights::open(name, threads);
  BBZ_ASSIGN(auto source, open_source(name, network));
  return weights::open(std::move(source), http::file_name_of(name), threads);
}

}  // namespace bbz::tools
