#include "learn/learn_prior.h"

#include <filesystem>
#include <fstream>
#include <stop_token>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "adapt/lora_file.h"
#include "base/files.h"
#include "base/hash.h"
#include "media/png.h"
#include "media/video_writer.h"
#include "models/model_folder.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

/// From files to a LoRA file, with the playset and few frames.
namespace dreamrunner {
namespace {
namespace fs = std::filesystem;

const fs::path kModel = fs::path(DREAMRUNNER_SOURCE_DIR) / "models" / "playset";

/// Stops the run when so many steps of learning were reported.
class StopAfter : public Progress {
 public:
  StopAfter(std::stop_source& source, int64_t steps) : source_(source), steps_(steps) {}
  void begin(std::string_view stage, int64_t) override { learning_ = stage.ends_with(": learning"); }
  void advance(int64_t done) override {
    if (learning_ && done >= steps_) source_.request_stop();
  }
  void note(std::string_view message) override { notes.emplace_back(message); }
  std::vector<std::string> notes;

 private:
  std::stop_source& source_;
  int64_t steps_;
  bool learning_ = false;
};

class LearnPrior : public ::testing::Test {
 protected:
  LearnRequest motion() {
    LearnRequest request;
    request.kind = PriorKind::motion;
    request.name = "waving";
    request.label = "motion waving";
    request.model = kModel;
    request.base = "tiny";
    request.device = "cpu";
    request.dtype = "fp32";
    request.recipe.steps = 6;
    request.recipe.rank = 2;
    request.recipe.num_frames = 4;
    for (int i = 0; i < 2; ++i) {
      const fs::path file = folder_.path() / ("clip" + std::to_string(i) + ".mp4");
      if (!fs::exists(file)) write_clip(file, i);
      request.examples.push_back({.file = file, .caption = "a cat is waving"});
    }
    request.output = folder_.path() / "prior.safetensors";
    request.work = folder_.path() / "work";
    request.cache = folder_.path() / "cache";
    return request;
  }

  static void write_clip(const fs::path& file, int number) {
    const int frames = 12, height = 64, width = 96;
    std::vector<uint8_t> pixels;
    for (int i = 0; i < frames * height * width; ++i) {
      const int frame = i / (height * width);
      pixels.insert(pixels.end(), {static_cast<uint8_t>(frame * 20), static_cast<uint8_t>(number * 100), static_cast<uint8_t>(i % width)});
    }
    RunContext run;
    write_video(file, {frames, height, width, pixels.data()}, {}, run);
  }

  static std::string hash_of(const fs::path& file) { return sha256_of_file(file); }

