#include "models/model_folder.h"

#include <filesystem>
#include <fstream>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const fs::path kPlayset = fs::path(DREAMRUNNER_SOURCE_DIR) / "models" / "playset";

template <typename Work>
std::string refusal(Work work) {
  return test::expect_error(ErrorKind::input_file, work);
}

/// A copy of a part of the playset whose config can be changed.
class ModelFolderTest : public testing::Test {
 protected:
  void copy_part(const std::string& part) { fs::copy(kPlayset / part, folder_ / part, fs::copy_options::recursive); }
  void change(const std::string& part, const std::string& key, const Json& value) {
    const fs::path path = folder_ / part / "config.json";
    Json config = read_json_file(path);
    config[key] = value;
    std::ofstream(path) << config.dump();
  }
  ModelFolder model() { return ModelFolder(folder_.path()); }

  test::TemporaryFolder folder_;
};

TEST_F(ModelFolderTest, ThePlaysetOpensAndItsConfigsDecideTheSizes) {
  const ModelFolder model(kPlayset);
  EXPECT_EQ(model.transformer_config().width(), 192);
  EXPECT_EQ(model.transformer_config().max_text_seq_length, 32);
  EXPECT_EQ(model.vae_config().temporal_compression_ratio, 2);
  EXPECT_EQ(model.text_encoder_config().d_model, 192);
  EXPECT_EQ(model.stored_dtype(), at::kHalf);
  model.open_tokenizer();
  model.open_text_encoder({});
  model.open_transformer({});
  model.open_vae({});
}

TEST_F(ModelFolderTest, WeightsOfAnotherModelThanTheConfigAreNamed) {
  copy_part("transformer");
  change("transformer", "num_layers", 5);
  EXPECT_THAT(refusal([&] { model().open_transformer({}); }), HasSubstr("belong to no layer of this model: transformer_blocks.5."));
  change("transformer", "num_layers", 7);
  EXPECT_THAT(refusal([&] { model().open_transformer({}); }), HasSubstr("\"transformer_blocks.6.norm1.linear.weight\" is missing"));
  change("transformer", "num_layers", 6);
  change("transformer", "time_embed_dim", 64);
  EXPECT_THAT(refusal([&] { model().open_transformer({}); }), HasSubstr("\"time_embedding.linear_1.weight\": found [192, 192], expected [64, 192]"));
}

TEST_F(ModelFolderTest, WhatThisProgramDoesNotReadIsRefusedByKey) {
  copy_part("transformer");
  change("transformer", "patch_size_t", 2);
  EXPECT_THAT(refusal([&] { model().transformer_config(); }), HasSubstr("patch_size_t: found 2, null expected"));
  copy_part("vae");
  change("vae", "use_quant_conv", true);
  EXPECT_THAT(refusal([&] { model().vae_config(); }), HasSubstr("use_quant_conv: found true, false expected"));
  copy_part("text_encoder");
  change("text_encoder", "feed_forward_proj", "relu");
  EXPECT_THAT(refusal([&] { model().text_encoder_config(); }), HasSubstr("feed_forward_proj: found \"relu\""));
}

TEST_F(ModelFolderTest, AbsurdSizesAreRefusedBeforeAnythingIsAllocated) {
  copy_part("transformer");
  change("transformer", "num_layers", 1'000'000'000);
  EXPECT_THAT(refusal([&] { model().transformer_config(); }), HasSubstr("num_layers: found 1000000000, 1 to 1024 expected"));
  copy_part("vae");
  change("vae", "block_out_channels", Json::array({16, -4}));
  EXPECT_THAT(refusal([&] { model().vae_config(); }), HasSubstr("block_out_channels"));
}

TEST_F(ModelFolderTest, AnotherPipelineIsRefused) {
  std::ofstream(folder_ / "model_index.json") << R"({"_class_name": "StableDiffusionPipeline"})";
  EXPECT_THAT(refusal([&] { model(); }), HasSubstr("found \"StableDiffusionPipeline\", \"CogVideoXPipeline\" expected"));
}

TEST_F(ModelFolderTest, AMissingPartIsNamed) {
  EXPECT_THAT(refusal([&] { model().open_vae({}); }), HasSubstr("vae/config.json: no such file"));
}

}  // namespace
}  // namespace dreamrunner
