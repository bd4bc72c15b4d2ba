#pragma once

#include <map>
#include <string>

#include "adapt/lora_file.h"

namespace dreamrunner {

/// `info` as the JSON that files hold in their metadata `dreamrunner`.
std::string lora_info_json(const LoraInfo& info);

/// The metadata `dreamrunner` of a file; an empty LoraInfo where there is none. What a later version may add is passed over.
/// Throws Error(input_file) naming `origin` for JSON that cannot be read and values of another type.
LoraInfo read_lora_info(const std::map<std::string, std::string>& metadata, const std::string& origin);

}  // namespace dreamrunner
