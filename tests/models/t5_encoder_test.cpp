#include "models/t5_encoder.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <optional>

#include "base/error.h"
#include "base/json.h"
#include "support/expect_error.h"
#include "tensor/tensor_file.h"
#include "tensor/weights.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kWidth = 16, kInner = 8, kMiddle = 32, kVocabulary = 20;

T5EncoderConfig tiny_config() {
  T5EncoderConfig config;
  config.vocab_size = kVocabulary;
  config.d_model = kWidth;
  config.d_kv = 4;
  config.d_ff = kMiddle;
  config.num_layers = 2;
  config.num_heads = 2;
  return config;
}

/// Random weights whose feed-forwards put out some 100,000, as those of the large encoders do: more than a half can hold.
/// Stored as halves; `wo` as fp32, `beyond` of a half's last bit larger or smaller, where that is given.
fs::path write_loud_encoder(const fs::path& folder, std::optional<double> beyond = {}) {
  at::manual_seed(1);
  TensorMap weights{{"shared.weight", at::randn({kVocabulary, kWidth})},
                    {"encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", at::randn({32, 2})},
                    {"encoder.final_layer_norm.weight", at::ones({kWidth})}};
  for (const std::string block : {"encoder.block.0.layer.", "encoder.block.1.layer."}) {
    for (const char* name : {"q", "k", "v"}) weights[block + "0.SelfAttention." + name + ".weight"] = at::randn({kInner, kWidth}) * 0.2;
    weights[block + "0.SelfAttention.o.weight"] = at::randn({kWidth, kInner});
    weights[block + "0.layer_norm.weight"] = at::ones({kWidth});
    for (const char* name : {"wi_0", "wi_1"}) weights[block + "1.DenseReluDense." + name + ".weight"] = at::randn({kMiddle, kWidth}) * 8;
    weights[block + "1.DenseReluDense.wo.weight"] = at::randn({kWidth, kMiddle}) * 30;
    weights[block + "1.layer_norm.weight"] = at::ones({kWidth});
  }
  for (auto& [name, tensor] : weights) {
    tensor = tensor.to(at::kHalf);
    if (beyond && name.ends_with("wo.weight")) tensor = tensor.to(at::kFloat) * (1 + *beyond * std::exp2(-11) * at::randn(tensor.sizes()).sign());
  }
  fs::create_directories(folder);
  write_tensors(folder / "model.safetensors", weights);
  return folder;
}

at::Tensor encode(const fs::path& folder, at::ScalarType type) {
  const T5Encoder encoder(tiny_config(), Weights::open(folder, "model", {.device = at::kCPU, .dtype = type}));
  return encoder.forward(at::tensor({3, 9, 4, 1, 0, 0}, at::kLong).unsqueeze(0)).to(at::kFloat);
}

TEST(T5EncoderTest, WhatOutgrowsAHalfIsAddedUpInFloat) {
  const fs::path folder = write_loud_encoder(fs::temp_directory_path() / "dreamrunner-loud-t5");
  const at::Tensor exact = encode(folder, at::kFloat), half = encode(folder, at::kHalf);
  fs::remove_all(folder);
  EXPECT_LT((exact - half).abs().max().item<double>(), 0.02 * exact.abs().max().item<double>());
}

TEST(T5EncoderTest, DistancesReachBeyondTheBucketsOfOneDistanceEach) {
  const auto config = [](int buckets, int distance) {
    return read_t5_encoder_config({{"model_type", "t5"}, {"feed_forward_proj", "gated-gelu"}, {"relative_attention_num_buckets", buckets}, {"relative_attention_max_distance", distance}},
                                  "config.json");
  };
  EXPECT_EQ(config(32, 9).relative_attention_max_distance, 9);
  EXPECT_THAT(test::expect_error(ErrorKind::input_file, [&] { config(32, 8); }), testing::HasSubstr("relative_attention_max_distance: found 8"));
  EXPECT_THAT(test::expect_error(ErrorKind::input_file, [&] { config(64, 16); }), testing::HasSubstr("relative_attention_max_distance: found 16"));
}

TEST(T5EncoderTest, WhatIsStoredInFloatForTheHalvesIsNotRounded) {
  // transformers writes `wo` in fp32 into an encoder of halves, and reads it so. A quarter of a half's last bit is lost in it.
  const fs::path folder = fs::temp_directory_path() / "dreamrunner-mixed-t5";
  const at::Tensor plain = encode(write_loud_encoder(folder, 0), at::kHalf), beyond = encode(write_loud_encoder(folder, 0.25), at::kHalf);
  fs::remove_all(folder);
  EXPECT_FALSE(at::equal(plain, beyond));
}

}  // namespace
}  // namespace dreamrunner
