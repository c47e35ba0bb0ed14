#include "bbz/base/late_library.h"

#include <dlfcn.h>

#include "bbz/base/format.h"

namespace bbz {

LateLibrary::LateLibrary(const char* name)
    : name_(name), handle_(dlopen(name, RTLD_NOW | RTLD_LOCAL)) {
  if (handle_ == nullptr) {
    status_ = make_error(Code::kUnsupported, "cannot load the library {}: {}", name, dlerror());
  }
}

void* LateLibrary::find(const char* symbol) {
  if (handle_ == nullptr) return nullptr;
  void* const found = dlsym(handle_, symbol);
  if (found == nullptr && status_.ok()) {
    status_ = make_error(Code::kUnsupported, "the library {} has no symbol {}", name_, symbol);
  }
  return found;
}

}  // namespace bbz
