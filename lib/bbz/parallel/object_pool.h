// ObjectPool: a pool of objects, such as buffers, that tasks borrow.
#pragma once

#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace bbz::parallel {

// Owns as many objects as were borrowed at the same time. They are default-constructed on demand.
// The object that came back last is lent first, because its memory is most likely still in the
// cache. Thread-safe. Must outlive its loans.
template <class T>
class ObjectPool {
 public:
  // A borrowed object, which the destructor gives back.
  class Loan {
   public:
    Loan(ObjectPool& pool, std::unique_ptr<T> object) : pool_(pool), object_(std::move(object)) {}
    ~Loan() { pool_.take_back(std::move(object_)); }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;

    T& operator*() const { return *object_; }
    T* operator->() const { return object_.get(); }

   private:
    ObjectPool& pool_;
    std::unique_ptr<T> object_;
  };

  ObjectPool() = default;
  ObjectPool(const ObjectPool&) = delete;
  ObjectPool& operator=(const ObjectPool&) = delete;

  // Lends an object, as its last borrower left it.
  Loan borrow() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        std::unique_ptr<T> object = std::move(idle_.back());
        idle_.pop_back();
        return Loan(*this, std::move(object));
      }
    }
    return Loan(*this, std::make_unique<T>());
  }

 private:
  // Called when a loan ends, also by an exception. Destroys the object if there is no memory for
  // the list.
  void take_back(std::unique_ptr<T> object) noexcept {
    const std::lock_guard lock(mutex_);
    try {
      idle_.push_back(std::move(object));
    } catch (const std::bad_alloc&) {
    }
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<T>> idle_;
};

}  // namespace bbz::parallel
