#include "adapt/lora_metadata.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"

namespace dreamrunner {
namespace {

constexpr const char* kKey = "dreamrunner";
constexpr int kSchema = 1;

template <class Value>
void take(const Json& json, const char* key, Value& into) {
  const auto found = json.find(key);
  if (found != json.end() && !found->is_null()) into = found->get<Value>();
}

template <class Value>
void take(const Json& json, const char* key, std::optional<Value>& into) {
  const auto found = json.find(key);
  if (found != json.end() && !found->is_null()) into = found->get<Value>();
}

}  // namespace

std::string lora_info_json(const LoraInfo& info) {
  Json json = {{"schema", kSchema}, {"kind", info.kind},           {"name", info.name},
               {"base", info.base}, {"base_name", info.base_name}, {"blocks", info.blocks}};
  if (info.rank) json["rank"] = *info.rank;
  if (info.alpha) json["alpha"] = *info.alpha;
  if (info.step) json["step"] = *info.step;
  json["data"] = info.data;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

LoraInfo read_lora_info(const std::map<std::string, std::string>& metadata, const std::string& origin) {
  const auto found = metadata.find(kKey);
  LoraInfo info;
  if (found == metadata.end()) return info;
  const std::string place = fmt::format("{}: metadata {}", origin, kKey);
  const Json json = parse_json(found->second, place);
  if (!json.is_object()) throw Error(ErrorKind::input_file, fmt::format("{}: an object expected", place));
  try {
    take(json, "kind", info.kind);
    take(json, "name", info.name);
    take(json, "base", info.base);
    take(json, "base_name", info.base_name);
    take(json, "blocks", info.blocks);
    take(json, "rank", info.rank);
    take(json, "alpha", info.alpha);
    take(json, "step", info.step);
    take(json, "data", info.data);
  } catch (const Json::exception& error) {
    throw Error(ErrorKind::input_file, fmt::format("{}: {}", place, error.what()));
  }
  return info;
}

}  // namespace dreamrunner
