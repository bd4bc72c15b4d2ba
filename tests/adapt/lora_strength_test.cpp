// How strong a LoRA is (field cases A1, A3, A9): the first thing that goes wrong between programs.
#include "lora_support.h"

namespace dreamrunner::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Kohya's names for one module, with or without its own alpha.
void add_kohya(TensorMap& tensors, const std::string& flat, const at::Tensor& alpha) {
  tensors["lora_unet_" + flat + ".lora_down.weight"] = numbers({8, 12});
  tensors["lora_unet_" + flat + ".lora_up.weight"] = numbers({12, 8}, 2);
  if (alpha.defined()) tensors["lora_unet_" + flat + ".alpha"] = alpha;
}

TEST(LoraStrength, WithoutAlphaEveryModuleHasOneWhateverItsRank) {
  TensorMap tensors;
  add_module(tensors, block(0, "norm1.linear"), 2, 8, 30);
  add_module(tensors, block(0, "attn1.to_q"), 8, 12, 12);
  add_module(tensors, block(1, "attn1.to_q"), 8, 12, 12);
  const LoraFile lora = read_of(tensors);
  for (const auto& [name, factors] : lora.modules) EXPECT_EQ(factors.scale, 1.0) << name;
  EXPECT_EQ(lora.modules.size(), 3u);
  EXPECT_THAT(lora.notes, ElementsAre(HasSubstr("no alpha anywhere: alpha = rank")));
}

/// The header by hand, so that the order of the keys can be turned round.
void write_in_order(const std::filesystem::path& file, const TensorMap& tensors, bool reversed) {
  std::vector<TensorEntry> entries;
  for (const auto& [name, tensor] : tensors) entries.push_back({.name = name, .type = TensorType::f32, .shape = tensor.sizes().vec()});
  if (reversed) std::reverse(entries.begin(), entries.end());
  std::string bytes = make_safetensors_header(entries, {});
  for (const TensorEntry& entry : entries) bytes.append(static_cast<const char*>(tensors.at(entry.name).const_data_ptr()), entry.size);
  write_file_atomic(file, bytes);
}

TEST(LoraStrength, TheOrderOfTheKeysDoesNotMatter) {
  const TemporaryFolder folder;
  TensorMap tensors;
  add_module(tensors, block(0, "norm1.linear"), 2, 8, 30);
  add_module(tensors, block(0, "attn1.to_q"), 8, 12, 12, 5);
  write_in_order(folder / "a.safetensors", tensors, false);
  write_in_order(folder / "b.safetensors", tensors, true);
  ASSERT_NE(read_file(folder / "a.safetensors", 1 << 20), read_file(folder / "b.safetensors", 1 << 20));
  const LoraFile a = read_lora(folder / "a.safetensors", small_model()), b = read_lora(folder / "b.safetensors", small_model());
  ASSERT_EQ(a.modules.size(), 2u);
  for (const auto& [name, factors] : a.modules) {
    EXPECT_TRUE(at::equal(factors.down, b.modules.at(name).down) && at::equal(factors.up, b.modules.at(name).up)) << name;
    EXPECT_EQ(factors.scale, b.modules.at(name).scale);
  }
}

TEST(LoraStrength, AModulesOwnAlphaCountsInAnyShapeAndType) {
  TensorMap tensors;
  add_kohya(tensors, "transformer_blocks_0_attn1_to_q", at::scalar_tensor(4.0));
  add_kohya(tensors, "transformer_blocks_0_attn1_to_k", at::full({1}, 16.0, at::kBFloat16));
  add_kohya(tensors, "transformer_blocks_0_attn1_to_v", at::full({1, 1}, 4.5, at::kDouble));
  add_kohya(tensors, "transformer_blocks_1_attn1_to_q", at::full({}, 6, at::kLong));
  add_kohya(tensors, "transformer_blocks_2_attn1_to_q", {});
  const LoraFile lora = read_of(tensors);
  EXPECT_EQ(lora.modules.at(block(0, "attn1.to_q")).scale, 0.5);
  EXPECT_EQ(lora.modules.at(block(0, "attn1.to_k")).scale, 2.0);
  EXPECT_EQ(lora.modules.at(block(0, "attn1.to_v")).scale, 0.5625);
  EXPECT_EQ(lora.modules.at(block(1, "attn1.to_q")).scale, 0.75);
  EXPECT_EQ(lora.modules.at(block(2, "attn1.to_q")).scale, 1.0);
  EXPECT_THAT(lora.notes, ElementsAre(AllOf(HasSubstr("1 of 5 modules have no alpha"), HasSubstr(block(2, "attn1.to_q")))));
}

TEST(LoraStrength, AnAlphaOfZeroIsTheRankAsKohyaHasIt) {
  TensorMap tensors;
  add_kohya(tensors, "transformer_blocks_0_attn1_to_q", at::scalar_tensor(0.0));
  const LoraFile lora = read_of(tensors);
  EXPECT_EQ(lora.modules.at(block(0, "attn1.to_q")).scale, 1.0);
  EXPECT_THAT(lora.notes, ElementsAre(HasSubstr("alpha is 0")));
}

