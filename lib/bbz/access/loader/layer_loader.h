// LayerLoader: gives a model's layers one after the other, and decodes the next ones while one is
// used.
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

// Options of a LayerLoader.
struct LoaderOptions {
  // The bytes that layers may take which are decoded or being decoded, and not released yet.
  std::uint64_t memory_bytes = std::uint64_t{2} << 30;
};

// A tensor of a layer.
struct LayerTensor {
  std::uint32_t number = 0;  // in the catalog
  std::string name;          // as in the archive
  DType dtype{};             // type of its elements
  Shape shape;               // the outermost axis first
  Bytes bytes;               // row-major, little-endian; the address is a multiple of 64
  SharedBlockType block{};   // what an element is, if dtype is kBlock
};

// A decoded layer. Destroying it returns its memory to the loader's budget, from any thread, and
// also after the loader is destroyed.
class Layer {
 public:
  // Takes the tensors of another layer, which can then only be assigned to or destroyed.
  Layer(Layer&&) noexcept;
  // Releases this layer, and takes the tensors of another, as the constructor does.
  Layer& operator=(Layer&&) noexcept;
  ~Layer();

  // Returns the number of the layer; nullopt for the tensors before the first layer or after the
  // last.
  std::optional<std::uint32_t> number() const;
  // Returns the tensors, in the order of the plan. They live as long as the layer.
  std::span<const LayerTensor> tensors() const;
  // Returns the tensor of this name, or nullptr.
  const LayerTensor* find(std::string_view name) const;

 private:
  friend class LayerLoader;
  struct Content;
  explicit Layer(std::unique_ptr<Content> content);
  std::unique_ptr<Content> content_;
};

// Decodes layers on its own thread, as far ahead as its memory allows.
class LayerLoader {
 public:
  // Starts a thread that decodes the layers of `plan` in order, with the reader's threads, as far
  // ahead as the budget allows. `reader` must outlive the loader. Errors: kInvalidArgument for a
  // tensor that does not exist; kLimit for a layer that alone takes more than the budget; kIo if no
  // thread can be started.
  static Result<std::unique_ptr<LayerLoader>> start(const Reader& reader,
                                                    std::vector<LayerPlan> plan,
                                                    const LoaderOptions& options = {});

  // Stops when the step in progress is decoded: 64 MiB of chunks (or one chunk, if that is larger),
  // or one tensor whose form is not dense.
  ~LayerLoader();

  // Returns the next layer, and waits for it if it is not decoded yet; nullopt after the last. One
  // caller at a time. Errors: those of Reader, which end the loading: they are returned after the
  // layers before them, and again by later calls; kIo if there is no memory; kLimit if the layers
  // that the caller has not released leave no room for the next one: release some and call again.
  Result<std::optional<Layer>> next();

  // Returns the most bytes that layers have taken at a time.
  std::uint64_t most_bytes() const;

 private:
  struct State;
  explicit LayerLoader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace bbz::loader
