#include "engine/forward.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "engine_fixture.h"
#include "tensor/tensor_file.h"

namespace dreamrunner {
namespace {

using test::expect_error;
using testing::HasSubstr;

class ForwardTest : public test::EngineTest {
 protected:
  std::string refused(ErrorKind kind, const std::string& part, const TensorMap& in) {
    return expect_error(kind, [&] { forward(part, in); });
  }
  TensorMap forward(const std::string& part, const TensorMap& in) {
    write_tensors(folder_ / "in.safetensors", in);
    request_.part = part;
    request_.input = folder_ / "in.safetensors";
    request_.output = folder_ / "out.safetensors";
    engine().forward(request_, run_);
    return read_tensors(request_.output);
  }

  ForwardRequest request_{.part = "", .model = test::kPlayset, .input = {}, .output = {}};
};

TensorMap transformer_input() {
  return {{"hidden_states", at::zeros({1, 2, 16, 4, 6})}, {"encoder_hidden_states", at::zeros({1, 64, 192})}, {"timestep", at::tensor({999}, at::kLong)}};
}

TEST_F(ForwardTest, AnUnknownPartIsRefusedWithTheParts) {
  EXPECT_THAT(refused(ErrorKind::usage, "decoder", {{"x", at::ones({1})}}), HasSubstr("unknown part \"decoder\"; parts: tokens, text-encoder"));
}

TEST_F(ForwardTest, AMissingTensorIsNamedWithThoseThatAreThere) {
  TensorMap in = transformer_input();
  in.erase("timestep");
  EXPECT_THAT(refused(ErrorKind::input_file, "transformer", in), HasSubstr("tensor \"timestep\" is missing; found: encoder_hidden_states, hidden_states"));
}

TEST_F(ForwardTest, ATensorThatIsNotReadIsRefused) {
  TensorMap in = transformer_input();
  in["region"] = at::ones({2, 2, 2, 3}, at::kByte);
  EXPECT_THAT(refused(ErrorKind::usage, "transformer", in), HasSubstr("tensor \"region\" is not read by this part"));
}

TEST_F(ForwardTest, ShapesThatDoNotFitAreNamed) {
  TensorMap in = transformer_input();
  in["hidden_states"] = at::zeros({1, 2, 16, 5, 6});
  EXPECT_THAT(refused(ErrorKind::usage, "transformer", in), HasSubstr("multiples of the patch 2 expected; nearest: 6 x 6"));
  in = transformer_input();
  in["hidden_states"] = at::zeros({1, 2, 8, 4, 6});
  EXPECT_THAT(refused(ErrorKind::usage, "transformer", in), HasSubstr("hidden_states: found [1, 2, 8, 4, 6], [B, 2, 16, 4, 6] expected"));
  in = transformer_input();
  in["encoder_hidden_states"] = at::zeros({2, 64, 192});
  EXPECT_THAT(refused(ErrorKind::usage, "transformer", in), HasSubstr("batch of 1 latents, 2 texts"));
  in = transformer_input();
  in["regions"] = at::ones({2, 2, 4, 6}, at::kByte);
  EXPECT_THAT(refused(ErrorKind::usage, "transformer", in), HasSubstr("regions: found [2, 2, 4, 6], [N, 2, 2, 3] expected"));
  in["regions"] = at::ones({3, 2, 2, 3}, at::kByte);
  EXPECT_THAT(refused(ErrorKind::usage, "transformer", in), HasSubstr("64 tokens are not divided by 3 texts"));
}

TEST_F(ForwardTest, IdsOutsideTheVocabularyAreRefused) {
  for (const int64_t id : {-1, 512}) {
    EXPECT_THAT(refused(ErrorKind::usage, "text-encoder", {{"input_ids", at::full({1, 4}, id, at::kLong)}}), HasSubstr("input_ids: 0 to 511 expected"));
  }
}

TEST_F(ForwardTest, PixelsOfASizeThatTheAutoencoderCannotTakeAreRefused) {
  EXPECT_THAT(refused(ErrorKind::usage, "vae-encode", {{"pixels", at::zeros({1, 3, 1, 12, 16})}}), HasSubstr("H and W multiples of 8 expected"));
}

TEST_F(ForwardTest, NaNEndsDenoisingBeforeItsFirstStep) {
  TensorMap in{{"latents", at::zeros({1, 2, 16, 4, 6})}, {"prompt_embeds", at::zeros({1, 32, 192})}, {"negative_prompt_embeds", at::zeros({1, 32, 192})}};
  in["latents"][0][1][3][2][2] = NAN;
  request_.steps = 4;
  EXPECT_THAT(refused(ErrorKind::numerical, "denoise", in), HasSubstr("forward: denoising: noise: 1 of 768 values are NaN or infinite"));
}

TEST_F(ForwardTest, AVideoIsWrittenFromBytesAndFromFloats) {
  request_.part = "video-write";
  request_.input = folder_ / "in.safetensors";
  for (const auto& frames : {at::full({3, 16, 24, 3}, 128, at::kByte), at::full({3, 16, 24, 3}, 0.5)}) {
    request_.output = folder_ / (frames.is_floating_point() ? "float.mp4" : "bytes.mp4");
    write_tensors(request_.input, {{"frames", frames}});
    engine().forward(request_, run_);
  }
  EXPECT_EQ(std::filesystem::file_size(folder_ / "float.mp4"), std::filesystem::file_size(folder_ / "bytes.mp4"));
  write_tensors(request_.input, {{"frames", at::zeros({3, 16, 24, 3}, at::kLong)}});
  EXPECT_THAT(expect_error(ErrorKind::usage, [&] { engine().forward(request_, run_); }), HasSubstr("uint8, or floating point from 0 to 1, expected"));
}

}  // namespace
}  // namespace dreamrunner
