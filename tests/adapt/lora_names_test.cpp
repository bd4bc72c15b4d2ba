// Under which names a LoRA is found (field cases A5, A7).
#include "lora_support.h"

#include <algorithm>

#include "adapt/lora_names.h"

namespace dreamrunner::test {
namespace {

using testing::HasSubstr;

struct Module {
  std::string name;
  int64_t in, out;
};
const std::vector<Module> kModules{
    {block(0, "attn1.to_q"), 12, 12}, {block(2, "attn1.to_out.0"), 12, 12}, {block(3, "ff.net.0.proj"), 12, 20}, {"proj_out", 12, 6}};

at::Tensor down_of(const Module& module) { return numbers({3, module.in}, static_cast<int64_t>(module.name.size())); }
at::Tensor up_of(const Module& module) { return numbers({module.out, 3}, 50 + static_cast<int64_t>(module.name.size())); }

/// Reads one adapter under names that `spell(module, "A" or "B")` gives, and asks for the same bits as ever.
template <class Spell>
void expect_read(Spell spell, const std::vector<Module>& modules = kModules) {
  TensorMap tensors;
  for (const Module& module : modules) {
    tensors[spell(module.name, "A")] = down_of(module);
    tensors[spell(module.name, "B")] = up_of(module);
  }
  SCOPED_TRACE(tensors.begin()->first);
  ASSERT_EQ(tensors.size(), 2 * modules.size());
  LoraFile lora;
  ASSERT_NO_THROW(lora = read_of(tensors));
  ASSERT_EQ(lora.modules.size(), modules.size());
  for (const Module& module : modules) {
    const LoraFactors& read = lora.modules.at(module.name);
    const at::Tensor weight = numbers({module.out, module.in}, 99);
    const at::Tensor expected = merge_loras({weight, {}}, {{down_of(module), up_of(module), {}, 1.0}}).weight;
    EXPECT_TRUE(at::equal(merge_loras({weight, {}}, {read}).weight, expected)) << module.name;
  }
}

TEST(LoraNames, EveryPrefixGivesTheSameBits) {
  for (const char* prefix : {"", "transformer.", "diffusion_model.", "base_model.model.", "transformer.base_model.model.", "_orig_mod.",
                             "module.", "model.diffusion_model.", "module._orig_mod.base_model.model."}) {
    expect_read([&](const std::string& module, const std::string& matrix) { return prefix + module + ".lora_" + matrix + ".weight"; });
  }
}

TEST(LoraNames, NamesOfAdaptersAndWrappedBlocksGiveTheSameBits) {
  expect_read([](const std::string& module, const std::string& matrix) {
    return "base_model.model." + module + ".lora_" + matrix + ".default.weight";
  });
  expect_read([](std::string module, const std::string& matrix) {
    const size_t at = module.find(".attn1");
    if (at != std::string::npos) module.insert(at, "._orig_mod");
    return "transformer." + module + ".lora_" + matrix + ".weight";
  });
}

TEST(LoraNames, OtherWordsForAAndBGiveTheSameBits) {
  for (const auto& [down, up] : {std::pair{".lora_down.weight", ".lora_up.weight"},
                                 {".lora.down.weight", ".lora.up.weight"},
                                 {".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight"}}) {
    expect_read(
        [&](const std::string& module, const std::string& matrix) { return "transformer." + module + (matrix == "A" ? down : up); });
  }
}

TEST(LoraNames, ProcessorsKeptTheirsBesideTheLinears) {
  const std::vector<Module> attention{kModules[0], kModules[1]};
  for (const char* processor : {".processor.", "."}) {
    expect_read(
        [&](const std::string& module, const std::string& matrix) {
          const std::string inner = module.find("to_q") != std::string::npos ? "to_q" : "to_out";
          return "transformer." + module.substr(0, module.find(".attn1")) + ".attn1" + processor + inner + "_lora." +
                 (matrix == "A" ? "down" : "up") + ".weight";
        },
        attention);
  }
}

TEST(LoraNames, FlattenedNamesAreFoundByFlatteningTheModels) {
  for (const char* prefix : {"lora_unet_", "lora_unet__", "lora_transformer_", "lycoris_", ""}) {
    expect_read([&](std::string module, const std::string& matrix) {
      std::replace(module.begin(), module.end(), '.', '_');
      return prefix + module + (matrix == "A" ? ".lora_down.weight" : ".lora_up.weight");
    });
  }
}

TEST(LoraNames, ANameThatFlattensLikeAnotherIsNotGuessed) {
  const std::vector<AdaptableLinear> linears{{"a.b_c", 4, 4}, {"a.b.c", 4, 4}, {"a.d", 4, 4}};
  const LoraModuleNames names(linears);
  EXPECT_EQ(names.find("lora_unet_a_b_c"), nullptr);
  ASSERT_NE(names.find("lora_unet_a_d"), nullptr);
  EXPECT_EQ(names.find("lora_unet_a_d")->name, "a.d");
  EXPECT_EQ(names.find("a.b.c"), &linears[1]);
}

TEST(LoraNames, AFileThatMatchesNothingIsRefusedWithItsFirstNames) {
  TensorMap tensors;
  for (int i = 0; i < 3; ++i) add_module(tensors, "blocks." + std::to_string(i) + ".self_attn.q", 4, 12, 12);
  EXPECT_THAT(refusal_of(tensors),
              AllOf(HasSubstr("all tensors are for modules that this model lacks: transformer.blocks.0.self_attn.q.lora_A.weight"),
                    HasSubstr("and 3 more"), HasSubstr("learnt for Wan")));
}

TEST(LoraNames, OneUnknownModuleIsEnoughToRefuse) {
  TensorMap tensors;
  add_module(tensors, block(0, "attn1.to_q"), 4, 12, 12);
  add_module(tensors, block(30, "attn1.to_q"), 4, 12, 12);
  EXPECT_THAT(refusal_of(tensors), AllOf(HasSubstr("2 tensors are for modules that this model lacks"),
                                         HasSubstr("a model of at least 31 blocks, this one has 4")));
}

TEST(LoraNames, TwoAdaptersInOneFileAreRefused) {
  TensorMap tensors;
  add_module(tensors, block(0, "attn1.to_q"), 4, 12, 12);
  tensors[block(0, "attn1.to_q") + ".lora_A.second.weight"] = numbers({4, 12});
  EXPECT_THAT(refusal_of(tensors), HasSubstr("are both for transformer_blocks.0.attn1.to_q"));
}

}  // namespace
}  // namespace dreamrunner::test
