// What a LoRA file may hold besides A and B, and what is refused (field case A11 and the like).
#include "lora_support.h"

#include <sys/stat.h>

#include <limits>

namespace dreamrunner::test {
namespace {

using testing::HasSubstr;
using testing::Not;

TensorMap one_module() {
  TensorMap tensors;
  add_module(tensors, block(0, "attn1.to_q"), 4, 12, 12);
  return tensors;
}

TEST(LoraParts, ABiasBesideBHasTheStrengthOfB) {
  TensorMap tensors = one_module();
  const at::Tensor bias = numbers({12}, 3);
  tensors["transformer." + block(0, "attn1.to_q") + ".lora_B.bias"] = bias;
  tensors["transformer." + block(0, "attn1.to_q") + ".alpha"] = at::scalar_tensor(2.0);
  const LoraFactors factors = read_of(tensors).modules.at(block(0, "attn1.to_q"));
  EXPECT_EQ(factors.scale, 0.5);
  EXPECT_TRUE(at::equal(factors.bias, bias));
  const Linear merged = merge_loras({at::zeros({12, 12}), at::zeros({12})}, {factors});
  EXPECT_TRUE(at::allclose(merged.bias, bias * 0.5));
}

TEST(LoraParts, APipeIsRefusedAtOnce) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { read_lora(folder / "pipe", {}); }), HasSubstr("not a regular file"));
}

TEST(LoraParts, ThePatchConvolutionIsLaidFlat) {
  TensorMap tensors;
  const at::Tensor kernel = numbers({3, 4, 2, 2}), up = numbers({12, 3, 1, 1}, 2);
  tensors["transformer.patch_embed.proj.lora_A.weight"] = kernel;
  tensors["transformer.patch_embed.proj.lora_B.weight"] = up;
  const LoraFactors factors = read_of(tensors).modules.at("patch_embed.proj");
  EXPECT_TRUE(at::equal(factors.down, kernel.flatten(1)));
  EXPECT_TRUE(at::equal(factors.up, up.flatten(1)));
}

TEST(LoraParts, HalfPrecisionIsWidenedExactly) {
  TensorMap tensors;
  for (const at::ScalarType type : {at::kHalf, at::kBFloat16, at::kDouble}) {
    TensorMap narrow = one_module();
    for (auto& [name, tensor] : narrow) tensor = tensor.to(type);
    const LoraFactors factors = read_of(narrow).modules.begin()->second;
    EXPECT_EQ(factors.down.scalar_type(), at::kFloat);
    EXPECT_TRUE(at::equal(factors.down, narrow.begin()->second.to(at::kFloat)));
  }
}

TEST(LoraRefusals, WhatCannotBeAppliedIsNamedByKind) {
  const std::pair<const char*, const char*> cases[] = {
      {"transformer.proj_out.diff_b", "bias (diff_b)"},
      {"transformer.transformer_blocks.0.norm1.norm.diff", "weight (diff)"},
      {"transformer.transformer_blocks.0.attn1.to_q.dora_scale", "DoRA"},
      {"transformer.transformer_blocks.0.attn1.to_q.lora_magnitude_vector.default.weight", "DoRA"},
      {"lora_unet_transformer_blocks_0_attn1_to_q.hada_w1_a", "LoHa"},
      {"lora_unet_transformer_blocks_0_attn1_to_q.lokr_w2", "LoKr"},
      {"lora_unet_transformer_blocks_0_attn1_to_q.lora_mid.weight", "LoCon"},
      {"transformer.transformer_blocks.0.norm1.norm.weight", "full weight, not a LoRA"},
      {"transformer.transformer_blocks.0.attn1.to_q.lora_A.bias", "a bias beside A"},
      {"text_encoder.encoder.block.0.q.lora_A.weight", "LoRA of a text encoder"},
      {"lora_te_encoder_block_0_q.lora_down.weight", "LoRA of a text encoder"},
      {"something_else", "not a tensor of a LoRA"},
  };
  for (const auto& [name, kind] : cases) {
    TensorMap tensors = one_module();
    tensors[name] = numbers({4, 12});
    EXPECT_THAT(refusal_of(tensors), AllOf(HasSubstr(kind), HasSubstr(name), Not(HasSubstr("to_q.lora_B.weight")))) << name;
  }
}

TEST(LoraRefusals, SeveralKindsAreNamedTogether) {
  TensorMap tensors = one_module();
  for (int i = 0; i < 4; ++i) tensors["transformer." + block(i, "norm1.norm.diff")] = numbers({12});
  tensors["transformer.proj_out.diff_b"] = numbers({6});
  EXPECT_THAT(refusal_of(tensors), AllOf(HasSubstr("diff_b"), HasSubstr("block"), HasSubstr("and 1 more")));
}

