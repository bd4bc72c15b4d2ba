#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"

namespace dreamrunner {

/// Reads one `config.json` of a model: values with defaults and bounds, so that a config cannot ask for absurd sizes.
/// Every method throws Error(input_file) naming file, key, what was found and what was expected.
class ConfigReader {
 public:
  ConfigReader(Json json, std::string origin);

  int64_t integer(const std::string& key, int64_t fallback, int64_t least, int64_t most) const;
  double real(const std::string& key, double fallback, double least, double most) const;
  bool flag(const std::string& key, bool fallback) const;
  std::vector<int64_t> integers(const std::string& key, const std::vector<int64_t>& fallback, int64_t least, int64_t most) const;

  /// Refuses the model unless `key` is absent, null or equal to `expected`: for parts of an architecture that this program
  /// does not have. `why` is the hint.
  void require(const std::string& key, const Json& expected, const std::string& why) const;

  /// Throws Error(input_file) about the config as a whole.
  [[noreturn]] void refuse(const std::string& what, const std::string& hint = {}) const;

 private:
  [[noreturn]] void refuse_value(const std::string& key, const std::string& expected) const;
  Json json_;
  std::string origin_;
};

}  // namespace dreamrunner
