#include "film/model_fingerprint.h"

#include <fcntl.h>
#include <unistd.h>

#include <set>

#include <gtest/gtest.h>

#include "base/error.h"
#include "small_film.h"
#include "support/expect_error.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;

class ModelFingerprint : public ::testing::Test {
 protected:
  ModelFingerprint() {
    test::write_text(model / "model_index.json", "{}");
    test::write_text(model / "tokenizer/spiece.model", "pieces");
    test::write_text(model / "transformer/config.json", "{\"num_layers\": 2}");
    test::write_text(model / "transformer/weights.safetensors", std::string(1000, 'w'));
  }
  test::TemporaryFolder folder;
  fs::path model = folder / "model";
};

TEST_F(ModelFingerprint, ChangesWithEveryFileThatDecidesTheFilm) {
  std::set<std::string> seen{model_fingerprint(model)};
  const auto changed = [&] { return seen.insert(model_fingerprint(model)).second; };
  test::write_text(model / "transformer/weights.safetensors", std::string(999, 'w') + "x");
  EXPECT_TRUE(changed());
  test::write_text(model / "transformer/config.json", "{\"num_layers\": 3}");
  EXPECT_TRUE(changed());
  test::write_text(model / "tokenizer/spiece.model", "other pieces");
  EXPECT_TRUE(changed());
  fs::rename(model / "transformer/weights.safetensors", model / "transformer/w.safetensors");
  EXPECT_TRUE(changed());
  test::write_text(model / "vae/config.json", "");
  EXPECT_TRUE(changed());
}

TEST_F(ModelFingerprint, KeepsWhatDoesNotMatterOut) {
  const std::string before = model_fingerprint(model);
  test::write_text(model / "README.md", "a card");
  test::write_text(model / "transformer/samples/deep/config.json", "{}");
  test::write_text(model / "priors.json", "{}");
  EXPECT_EQ(model_fingerprint(model), before);
  fs::rename(model, folder / "moved");
  EXPECT_EQ(model_fingerprint(folder / "moved"), before);
}

TEST_F(ModelFingerprint, WhatBelongsToNoPartOfTheModelIsKeptOut) {
  test::write_text(model / "model_index.json", R"({"_class_name": "CogVideoXPipeline", "transformer": ["diffusers", "T"], "tokenizer": ["transformers", "T"]})");
  const std::string before = model_fingerprint(model);
  test::write_text(model / "clip/config.json", "{}");
  test::write_text(model / "clip/model.safetensors", "models that retrieval looks with");
  EXPECT_EQ(model_fingerprint(model), before);
  test::write_text(model / "transformer/config.json", "{\"num_layers\": 4}");
  EXPECT_NE(model_fingerprint(model), before);
}

TEST_F(ModelFingerprint, SeesThroughTheLinksOfAHubCache) {
  const std::string before = model_fingerprint(model);
  fs::create_directories(folder / "blobs");
  fs::rename(model / "transformer/weights.safetensors", folder / "blobs/b10b");
  fs::create_symlink("../../blobs/b10b", model / "transformer/weights.safetensors");
  EXPECT_EQ(model_fingerprint(model), before);
}

TEST_F(ModelFingerprint, SeesThroughLinksToWholeParts) {
  const std::string before = model_fingerprint(model);
  fs::rename(model / "transformer", folder / "elsewhere");
  fs::create_directory_symlink("../elsewhere", model / "transformer");
  EXPECT_EQ(model_fingerprint(model), before);
  test::write_text(folder / "elsewhere/weights.safetensors", "other weights");
  EXPECT_NE(model_fingerprint(model), before);
  fs::create_directory_symlink("..", folder / "elsewhere/up");
  EXPECT_NO_THROW(model_fingerprint(model)) << "links in a circle have an end";
}

TEST_F(ModelFingerprint, SamplesLargeFiles) {
  const fs::path large = model / "transformer/weights.safetensors";
  const off_t size = off_t{200} << 20;
  const auto put = [&](off_t at, const char* byte) {
    const int fd = ::open(large.c_str(), O_WRONLY);
    ASSERT_EQ(::pwrite(fd, byte, 1, at), 1);
    ::close(fd);
  };
  fs::resize_file(large, static_cast<uintmax_t>(size));  // Sparse: takes no room.
  std::set<std::string> seen{model_fingerprint(model)};
  put(0, "x");
  EXPECT_TRUE(seen.insert(model_fingerprint(model)).second) << "the first byte";
  put(size - 1, "x");
  EXPECT_TRUE(seen.insert(model_fingerprint(model)).second) << "the last byte";
  put((size - (off_t{64} << 10)) / 64 * 31, "x");
  EXPECT_TRUE(seen.insert(model_fingerprint(model)).second) << "a sampled byte in the middle";
  fs::resize_file(large, static_cast<uintmax_t>(size + 1));
  EXPECT_TRUE(seen.insert(model_fingerprint(model)).second) << "the size";
}

TEST_F(ModelFingerprint, RefusesAFolderWithoutAModel) {
  fs::create_directories(folder / "empty");
  test::expect_error(ErrorKind::input_file, [&] { model_fingerprint(folder / "empty"); });
  test::expect_error(ErrorKind::storage, [&] { model_fingerprint(folder / "nowhere"); });
}

}  // namespace
}  // namespace dreamrunner
