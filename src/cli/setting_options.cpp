#include "cli/setting_options.h"

#include <CLI/CLI.hpp>

namespace dreamrunner {

void add_setting_options(CLI::App& app, SettingOverrides& overrides) {
  const auto add = [&app](const char* name, auto& value, const char* type, const char* text) {
    app.add_option(name, value, text)->type_name(type)->group("Instead of what film.toml says");
  };
  add("--steps", overrides.steps, "N", "denoising steps");
  add("--guidance-scale", overrides.guidance_scale, "X", "how closely pictures follow the captions; 1 is no guidance");
  add("--negative-prompt", overrides.negative_prompt, "TEXT", "what pictures should be far from");
  add("--num-frames", overrides.num_frames, "N", "pictures in a scene");
  add("--height", overrides.height, "PIXELS", "of a picture");
  add("--width", overrides.width, "PIXELS", "of a picture");
  add("--seed", overrides.seed, "N", "scene k starts from this plus k - 1");
  add("--model", overrides.model, "NAME", "a folder in the Hugging Face layout, a name in its cache, or playset");
  add("--sampler", overrides.sampler, "NAME", "auto, ddim or dpm");
  add("--interpolation", overrides.interpolation, "NAME", "how key frames fill the scene: repeat or linear");
  add("--visual-attn", overrides.visual_attn, "NAME", "what pictures' tokens see of each other: full, or hard (only within regions)");
  add("--device", overrides.device, "NAME", "auto, cpu or cuda");
  add("--dtype", overrides.dtype, "NAME", "auto, fp32, fp16 or bf16");
  add("--noise-dtype", overrides.noise_dtype, "NAME", "fp32, or model for diffusers' draw in the model's type");
}

}  // namespace dreamrunner
