#include "tensor/tensor_file.h"

#include <fstream>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace dreamrunner {
namespace {

TEST(TensorFileTest, EveryTypeAndShapeComesBackAsItWas) {
  const test::TemporaryFolder folder;
  at::manual_seed(1);
  TensorMap tensors;
  for (const auto type : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16}) {
    tensors[std::string("float ") + c10::toString(type)] = at::randn({3, 5}).to(type);
  }
  for (const auto type : {at::kByte, at::kChar, at::kShort, at::kInt, at::kLong, at::kBool}) {
    tensors[std::string("whole ") + c10::toString(type)] = at::randint(0, 2, {7}).to(type);
  }
  tensors["scalar"] = at::scalar_tensor(4.5);
  tensors["empty"] = at::empty({0, 4});
  tensors["transposed"] = at::randn({4, 6}).t();
  tensors["name with \" and \xC3\xA9"] = at::ones({1});
  write_tensors(folder / "x.safetensors", tensors, {{"kind", "test"}});

  const TensorMap back = read_tensors(folder / "x.safetensors");
  ASSERT_EQ(back.size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    ASSERT_TRUE(back.contains(name)) << name;
    EXPECT_EQ(back.at(name).scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(at::equal(back.at(name), tensor)) << name;
  }
  EXPECT_EQ(TensorFile(folder / "x.safetensors").index().metadata.at("kind"), "test");
}

TEST(TensorFileTest, ATensorOutlivesTheObjectThatMappedIt) {
  const test::TemporaryFolder folder;
  write_tensors(folder / "x.safetensors", {{"a", at::arange(100, at::kFloat)}});
  at::Tensor kept;
  {
    const TensorFile file(folder / "x.safetensors");
    kept = file.tensor(file.index().tensors.front());
  }
  EXPECT_EQ(kept[99].item<float>(), 99.0f);
}

TEST(TensorFileTest, AMisalignedPayloadIsCopied) {
  const test::TemporaryFolder folder;
  std::string header = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  while ((8 + header.size()) % 4 != 1) header += ' ';
  std::string bytes(8, '\0');
  bytes[0] = static_cast<char>(header.size());
  const float values[2] = {1.5f, -2.0f};
  std::ofstream(folder / "x.safetensors", std::ios::binary) << bytes << header << std::string(reinterpret_cast<const char*>(values), 8);
  const at::Tensor tensor = read_tensors(folder / "x.safetensors").at("a");
  EXPECT_TRUE(at::equal(tensor, at::tensor({1.5f, -2.0f})));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.data_ptr()) % 4, 0u);
}

TEST(TensorFileTest, WritingWhereNothingCanBeWrittenIsAStorageError) {
  const std::string line = test::expect_error(ErrorKind::storage, [] { write_tensors("/dev/null/x.safetensors", {{"a", at::ones({1})}}); });
  EXPECT_NE(line.find("x.safetensors"), std::string::npos);
}

}  // namespace
}  // namespace dreamrunner
