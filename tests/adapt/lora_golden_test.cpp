// Adapters that PEFT and diffusers wrote (tools/golden/lora_files.py), against what the same libraries make of them.
#include <ATen/ATen.h>

#include <gtest/gtest.h>

#include "adapt/lora_file.h"
#include "base/json.h"
#include "support/temporary_folder.h"
#include "tensor/tensor_file.h"

namespace dreamrunner::test {
namespace {

namespace fs = std::filesystem;
const fs::path kAdapters = fs::path(DREAMRUNNER_SOURCE_DIR) / "tests/golden/adapters";

// One product of at most 192 terms in fp32, in another order: a few roundings of 6e-8.
constexpr double kTolerance = 1e-5;

std::vector<AdaptableLinear> linears() {
  std::vector<AdaptableLinear> read;
  for (const Json& linear : read_json_file(kAdapters / "linears.json"))
    read.push_back({linear.at("name"), linear.at("in"), linear.at("out")});
  return read;
}

/// Every module that the library adapted must be read, with the answer that the library gives to the probe.
void expect_answers(const LoraFile& lora, const TensorMap& expected) {
  size_t modules = 0;
  for (const auto& [name, answer] : expected) {
    if (name.starts_with("probe.")) continue;
    ++modules;
    ASSERT_EQ(lora.modules.count(name), 1u) << name;
    const LoraFactors& factors = lora.modules.at(name);
    at::Tensor ours = at::mv(factors.up, at::mv(factors.down, expected.at("probe." + std::to_string(factors.down.size(1)))));
    if (factors.bias.defined()) ours = ours + factors.bias;
    ours = ours * factors.scale;
    const double difference = (ours - answer).abs().max().item<double>() / answer.abs().max().item<double>();
    EXPECT_LE(difference, kTolerance) << name;
  }
  EXPECT_EQ(lora.modules.size(), modules);
  EXPECT_GE(modules, 4u);
}

class LoraGolden : public testing::TestWithParam<const char*> {};

TEST_P(LoraGolden, GivesWhatTheLibraryGives) {
  const fs::path folder = kAdapters / GetParam();
  expect_answers(read_lora(folder, linears()), read_tensors(folder / "expected.safetensors"));
}

TEST_P(LoraGolden, AndStillDoesWhenWeHaveWrittenIt) {
  const fs::path folder = kAdapters / GetParam();
  const TemporaryFolder scratch;
  LoraFile lora = read_lora(folder, linears());
  TensorMap expected = read_tensors(folder / "expected.safetensors");
  lora.modules.erase("patch_embed.proj");  // A convolution, which is not written.
  expected.erase("patch_embed.proj");
  write_lora(scratch / "lora.safetensors", lora.modules, lora.info);
  expect_answers(read_lora(scratch / "lora.safetensors", linears()), expected);
}

class WrittenLora : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(WrittenLora, IsBitByBitTheFileThatDiffusersLoads) {
  // `ours` holds what the program must write for `theirs`; lora_files.py wrote it by the same rules, and diffusers took it.
  const auto& [theirs, ours] = GetParam();
  const TemporaryFolder scratch;
  const fs::path wanted_file = kAdapters / ours / "pytorch_lora_weights.safetensors";
  write_lora(scratch / "lora.safetensors", read_lora(kAdapters / theirs, linears()).modules, read_lora(wanted_file, linears()).info);
  const TensorMap written = read_tensors(scratch / "lora.safetensors"), wanted = read_tensors(wanted_file);
  ASSERT_EQ(written.size(), wanted.size());
  for (const auto& [name, tensor] : wanted) {
    ASSERT_EQ(written.count(name), 1u) << name;
    EXPECT_EQ(written.at(name).scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(at::equal(written.at(name), tensor)) << name;
  }
  const auto metadata = [](const fs::path& file) { return TensorFile(file).index().metadata; };
  const auto written_metadata = metadata(scratch / "lora.safetensors"), wanted_metadata = metadata(wanted_file);
  ASSERT_EQ(written_metadata.size(), wanted_metadata.size());
  EXPECT_EQ(written_metadata.at("format"), wanted_metadata.at("format"));
  for (const char* key : {"lora_adapter_metadata", "dreamrunner"}) {
    // Not `Json`, for which another order of the keys is another object.
    EXPECT_EQ(nlohmann::json::parse(written_metadata.at(key)), nlohmann::json::parse(wanted_metadata.at(key))) << key;
  }
}

INSTANTIATE_TEST_SUITE_P(Adapters, WrittenLora, testing::Values(std::pair("peft-trained", "ours"), std::pair("peft-bias", "ours-biased")),
                         [](const auto& pair) { return pair.index == 0 ? "Trained" : "Biased"; });

TEST(ConvertedLora, AConvertedListSaysWhatItIs) {
  const LoraFile lora = read_lora(kAdapters / "authors-list", linears());
  EXPECT_EQ(lora.info.kind, "motion");
  EXPECT_EQ(lora.info.name, "jumping");
  EXPECT_EQ(lora.info.step, 120);
  EXPECT_EQ(lora.info.rank, 3);
  EXPECT_EQ(lora.info.blocks, std::vector<int64_t>{0});
  EXPECT_TRUE(lora.notes.empty());
}

INSTANTIATE_TEST_SUITE_P(Adapters, LoraGolden,
                         testing::Values("peft-rslora", "peft-patterns", "peft-bias", "diffusers-metadata", "diffusers-no-metadata",
                                         "authors-list", "peft-trained", "ours", "ours-biased"),
                         [](const auto& adapter) {
                           std::string name = adapter.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace dreamrunner::test