TEST(LoraStrength, AnAlphaThatIsNoNumberIsRefused) {
  TensorMap tensors;
  add_kohya(tensors, "transformer_blocks_0_attn1_to_q", at::full({2}, 4.0));
  EXPECT_THAT(refusal_of(tensors), HasSubstr("alpha is [2], one number expected"));
  add_kohya(tensors, "transformer_blocks_0_attn1_to_q", at::scalar_tensor(std::nan("")));
  EXPECT_THAT(refusal_of(tensors), HasSubstr("alpha: nan found"));
}

TEST(LoraStrength, AlphaInTheHeaderOnly) {
  TensorMap tensors;
  add_module(tensors, block(0, "attn1.to_q"), 4, 12, 12);
  add_module(tensors, block(3, "attn1.to_q"), 8, 12, 12);
  const auto scales = [&](const Metadata& metadata) {
    const LoraFile lora = read_of(tensors, metadata);
    return std::pair(lora.modules.at(block(0, "attn1.to_q")).scale, lora.modules.at(block(3, "attn1.to_q")).scale);
  };
  const std::string diffusers =
      R"({"transformer.r": 4, "transformer.lora_alpha": 6, "transformer.rank_pattern": {"transformer_blocks.3.attn1.to_q": 8}, "text_encoder.r": 2})";
  EXPECT_EQ(scales({{"format", "pt"}, {"lora_adapter_metadata", diffusers}}), std::pair(1.5, 0.75));
  const std::string of_the_model =
      R"({"r": 4, "lora_alpha": 6, "use_rslora": true, "rank_pattern": {"transformer_blocks.3.attn1.to_q": 8}})";
  EXPECT_EQ(scales({{"lora_adapter_metadata", of_the_model}}), std::pair(3.0, 6 / std::sqrt(8.0)));
  EXPECT_EQ(scales({{"lora_config", R"({"r": 4, "lora_alpha": 2, "target_modules": "x"})"}}), std::pair(0.5, 0.25));
  EXPECT_EQ(scales({{"ss_network_dim", "4"}, {"ss_network_alpha", "16.0"}}), std::pair(4.0, 2.0));
  EXPECT_THAT(read_of(tensors, {{"ss_network_alpha", "16.0"}}).notes, ElementsAre(HasSubstr("from the header's ss_network_alpha")));
  EXPECT_THAT(read_of(tensors, {{"lora_adapter_metadata", diffusers}}).notes, IsEmpty());
}

TEST(LoraStrength, MetadataOfATextEncoderAloneSaysNothing) {
  TensorMap tensors;
  add_module(tensors, block(0, "attn1.to_q"), 4, 12, 12);
  const LoraFile lora = read_of(tensors, {{"lora_adapter_metadata", R"({"text_encoder.r": 2, "text_encoder.lora_alpha": 64})"}});
  EXPECT_EQ(lora.modules.begin()->second.scale, 1.0);
  EXPECT_THAT(lora.notes, ElementsAre(HasSubstr("no alpha anywhere")));
}

TEST(LoraStrength, MetadataThatCannotBeReadIsRefused) {
  TensorMap tensors;
  add_module(tensors, block(0, "attn1.to_q"), 4, 12, 12);
  EXPECT_THAT(refusal_of(tensors, {{"lora_adapter_metadata", "{\"transformer.r\": "}}), HasSubstr("metadata lora_adapter_metadata"));
  EXPECT_THAT(refusal_of(tensors, {{"lora_adapter_metadata", R"({"transformer.r": "four"})"}}), HasSubstr("r: a number expected"));
  EXPECT_THAT(refusal_of(tensors, {{"lora_adapter_metadata", "[1]"}}), HasSubstr("an object expected"));
  EXPECT_THAT(refusal_of(tensors, {{"ss_network_alpha", "much"}}), HasSubstr("\"much\" found, a number expected"));
  EXPECT_THAT(refusal_of(tensors, {{"ss_network_alpha", "inf"}}), HasSubstr("a number expected"));
  EXPECT_THAT(refusal_of(tensors, {{"dreamrunner", R"({"blocks": "all"})"}}), HasSubstr("metadata dreamrunner"));
}

TEST(LoraStrength, AModulesOwnAlphaComesBeforeTheHeaders) {
  TensorMap tensors;
  add_kohya(tensors, "transformer_blocks_0_attn1_to_q", at::scalar_tensor(4.0));
  add_kohya(tensors, "transformer_blocks_1_attn1_to_q", {});
  LoraFile lora = read_of(tensors, {{"ss_network_alpha", "64"}});
  EXPECT_EQ(lora.modules.at(block(0, "attn1.to_q")).scale, 0.5);
  EXPECT_EQ(lora.modules.at(block(1, "attn1.to_q")).scale, 1.0);
  EXPECT_THAT(lora.notes, ElementsAre(HasSubstr("1 of 2 modules have no alpha")));
  lora = read_of(tensors, {{"lora_adapter_metadata", R"({"transformer.r": 8, "transformer.lora_alpha": 2})"}});
  EXPECT_EQ(lora.modules.at(block(0, "attn1.to_q")).scale, 0.5);
  EXPECT_EQ(lora.modules.at(block(1, "attn1.to_q")).scale, 0.25);
  EXPECT_THAT(lora.notes, ElementsAre(HasSubstr("1 modules have an alpha of their own")));
}

