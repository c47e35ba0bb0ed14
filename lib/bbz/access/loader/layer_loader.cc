#include "bbz/access/loader/layer_loader.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

#include "bbz/base/format.h"

namespace bbz::loader {
namespace {

constexpr std::size_t kAlignment = 64;
// Bytes to decode between two looks at the stop flag.
constexpr std::uint64_t kStep = std::uint64_t{64} << 20;

struct AlignedDelete {
  void operator()(std::byte* bytes) const {
    ::operator delete[](bytes, std::align_val_t{kAlignment});
  }
};
using AlignedBytes = std::unique_ptr<std::byte[], AlignedDelete>;

AlignedBytes allocate(std::uint64_t size) {
  return AlignedBytes(
      static_cast<std::byte*>(::operator new[](size, std::align_val_t{kAlignment})));
}

std::uint64_t aligned(std::uint64_t size) {
  return divide_up(size, kAlignment) * kAlignment;
}

// The memory that layers take, and a signal that it has changed.
struct Budget {
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t used = 0;
  std::uint64_t most = 0;
};

}  // namespace

struct Layer::Content {
  Content(std::shared_ptr<Budget> b, std::uint64_t s) : budget(std::move(b)), size(s) {}
  ~Content() {
    memory.reset();
    const std::lock_guard lock(budget->mutex);
    budget->used -= size;
    budget->changed.notify_all();
  }
  Content(const Content&) = delete;
  Content& operator=(const Content&) = delete;

  std::shared_ptr<Budget> budget;
  std::uint64_t size;  // taken from the budget
  AlignedBytes memory;
  std::optional<std::uint32_t> number;
  std::vector<LayerTensor> tensors;
};

Layer::Layer(std::unique_ptr<Content> content) : content_(std::move(content)) {}
Layer::Layer(Layer&&) noexcept = default;
Layer& Layer::operator=(Layer&&) noexcept = default;
Layer::~Layer() = default;

std::optional<std::uint32_t> Layer::number() const {
  return content_->number;
}
std::span<const LayerTensor> Layer::tensors() const {
  return content_->tensors;
}
const LayerTensor* Layer::find(std::string_view name) const {
  const auto found = std::ranges::find(content_->tensors, name, &LayerTensor::name);
  return found == content_->tensors.end() ? nullptr : &*found;
}

struct LayerLoader::State {
  State(const Reader& r, std::vector<LayerPlan> p, const LoaderOptions& o)
      : reader(r), plan(std::move(p)), options(o) {}

  void run();
  Status load(const LayerPlan& layer, std::uint64_t size, Layer::Content& content);
  Status decode(const catalog::Tensor& tensor, MutableBytes out);
  // Returns whether this layer of the plan fits beside those that are there. Call with
  // budget->mutex held.
  bool has_room(std::size_t layer) const {
    return budget->used + sizes[layer] <= options.memory_bytes;
  }
  bool stopped() const {
    const std::lock_guard lock(budget->mutex);
    return stop;
  }

  const Reader& reader;
  const std::vector<LayerPlan> plan;
  const LoaderOptions options;
  std::vector<std::uint64_t> sizes;  // of each layer of the plan

  const std::shared_ptr<Budget> budget = std::make_shared<Budget>();
  // Guarded by budget->mutex; budget->changed signals their changes.
  std::deque<std::unique_ptr<Layer::Content>> ready;
  std::optional<std::size_t> starved;  // the layer that waits for room
  std::optional<Error> error;
  bool ended = false;
  bool stop = false;

