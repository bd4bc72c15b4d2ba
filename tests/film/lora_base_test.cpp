// A LoRA of a person's own that was learnt on another model than the film's.

#include "film/lora_base.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "film/film_status.h"
#include "prior_film.h"
#include "support/expect_error.h"

namespace dreamrunner {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using test::Notes;
using test::PriorFilm;
using test::tree_of;
using test::write_text;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

/// A file with the metadata `dreamrunner`, or without where it is empty.
void write_lora_file(const fs::path& file, const std::string& info) {
  std::vector<TensorEntry> tensors{{.name = "a", .type = TensorType::f32, .shape = {1}, .offset = 0, .size = 0}};
  std::map<std::string, std::string> metadata;
  if (!info.empty()) metadata["dreamrunner"] = info;
  write_text(file, make_safetensors_header(tensors, metadata) + "1234");
}

std::string info_of(const std::string& base, const std::string& name) { return Json{{"schema", 1}, {"base", base}, {"base_name", name}}.dump(); }

/// A film whose cartwheels are a file that says that it was learnt on `base`.
struct ForeignFilm : PriorFilm {
  explicit ForeignFilm(const std::string& info = info_of("0123456789abcdef", "THUDM/CogVideoX-2b")) { write_lora_file(root() / "motions/cartwheeling/prior.safetensors", info); }

  MakeResult make_strictly(SettingOverrides overrides = {}, std::optional<int> scene = std::nullopt) {
    return make_film({root(), std::move(overrides), scene, true}, [this]() -> Engine& { return engine; }, run);
  }
  std::string own_model() const {
    const FilmProject film = open();
    return film.settings.generate.model.filename().string() + " (" + film.model_fingerprint.substr(0, 8) + ")";
  }
};

TEST(LoraBase, IsWhatTheFileSays) {
  const test::TemporaryFolder folder;
  write_lora_file(folder / "a.safetensors", info_of("0123", "playset"));
  EXPECT_EQ(lora_base(folder / "a.safetensors").fingerprint, "0123");
  EXPECT_EQ(lora_base(folder / "a.safetensors").name, "playset");
  fs::create_directory(folder / "as-diffusers");
  fs::rename(folder / "a.safetensors", folder / "as-diffusers/pytorch_lora_weights.safetensors");
  EXPECT_EQ(lora_base(folder / "as-diffusers").fingerprint, "0123");
  EXPECT_EQ(lora_base(folder / "none.safetensors").fingerprint, "") << "the engine says that it is missing";
  EXPECT_EQ(lora_base(folder.path()).fingerprint, "");
  for (const char* unreadable : {"", "{", "[]", "3", R"({"base": 3, "base_name": []})"}) {
    write_lora_file(folder / "b.safetensors", unreadable);
    EXPECT_EQ(lora_base(folder / "b.safetensors").fingerprint, "") << unreadable;
    EXPECT_EQ(lora_base(folder / "b.safetensors").name, "") << unreadable;
  }
}

TEST(LoraBase, IsAnotherWhereItsFingerprintIs) {
  const fs::path model = "/models/playset";
  EXPECT_EQ(other_base_in_words({"", "another"}, model, "0123456789"), "");
  EXPECT_EQ(other_base_in_words({"0123456789", "called otherwise"}, model, "0123456789"), "") << "a name is only a name";
  EXPECT_EQ(other_base_in_words({"abcdef0123", "tiny"}, model, "0123456789"), "learnt on tiny (abcdef01), not on playset (01234567)");
  EXPECT_EQ(other_base_in_words({"abcdef0123", ""}, model, "0123456789"), "learnt on another model (abcdef01), not on playset (01234567)");
}

TEST(ForeignPriors, AreUsedAndSaid) {
  ForeignFilm film;
  Notes notes;
  film.run.progress = &notes;
  film.make();
  EXPECT_THAT(notes.notes, Contains(EndsWith("is a file of your own; it is used as it is, though it was learnt on THUDM/CogVideoX-2b (01234567), not on " + film.own_model())));
  EXPECT_EQ(film.engine.use.jobs[1].priors.size(), 2u);
  EXPECT_EQ(film_status(film.root()).artefacts.at(0).verdict.reason, "a file of your own, learnt on THUDM/CogVideoX-2b (01234567), not on " + film.own_model());
}

TEST(ForeignPriors, AreRefusedStrictlyBeforeAnythingIsTouched) {
  ForeignFilm film;
  const auto before = tree_of(film.root());
  EXPECT_THAT(expect_error(ErrorKind::input_file, [&] { film.make_strictly(); }),
              AllOf(HasSubstr("motion cartwheeling: motions/cartwheeling/prior.safetensors was learnt on THUDM/CogVideoX-2b (01234567), not on " + film.own_model()),
                    HasSubstr("without --strict")));
  EXPECT_EQ(tree_of(film.root()), before);
  EXPECT_EQ(film.engine.use.opened, 0);
  // Where it does not act it is no trouble: in scene 1, or at weight 0.
  film.make_strictly({}, 1);
  SettingOverrides without;
  without.prior_weights = {"cartwheeling=0"};
  EXPECT_TRUE(film.make_strictly(without).joined);
}

TEST(ForeignPriors, AreNotThoseOfTheSameModelOrFromElsewhere) {
  const std::string fingerprint = PriorFilm().open().model_fingerprint;
  for (const std::string& info : {info_of(fingerprint, "another name"), std::string()}) {
    ForeignFilm film(info);
    Notes notes;
    film.run.progress = &notes;
    EXPECT_TRUE(film.make_strictly().joined);
    EXPECT_THAT(notes.notes, AllOf(Contains(HasSubstr("a file of your own")), Not(Contains(HasSubstr("learnt on")))));
    EXPECT_EQ(film_status(film.root()).artefacts.at(0).verdict.reason, "a file of your own");
  }
}

}  // namespace
}  // namespace dreamrunner