  test::TemporaryFolder folder_;
  RunContext run_;
};

TEST_F(LearnPrior, WritesALoraOfTheMotionsBlocks) {
  const LearnRequest request = motion();
  const LearnResult result = learn_prior(request, run_);
  EXPECT_EQ(result.steps, 6);
  EXPECT_EQ(result.resumed_from, 0);
  EXPECT_GT(result.first_loss, 0);
  const VideoTransformer transformer = ModelFolder(kModel).open_transformer({});
  const LoraFile lora = read_lora(request.output, transformer.adaptable_linears());
  EXPECT_EQ(lora.modules.size(), 18u);  // three even blocks of six
  EXPECT_TRUE(lora.modules.contains("transformer_blocks.0.attn1.to_q"));
  EXPECT_EQ(lora.info.kind, "motion");
  EXPECT_EQ(lora.info.name, "waving");
  EXPECT_EQ(lora.info.base, "tiny");
  EXPECT_EQ(lora.info.base_name, "playset");
  EXPECT_EQ(lora.info.blocks, (std::vector<int64_t>{0, 2, 4}));
  EXPECT_EQ(lora.info.step, 6);
  for (const auto& [name, factors] : lora.modules) {
    EXPECT_EQ(factors.scale, 1.0) << name;
    EXPECT_GT(factors.up.abs().max().item<double>(), 0) << name;
  }
}

TEST_F(LearnPrior, StoppedItGoesOnAndEndsWithTheSameBytes) {
  LearnRequest request = motion();
  learn_prior(request, run_);
  const std::string whole = hash_of(request.output);
  for (const int stop_at : {1, 4}) {
    request.work = folder_.path() / ("work" + std::to_string(stop_at));
    request.output = folder_.path() / ("prior" + std::to_string(stop_at) + ".safetensors");
    std::stop_source source;
    StopAfter listener(source, stop_at);
    RunContext stopped{source.get_token(), &listener};
    test::expect_error(ErrorKind::interrupted, [&] { learn_prior(request, stopped); });
    EXPECT_FALSE(fs::exists(request.output));
    const LearnResult result = learn_prior(request, run_);
    EXPECT_EQ(result.resumed_from, stop_at);
    EXPECT_EQ(hash_of(request.output), whole);
  }
}

TEST_F(LearnPrior, AStateOfAnotherTrainingOrADamagedOneIsNotGoneOnWith) {
  LearnRequest request = motion();
  learn_prior(request, run_);
  const std::string whole = hash_of(request.output);
  for (const bool damaged : {false, true}) {
    std::stop_source source;
    StopAfter listener(source, 3);
    RunContext stopped{source.get_token(), &listener};
    LearnRequest other = request;
    if (!damaged) other.recipe.learning_rate = 1e-4;
    test::expect_error(ErrorKind::interrupted, [&] { learn_prior(other, stopped); });
    if (damaged) fs::resize_file(request.work / "state.safetensors", 5000);
    std::stop_source never;
    StopAfter notes(never, 1000);
    RunContext run{never.get_token(), &notes};
    EXPECT_EQ(learn_prior(request, run).resumed_from, 0);
    EXPECT_EQ(hash_of(request.output), whole);
    bool said = false;
    for (const std::string& note : notes.notes) said = said || note.find("beginning anew") != std::string::npos;
    EXPECT_TRUE(said);
  }
}

TEST_F(LearnPrior, UsesWhatIsCachedByContent) {
  LearnRequest request = motion();
  learn_prior(request, run_);
  const std::string whole = hash_of(request.output);
  size_t files = 0;
  for (const auto& entry : fs::directory_iterator(request.cache)) {
    ++files;
    (void)entry;
  }
  EXPECT_EQ(files, 3u);  // two clips and one caption
  // A damaged cache is made again, and the prior is the same.
  for (const auto& entry : fs::directory_iterator(request.cache)) fs::resize_file(entry.path(), 20);
  learn_prior(request, run_);
  EXPECT_EQ(hash_of(request.output), whole);
}

TEST_F(LearnPrior, MakesClipsOfWhatItHasLearntSoFarAndLearnsTheSame) {
  LearnRequest request = motion();
  learn_prior(request, run_);
  const std::string whole = hash_of(request.output);
  request.sample_every = 4;
  request.samples = folder_.path() / "samples";
  learn_prior(request, run_);
  EXPECT_EQ(hash_of(request.output), whole);
  EXPECT_TRUE(fs::exists(request.samples / "step-000004.mp4"));
  EXPECT_FALSE(fs::exists(request.samples / "step-000006.mp4"));
}

TEST_F(LearnPrior, LearnsASubjectFromPicturesOfAnyShape) {
  LearnRequest request = motion();
  request.kind = PriorKind::subject;
  request.name = "[v1]";
  request.recipe.mask_background = true;
  request.examples.clear();
  for (const auto& [height, width] : {std::pair{40, 120}, std::pair{100, 30}}) {
    Picture picture{width, height, std::vector<uint8_t>(static_cast<size_t>(height * width * 3), 255)};
    for (size_t i = 0; i < picture.rgb.size() / 2; ++i) picture.rgb[i] = static_cast<uint8_t>(i % 200);
    const fs::path file = folder_.path() / (std::to_string(height) + ".png");
    write_png(file, picture);
    request.examples.push_back({.file = file, .caption = "a [v1] cat"});
  }
  learn_prior(request, run_);
  const LoraFile lora = read_lora(request.output, ModelFolder(kModel).open_transformer({}).adaptable_linears());
  EXPECT_TRUE(lora.modules.contains("transformer_blocks.1.ff.net.2"));
  EXPECT_EQ(lora.info.kind, "subject");
}

TEST_F(LearnPrior, RefusesWhatMakesNoSense) {
  LearnRequest request = motion();
  request.examples.clear();
  test::expect_error(ErrorKind::usage, [&] { learn_prior(request, run_); });
  request = motion();
  request.recipe.num_frames = 7;  // decodes to 8
  test::expect_error(ErrorKind::usage, [&] { learn_prior(request, run_); });
  request = motion();
  request.recipe.prompts = "none";
  test::expect_error(ErrorKind::usage, [&] { learn_prior(request, run_); });
  request = motion();
  request.examples[0].file = folder_.path() / "absent.mp4";
  EXPECT_NE(test::expect_error(ErrorKind::input_file, [&] { learn_prior(request, run_); }).find("absent.mp4"), std::string::npos);
  request = motion();
  std::ofstream(folder_.path() / "text.mp4") << "no video";
  request.examples[0].file = folder_.path() / "text.mp4";
  test::expect_error(ErrorKind::input_file, [&] { learn_prior(request, run_); });
  request = motion();
  request.recipe.learning_rate = 1e30;
  request.recipe.steps = 20;
  test::expect_error(ErrorKind::numerical, [&] { learn_prior(request, run_); });
}

}  // namespace
}  // namespace dreamrunner
