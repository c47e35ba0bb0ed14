// LayerLoader: a model's layers one after the other, the next ones decoded while one is used.
//
//   const std::vector<loader::LayerPlan> plan = loader::plan_layers(reader.catalog());
//   BBZ_ASSIGN(const auto loader, loader::LayerLoader::start(reader, plan));
//   while (true) {
//     BBZ_ASSIGN(const std::optional<loader::Layer> layer, loader->next());
//     if (!layer) break;
//     for (const loader::LayerTensor& tensor : layer->tensors()) use(tensor);
//   }
#pragma once

#include <memory>
#include <span>

#include "bbz/access/loader/layer_plan.h"
#include "bbz/archive/reader.h"

namespace bbz::loader {

struct LoaderOptions {
  // What layers may take that are decoded, or being decoded, and not released yet, in bytes.
  std::uint64_t memory_bytes = std::uint64_t{2} << 30;
};

struct LayerTensor {
  std::uint32_t number = 0;  // in the catalog
  std::string name;
  DType dtype{};
  Shape shape;
  Bytes bytes;  // row by row, little-endian, from an address that is a multiple of 64
};

// A decoded layer, owned by who has it: its memory goes back to the loader's budget with the
// handle, from any thread, also after the loader is gone.
class Layer {
 public:
  Layer(Layer&&) noexcept;
  Layer& operator=(Layer&&) noexcept;
  ~Layer();

  std::optional<std::uint32_t> number() const;  // none: before the first layer, or after the last
  std::span<const LayerTensor> tensors() const;
  // The tensor of this name, or nullptr.
  const LayerTensor* find(std::string_view name) const;

 private:
  friend class LayerLoader;
  struct Content;
  explicit Layer(std::unique_ptr<Content> content);
  std::unique_ptr<Content> content_;
};

class LayerLoader {
 public:
  // Starts a thread that decodes the layers of `plan` in order, each on the reader's threads, as
  // far ahead as the budget goes. `reader` must outlive the loader. Errors: kInvalidArgument for a
  // tensor that does not exist; kLimit for a layer that alone takes more than the budget, with what
  // it takes; kIo where no thread can be started.
  static Result<std::unique_ptr<LayerLoader>> start(const Reader& reader,
                                                    std::vector<LayerPlan> plan,
                                                    const LoaderOptions& options = {});

  // Stops after what is being decoded at the moment: 64 MiB at most, or one derived tensor.
  ~LayerLoader();

  // The next layer, waited for where it is not decoded yet; nullopt after the last. One caller at a
  // time. Errors: those of Reader, which end the loading and are given again by later calls, after
  // the layers before them; kIo where there is no memory; kLimit where the layers that the caller
  // has not released leave no room for the next one: call again when they are.
  Result<std::optional<Layer>> next();

  // The most that layers have taken at a time, in bytes.
  std::uint64_t most_bytes() const;

 private:
  struct State;
  explicit LayerLoader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace bbz::loader
