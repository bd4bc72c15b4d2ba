#include "plan/narration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/narration_cast.h"

namespace dreamrunner {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

PlanningTask friends() {
  PlanningTask task;
  task.characters = {{"witch", "[v1]", "girl witch"}, {"cat", "[v2]", "orange cat"}, {"knight", "", "blue knight"}};
  return task;
}

struct Reading {
  std::vector<std::string> cast;
  std::vector<std::string> acts;       ///< "witch walking 0 right"
  std::vector<std::string> relations;  ///< "cat behind witch"
};

Reading reading_of(const PlanningTask& task, const StoryPlan& story, size_t index) {
  const Narration narration = read_narration(StoryCast(task, story), index);
  Reading reading;
  const auto id = [&](size_t who) { return narration.cast.at(who).character.id; };
  for (const CastMember& member : narration.cast) reading.cast.push_back(member.character.id);
  for (const Act& act : narration.acts) {
    std::string line = id(act.who) + " " + story.scenes[index].motions.at(act.motion) + " " + std::to_string(act.phase);
    switch (act.heading) {
      case Heading::open: break;
      case Heading::left: line += " left"; break;
      case Heading::right: line += " right"; break;
      case Heading::towards: line += " to " + id(act.other); break;
      case Heading::away: line += " from " + id(act.other); break;
    }
    reading.acts.push_back(line);
  }
  constexpr const char* kKinds[] = {"left_of", "right_of", "beside", "behind", "in_front_of", "following", "on_the_left", "on_the_right"};
  for (const Relation& relation : narration.relations) {
    const bool of_frame = relation.who == relation.other;
    reading.relations.push_back(id(relation.who) + " " + kKinds[static_cast<int>(relation.kind)] + (of_frame ? "" : " " + id(relation.other)));
  }
  return reading;
}

Reading read(const std::string& narration, const std::vector<std::string>& motions, const PlanningTask& task = friends()) {
  return reading_of(task, {{{"forest", motions, narration}}}, 0);
}

TEST(NarrationReader, EachDoesItsOwn) {
  const Reading reading = read("The witch is dancing and the cat is jumping for joy.", {"dancing", "jumping"});
  EXPECT_THAT(reading.cast, ElementsAre("witch", "cat"));
  EXPECT_THAT(reading.acts, ElementsAre("witch dancing 0", "cat jumping 0"));
}

TEST(NarrationReader, JoinedSubjectsDoItTogether) {
  EXPECT_THAT(read("Tired and happy, the witch and her small cat are sitting in the bedroom.", {"sitting"}).acts,
              ElementsAre("witch sitting 0", "cat sitting 0"));
  EXPECT_THAT(read("The witch, the knight and the cat run.", {"running"}).acts, UnorderedElementsAre("witch running 0", "knight running 0", "cat running 0"));
}

TEST(NarrationReader, ThenBeginsANewPhase) {
  EXPECT_THAT(read("The witch is walking through the forest. Then she is waving.", {"walking", "waving"}).acts,
              ElementsAre("witch walking 0", "witch waving 1"));
  EXPECT_THAT(read("The witch walks. Then the cat jumps.", {"walking", "jumping"}).acts, ElementsAre("witch walking 0", "cat jumping 1"));
  EXPECT_THAT(read("The witch walks and waves while the cat sits.", {"walking", "waving", "sitting"}).acts,
              ElementsAre("witch walking 0", "witch waving 1", "cat sitting 0"));
}

TEST(NarrationReader, NextToAndAfterSomebodyAreNoTimes) {
  EXPECT_THAT(read("The witch is dancing next to the cat. The cat is sitting.", {"dancing", "sitting"}).acts, ElementsAre("witch dancing 0", "cat sitting 0"));
  EXPECT_THAT(read("The witch is walking close to the cat.", {"walking"}).acts, ElementsAre("witch walking 0"));
  EXPECT_THAT(read("The witch is dancing. Next the cat is sitting.", {"dancing", "sitting"}).acts, ElementsAre("witch dancing 0", "cat sitting 1"));
  EXPECT_THAT(read("The witch is running after the cat. The cat is jumping.", {"running", "jumping"}).acts, ElementsAre("witch running 0", "cat jumping 0"));
  EXPECT_THAT(read("The knight runs after the witch and the cat. The cat jumps.", {"running", "jumping"}).acts, ElementsAre("knight running 0", "cat jumping 0"));
  EXPECT_THAT(read("The knight runs after her through the fields. The cat jumps.", {"running", "jumping"}).acts, ElementsAre("knight running 0", "cat jumping 0"));
  EXPECT_THAT(read("The witch waves. After the cat jumps, the knight bows.", {"waving", "jumping", "bowing"}).acts,
              ElementsAre("witch waving 0", "cat jumping 1", "knight bowing 0")) << "somebody does something after";
  EXPECT_THAT(read("The witch waves. After that the cat jumps.", {"waving", "jumping"}).acts, ElementsAre("witch waving 0", "cat jumping 1"));
  EXPECT_THAT(read("The witch waves. Soon after, the cat jumps.", {"waving", "jumping"}).acts, ElementsAre("witch waving 0", "cat jumping 1"));
}

TEST(NarrationReader, WhoStandsBehindAPrepositionIsNoSubject) {
  EXPECT_THAT(read("The witch waves to the cat and walks home.", {"waving", "walking"}).acts, ElementsAre("witch waving 0 to cat", "witch walking 1"));
  EXPECT_THAT(read("Walking through the forest, the witch looks for the cat.", {"walking"}).acts, ElementsAre("witch walking 0"));
  EXPECT_THAT(read("The knight waves to the cat, and the cat is jumping.", {"waving", "jumping"}).acts, ElementsAre("knight waving 0 to cat", "cat jumping 0"));
}

TEST(NarrationReader, PronounsStandForThoseNamedBefore) {
  EXPECT_THAT(read("The knight meets the witch. She dances. He bows. They sit.", {"dancing", "bowing", "sitting"}).acts,
              ElementsAre("witch dancing 0", "knight bowing 0", "knight sitting 1", "witch sitting 1"));
  EXPECT_THAT(read("The witch strokes the cat. It jumps.", {"jumping"}).acts, ElementsAre("cat jumping 0"));
}

TEST(NarrationReader, CompanionsDoTheSame) {
  EXPECT_THAT(read("The witch is walking with her cat.", {"walking"}).acts, ElementsAre("witch walking 0", "cat walking 0"));
  EXPECT_THAT(read("With the cat, the witch is walking.", {"walking"}).acts, UnorderedElementsAre("witch walking 0", "cat walking 0"));
}

TEST(NarrationReader, OwnersAreNotThere) {
  EXPECT_THAT(read("The witch's cat is sitting.", {"sitting"}).cast, ElementsAre("cat"));
  EXPECT_THAT(read("The witch\u2019s cat is sitting.", {"sitting"}).cast, ElementsAre("cat"));
}

TEST(NarrationReader, NamesMayBeTokensIdsAndWholeNames) {
  EXPECT_THAT(read("[v2] runs. The girl witch waves. KNIGHT!", {"running", "waving"}).cast, ElementsAre("cat", "witch", "knight"));
  PlanningTask two;
  two.characters = {{"anna", "", "red witch"}, {"bea", "", "blue witch"}};
  EXPECT_THAT(read("A witch walks. Bea waves.", {"walking", "waving"}, two).cast, ElementsAre("bea")) << "\"witch\" is two people";
  EXPECT_THAT(read("The red witch walks, the blue witch waves.", {"walking", "waving"}, two).acts, ElementsAre("anna walking 0", "bea waving 0"));
}

TEST(NarrationReader, SaysWhichWay) {
  EXPECT_THAT(read("The witch is walking to the left.", {"walking"}).acts, ElementsAre("witch walking 0 left"));
  EXPECT_THAT(read("The cat runs from left to right.", {"running"}).acts, ElementsAre("cat running 0 right"));
  EXPECT_THAT(read("The knight waves; the cat comes walking to the knight.", {"waving", "walking"}).acts, ElementsAre("knight waving 0", "cat walking 0 to knight"));
  EXPECT_THAT(read("The knight and the witch walk towards each other.", {"walking"}).acts, ElementsAre("knight walking 0 to witch", "witch walking 0 to knight"));
  EXPECT_THAT(read("The cat runs away from the witch.", {"running"}).acts, ElementsAre("cat running 0 from witch"));
  EXPECT_THAT(read("The cat walks to the left of the witch.", {"walking"}).acts, ElementsAre("cat walking 0"));
}

TEST(NarrationReader, SaysWhereSomebodyIs) {
  EXPECT_THAT(read("The cat is sitting behind the witch.", {"sitting"}).relations, ElementsAre("cat behind witch"));
  EXPECT_THAT(read("The witch is walking. The cat is sitting beside her.", {"walking", "sitting"}).relations, ElementsAre("cat beside witch"));
  EXPECT_THAT(read("The knight stands in front of the cat, next to the witch.", {"standing"}).relations,
              ElementsAre("knight in_front_of cat", "knight beside witch"));
  EXPECT_THAT(read("On the left the cat is sitting, the witch waves on the right.", {"sitting", "waving"}).relations,
              ElementsAre("cat on_the_left", "witch on_the_right"));
  EXPECT_THAT(read("The cat sits to the right of the knight.", {"sitting"}).relations, ElementsAre("cat right_of knight"));
  EXPECT_THAT(read("Behind the witch, the cat is sitting.", {"sitting"}).relations, ElementsAre("cat behind witch"));
  EXPECT_THAT(read("The cat runs, chasing the knight.", {"running"}).relations, ElementsAre("cat following knight"));
}

TEST(NarrationReader, MotionsThatAreNotNamedGoToWhoHasNone) {
  EXPECT_THAT(read("The witch and the cat are in the forest.", {"walking", "sitting"}).acts, ElementsAre("witch walking 0", "cat sitting 0"));
  EXPECT_THAT(read("The witch is here.", {"walking", "sitting"}).acts, ElementsAre("witch walking 0", "witch sitting 1"));
}

TEST(NarrationReader, ASceneWithoutNamesGoesOnWithTheLastOnes) {
  const StoryPlan story{{{"forest", {"walking"}, "The witch and the cat are walking."},
                         {"beach", {"sitting"}, "They are sitting."},
                         {"lake", {"waving"}, "She waves to the knight."},
                         {"moon", {}, "It is quiet here."}}};
  EXPECT_THAT(reading_of(friends(), story, 1).acts, ElementsAre("witch sitting 0", "cat sitting 0"));
  EXPECT_THAT(reading_of(friends(), story, 2).acts, ElementsAre("witch waving 0 to knight"));
  EXPECT_THAT(reading_of(friends(), story, 2).cast, ElementsAre("witch", "knight"));
  EXPECT_THAT(reading_of(friends(), story, 3).cast, IsEmpty());
}

TEST(NarrationReader, WithoutCharactersSubjectsAreTheCast) {
  const PlanningTask nobody;
  const StoryPlan story{{{"bedroom", {"waking up", "stretching arms"},
                          "Teddy starts his day in his bedroom. He wakes up from the bed and stretches his arms beside it, getting ready for a new day."},
                         {"park", {"jogging"}, "Teddy visits the park for some exercise. He jogs in the park."}}};
  EXPECT_THAT(reading_of(nobody, story, 0).acts, ElementsAre("teddy waking up 0", "teddy stretching arms 1"));
  EXPECT_THAT(reading_of(nobody, story, 1).acts, ElementsAre("teddy jogging 0"));

  const StoryPlan pair{{{"forest", {"walking", "sitting"}, "An old witch and a cat are walking. The sun is setting over the hill. Then the witch is sitting."}}};
  const Reading reading = reading_of(nobody, pair, 0);
  EXPECT_THAT(reading.cast, ElementsAre("witch", "cat")) << "the sun does none of the motions";
  EXPECT_THAT(reading.acts, ElementsAre("witch walking 0", "cat walking 0", "witch sitting 1"));
  EXPECT_EQ(read_narration(StoryCast(nobody, pair), 0).cast[0].character.name, "old witch");
}

TEST(NarrationReader, BehindACommaTheSubjectGoesOn) {
  EXPECT_THAT(read("The witch follows the cat, wandering through the grass.", {"wandering"}).acts, ElementsAre("witch wandering 0"));
  const StoryPlan story{{{"reef", {"gliding", "looking"}, "The seal enters a green meadow, gliding through it. She looks at some shells."}}};
  EXPECT_THAT(reading_of(PlanningTask(), story, 0).acts, ElementsAre("seal gliding 0", "seal looking 1"));
}

TEST(NarrationReader, NobodyIsFoundInNothing) {
  for (const char* text : {"", "...", "[", "[v9", "\xff\xfe", "'s", "to to to", "and and", "Dawn breaks."}) {
    EXPECT_THAT(read(text, {}).cast, IsEmpty()) << text;
  }
}

}  // namespace
}  // namespace dreamrunner
