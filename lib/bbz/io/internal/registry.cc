#include "bbz/io/internal/registry.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "bbz/io/atomic_file.h"

namespace bbz::io {
namespace {

// A named temporary, in storage that a signal handler can use: without allocation and locks.
struct Slot {
  enum State : int { kFree, kFilling, kLive };
  std::atomic<int> state{kFree};
  std::atomic<int> directory{-1};
  std::array<char, kTemporaryNameLength + 1> name{};
};
static_assert(std::atomic<int>::is_always_lock_free);

std::array<Slot, 128> slots;
std::atomic<bool> cancelled{false};

}  // namespace

int register_temporary(int directory, const std::string& name) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    int expected = Slot::kFree;
    if (!slots[i].state.compare_exchange_strong(expected, Slot::kFilling)) continue;
    slots[i].directory = directory;
    std::memcpy(slots[i].name.data(), name.c_str(), kTemporaryNameLength + 1);
    slots[i].state = Slot::kLive;
    return static_cast<int>(i);
  }
  return -1;
}

void release_temporary(int slot) {
  if (slot >= 0) slots[static_cast<std::size_t>(slot)].state = Slot::kFree;
}

bool is_cancelled() {
  return cancelled;
}

void remove_unfinished_files() {
  const int saved = errno;
  cancelled = true;
  for (Slot& slot : slots) {
    if (slot.state == Slot::kLive) ::unlinkat(slot.directory, slot.name.data(), 0);
  }
  errno = saved;
}

}  // namespace bbz::io
