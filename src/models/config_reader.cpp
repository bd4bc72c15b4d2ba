#include "models/config_reader.h"

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {

ConfigReader::ConfigReader(Json json, std::string origin) : json_(std::move(json)), origin_(std::move(origin)) {
  if (!json_.is_object()) refuse("no JSON object");
}

int64_t ConfigReader::integer(const std::string& key, int64_t fallback, int64_t least, int64_t most) const {
  if (!json_.contains(key) || json_[key].is_null()) return fallback;
  if (!json_[key].is_number_integer()) refuse_value(key, "a whole number");
  const auto value = json_[key].get<int64_t>();
  if (value < least || value > most) refuse_value(key, fmt::format("{} to {}", least, most));
  return value;
}

double ConfigReader::real(const std::string& key, double fallback, double least, double most) const {
  if (!json_.contains(key) || json_[key].is_null()) return fallback;
  if (!json_[key].is_number()) refuse_value(key, "a number");
  const auto value = json_[key].get<double>();
  if (!(value >= least && value <= most)) refuse_value(key, fmt::format("{} to {}", least, most));
  return value;
}

bool ConfigReader::flag(const std::string& key, bool fallback) const {
  if (!json_.contains(key) || json_[key].is_null()) return fallback;
  if (!json_[key].is_boolean()) refuse_value(key, "true or false");
  return json_[key];
}

std::vector<int64_t> ConfigReader::integers(const std::string& key, const std::vector<int64_t>& fallback, int64_t least, int64_t most) const {
  if (!json_.contains(key) || json_[key].is_null()) return fallback;
  if (!json_[key].is_array() || json_[key].empty() || json_[key].size() > 64) refuse_value(key, "a list of whole numbers");
  std::vector<int64_t> values;
  for (const Json& item : json_[key]) {
    if (!item.is_number_integer() || item < least || item > most) refuse_value(key, fmt::format("whole numbers from {} to {}", least, most));
    values.push_back(item);
  }
  return values;
}

void ConfigReader::require(const std::string& key, const Json& expected, const std::string& why) const {
  if (!json_.contains(key) || json_[key].is_null() || json_[key] == expected) return;
  throw Error(ErrorKind::input_file, fmt::format("{}: {}: found {}, {} expected", origin_, key, json_[key].dump(), expected.dump()), why);
}

void ConfigReader::refuse(const std::string& what, const std::string& hint) const {
  throw Error(ErrorKind::input_file, origin_ + ": " + what, hint);
}

void ConfigReader::refuse_value(const std::string& key, const std::string& expected) const {
  refuse(fmt::format("{}: found {}, {} expected", key, json_[key].dump(), expected));
}

}  // namespace dreamrunner
