#include "symmetry/measure.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "bbz/archive/writer.h"
#include "bbz/base/layer_name.h"
#include "bbz/files/safetensors/header.h"

namespace bbz::bench {
namespace {

// A line of /proc/self/status, in MiB; 0 if there is none.
double status_mib(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    double kib = 0;
    if (word == key + ":" && status >> kib) return kib / 1024;
  }
  return 0;
}

Status pack_exactly(const rotation::Model& model, Writer& writer) {
  BBZ_TRY(writer.begin_file(model.path));
  TensorSpec header = TensorSpec::bytes(model.header.size());
  BBZ_TRY(writer.begin_tensor(header));
  BBZ_TRY(writer.write(model.header));
  BBZ_TRY(writer.end_tensor());
  for (std::size_t i = 0; i < model.tensors.size(); ++i) {
    const TensorInfo& info = model.tensors[i];
    TensorSpec spec;
    spec.name = info.name;
    spec.dtype = info.dtype;
    spec.shape = info.shape;
    spec.layer = layer_of(info.name);
    BBZ_TRY(writer.begin_tensor(spec));
    BBZ_ASSIGN(const std::vector<std::byte> bytes, model.load(i));
    BBZ_TRY(writer.write(bytes));
    BBZ_TRY(writer.end_tensor());
  }
  BBZ_TRY(writer.add_metadata("format", "safetensors"));
  return writer.end_file();
}

}  // namespace

Result<Cost> measure_apart(const std::function<Result<double>()>& work) {
  int ends[2];
  if (pipe(ends) != 0) return error_with_message(Code::kInternal, "no pipe");
  const pid_t child = fork();
  if (child == 0) {
    std::ofstream("/proc/self/clear_refs") << 5;  // VmHWM falls to VmRSS
    const double before = status_mib("VmHWM");
    const Timer timer;
    const auto seconds = work();
    const double processor = timer.processor();
    if (!seconds.ok()) std::fprintf(stderr, "%s\n", seconds.error().message.c_str());
    const Cost cost{seconds.ok() ? *seconds : 0, processor, status_mib("VmHWM") - before};
    const bool told = seconds.ok() && write(ends[1], &cost, sizeof(cost)) == sizeof(cost);
    _exit(told ? 0 : 1);
  }
  close(ends[1]);
  Cost cost;
  const bool told = child > 0 && read(ends[0], &cost, sizeof(cost)) == sizeof(cost);
  close(ends[0]);
  if (child > 0) waitpid(child, nullptr, 0);
  if (!told) return error_with_message(Code::kInternal, "the work that was measured failed");
  return cost;
}

Result<Packed> pack(const rotation::Model& model, std::optional<rotation::RequestedMethod> method,
                    io::Sink& sink, gauge::Floor floor) {
  BBZ_ASSIGN(Writer writer, Writer::create(sink));
  Packed packed;
  if (method) {
    rotation::PackOptions options;
    options.method = *method;
    options.floor = floor;
    BBZ_ASSIGN(packed.record, rotation::pack(model, rotation::detect(model), writer, options));
  } else {
    BBZ_TRY(pack_exactly(model, writer));
  }
  BBZ_TRY(writer.finish());
  packed.catalog = writer.catalog();
  packed.archive_bytes = sink.written();
  return packed;
}

rotation::Model model_of(const test_models::LargeModel& large) {
  rotation::Model model;
  model.path = "model.safetensors";
  model.tensors = large.infos();
  std::vector<safetensors::Tensor> tensors;
  for (const TensorInfo& info : model.tensors) {
    tensors.push_back({info.name, info.dtype, info.shape, 0, 0});
    model.stored_bytes += *element_count(info.shape) * element_bytes(info.dtype);
  }
  model.file_bytes = model.stored_bytes;
  model.metadata = {{"format", "pt"}};
  if (auto header = safetensors::build(tensors, model.metadata); header.ok()) {
    model.header = *std::move(header);
  }
  model.load = [&large](std::size_t i) -> Result<std::vector<std::byte>> { return large.make(i); };
  return model;
}

}  // namespace bbz::bench
