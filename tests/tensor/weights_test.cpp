#include "tensor/weights.h"

#include <fstream>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "tensor/tensor_file.h"

namespace dreamrunner {
namespace {

using test::expect_error;
using testing::HasSubstr;

class WeightsTest : public testing::Test {
 protected:
  void write_file(const std::string& name, const std::string& text) { std::ofstream(folder_ / name, std::ios::binary) << text; }
  Weights open(Placement placement = {}) { return Weights::open(folder_.path(), "model", placement); }
  std::string refused() {
    return expect_error(ErrorKind::input_file, [&] { open(); });
  }
  void write_shards(const std::string& index) {
    write_tensors(folder_ / "model-1.safetensors", {{"a.weight", at::ones({2, 3})}});
    write_tensors(folder_ / "model-2.safetensors", {{"b.weight", at::ones({4})}});
    write_file("model.safetensors.index.json", index);
  }

  test::TemporaryFolder folder_;
};

TEST_F(WeightsTest, SharesMemoryWithTheFileUnlessTheTypeChanges) {
  write_tensors(folder_ / "model.safetensors", {{"a", at::ones({2, 3}, at::kHalf)}});
  EXPECT_EQ(open({at::kCPU, at::kHalf}).take("a", {2, 3}).scalar_type(), at::kHalf);
  EXPECT_TRUE(at::equal(open({at::kCPU, at::kFloat}).take("a", {2, 3}), at::ones({2, 3})));
  EXPECT_EQ(open().stored_dtype(), at::kHalf);
}

TEST_F(WeightsTest, SomeAreTakenInATypeOfTheirOwn) {
  const at::Tensor stored = at::full({3}, 1 + 1.0 / 4096);  // between two halves
  write_tensors(folder_ / "model.safetensors", {{"block.wo", stored}, {"block.q", stored}});
  const Weights halves = open({at::kCPU, at::kHalf});
  const Weights floats = halves.with_dtype(at::kFloat);
  EXPECT_EQ(halves.dtype(), at::kHalf);
  EXPECT_TRUE(at::equal((floats / "block").take("wo", {3}), stored));
  EXPECT_EQ((halves / "block").take("q", {3}).scalar_type(), at::kHalf);
  halves.finish();  // one record of what was taken
}

TEST_F(WeightsTest, ScopesLeadToTheTensorAndNothingMayBeLeft) {
  write_tensors(folder_ / "model.safetensors", {{"blocks.0.q.weight", at::ones({2})}, {"blocks.0.q.bias", at::ones({2})}});
  const Weights weights = open();
  const Weights scope = weights / "blocks" / "0" / "q";
  EXPECT_TRUE(scope.has("bias"));
  scope.take("weight", {2});
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { weights.finish(); }), HasSubstr("1 tensors belong to no layer of this model: blocks.0.q.bias"));
  scope.take("bias", {2});
  weights.finish();
}

TEST_F(WeightsTest, AMissingOrMisshapenTensorIsNamedWithBothShapes) {
  write_tensors(folder_ / "model.safetensors", {{"a", at::ones({2, 3})}});
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { open().take("b", {7}); }), HasSubstr("tensor \"b\" is missing, [7] expected"));
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { open().take("a", {3, 2}); }), HasSubstr("tensor \"a\": found [2, 3], expected [3, 2]"));
}

TEST_F(WeightsTest, NaNIsFoundWhenTheTypeIsConverted) {
  write_tensors(folder_ / "model.safetensors", {{"a", at::full({3}, NAN, at::kHalf)}, {"big", at::full({3}, 1e6, at::kFloat)}});
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { open().take("a", {3}); }), HasSubstr("tensor \"a\" has NaN or infinite values as fp32"));
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { open({at::kCPU, at::kHalf}).take("big", {3}); }), HasSubstr("as fp16"));
}

TEST_F(WeightsTest, ShardsAreReadThroughTheirIndex) {
  write_shards(R"({"weight_map": {"a.weight": "model-1.safetensors", "b.weight": "model-2.safetensors"}})");
  const Weights weights = open();
  weights.take("a.weight", {2, 3});
  weights.take("b.weight", {4});
  weights.finish();
}

TEST_F(WeightsTest, AnIndexThatLiesIsRefused) {
  write_shards(R"({"weight_map": {"a.weight": "model-2.safetensors", "b.weight": "model-2.safetensors"}})");
  EXPECT_THAT(refused(), HasSubstr("tensor \"a.weight\" is in no shard, expected in model-2.safetensors"));
  write_shards(R"({"weight_map": {"a.weight": "model-2.safetensors", "b.weight": "model-1.safetensors"}})");
  EXPECT_THAT(refused(), HasSubstr("tensor \"a.weight\" is in model-1.safetensors, the index says model-2.safetensors"));
  write_shards(R"({"weight_map": {"a.weight": "model-1.safetensors", "c.weight": "model-2.safetensors"}})");
  EXPECT_THAT(refused(), HasSubstr("\"c.weight\""));
  write_shards(R"({"weight_map": {"a.weight": "model-3.safetensors"}})");
  EXPECT_THAT(refused(), HasSubstr("model-3.safetensors: no such file"));
}

TEST_F(WeightsTest, AShardOutsideTheFolderIsRefused) {
  for (const char* name : {"../model-1.safetensors", "/etc/passwd", "sub/model-1.safetensors", "..", ""}) {
    write_shards(std::string(R"({"weight_map": {"a.weight": ")") + name + R"("}})");
    EXPECT_THAT(refused(), HasSubstr("leads out of the folder")) << name;
  }
  write_shards(R"({"weight_map": {"a.weight": "pytorch_model.bin"}})");
  EXPECT_THAT(refused(), HasSubstr("is no safetensors file"));
}

TEST_F(WeightsTest, PickledWeightsAreRefusedWithTheWayOut) {
  write_file("pytorch_model.bin", "PK");
  EXPECT_THAT(refused(), HasSubstr("pickled"));
  EXPECT_THAT(refused(), HasSubstr("convert it to safetensors"));
}

TEST_F(WeightsTest, AGitLfsPointerIsCalledByItsName) {
  write_file("model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n");
  EXPECT_THAT(refused(), HasSubstr("Git-LFS pointer"));
}

}  // namespace
}  // namespace dreamrunner
