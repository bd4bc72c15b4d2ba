#include "engine/forward.h"

#include <optional>

#include <ATen/ATen.h>

#include <fmt/format.h>

#include "adapt/lora_file.h"
#include "base/error.h"
#include "engine/forward_io.h"
#include "engine/forward_scorers.h"
#include "generate/denoise.h"
#include "media/frame_rate.h"
#include "media/frames.h"
#include "media/video_writer.h"
#include "models/model_folder.h"
#include "region/region_conditioning.h"
#include "tensor/device.h"
#include "tensor/noise.h"
#include "tensor/tensor_file.h"

namespace dreamrunner {
namespace {

/// Where a part of a video model is computed: `auto` on a GPU is the type that the part is stored in.
Placement placement_of(const ForwardRequest& request, const ModelFolder& model, ModelPart part) {
  const at::Device device = choose_device(request.device);
  const bool ask = request.dtype == "auto" && !device.is_cpu();
  return {.device = device, .dtype = choose_dtype(request.dtype, device, ask ? model.stored_dtype(part) : at::kFloat)};
}

void run_text_encoder(const ForwardRequest& request) {
  Inputs inputs(request.input);
  const at::Tensor ids = inputs.take("input_ids", 2).to(at::kLong);
  inputs.finish();
  const ModelFolder model(request.model);
  const TextEncoder encoder = model.open_text_encoder(placement_of(request, model, ModelPart::text_encoder));
  if (ids.lt(0).any().item<bool>() || ids.ge(encoder.config().vocab_size).any().item<bool>()) {
    throw Error(ErrorKind::usage, fmt::format("{}: input_ids: 0 to {} expected", inputs.origin(), encoder.config().vocab_size - 1));
  }
  write_result(request, {{"last_hidden_state", encoder.forward(ids.to(encoder.device()))}});
}

void run_transformer(const ForwardRequest& request, RunContext& run) {
  Inputs inputs(request.input);
  const at::Tensor hidden_states = inputs.take("hidden_states", 5);
  const at::Tensor encoder_hidden_states = inputs.take("encoder_hidden_states", 3);
  const at::Tensor timestep = inputs.take("timestep", 1);
  const auto regions = inputs.take_if_there("regions", 4);
  const auto lora_regions = inputs.take_if_there("lora_regions", 2);
  inputs.finish();
  const ModelFolder model(request.model);
  const VideoTransformer transformer = model.open_transformer(placement_of(request, model, ModelPart::transformer));
  if (lora_regions && lora_regions->size(0) != static_cast<int64_t>(request.loras.size())) {
    throw Error(ErrorKind::usage, fmt::format("{}: lora_regions: {} rows for {} --lora", inputs.origin(), lora_regions->size(0), request.loras.size()));
  }
  std::vector<TransformerLora> loras;
  for (const auto& [file, weight] : request.loras) {
    const auto row = static_cast<int64_t>(loras.size());
    loras.push_back({.modules = read_lora(file, transformer.adaptable_linears(), run).modules,
                     .weight = weight,
                     .mask_L = lora_regions ? lora_regions->select(0, row).ne(0) : at::Tensor(),
                     .name = file.string()});
  }
  const auto context = transformer.prepare(encoder_hidden_states, regions, hidden_states.size(1), hidden_states.size(3), hidden_states.size(4),
                                           visual_attention_from_name(request.visual_attn), transformer.bind(loras));
  write_result(request, {{"sample", transformer.forward(hidden_states, timestep, context)}});
}

std::vector<std::string> run_regions(const ForwardRequest& request) {
  if (!request.scene || request.grid.size() != 3) throw Error(ErrorKind::usage, "regions: needs --plan, --scene and --grid FxHxW");
  const TokenGrid grid{.frames = request.grid[0], .height = request.grid[1], .width = request.grid[2]};
  const RegionConditioning conditioning = make_region_conditioning(*request.scene, grid, interpolation_from_name(request.interpolation));
  write_result(request, {{"regions", conditioning.regions}});
  return conditioning.captions;
}

void run_vae_encode(const ForwardRequest& request, RunContext& run) {
  Inputs inputs(request.input);
  const at::Tensor pixels = inputs.take("pixels", 5);
  inputs.finish();
  const ModelFolder model(request.model);
  const VideoAutoencoder vae = model.open_vae(placement_of(request, model, ModelPart::vae));
  const auto posterior = vae.encode(pixels, run, VideoAutoencoder::tiling(request.vae_tiling));
  write_result(request, {{"mean", posterior.mean}, {"logvar", posterior.logvar}});
}

void run_vae_decode(const ForwardRequest& request, RunContext& run) {
  Inputs inputs(request.input);
  const at::Tensor latents = inputs.take("latents", 5);
  inputs.finish();
  const ModelFolder model(request.model);
  const VideoAutoencoder vae = model.open_vae(placement_of(request, model, ModelPart::vae));
  write_result(request, {{"pixels", vae.decode(latents, run, VideoAutoencoder::tiling(request.vae_tiling))}});
}

void run_denoise(const ForwardRequest& request, RunContext& run) {
  Inputs inputs(request.input);
  const at::Tensor latents = inputs.take("latents", 5);
  DenoiseConditions conditions{.prompt_embeds = inputs.take("prompt_embeds", 3),
                               .negative_prompt_embeds = inputs.take("negative_prompt_embeds", 3),
                               .regions = inputs.take_if_there("regions", 4),
                               .visual_attention = visual_attention_from_name(request.visual_attn),
                               .guidance_scale = request.guidance_scale};
  inputs.finish();
  if (latents.size(0) != 1) throw Error(ErrorKind::usage, fmt::format("latents: found {}, [1, F, C, H, W] expected", shape_text(latents.sizes())));
  if (conditions.prompt_embeds.sizes() != conditions.negative_prompt_embeds.sizes()) {
    throw Error(ErrorKind::usage, fmt::format("prompt_embeds {} and negative_prompt_embeds {} differ in shape", shape_text(conditions.prompt_embeds.sizes()),
                                              shape_text(conditions.negative_prompt_embeds.sizes())));
  }
  const ModelFolder model(request.model);
  const VideoTransformer transformer = model.open_transformer(placement_of(request, model, ModelPart::transformer));
  NoiseSource noise(request.seed);
  const auto sampler = make_sampler(request.sampler, model.scheduler_config(), request.steps, noise);
  write_result(request, {{"latents", denoise(transformer, *sampler, latents, conditions, "forward", run)}});
}

void run_video_write(const ForwardRequest& request, RunContext& run) {
  Inputs inputs(request.input);
  at::Tensor frames = inputs.take("frames", 4);
  inputs.finish();
  if (frames.size(3) != 3) throw Error(ErrorKind::usage, fmt::format("frames: found {}, [F, H, W, 3] expected", shape_text(frames.sizes())));
  const FrameRate rate = parse_frame_rate(request.fps);
  std::vector<uint8_t> converted;
  if (frames.is_floating_point()) {
    const at::Tensor wide = frames.to(at::kFloat).contiguous();
    converted = bytes_from_unit_floats({wide.const_data_ptr<float>(), static_cast<size_t>(wide.numel())});
  } else if (frames.scalar_type() == at::kByte) {
    frames = frames.contiguous();
  } else {
    throw Error(ErrorKind::usage, inputs.origin() + ": frames: uint8, or floating point from 0 to 1, expected");
  }
  const FramesView view{.frames = static_cast<int>(frames.size(0)), .height = static_cast<int>(frames.size(1)), .width = static_cast<int>(frames.size(2)),
                        .rgb = converted.empty() ? frames.const_data_ptr<uint8_t>() : converted.data()};
  const WrittenVideo written = write_video(request.output, view, {.rate = rate, .metadata = {}});
  if (written.padded_column || written.padded_line) {
    run.report().note(fmt::format("{}: written as {} x {}: H.264 needs even sides, the last line or column is repeated", request.output.string(),
                                  written.width, written.height));
  }
}

}  // namespace

std::vector<std::string> run_forward(const ForwardRequest& request, RunContext& run) {
  const std::string& part = request.part;
  if (part == "regions") return run_regions(request);
  if (part == "text-encoder") {
    run_text_encoder(request);
  } else if (part == "transformer") {
    run_transformer(request, run);
  } else if (part == "vae-encode") {
    run_vae_encode(request, run);
  } else if (part == "vae-decode") {
    run_vae_decode(request, run);
  } else if (part == "denoise") {
    run_denoise(request, run);
  } else if (part == "video-write") {
    run_video_write(request, run);
  } else if (!run_scorer_part(request, run)) {
    throw Error(ErrorKind::usage, fmt::format("forward: unknown part \"{}\"", part),
                "parts: tokens, text-encoder, transformer, regions, vae-encode, vae-decode, denoise, video-write, clip-text, clip-image, viclip, "
                "yolov5, frames");
  }
  return {};
}

}  // namespace dreamrunner