  std::thread thread;
};

LayerLoader::LayerLoader(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<LayerLoader>> LayerLoader::start(const Reader& reader,
                                                        std::vector<LayerPlan> plan,
                                                        const LoaderOptions& options) {
  auto state = std::make_unique<State>(reader, std::move(plan), options);
  const std::vector<catalog::Tensor>& tensors = reader.catalog().tensors;
  for (const LayerPlan& layer : state->plan) {
    std::uint64_t size = 0;
    for (const std::uint32_t number : layer.tensors) {
      if (number >= tensors.size()) {
        return make_error(Code::kInvalidArgument, "tensor {}: expected a number below {}", number,
                          tensors.size());
      }
      // The sums do not overflow: sizes of tensors are far below 2^64, and each sum is compared.
      size += aligned(tensors[number].byte_size);
      if (size > options.memory_bytes) {
        return make_error(Code::kLimit,
                          "{}: its tensors take more memory than the {} bytes for all layers",
                          layer.to_string(), options.memory_bytes);
      }
    }
    state->sizes.push_back(size);
  }
  try {
    state->thread = std::thread([s = state.get()] { s->run(); });
  } catch (const std::system_error& failure) {
    return make_error(Code::kIo, "cannot start a thread: {}", failure.what());
  }
  return std::unique_ptr<LayerLoader>(new LayerLoader(std::move(state)));
}

LayerLoader::~LayerLoader() {
  {
    const std::lock_guard lock(state_->budget->mutex);
    state_->stop = true;
    state_->budget->changed.notify_all();
  }
  state_->thread.join();
  state_->ready.clear();
}

// Loads every layer in order, when there is room for it. Runs on the loader's thread.
void LayerLoader::State::run() {
  std::optional<Error> failure;
  for (std::size_t i = 0; i < plan.size() && !failure; ++i) {
    {
      std::unique_lock lock(budget->mutex);
      if (!has_room(i)) {
        starved = i;
        budget->changed.notify_all();
        budget->changed.wait(lock, [&] { return stop || has_room(i); });
        starved.reset();
      }
      if (stop) break;
      budget->used += sizes[i];
      budget->most = std::max(budget->most, budget->used);
    }
    auto content = std::make_unique<Layer::Content>(budget, sizes[i]);
    const Status loaded = load(plan[i], sizes[i], *content);
    if (!loaded.ok()) {
      failure = loaded.error();
      break;
    }
    const std::lock_guard lock(budget->mutex);
    ready.push_back(std::move(content));
    budget->changed.notify_all();
  }
  const std::lock_guard lock(budget->mutex);
  error = std::move(failure);
  ended = true;
  budget->changed.notify_all();
}

Status LayerLoader::State::load(const LayerPlan& layer, std::uint64_t size,
                                Layer::Content& content) try {
  content.number = layer.layer;
  content.memory = allocate(size);
  std::uint64_t at = 0;
  for (const std::uint32_t number : layer.tensors) {
    const catalog::Tensor& tensor = reader.catalog().tensors[number];
    const MutableBytes out(content.memory.get() + at, tensor.byte_size);
    BBZ_TRY(decode(tensor, out));
    content.tensors.push_back(
        {number, tensor.meta.name, tensor.meta.dtype, tensor.meta.shape, out, tensor.block});
    at += aligned(tensor.byte_size);
  }
  return {};
} catch (const std::bad_alloc&) {
  return make_error(Code::kIo, "{}: out of memory for {} bytes", layer.to_string(), size);
}

// Decodes a tensor in steps of whole chunks, so that a stop is noticed. A tensor of another form
// than dense is decoded at once, because each of its parts may cost as much as all of it.
Status LayerLoader::State::decode(const catalog::Tensor& tensor, MutableBytes out) {
  const std::uint64_t chunk = tensor.meta.chunk_elements * tensor.meta.element_bits / 8;
  const bool in_steps = tensor.meta.form == catalog::Form::kDense && chunk != 0;
  const std::uint64_t step =
      in_steps ? std::max<std::uint64_t>(kStep / chunk, 1) * chunk : out.size();
  for (std::uint64_t at = 0; at < out.size(); at += step) {
    if (stopped()) return error_with_message(Code::kCancelled, "loading was cancelled");
    const std::uint64_t part = std::min<std::uint64_t>(step, out.size() - at);
    BBZ_TRY(reader.read_bytes(tensor.meta.number, at, out.subspan(at, part)));
  }
  return {};
}

Result<std::optional<Layer>> LayerLoader::next() {
  State& s = *state_;
  std::unique_lock lock(s.budget->mutex);
  s.budget->changed.wait(
      lock, [&] { return !s.ready.empty() || s.ended || (s.starved && !s.has_room(*s.starved)); });
  if (!s.ready.empty()) {
    Layer layer(std::move(s.ready.front()));
    s.ready.pop_front();
    return std::optional<Layer>(std::move(layer));
  }
  if (s.error) return *s.error;
  if (s.ended) return std::optional<Layer>();
  return make_error(Code::kLimit,
                    "{}: takes {} bytes; of the {} bytes for all layers, {} are held by layers "
                    "that are not released",
                    s.plan[*s.starved].to_string(), s.sizes[*s.starved], s.options.memory_bytes,
                    s.budget->used);
}

std::uint64_t LayerLoader::most_bytes() const {
  const std::lock_guard lock(state_->budget->mutex);
  return state_->budget->most;
}

}  // namespace bbz::loader
