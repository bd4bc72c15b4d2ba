#include "models/model_folder.h"

#include <ATen/ATen.h>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

constexpr const char* kDiffusersStem = "diffusion_pytorch_model";
constexpr const char* kTransformersStem = "model";

Json read_config(const fs::path& path) {
  if (!fs::exists(path)) {
    throw Error(ErrorKind::input_file, fmt::format("{}: no such file", path.string()), "the model lacks this part: download it again");
  }
  return read_json_file(path);
}

}  // namespace

ModelFolder::ModelFolder(fs::path folder) : folder_(std::move(folder)) {
  if (!fs::is_directory(folder_)) throw Error(ErrorKind::input_file, fmt::format("{}: no such folder", folder_.string()));
  const fs::path index = folder_ / "model_index.json";
  if (!fs::exists(index)) return;
  const Json json = read_json_file(index);
  const std::string found = json.is_object() && json.contains("_class_name") ? json["_class_name"].dump() : "nothing";
  if (found != "\"CogVideoXPipeline\"") {
    throw Error(ErrorKind::input_file, fmt::format("{}: _class_name: found {}, \"CogVideoXPipeline\" expected", index.string(), found),
                "this program runs the text-to-video models of CogVideoX 1.0");
  }
}

VideoModelFormat ModelFolder::format() const {
  const CogVideoXTransformerConfig transformer = transformer_config();
  const CogVideoXVaeConfig vae = vae_config();
  const T5EncoderConfig text_encoder = text_encoder_config();
  const auto require_equal = [&](const char* what, int64_t in_transformer, const char* part, int64_t in_part) {
    if (in_transformer == in_part) return;
    throw Error(ErrorKind::input_file, fmt::format("{}: {}: {} in the transformer, {} in {}", folder_.string(), what, in_transformer, in_part, part),
                "the parts are of different models");
  };
  require_equal("latent channels", transformer.in_channels, "the autoencoder", vae.latent_channels);
  require_equal("temporal compression ratio", transformer.temporal_compression_ratio, "the autoencoder", vae.temporal_compression_ratio);
  require_equal("width of text embeddings", transformer.text_embed_dim, "the text encoder", text_encoder.d_model);
  return {.text_length = transformer.max_text_seq_length, .text_width = transformer.text_embed_dim, .latent_channels = transformer.in_channels};
}

LatentGrid ModelFolder::latent_grid(std::optional<int64_t> num_frames, std::optional<int64_t> height_px, std::optional<int64_t> width_px) const {
  return make_latent_grid(transformer_config(), vae_config(), num_frames, height_px, width_px);
}

CogVideoXTransformerConfig ModelFolder::transformer_config() const {
  const fs::path path = folder_ / "transformer" / "config.json";
  return read_cogvideox_transformer_config(read_config(path), path.string());
}

CogVideoXVaeConfig ModelFolder::vae_config() const {
  const fs::path path = folder_ / "vae" / "config.json";
  return read_cogvideox_vae_config(read_config(path), path.string());
}

T5EncoderConfig ModelFolder::text_encoder_config() const {
  const fs::path path = folder_ / "text_encoder" / "config.json";
  return read_t5_encoder_config(read_config(path), path.string());
}

NoiseScheduleConfig ModelFolder::scheduler_config() const {
  const fs::path path = folder_ / "scheduler" / "scheduler_config.json";
  return read_noise_schedule_config(read_config(path), path.string());
}

at::ScalarType ModelFolder::stored_dtype(ModelPart part) const {
  switch (part) {
    case ModelPart::text_encoder: return Weights::open(folder_ / "text_encoder", kTransformersStem, {}).stored_dtype();
    case ModelPart::vae: return Weights::open(folder_ / "vae", kDiffusersStem, {}).stored_dtype();
    case ModelPart::transformer: break;
  }
  return Weights::open(folder_ / "transformer", kDiffusersStem, {}).stored_dtype();
}

T5Tokenizer ModelFolder::open_tokenizer() const { return T5Tokenizer::from_folder(folder_ / "tokenizer"); }

TextEncoder ModelFolder::open_text_encoder(Placement placement) const {
  return {text_encoder_config(), Weights::open(folder_ / "text_encoder", kTransformersStem, placement)};
}

VideoTransformer ModelFolder::open_transformer(Placement placement) const {
  return {transformer_config(), Weights::open(folder_ / "transformer", kDiffusersStem, placement)};
}

VideoAutoencoder ModelFolder::open_vae(Placement placement, VideoAutoencoder::Parts parts) const {
  return {vae_config(), Weights::open(folder_ / "vae", kDiffusersStem, placement), parts};
}

}  // namespace dreamrunner