TEST(LoraRefusals, NamesOfTheSatTrainerAreRefusedWithTheWayOut) {
  TensorMap tensors;
  const std::string prefix = "model.diffusion_model.transformer.layers.0.attention.query_key_value.";
  for (const char* name : {"matrix_A.0", "matrix_A.1", "matrix_A.2", "matrix_B.0", "matrix_B.1", "matrix_B.2"})
    tensors[prefix + name] = numbers({4, 12});
  EXPECT_THAT(refusal_of(tensors), AllOf(HasSubstr("names of the SAT trainer"), HasSubstr("1 / rank")));
}

TEST(LoraRefusals, AModelOfOtherSizes) {
  TensorMap tensors;
  add_module(tensors, block(0, "attn1.to_q"), 4, 1920, 1920);
  EXPECT_THAT(refusal_of(tensors), AllOf(HasSubstr("learnt for another model"), HasSubstr("[4, 1920]"), HasSubstr("[rank, 12] expected")));
  tensors = one_module();
  tensors["transformer." + block(0, "attn1.to_q") + ".lora_B.weight"] = numbers({1920, 4});
  EXPECT_THAT(refusal_of(tensors), AllOf(HasSubstr("[1920, 4]"), HasSubstr("[12, rank] expected")));
  tensors = one_module();
  tensors["transformer." + block(0, "attn1.to_q") + ".lora_B.bias"] = numbers({13});
  EXPECT_THAT(refusal_of(tensors), AllOf(HasSubstr("[13]"), HasSubstr("[12] expected")));
}

TEST(LoraRefusals, HalvesThatDoNotFit) {
  TensorMap tensors = one_module();
  tensors.erase("transformer." + block(0, "attn1.to_q") + ".lora_B.weight");
  EXPECT_THAT(refusal_of(tensors), HasSubstr("no B (up) for transformer_blocks.0.attn1.to_q"));
  tensors = one_module();
  tensors["transformer." + block(1, "attn1.to_q") + ".alpha"] = at::scalar_tensor(1.0);
  EXPECT_THAT(refusal_of(tensors), HasSubstr("no A (down) for transformer_blocks.1.attn1.to_q"));
  tensors = one_module();
  tensors["transformer." + block(0, "attn1.to_q") + ".lora_B.weight"] = numbers({12, 5});
  EXPECT_THAT(refusal_of(tensors), AllOf(HasSubstr("A has rank 4"), HasSubstr("B has rank 5")));
  tensors["transformer." + block(0, "attn1.to_q") + ".lora_A.weight"] = at::zeros({0, 12});
  EXPECT_THAT(refusal_of(tensors), HasSubstr("[0, 12]"));
}

TEST(LoraRefusals, NumbersThatAreNone) {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    TensorMap tensors = one_module();
    tensors.begin()->second[2][3] = bad;
    EXPECT_THAT(refusal_of(tensors), AllOf(HasSubstr("1 of 48 values are NaN or infinite"), HasSubstr(tensors.begin()->first)));
  }
  TensorMap tensors = one_module();
  tensors.begin()->second = at::ones({4, 12}, at::kInt);
  EXPECT_THAT(refusal_of(tensors), HasSubstr("I32, floating point expected"));
}

TEST(LoraRefusals, PicklesAreNeverRead) {
  const TemporaryFolder folder;
  const auto refused = [&](const std::filesystem::path& path) {
    return expect_error(ErrorKind::input_file, [&] { read_lora(path, small_model()); });
  };
  for (const char* name : {"lora.pt", "lora.bin", "lora.ckpt", "lora.pth"}) {
    write_file_atomic(folder / name, "whatever it is");
    EXPECT_THAT(refused(folder / name), AllOf(HasSubstr("a pickle"), HasSubstr("tools/convert_dreamrunner_lora.py")));
  }
  write_file_atomic(folder / "renamed.safetensors", std::string("PK\x03\x04") + std::string(60, '\0'));
  EXPECT_THAT(refused(folder / "renamed.safetensors"), HasSubstr("a pickle"));
  write_file_atomic(folder / "adapter_model.bin", "PK");
  EXPECT_THAT(refused(folder.path()), AllOf(HasSubstr("adapter_model.bin"), HasSubstr("a pickle")));
}

TEST(LoraRefusals, FoldersAndFilesThatHoldNoLora) {
  const TemporaryFolder folder;
  const auto refused = [&](const std::filesystem::path& path) {
    return expect_error(ErrorKind::input_file, [&] { read_lora(path, small_model()); });
  };
  EXPECT_THAT(refused(folder.path()), HasSubstr("neither adapter_model.safetensors nor pytorch_lora_weights.safetensors"));
  EXPECT_THAT(refused(folder / "none.safetensors"), HasSubstr("no such file"));
  write_file_atomic(folder / "lfs.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n");
  refused(folder / "lfs.safetensors");
  EXPECT_THAT(refusal_of({}), HasSubstr("no tensors of a LoRA found"));
  write_tensors(folder / "adapter_model.safetensors", one_module());
  write_tensors(folder / "pytorch_lora_weights.safetensors", one_module());
  EXPECT_THAT(refused(folder.path()), HasSubstr("name the one that is meant"));
}

}  // namespace
}  // namespace dreamrunner::test
