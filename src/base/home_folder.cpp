#include "base/home_folder.h"

#include <algorithm>
#include <cstdlib>

namespace dreamrunner {

std::filesystem::path expand_home(const std::string& text) {
  if (text != "~" && !text.starts_with("~/")) return text;
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home != nullptr ? home : "") / text.substr(std::min<size_t>(2, text.size()));
}

}  // namespace dreamrunner
