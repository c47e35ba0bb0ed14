// Archives of every kind for the tests of the push decoder, made when they are asked for.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace bbz::push {

struct Named {
  std::string name;
  std::function<std::vector<std::byte>()> archive;  // empty if it could not be made
};
std::vector<Named> archives();
// The same kinds, each as small as it can be.
std::vector<Named> small_archives();

}  // namespace bbz::push
