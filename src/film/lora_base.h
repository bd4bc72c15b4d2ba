#pragma once

#include <filesystem>
#include <string>

#include "base/safetensors_index.h"

namespace dreamrunner {

/// The model that a LoRA file says it was learnt on (docs/lora-files.md, "What is written").
struct LoraBase {
  std::string fingerprint;  ///< Of the model folder; empty: the file does not say.
  std::string name;         ///< For people; may be empty.
};

/// What the metadata of a LoRA file says. Metadata that cannot be read says nothing here; the engine refuses it, with its place.
LoraBase lora_base(const SafetensorsIndex& index);

/// The same of `path`, which is what the engine takes for a LoRA: a file, or a folder with one. Nothing where there is no such file.
LoraBase lora_base(const std::filesystem::path& path);

/// Empty where `base` is the model in the folder `model` with this fingerprint, or does not say; else both in words: "learnt on
/// playset (0123abcd), not on CogVideoX-2b (89abcdef)".
std::string other_base_in_words(const LoraBase& base, const std::filesystem::path& model, const std::string& fingerprint);

}  // namespace dreamrunner