TEST(LoraStrength, RankStabilisedPeftFolder) {
  TensorMap tensors;
  tensors["base_model.model." + block(0, "attn1.to_q") + ".lora_A.weight"] = numbers({16, 12});
  tensors["base_model.model." + block(0, "attn1.to_q") + ".lora_B.weight"] = numbers({12, 16});
  const LoraFile lora = read_peft(
      tensors, R"({"peft_type": "LORA", "r": 16, "lora_alpha": 16, "use_rslora": true, "use_dora": false, "layer_replication": null})");
  EXPECT_EQ(lora.modules.at(block(0, "attn1.to_q")).scale, 4.0);
  EXPECT_THAT(lora.notes, IsEmpty());
}

TEST(LoraStrength, PatternsOfAPeftFolder) {
  TensorMap tensors;
  add_module(tensors, block(3, "attn1.to_q"), 32, 12, 12);
  add_module(tensors, block(2, "attn1.to_q"), 8, 12, 12);
  const LoraFile lora = read_peft(tensors, R"({"r": 8, "lora_alpha": 16, "rank_pattern": {".*transformer_blocks\\.3\\..*": 32},
                                              "alpha_pattern": {".*transformer_blocks\\.3\\..*": 128}})");
  EXPECT_EQ(lora.modules.at(block(3, "attn1.to_q")).scale, 4.0);
  EXPECT_EQ(lora.modules.at(block(2, "attn1.to_q")).scale, 2.0);
}

TEST(LoraStrength, TheFirstPatternThatMatchesCounts) {
  TensorMap tensors;
  add_module(tensors, block(1, "attn1.to_q"), 8, 12, 12);
  const LoraFile lora = read_peft(tensors, R"({"r": 8, "lora_alpha": 8, "alpha_pattern": {"to_k": 1, "to_q": 16, "attn1.to_q": 32}})");
  EXPECT_EQ(lora.modules.at(block(1, "attn1.to_q")).scale, 2.0);
}

TEST(LoraStrength, APeftFolderIsAlsoFoundThroughItsWeights) {
  const TemporaryFolder folder;
  TensorMap tensors;
  add_module(tensors, block(1, "attn1.to_q"), 4, 12, 12);
  write_tensors(folder / "adapter_model.safetensors", tensors);
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { read_lora(folder.path(), small_model()); }),
              HasSubstr("adapter_config.json: no such file"));
  EXPECT_EQ(read_lora(folder / "adapter_model.safetensors", small_model()).modules.begin()->second.scale, 1.0);
  write_file_atomic(folder / "adapter_config.json", R"({"r": 4, "lora_alpha": 12})");
  EXPECT_EQ(read_lora(folder / "adapter_model.safetensors", small_model()).modules.begin()->second.scale, 3.0);
}

TEST(LoraStrength, RanksThatTheConfigurationDoesNotPromiseAreRefused) {
  TensorMap tensors;
  add_module(tensors, block(1, "attn1.to_q"), 4, 12, 12);
  const std::string message = expect_error(ErrorKind::input_file, [&] { read_peft(tensors, R"({"r": 16, "lora_alpha": 16})"); });
  EXPECT_THAT(message, AllOf(HasSubstr("rank 4 found"), HasSubstr("adapter_config.json says 16")));
}

TEST(LoraStrength, ConfigurationsThatChangeTheArithmeticAreRefusedByName) {
  TensorMap tensors;
  add_module(tensors, block(1, "attn1.to_q"), 4, 12, 12);
  const auto refused = [&](const std::string& more) {
    return expect_error(ErrorKind::input_file, [&] { read_peft(tensors, R"({"r": 4, "lora_alpha": 4, )" + more + "}"); });
  };
  EXPECT_THAT(refused(R"("use_dora": true)"), HasSubstr("DoRA"));
  EXPECT_THAT(refused(R"("fan_in_fan_out": true)"), HasSubstr("transposed weights"));
  EXPECT_THAT(refused(R"("peft_type": "LOHA")"), HasSubstr("peft_type LOHA"));
  EXPECT_THAT(refused(R"("init_lora_weights": "pissa_niter_4")"), HasSubstr("pissa_niter_4"));
  EXPECT_THAT(refused(R"("layer_replication": [[0, 2]])"), HasSubstr("repeated layers"));
  EXPECT_THAT(refused(R"j("rank_pattern": {"(?=x)": 4})j"), HasSubstr("look-around"));
  EXPECT_THAT(refused(R"("rank_pattern": {"to_q": 4.5})"), HasSubstr("rank 4.5"));
}

}  // namespace
}  // namespace dreamrunner::test
