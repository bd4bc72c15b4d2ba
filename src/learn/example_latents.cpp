#include "learn/example_latents.h"

#include <optional>

#include <ATen/ATen.h>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "generate/text_embeddings.h"
#include "learn/example_pixels.h"
#include "tensor/finite.h"
#include "tensor/tensor_file.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

constexpr int kCacheFormat = 2;  // Raise it when the same example is encoded differently.

std::optional<fs::path> cache_file(const LearnRequest& request, const char* what, const std::string& key) {
  if (request.cache.empty() || request.base.empty()) return std::nullopt;
  return request.cache / fmt::format("{}-{}.safetensors", what, sha256_hex(key).substr(0, 32));
}

/// A cached file's tensors; nothing where there is none or it cannot be read (it is then made again).
std::optional<TensorMap> from_cache(const std::optional<fs::path>& file) {
  std::error_code ignored;
  if (!file || !fs::exists(*file, ignored)) return std::nullopt;
  try {
    return read_tensors(*file);
  } catch (const Error&) {
    return std::nullopt;
  }
}

void to_cache(const std::optional<fs::path>& file, const TensorMap& tensors) {
  if (!file) return;
  make_folders(file->parent_path());
  write_tensors(*file, tensors);
}

/// pixels [F, H, W, 3] uint8 -> scaled latents [F', C, H', W'] fp32 on the CPU. They are the posterior's mean: the authors
/// sample it once, which makes no difference where the deviation is tiny and drowns the picture where it was never
/// trained, as in the playset.
at::Tensor encode_pixels(const VideoAutoencoder& autoencoder, const at::Tensor& pixels, const std::string& range, const std::string& origin, RunContext& run) {
  at::Tensor input = pixels.to(at::kFloat).div_(255.0);
  if (range == "symmetric") input = input.mul_(2.0).sub_(1.0);
  const auto posterior = autoencoder.encode(input.permute({3, 0, 1, 2}).unsqueeze(0).to(autoencoder.device(), autoencoder.dtype()), run);
  const at::Tensor latents = posterior.mean.to(at::kCPU, at::kFloat) * autoencoder.scaling_factor();
  require_finite(latents, "encoding examples", origin);
  return latents.squeeze(0).permute({1, 0, 2, 3}).contiguous();
}

std::string caption_of(const LearnRequest& request, size_t index) {
  if (request.recipe.prompts == "per-video") return request.examples[index].caption;
  if (request.recipe.prompts != "single") {
    throw Error(ErrorKind::usage, fmt::format("prompts: found \"{}\", per-video or single expected", request.recipe.prompts));
  }
  return request.kind == PriorKind::motion ? "a person is " + request.name : request.examples.front().caption;
}

}  // namespace

std::vector<TrainingVideo> encode_examples(const LearnRequest& request, const ModelFolder& model, Placement placement, RunContext& run) {
  const PriorRecipe& recipe = request.recipe;
  if (recipe.pixel_range != "symmetric" && recipe.pixel_range != "official") {
    throw Error(ErrorKind::usage, fmt::format("pixel_range: found \"{}\", symmetric or official expected", recipe.pixel_range));
  }
  const LatentGrid grid = model.latent_grid(recipe.num_frames, std::nullopt, std::nullopt);
  const std::string stage = request.label + ": encoding examples";
  run.report().begin(stage, static_cast<int64_t>(request.examples.size()));
  std::optional<VideoAutoencoder> autoencoder;
  RunContext quiet{run.stop, nullptr};  // The autoencoder's own progress would only flicker.
  std::vector<TrainingVideo> videos;
  for (const PriorExample& example : request.examples) {
    run.check();
    std::error_code absent;
    if (!fs::is_regular_file(example.file, absent)) {
      throw Error(ErrorKind::input_file, fmt::format("{}: no such file", example.file.string()), fmt::format("{} is learnt from it", request.label));
    }
    const auto number = [](const std::optional<double>& value) { return value ? fmt::format("{}", *value) : std::string("-"); };
    const std::string key = fmt::format("{} {} {} {} {} {} {} {}x{}x{} {} {} {} {}", kCacheFormat, dtype_name(placement.dtype), prior_kind_name(request.kind), sha256_of_file(example.file),
                                        number(example.start_s), number(example.end_s),
                                        example.crop ? fmt::format("{},{},{},{}", example.crop->left, example.crop->top, example.crop->right, example.crop->bottom) : "-",
                                        grid.num_frames, grid.height_px, grid.width_px, recipe.flip > 0, recipe.mask_background, recipe.pixel_range, request.base);
    const auto file = cache_file(request, "latents", key);
    std::optional<TensorMap> tensors = from_cache(file);
    if (!tensors) {
      const ExamplePixels pixels = read_example(request.kind, example, grid, recipe.mask_background, run);
      if (!autoencoder) autoencoder.emplace(model.open_vae(placement));
      tensors.emplace();
      (*tensors)["latents"] = encode_pixels(*autoencoder, pixels.frames_FHWC, recipe.pixel_range, example.file.string(), quiet);
      if (recipe.flip > 0) {
        (*tensors)["mirrored"] = encode_pixels(*autoencoder, pixels.frames_FHWC.flip({2}), recipe.pixel_range, example.file.string(), quiet);
      }
      if (pixels.mask_HW.defined()) (*tensors)["mask"] = at::max_pool2d(pixels.mask_HW.unsqueeze(0), autoencoder->config().spatial_ratio()).squeeze(0);
      to_cache(file, *tensors);
    }
    TrainingVideo video;
    video.latents_FCHW = tensors->at("latents");
    if (tensors->contains("mirrored")) video.mirrored_FCHW = tensors->at("mirrored");
    if (tensors->contains("mask")) video.mask_HW = tensors->at("mask");
    videos.push_back(std::move(video));
    run.report().advance(static_cast<int64_t>(videos.size()));
  }
  run.report().end();
  return videos;
}

void embed_captions(const LearnRequest& request, const ModelFolder& model, Placement placement, std::vector<TrainingVideo>& videos, RunContext& run) {
  const int64_t length = model.format().text_length;
  std::vector<std::string> missing;
  const auto file_of = [&](const std::string& caption) {
    return cache_file(request, "text", fmt::format("{} {} {} {} {}", kCacheFormat, length, dtype_name(placement.dtype), request.base, caption));
  };
  for (size_t i = 0; i < videos.size(); ++i) {
    const auto tensors = from_cache(file_of(caption_of(request, i)));
    if (tensors && tensors->contains("text")) {
      videos[i].text_TD = tensors->at("text");
    } else {
      missing.push_back(caption_of(request, i));
    }
  }
  if (missing.empty()) return;
  const TextEmbeddings embeddings = TextEmbeddings::encode(model, missing, length, placement, run);
  for (size_t i = 0; i < videos.size(); ++i) {
    if (videos[i].text_TD.defined()) continue;
    const std::string caption = caption_of(request, i);
    videos[i].text_TD = embeddings.stack({caption}).squeeze(0).to(at::kCPU);
    to_cache(file_of(caption), {{"text", videos[i].text_TD}});
  }
}

}  // namespace dreamrunner
