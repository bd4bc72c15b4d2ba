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
  app.add_flag("--vae-tiling", overrides.vae_tiling, "decode large pictures in overlapping tiles: far less memory, pictures change a little")
      ->group("Instead of what film.toml says");
  add("--device", overrides.device, "NAME", "auto, cpu or cuda");
  add("--dtype", overrides.dtype, "NAME", "auto, fp32, fp16 or bf16");
  add("--noise-dtype", overrides.noise_dtype, "NAME", "fp32, or model for diffusers' draw in the model's type");
}

void add_prior_options(CLI::App& app, MakeRequest& request) {
  constexpr const char* kGroup = "Priors";
  SettingOverrides& overrides = request.overrides;
  CLI::Option* none = app.add_flag("--no-priors", overrides.no_priors, "the model alone")->group(kGroup);
  app.add_option("--priors", overrides.priors, "on, or off for the model alone")->type_name("on|off")->excludes(none)->group(kGroup);
  app.add_option("--prior-weight", overrides.prior_weights, "how strongly the prior of a character or motion acts; 0 leaves it out; repeatable")
      ->type_name("ID=W")->allow_extra_args(false)->group(kGroup);
  app.add_option("--lora-scope", overrides.lora_scope, "where priors act: region, or global (everywhere)")->type_name("NAME")->group(kGroup);
  app.add_option("--lora-text-tokens", overrides.lora_text_tokens, "whether they act on the texts of their regions too: on or off")->type_name("on|off")->group(kGroup);
  app.add_flag("--strict", request.strict, "refuse when the plan wants a prior that cannot be learnt, or one was learnt on another model")->group(kGroup);
  app.add_flag("--no-rag", overrides.library.no_rag, "retrieve nothing, and leave all motions to the model (the paper's ablation)")->group(kGroup);
  app.add_flag_callback("--no-wait", [&request] { request.wait = false; }, "exit with code 7 when another run learns the same prior")->group(kGroup);
}

void add_library_options(CLI::App& app, LibraryOverrides& overrides) {
  const auto add = [&app](const char* name, auto& value, const char* type, const char* text) {
    app.add_option(name, value, text)->type_name(type)->group("Instead of what film.toml says under [library]");
  };
  add("--library", overrides.path, "DIR", "the catalogue of clips");
  add("--scorers", overrides.scorers, "DIR", "folder with clip/, viclip/ and yolov5/");
  add("--subject", overrides.subject, "WORDS", "who does it: person, or another such as dog");
  add("--top", overrides.top, "N", "captions that are looked at");
  add("--cut", overrides.cut, "NAME", "cut clips to the person in time (trim), in the picture as well (crop), or off");
  add("--threshold", overrides.threshold, "X", "scores above it pass");
  add("--max-clips", overrides.max_clips, "N", "clips kept");
  app.add_flag("--no-clip-filter", overrides.no_clip_filter, "no scores: keep the first that come by caption")->group("Instead of what film.toml says under [library]");
}

}  // namespace dreamrunner
