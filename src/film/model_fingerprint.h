#pragma once

#include <filesystem>
#include <string>

namespace dreamrunner {

/// A digest of what a model folder makes a film from, so that artefacts go stale when the model changes: every `*.json`,
/// `spiece.model`, `merges.txt` and `*.safetensors` in the folder and its parts (one level down; those that `model_index.json`
/// names, where it names any), by name and content; links are followed. `priors.json` does not count: it says how priors are learnt, and their keys say that again.
/// Files up to 64 MiB count whole. Of larger ones count the size, the first MiB (which holds the header), the last 64 KiB and
/// 64 evenly spaced pieces of 64 KiB: enough to tell one training from another, in a second for the largest models; a
/// single changed number in a large file can go unnoticed.
/// 64 hexadecimal digits. Throws Error(input_file) for a folder that holds nothing of the kind, Error(storage).
std::string model_fingerprint(const std::filesystem::path& folder);

}  // namespace dreamrunner
