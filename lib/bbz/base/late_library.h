// LateLibrary: a shared library that is loaded when it is first needed. A program that never needs
// it starts faster, and also runs if the library is not installed.
#pragma once

#include "bbz/base/error.h"

namespace bbz {

// A loaded library and the first error of loading it. It stays loaded until the process ends.
class LateLibrary {
 public:
  // Loads the library that the dynamic loader finds under `name`, which must outlive the object.
  // status() reports a failure.
  explicit LateLibrary(const char* name);

  // Points `function` to the library's symbol of this name, or to null if that is missing.
  // Precondition: the symbol has this type.
  template <class Function>
  void bind(Function*& function, const char* symbol) {
    function = reinterpret_cast<Function*>(find(symbol));
  }

  // Returns success if the library was loaded and every symbol was found. Only then may its
  // functions be called. Errors: kUnsupported, which names the first thing that is missing.
  const Status& status() const { return status_; }

 private:
  void* find(const char* symbol);

  const char* name_;
  void* handle_;
  Status status_;
};

}  // namespace bbz
