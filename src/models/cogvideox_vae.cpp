#include "models/cogvideox_vae.h"

#include <algorithm>
#include <bit>

#include <ATen/ATen.h>

#include <fmt/format.h>

#include "base/error.h"
#include "models/config_reader.h"
#include "tensor/finite.h"
#include "tensor/tensor_file.h"

namespace dreamrunner {
namespace {

constexpr int64_t kEncodeChunk = 8;  // pixel frames, whatever the temporal ratio
constexpr int64_t kDecodeChunk = 2;  // latent frames, whatever the temporal ratio
// A sixth of a tile's rows and a fifth of its columns lie under the tile before it, as in the reference.
constexpr int64_t kRowOverlapDivisor = 6;
constexpr int64_t kColumnOverlapDivisor = 5;

/// Applies a convolution to each picture of [B, C, T, H, W].
at::Tensor conv_each_frame(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, int64_t stride, int64_t padding) {
  const int64_t batch = x.size(0), frames = x.size(2);
  const at::Tensor pictures = x.transpose(1, 2).flatten(0, 1);
  return at::conv2d(pictures, weight, bias, stride, padding).unflatten(0, {batch, frames}).transpose(1, 2);
}

at::Tensor nearest(const at::Tensor& x, int64_t frames, int64_t height, int64_t width) {
  return at::upsample_nearest3d(x, {frames, height, width});
}

/// The latents at the size of a feature map. An odd number of frames has a first frame that stands alone.
at::Tensor resize_latents(const at::Tensor& latents, const at::Tensor& x) {
  const int64_t frames = x.size(2), height = x.size(3), width = x.size(4);
  if (frames == 1 || frames % 2 == 0) return nearest(latents, frames, height, width);
  return at::cat({nearest(latents.slice(2, 0, 1), 1, height, width), nearest(latents.slice(2, 1), frames - 1, height, width)}, 2);
}

/// A half at work, for messages.
struct Work {
  const char* stage;
  const char* result;
  int64_t chunk;  ///< Frames that pass at once.
};
constexpr Work kEncoding{"encoding", "moments", kEncodeChunk};
constexpr Work kDecoding{"decoding", "pixels", kDecodeChunk};

/// Passes a video through one half, chunk of frames by chunk, with a cache of its own. `done` counts chunks for the progress.
template <class PassChunk>
at::Tensor pass_in_chunks(const at::Tensor& video, const Work& work, int64_t& done, RunContext& run, const PassChunk& pass_chunk) {
  ConvCache cache;
  std::vector<at::Tensor> parts;
  const auto chunks = temporal_chunks(video.size(2), work.chunk);
  for (const auto& [begin, end] : chunks) {
    run.check();
    parts.push_back(pass_chunk(video.slice(2, begin, end), cache));
    require_finite(parts.back(), work.stage, fmt::format("{} of chunk {} of {}", work.result, parts.size(), chunks.size()));
    run.report().advance(++done);
  }
  return at::cat(parts, 2);
}

}  // namespace

CogVideoXVaeConfig read_cogvideox_vae_config(const Json& json, const std::string& origin) {
  const ConfigReader reader(json, origin);
  const std::string why = "this program reads the autoencoders of CogVideoX";
  reader.require("_class_name", "AutoencoderKLCogVideoX", why);
  reader.require("act_fn", "silu", why);
  reader.require("use_quant_conv", false, why);
  reader.require("use_post_quant_conv", false, why);
  reader.require("shift_factor", nullptr, why);
  reader.require("latents_mean", nullptr, why);
  reader.require("latents_std", nullptr, why);
  CogVideoXVaeConfig config;
  config.in_channels = reader.integer("in_channels", config.in_channels, 3, 3);
  config.out_channels = reader.integer("out_channels", config.out_channels, 3, 3);
  config.block_out_channels = reader.integers("block_out_channels", config.block_out_channels, 1, 1 << 14);
  config.latent_channels = reader.integer("latent_channels", config.latent_channels, 1, 4096);
  config.layers_per_block = reader.integer("layers_per_block", config.layers_per_block, 1, 64);
  config.norm_eps = reader.real("norm_eps", config.norm_eps, 0, 1);
  config.norm_num_groups = reader.integer("norm_num_groups", config.norm_num_groups, 1, 1 << 14);
  config.temporal_compression_ratio = reader.integer("temporal_compression_ratio", config.temporal_compression_ratio, 1, 16);
  config.sample_height = reader.integer("sample_height", config.sample_height, 1, 1 << 15);
  config.sample_width = reader.integer("sample_width", config.sample_width, 1, 1 << 15);
  config.scaling_factor = reader.real("scaling_factor", config.scaling_factor, 1e-6, 1e6);
  if (config.block_out_channels.size() > 8) reader.refuse(fmt::format("block_out_channels: {} levels, at most 8 expected", config.block_out_channels.size()));
  for (const int64_t channels : config.block_out_channels) {
    if (channels % config.norm_num_groups != 0) {
      reader.refuse(fmt::format("{} channels are not divided by norm_num_groups {}", channels, config.norm_num_groups));
    }
  }
  if (!std::has_single_bit(static_cast<uint64_t>(config.temporal_compression_ratio))) {
    reader.refuse(fmt::format("temporal_compression_ratio {} is no power of two", config.temporal_compression_ratio));
  }
  if (std::countr_zero(static_cast<uint64_t>(config.temporal_compression_ratio)) >= static_cast<int>(config.block_out_channels.size())) {
    reader.refuse(fmt::format("temporal_compression_ratio {} needs more levels than {}", config.temporal_compression_ratio, config.block_out_channels.size()));
  }
  return config;
}

std::vector<std::pair<int64_t, int64_t>> temporal_chunks(int64_t frames, int64_t chunk) {
  const int64_t count = std::max<int64_t>(frames / chunk, 1);
  const int64_t remainder = frames % chunk;
  std::vector<std::pair<int64_t, int64_t>> chunks;
  for (int64_t i = 0; i < count; ++i) {
    chunks.emplace_back(i == 0 ? 0 : chunk * i + remainder, std::min(frames, chunk * (i + 1) + remainder));
  }
  return chunks;
}

CogVideoXVae::CogVideoXVae(const CogVideoXVaeConfig& config, const Weights& weights, Parts parts) : config_(config) {
  // Places in the cache are numbered apart for the two halves: a cache serves one pass of one half.
  decoder_ = take_decoder(weights / "decoder");
  if (parts == Parts::decoder) return;
  cache_slots_ = 0;
  encoder_ = take_encoder(weights / "encoder");
  weights.finish();
}

CogVideoXVae::Norm CogVideoXVae::take_norm(const Weights& weights, int64_t channels, bool decoder) {
  Norm norm;
  norm.group = take_group_norm(decoder ? weights / "norm_layer" : weights, channels, config_.norm_num_groups, decoder ? 1e-6 : config_.norm_eps);
  if (decoder) {
    norm.conv_y = take_causal_conv3d(weights / "conv_y", config_.latent_channels, channels, 1, cache_slots_);
    norm.conv_b = take_causal_conv3d(weights / "conv_b", config_.latent_channels, channels, 1, cache_slots_);
  }
  return norm;
}

CogVideoXVae::Resnet CogVideoXVae::take_resnet(const Weights& weights, int64_t in, int64_t out, bool decoder) {
  Resnet resnet;
  resnet.norm1 = take_norm(weights / "norm1", in, decoder);
  resnet.conv1 = take_causal_conv3d(weights / "conv1", in, out, 3, cache_slots_);
  resnet.norm2 = take_norm(weights / "norm2", out, decoder);
  resnet.conv2 = take_causal_conv3d(weights / "conv2", out, out, 3, cache_slots_);
  if (in != out) {
    resnet.shortcut_weight = weights.take("conv_shortcut.weight", {out, in, 1, 1, 1});
    resnet.shortcut_bias = weights.take("conv_shortcut.bias", {out});
  }
  return resnet;
}

CogVideoXVae::Half CogVideoXVae::take_encoder(const Weights& weights) {
  const auto& channels = config_.block_out_channels;
  const size_t levels_in_time = static_cast<size_t>(std::countr_zero(static_cast<uint64_t>(config_.temporal_compression_ratio)));
  Half half;
  half.conv_in = take_causal_conv3d(weights / "conv_in", config_.in_channels, channels.front(), 3, cache_slots_);
  int64_t in = channels.front();
  for (size_t i = 0; i < channels.size(); ++i) {
    const Weights scope = weights / "down_blocks" / std::to_string(i);
    Level level;
    for (int64_t k = 0; k < config_.layers_per_block; ++k) {
      level.resnets.push_back(take_resnet(scope / "resnets" / std::to_string(k), k == 0 ? in : channels[i], channels[i], false));
    }
    in = channels[i];
    if (i + 1 < channels.size()) {
      const Weights conv = scope / "downsamplers" / "0" / "conv";
      level.resample = Resample{.weight = conv.take("weight", {in, in, 3, 3}), .bias = conv.take("bias", {in}), .in_time = i < levels_in_time};
    }
    half.levels.push_back(std::move(level));
  }
  for (int i = 0; i < 2; ++i) half.mid.push_back(take_resnet(weights / "mid_block" / "resnets" / std::to_string(i), in, in, false));
  half.norm_out = take_norm(weights / "norm_out", in, false);
  half.norm_out.group.eps = 1e-6;  // fixed in the reference, whatever norm_eps says
  half.conv_out = take_causal_conv3d(weights / "conv_out", in, 2 * config_.latent_channels, 3, cache_slots_);
  return half;
}

CogVideoXVae::Half CogVideoXVae::take_decoder(const Weights& weights) {
  std::vector<int64_t> channels(config_.block_out_channels.rbegin(), config_.block_out_channels.rend());
  const size_t levels_in_time = static_cast<size_t>(std::countr_zero(static_cast<uint64_t>(config_.temporal_compression_ratio)));
  Half half;
  half.conv_in = take_causal_conv3d(weights / "conv_in", config_.latent_channels, channels.front(), 3, cache_slots_);
  int64_t in = channels.front();
  for (int i = 0; i < 2; ++i) half.mid.push_back(take_resnet(weights / "mid_block" / "resnets" / std::to_string(i), in, in, true));
  for (size_t i = 0; i < channels.size(); ++i) {
    const Weights scope = weights / "up_blocks" / std::to_string(i);
    Level level;
    for (int64_t k = 0; k <= config_.layers_per_block; ++k) {
      level.resnets.push_back(take_resnet(scope / "resnets" / std::to_string(k), k == 0 ? in : channels[i], channels[i], true));
    }
    in = channels[i];
    if (i + 1 < channels.size()) {
      const Weights conv = scope / "upsamplers" / "0" / "conv";
      level.resample = Resample{.weight = conv.take("weight", {in, in, 3, 3}), .bias = conv.take("bias", {in}), .in_time = i < levels_in_time};
    }
    half.levels.push_back(std::move(level));
  }
  half.norm_out = take_norm(weights / "norm_out", in, true);
  half.conv_out = take_causal_conv3d(weights / "conv_out", in, config_.out_channels, 3, cache_slots_);
  return half;
}

at::Tensor CogVideoXVae::Norm::forward(const at::Tensor& x, const at::Tensor& latents, ConvCache& cache) const {
  const at::Tensor normed = group.forward(x);
  if (!conv_y) return normed;
  // The reference resizes the latents first; a convolution of one pixel gives the same numbers before, on far fewer pixels.
  const at::Tensor scale = resize_latents(conv_y->forward(latents, cache), x);
  const at::Tensor shift = resize_latents(conv_b->forward(latents, cache), x);
  return at::addcmul(shift, normed, scale);
}

at::Tensor CogVideoXVae::Resnet::forward(const at::Tensor& x, const at::Tensor& latents, ConvCache& cache) const {
  // In place: these are the largest tensors of all.
  at::Tensor normed = norm1.forward(x, latents, cache);
  const at::Tensor h = conv1.forward(at::silu_(normed), cache);
  normed = norm2.forward(h, latents, cache);
  const at::Tensor y = conv2.forward(at::silu_(normed), cache);
  return (shortcut_weight.defined() ? conv3d_same_size(x, shortcut_weight, shortcut_bias) : x) + y;
}

at::Tensor CogVideoXVae::Resample::shrink(const at::Tensor& x) const {
  at::Tensor y = x;
  if (in_time && x.size(2) > 1) {
    const bool odd = x.size(2) % 2 == 1;
    const at::Tensor pairs = at::avg_pool3d(odd ? x.slice(2, 1) : x, {2, 1, 1}, {2, 1, 1});
    y = odd ? at::cat({x.slice(2, 0, 1), pairs}, 2) : pairs;
  }
  // One line of zeros below and one column to the right, so that a stride of 2 halves the size.
  return conv_each_frame(at::constant_pad_nd(y, {0, 1, 0, 1}), weight, bias, /*stride=*/2, /*padding=*/0);
}

at::Tensor CogVideoXVae::Resample::grow(const at::Tensor& x) const {
  const int64_t frames = x.size(2), height = 2 * x.size(3), width = 2 * x.size(4);
  at::Tensor y;
  if (!in_time || frames == 1) {
    y = nearest(x, frames, height, width);
  } else if (frames % 2 == 0) {
    y = nearest(x, 2 * frames, height, width);
  } else {
    y = at::cat({nearest(x.slice(2, 0, 1), 1, height, width), nearest(x.slice(2, 1), 2 * (frames - 1), height, width)}, 2);
  }
  return conv_each_frame(y, weight, bias, /*stride=*/1, /*padding=*/1);
}

at::Tensor CogVideoXVae::encode_chunk(const at::Tensor& pixels, ConvCache& cache) const {
  at::Tensor x = encoder_->conv_in.forward(pixels, cache);
  for (const Level& level : encoder_->levels) {
    for (const Resnet& resnet : level.resnets) x = resnet.forward(x, {}, cache);
    if (level.resample) x = level.resample->shrink(x);
  }
  for (const Resnet& resnet : encoder_->mid) x = resnet.forward(x, {}, cache);
  return encoder_->conv_out.forward(at::silu(encoder_->norm_out.forward(x, {}, cache)), cache);
}

at::Tensor CogVideoXVae::decode_chunk(const at::Tensor& latents, ConvCache& cache) const {
  at::Tensor x = decoder_.conv_in.forward(latents, cache);
  for (const Resnet& resnet : decoder_.mid) x = resnet.forward(x, latents, cache);
  for (const Level& level : decoder_.levels) {
    for (const Resnet& resnet : level.resnets) x = resnet.forward(x, latents, cache);
    if (level.resample) x = level.resample->grow(x);
  }
  return decoder_.conv_out.forward(at::silu(decoder_.norm_out.forward(x, latents, cache)), cache);
}

TileCover CogVideoXVae::cover(int64_t height, int64_t width, Tiling tiling) const {
  if (tiling == Tiling::off) return {{{0, height}}, {{0, width}}};
  const int64_t ratio = config_.spatial_ratio();
  return {cover_side(height, {config_.sample_height, ratio, kRowOverlapDivisor}), cover_side(width, {config_.sample_width, ratio, kColumnOverlapDivisor})};
}

int64_t CogVideoXVae::decode_steps(int64_t latent_frames, int64_t height, int64_t width, Tiling tiling) const {
  return cover(height, width, tiling).tiles() * static_cast<int64_t>(temporal_chunks(latent_frames, kDecodeChunk).size());
}

CogVideoXVae::Posterior CogVideoXVae::encode(const at::Tensor& pixels, RunContext& run, Tiling tiling) const {
  if (!encoder_) throw Error(ErrorKind::bug, "the autoencoder was opened without its encoder");
  const int64_t ratio = config_.spatial_ratio();
  if (pixels.dim() != 5 || pixels.size(1) != config_.in_channels || pixels.size(2) < 1 || pixels.size(3) < 1 || pixels.size(4) < 1 ||
      pixels.size(3) % ratio != 0 || pixels.size(4) % ratio != 0) {
    throw Error(ErrorKind::usage, fmt::format("pixels: found {}, [B, {}, F, H, W] with H and W multiples of {} expected", shape_text(pixels.sizes()),
                                              config_.in_channels, ratio));
  }
  const TileCover tiles = cover(pixels.size(3) / ratio, pixels.size(4) / ratio, tiling);
  int64_t done = 0;
  const at::Tensor moments = pass_in_tiles(pixels.to(device(), dtype()), tiles, ratio, 1, [&](const at::Tensor& tile) {
    return pass_in_chunks(tile, kEncoding, done, run, [this](const at::Tensor& chunk, ConvCache& cache) { return encode_chunk(chunk, cache); });
  });
  const auto halves = moments.chunk(2, 1);
  return {halves[0], halves[1].clamp(-30.0, 20.0)};
}

at::Tensor CogVideoXVae::decode(const at::Tensor& latents, RunContext& run, Tiling tiling) const {
  if (latents.dim() != 5 || latents.size(1) != config_.latent_channels || latents.numel() == 0) {
    throw Error(ErrorKind::usage, fmt::format("latents: found {}, [B, {}, F, H, W] expected", shape_text(latents.sizes()), config_.latent_channels));
  }
  const TileCover tiles = cover(latents.size(3), latents.size(4), tiling);
  int64_t done = 0;
  return pass_in_tiles(latents.to(device(), dtype()), tiles, 1, config_.spatial_ratio(), [&](const at::Tensor& tile) {
    return pass_in_chunks(tile, kDecoding, done, run, [this](const at::Tensor& chunk, ConvCache& cache) { return decode_chunk(chunk, cache); });
  });
}

}  // namespace dreamrunner
