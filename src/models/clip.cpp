#include "models/clip.h"

#include <ATen/ATen.h>

#include <fmt/format.h>

#include "base/error.h"
#include "models/config_reader.h"
#include "tensor/tensor_file.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

/// The config of one tower. Old files carry a second object that overrides the first.
Json tower_config(const Json& json, const std::string& key, const std::string& origin) {
  Json config = Json::object();
  for (const std::string& name : {key, key + "_dict"}) {
    if (!json.contains(name) || json[name].is_null()) continue;
    if (!json[name].is_object()) ConfigReader(json, origin).refuse(name + ": an object expected");
    config.update(json[name]);
  }
  return config;
}

ClipTransformerConfig read_transformer(const Json& json, const std::string& origin, ClipTransformerConfig config) {
  const ConfigReader reader(json, origin);
  config.width = reader.integer("hidden_size", config.width, 1, 1 << 14);
  config.inner_width = reader.integer("intermediate_size", config.inner_width, 1, 1 << 16);
  config.layers = reader.integer("num_hidden_layers", config.layers, 1, 256);
  config.heads = reader.integer("num_attention_heads", config.heads, 1, 1024);
  config.eps = reader.real("layer_norm_eps", config.eps, 0, 1);
  if (config.width % config.heads != 0) reader.refuse(fmt::format("hidden_size: {} is no multiple of {} heads", config.width, config.heads));
  const std::string activation = json.value("hidden_act", Json("quick_gelu")).dump();
  if (activation != "\"quick_gelu\"" && activation != "\"gelu\"") {
    reader.refuse(fmt::format("hidden_act: found {}, \"quick_gelu\" or \"gelu\" expected", activation));
  }
  config.activation = activation == "\"gelu\"" ? ClipActivation::gelu : ClipActivation::quick_gelu;
  return config;
}

}  // namespace

ScorerThresholds read_scorer_thresholds(const Json& json, const std::string& origin) {
  const ConfigReader reader(json, origin);
  const auto read = [&](const char* key) {
    return json.contains(key) && !json[key].is_null() ? std::optional(reader.real(key, 0, -1, 1)) : std::nullopt;
  };
  return {.average = read("threshold"), .alone = read("threshold_alone")};
}

ClipConfig read_clip_config(const Json& json, const std::string& origin) {
  const ConfigReader reader(json, origin);
  reader.require("model_type", "clip", "a folder of CLIP in Hugging Face's layout is needed");
  ClipConfig config;
  const Json text = tower_config(json, "text_config", origin), vision = tower_config(json, "vision_config", origin);
  config.text.transformer = read_transformer(text, origin + ": text_config", config.text.transformer);
  const ConfigReader text_reader(text, origin + ": text_config");
  config.text.vocab_size = text_reader.integer("vocab_size", config.text.vocab_size, 3, 1'000'000);
  config.text.context_length = text_reader.integer("max_position_embeddings", config.text.context_length, 2, 1 << 14);
  config.text.end_id = text_reader.integer("eos_token_id", config.text.end_id, 0, 1'000'000);
  config.vision.transformer = read_transformer(vision, origin + ": vision_config", config.vision.transformer);
  const ConfigReader vision_reader(vision, origin + ": vision_config");
  vision_reader.require("num_channels", 3, "pictures have three channels");
  config.vision.image_size = vision_reader.integer("image_size", config.vision.image_size, 1, 4096);
  config.vision.patch_size = vision_reader.integer("patch_size", config.vision.patch_size, 1, 4096);
  if (config.vision.patch_size > config.vision.image_size) vision_reader.refuse("patch_size: larger than image_size");
  config.text.embed_dim = config.vision.embed_dim = reader.integer("projection_dim", 512, 1, 1 << 14);
  config.thresholds = read_scorer_thresholds(json, origin);
  return config;
}

