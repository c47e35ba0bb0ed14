// A test whose directory nginx serves.
#pragma once

#include <optional>

#include "http/nginx.h"
#include "tools/shell.h"

namespace bbz::tools {

// Commands find the URL of the directory in $URL.
class OverNginx : public ToolTest {
 protected:
  void SetUp() override {
    if (!http::Nginx::is_there()) GTEST_SKIP() << "nginx is not installed";
    nginx_.emplace(dir_.path());
    ::setenv("URL", nginx_->url("").c_str(), 1);
  }

  std::optional<http::Nginx> nginx_;
};

}  // namespace bbz::tools
