#include "lora_support.h"

#include "base/json.h"

namespace dreamrunner::test {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

LoraModules two_modules() {
  return {{block(0, "attn1.to_q"), {numbers({4, 12}, 1), numbers({12, 4}, 2), {}, 1.0}},
          {block(1, "ff.net.2"), {numbers({2, 20}, 3), numbers({12, 2}, 4), numbers({12}, 5), 0.5}}};
}

TEST(WriteLora, WhatIsWrittenIsReadAgain) {
  const TemporaryFolder folder;
  const LoraModules modules = two_modules();
  LoraInfo info;
  info.kind = "motion";
  info.name = "cart\"wheeling";
  info.base = "0123abcd";
  info.base_name = "playset";
  info.blocks = {0, 2};
  info.rank = 4;
  info.alpha = 4;
  info.step = 120;
  info.data = {{"clip-1", "aa"}, {"clip-2", "bb"}};
  write_lora(folder / "lora.safetensors", modules, info);
  const LoraFile read = read_lora(folder / "lora.safetensors", small_model());
  EXPECT_THAT(read.notes, IsEmpty());
  ASSERT_EQ(read.modules.size(), 2u);
  for (const auto& [name, factors] : read.modules) {
    const LoraFactors& written = modules.at(name);
    EXPECT_EQ(factors.scale, 1.0);
    EXPECT_TRUE(at::equal(factors.down, written.down));
    EXPECT_TRUE(at::equal(factors.up, written.up * written.scale)) << "the scale is folded into B";
  }
  EXPECT_TRUE(at::equal(read.modules.at(block(1, "ff.net.2")).bias, modules.at(block(1, "ff.net.2")).bias * 0.5));
  EXPECT_EQ(read.info.kind, "motion");
  EXPECT_EQ(read.info.name, "cart\"wheeling");
  EXPECT_EQ(read.info.base, "0123abcd");
  EXPECT_EQ(read.info.base_name, "playset");
  EXPECT_EQ(read.info.blocks, (std::vector<int64_t>{0, 2}));
  EXPECT_EQ(read.info.rank, 4);
  EXPECT_EQ(read.info.alpha, 4.0);
  EXPECT_EQ(read.info.step, 120);
  EXPECT_EQ(read.info.data, info.data);
}

TEST(WriteLora, NamesAndMetadataAreThoseOfDiffusers) {
  const TemporaryFolder folder;
  write_lora(folder / "lora.safetensors", two_modules(), {});
  const TensorFile file(folder / "lora.safetensors");
  std::vector<std::string> names;
  for (const TensorEntry& entry : file.index().tensors) names.push_back(entry.name);
  EXPECT_THAT(names, Each(AllOf(testing::StartsWith("transformer.transformer_blocks."), HasSubstr(".lora_"))));
  EXPECT_EQ(file.index().metadata.at("format"), "pt");
  const Json config = parse_json(file.index().metadata.at("lora_adapter_metadata"), "metadata");
  for (const auto& [key, value] : config.items()) EXPECT_TRUE(key.starts_with("transformer.")) << key;
  EXPECT_EQ(config.at("transformer.r"), config.at("transformer.lora_alpha"));
  EXPECT_EQ(config.at("transformer.rank_pattern"), config.at("transformer.alpha_pattern"));
  EXPECT_EQ(config.at("transformer.rank_pattern").size(), 1u);
  EXPECT_EQ(config.at("transformer.target_modules"), Json({block(0, "attn1.to_q"), block(1, "ff.net.2")}));
}

TEST(WriteLora, ANameThatIsNoTextDoesNotLoseWhatWasLearnt) {
  const TemporaryFolder folder;
  write_lora(folder / "lora.safetensors", two_modules(), {.base_name = "m\xe4l"});  // A model folder's, in another encoding.
  const TensorFile file(folder / "lora.safetensors");
  EXPECT_EQ(parse_json(file.index().metadata.at("dreamrunner"), "metadata").at("base_name"), "m\ufffdl");
}

TEST(WriteLora, InHalfPrecision) {
  const TemporaryFolder folder;
  LoraModules modules = two_modules();
  modules.begin()->second.up.set_requires_grad(true);  // As a trainer has them.
  write_lora(folder / "lora.safetensors", modules, {}, at::kBFloat16);
  const TensorFile file(folder / "lora.safetensors");
  for (const TensorEntry& entry : file.index().tensors) EXPECT_EQ(entry.type, TensorType::bf16) << entry.name;
  const LoraFile read = read_lora(folder / "lora.safetensors", small_model());
  EXPECT_TRUE(at::equal(read.modules.at(block(0, "attn1.to_q")).down, modules.begin()->second.down.to(at::kBFloat16).to(at::kFloat)));
}

TEST(WriteLora, TheSameLoraGivesTheSameBytes) {
  const TemporaryFolder folder;
  write_lora(folder / "a.safetensors", two_modules(), {.name = "x"});
  write_lora(folder / "b.safetensors", two_modules(), {.name = "x"});
  EXPECT_EQ(read_file(folder / "a.safetensors", 1 << 20), read_file(folder / "b.safetensors", 1 << 20));
}

TEST(WriteLora, WhatCannotBeWritten) {
  const TemporaryFolder folder;
  const LoraModules patch{{"patch_embed.proj", {numbers({2, 16}), numbers({12, 2}), {}, 1.0}}};
  EXPECT_THAT(expect_error(ErrorKind::usage, [&] { write_lora(folder / "lora.safetensors", patch, {}); }), HasSubstr("patch_embed.proj"));
  expect_error(ErrorKind::storage, [&] { write_lora(folder / "none/lora.safetensors", two_modules(), {}); });
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace dreamrunner::test
