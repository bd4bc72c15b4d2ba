#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include <gmock/gmock.h>

#include "adapt/lora_file.h"
#include "base/files.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "tensor/noise.h"
#include "tensor/tensor_file.h"

namespace dreamrunner::test {

using Metadata = std::map<std::string, std::string>;

inline std::string block(int index, const std::string& rest) { return "transformer_blocks." + std::to_string(index) + "." + rest; }

/// A model of four blocks, with sides unlike each other. `patch_embed.proj` has a kernel of 4 channels, 2 x 2.
inline std::vector<AdaptableLinear> small_model() {
  std::vector<AdaptableLinear> linears{{"patch_embed.proj", 16, 12}, {"patch_embed.text_proj", 10, 12}};
  for (int i = 0; i < 4; ++i) {
    for (const char* name : {"attn1.to_q", "attn1.to_k", "attn1.to_v", "attn1.to_out.0"}) linears.push_back({block(i, name), 12, 12});
    linears.push_back({block(i, "ff.net.0.proj"), 12, 20});
    linears.push_back({block(i, "ff.net.2"), 20, 12});
    linears.push_back({block(i, "norm1.linear"), 8, 30});
  }
  linears.push_back({"proj_out", 12, 6});
  return linears;
}

/// Random numbers of a shape; the same for the same seed.
inline at::Tensor numbers(std::vector<int64_t> shape, int64_t seed = 1) { return NoiseSource(seed).draw(shape); }

/// A and B of one module under diffusers' names: `PREFIXmodule.lora_A.weight`, `...lora_B.weight`.
inline void add_module(TensorMap& tensors, const std::string& module, int64_t rank, int64_t in, int64_t out, int64_t seed = 1) {
  tensors["transformer." + module + ".lora_A.weight"] = numbers({rank, in}, seed);
  tensors["transformer." + module + ".lora_B.weight"] = numbers({out, rank}, seed + 1000);
}

inline LoraFile read_of(const TensorMap& tensors, const Metadata& metadata = {}) {
  const TemporaryFolder folder;
  write_tensors(folder / "lora.safetensors", tensors, metadata);
  return read_lora(folder / "lora.safetensors", small_model());
}

/// The message with which a file is refused.
inline std::string refusal_of(const TensorMap& tensors, const Metadata& metadata = {}) {
  return expect_error(ErrorKind::input_file, [&] { read_of(tensors, metadata); });
}

/// A PEFT folder of one configuration and these tensors.
inline LoraFile read_peft(const TensorMap& tensors, const std::string& config) {
  const TemporaryFolder folder;
  write_tensors(folder / "adapter_model.safetensors", tensors);
  write_file_atomic(folder / "adapter_config.json", config);
  return read_lora(folder.path(), small_model());
}

}  // namespace dreamrunner::test