ClipVisionTower::ClipVisionTower(const ClipVisionConfig& config, ClipNames names, const Weights& weights) : config_(config) {
  const int64_t width = config.transformer.width, side = config.image_size / config.patch_size;
  const double eps = config.transformer.eps;
  const std::vector<int64_t> patch_shape = {width, 3, config.patch_size, config.patch_size};
  const std::vector<int64_t> position_shape = {1 + side * side, width};
  if (names == ClipNames::openai) {
    patches_ = weights.take("conv1.weight", patch_shape);
    class_ = weights.take("class_embedding", {width});
    positions_ = weights.take("positional_embedding", position_shape);
    first_norm_ = take_layer_norm(weights / "ln_pre", width, eps);
    transformer_ = ClipTransformer(config.transformer, names, weights / "transformer");
    last_norm_ = take_layer_norm(weights / "ln_post", width, eps);
    projection_.weight = weights.take("proj", {width, config.embed_dim}).t().contiguous();
    return;
  }
  const Weights model = weights / "vision_model";
  patches_ = model.take("embeddings.patch_embedding.weight", patch_shape);
  class_ = model.take("embeddings.class_embedding", {width});
  positions_ = model.take("embeddings.position_embedding.weight", position_shape);
  model.ignore("embeddings.position_ids");
  first_norm_ = take_layer_norm(model / "pre_layrnorm", width, eps);  // their spelling
  transformer_ = ClipTransformer(config.transformer, names, model / "encoder");
  last_norm_ = take_layer_norm(model / "post_layernorm", width, eps);
  projection_ = take_linear(weights / "visual_projection", width, config.embed_dim, /*has_bias=*/false);
}

at::Tensor ClipVisionTower::forward(const at::Tensor& pixels) const {
  const int64_t size = config_.image_size;
  if (pixels.dim() != 4 || pixels.numel() == 0 || pixels.sizes().slice(1) != at::IntArrayRef({3, size, size})) {
    throw Error(ErrorKind::usage, fmt::format("pixels: found {}, [B, 3, {}, {}] expected", shape_text(pixels.sizes()), size, size));
  }
  const at::Tensor input = pixels.to(patches_.device(), patches_.scalar_type());
  const at::Tensor patches_BLD = at::conv2d(input, patches_, {}, config_.patch_size).flatten(2).transpose(1, 2);
  const at::Tensor tokens = at::cat({class_.expand({input.size(0), 1, -1}), patches_BLD}, 1) + positions_;
  const at::Tensor states = transformer_.forward(first_norm_.forward(tokens), /*causal=*/false);
  return projection_.forward(last_norm_.forward(states.select(1, 0)));
}

Clip Clip::open(const fs::path& folder, Placement placement) {
  const fs::path path = folder / "config.json";
  ClipConfig config = read_clip_config(read_json_file(path), path.string());
  ClipTokenizer tokenizer = open_clip_tokenizer(folder, config.text.vocab_size);
  ClipPreprocess preprocess = read_clip_preprocess(folder, config.vision.image_size);
  const Weights weights = Weights::open(folder, "model", placement);
  const ClipNames names = weights.has("visual.conv1.weight") ? ClipNames::openai : ClipNames::hugging_face;
  return Clip(std::move(config), std::move(tokenizer), std::move(preprocess), placement, names, weights);
}

Clip::Clip(ClipConfig config, ClipTokenizer tokenizer, ClipPreprocess preprocess, Placement placement, ClipNames names, const Weights& weights)
    : config_(std::move(config)),
      tokenizer_(std::move(tokenizer)),
      preprocess_(std::move(preprocess)),
      placement_(placement),
      text_(config_.text, names, weights),
      vision_(config_.vision, names, names == ClipNames::openai ? weights / "visual" : weights) {
  // What the similarity is multiplied with; the scores here are plain cosines.
  weights.ignore("logit_scale");
  weights.finish();
}

at::Tensor Clip::embed_text(std::string_view text) const {
  return text_.forward(clip_text_ids(tokenizer_, text, config_.text.context_length));
}

at::Tensor Clip::embed_frames(const at::Tensor& frames) const { return vision_.forward(preprocess_.forward(frames)); }

at::Tensor Clip::embed_pixels(const at::Tensor& pixels) const { return vision_.forward(pixels); }

at::Tensor clip_text_ids(const ClipTokenizer& tokenizer, std::string_view text, int64_t context_length) {
  // Not padded: under the causal mask nothing that comes after the end token has a say.
  return at::tensor(tokenizer.encode(text, context_length).ids, at::kLong).unsqueeze(0);
}

ClipTokenizer open_clip_tokenizer(const fs::path& folder, int64_t vocab_size) {
  ClipTokenizer tokenizer = ClipTokenizer::from_folder(folder);
  if (tokenizer.size() > vocab_size) {
    throw Error(ErrorKind::input_file, fmt::format("{}: a vocabulary of {}, and a model of {}", (folder / "vocab.json").string(), tokenizer.size(), vocab_size),
                "vocab.json and config.json are of different models");
  }
  return tokenizer;
}

}  // namespace dreamrunner
