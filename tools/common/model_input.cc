#include "common/model_input.h"

#include "bbz/base/format.h"
#include "bbz/http/url.h"
#include "common/output.h"

namespace bbz::tools {

namespace {

Result<model::Model> open_unnamed(const std::string& name, const NetworkArguments& network,
                                  unsigned threads, const Limits& limits,
                                  const std::shared_ptr<Base>& base) {
  if (!http::is_url(name)) return model::open(name, threads, limits, base);
  BBZ_ASSIGN(auto source, open_source(name, network));
  return model::open(std::move(source), http::file_name_of(name), threads, limits, base);
}

}  // namespace

Result<model::Model> open_model(const std::string& name, const NetworkArguments& network,
                                unsigned threads, const Acceptance& acceptance,
                                const BaseArguments& base) {
  auto model = open_unnamed(name, network, threads, acceptance.limits,
                            make_base(base, name, network, threads, acceptance.limits));
  if (!model.ok()) return about(name, std::move(model).error());
  if (model->root) {
    BBZ_TRY(acceptance.check(name, *model->root));
  } else if (acceptance.root) {
    return make_error(Code::kInvalidArgument, "{}: only an archive has a root digest to expect",
                      shown(name));
  }
  const auto named = [name](auto load) {
    return [name, load = std::move(load)](auto... what) {
      auto loaded = load(what...);
      if (!loaded.ok()) loaded = about(name, std::move(loaded).error());
      return loaded;
    };
  };
  model->load = named(std::move(model->load));
  model->load_part = named(std::move(model->load_part));
  model->read = [name, read = std::move(model->read)](auto... what) -> Status {
    Status status = read(what...);
    if (!status.ok()) return about(name, std::move(status).error());
    return status;
  };
  return model;
}

}  // namespace bbz::tools
