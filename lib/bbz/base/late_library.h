// A shared library that is loaded when something in it is first wanted: a program that never comes
// to it starts without it, and runs where it is not installed. Internal to bbz.
#pragma once

#include "bbz/base/error.h"

namespace bbz {

class LateLibrary {
 public:
  // Loads the library of this name, as the dynamic loader finds it. It stays until the process
  // ends.
  explicit LateLibrary(const char* name);

  // Points `function` to what the library has under this name. Precondition: that has this type.
  template <class Function>
  void bind(Function*& function, const char* symbol) {
    function = reinterpret_cast<Function*>(find(symbol));
  }

  // Whether the library was loaded and all was found that was asked for: only then may any of it be
  // called. Errors: kUnsupported, with the first thing that is missing.
  const Status& status() const { return status_; }

 private:
  void* find(const char* symbol);

  const char* name_;
  void* handle_;
  Status status_;
};

}  // namespace bbz
