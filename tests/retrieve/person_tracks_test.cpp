#include "retrieve/person_tracks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <tuple>

#include "retrieve/walks.h"
#include "support/expect_error.h"

namespace dreamrunner {
namespace {

using test::even_looks;
using test::seen_at;

int sightings(const PersonTrack& track) {
  int count = 0;
  for (const TrackBox& box : track.boxes) count += box.seen;
  return count;
}

double middle(const TrackBox& box) { return (box.x0 + box.x1) / 2.0; }

TEST(PersonTracks, OfNothingAreNone) {
  EXPECT_TRUE(track_people({}, {}, {}).empty());
  EXPECT_TRUE(track_people({}, even_looks(10, 8), {}).empty());
}

TEST(PersonTracks, OneLookIsTooFewSightingsUnlessToldOtherwise) {
  EXPECT_TRUE(track_people({seen_at(0, 50, 60)}, {0.0}, {}).empty());
  const std::vector<PersonTrack> tracks = track_people({seen_at(0, 50, 60)}, {0.0}, {.least_seen = 1});
  ASSERT_EQ(tracks.size(), 1u);
  ASSERT_EQ(tracks[0].boxes.size(), 1u);
  EXPECT_FLOAT_EQ(tracks[0].boxes[0].x0, 30);
  EXPECT_FLOAT_EQ(tracks[0].boxes[0].y1, 110);
  EXPECT_FLOAT_EQ(tracks[0].score, 0.9f);
}

TEST(PersonTracks, FollowSomebodyWhoWalksFasterThanTheirOwnWidthALook) {
  // 30 px a look at a width of 40: a box overlaps the one before by 1/7, and only what is expected of the speed holds them.
  // The first step, before there is a speed, must overlap: they start slowly.
  std::vector<Detection> seen;
  double x = 50;
  for (int look = 0; look < 16; ++look) {
    seen.push_back(seen_at(look, x, 60));
    x += std::min(30.0, 5.0 * (look + 1));
  }
  const std::vector<PersonTrack> tracks = track_people(seen, even_looks(16, 8), {});
  ASSERT_EQ(tracks.size(), 1u);
  EXPECT_EQ(sightings(tracks[0]), 16);
}

TEST(PersonTracks, OfTwoWhoCrossKeepTheirSpeed) {
  // While they cover each other for three looks the detector sees one person in the middle of both, or nobody.
  std::vector<Detection> seen;
  for (int look = 0; look < 25; ++look) {
    const double left = 60 + 10 * look, right = 300 - 10 * look;
    if (look == 12) continue;
    if (look == 11 || look == 13) {
      seen.push_back(seen_at(look, left, 100));
      continue;
    }
    seen.push_back(seen_at(look, right, 100, {}, 0.8f));
    seen.push_back(seen_at(look, left, 100));
  }
  const std::vector<PersonTrack> tracks = track_people(seen, even_looks(25, 12), {});
  ASSERT_EQ(tracks.size(), 2u);
  for (const PersonTrack& track : tracks) EXPECT_EQ(track.boxes.size(), 25u);
  // Higher score first: the one who goes to the right.
  EXPECT_NEAR(middle(tracks[0].boxes.front()), 60, 0.01);
  EXPECT_NEAR(middle(tracks[0].boxes.back()), 300, 0.01);
  EXPECT_NEAR(middle(tracks[1].boxes.front()), 300, 0.01);
  EXPECT_NEAR(middle(tracks[1].boxes.back()), 60, 0.01);
}

TEST(PersonTracks, FillOneMissedDetectionFromBothSidesOfIt) {
  // Unevenly spaced, and the person turns round where they are missed: the prediction would go on to the right.
  const std::vector<double> looks_s{0, 0.1, 0.2, 0.3, 0.35, 0.5, 0.6, 0.7};
  const std::vector<double> x{100, 102, 104, 106, -1, 102, 100, 98};
  std::vector<Detection> seen;
  for (int look = 0; look < 8; ++look) {
    if (x[look] >= 0) seen.push_back(seen_at(look, x[look], 100));
  }
  const std::vector<PersonTrack> tracks = track_people(seen, looks_s, {});
  ASSERT_EQ(tracks.size(), 1u);
  ASSERT_EQ(tracks[0].boxes.size(), 8u);
  EXPECT_FALSE(tracks[0].boxes[4].seen);
  EXPECT_NEAR(middle(tracks[0].boxes[4]), 106 - 4 * 0.25, 1e-4);
  EXPECT_EQ(sightings(tracks[0]), 7);
}

TEST(PersonTracks, EndAtTheFirstAndLastSighting) {
  std::vector<Detection> seen;
  for (int look = 1; look < 9; ++look) seen.push_back(seen_at(look, 100, 100));
  const std::vector<PersonTrack> tracks = track_people(seen, even_looks(10, 8), {});
  ASSERT_EQ(tracks.size(), 1u);
  EXPECT_EQ(tracks[0].boxes.front().look, 1);
  EXPECT_EQ(tracks[0].boxes.back().look, 8);
}

TEST(PersonTracks, BridgeAGapOfJustTheLongestAndNoMore) {
  const auto tracks_with_missed = [](int missed) {
    std::vector<Detection> seen;
    for (int look = 0; look < 20; ++look) {
      if (look < 8 || look >= 8 + missed) seen.push_back(seen_at(look, 100, 100));
    }
    return track_people(seen, even_looks(20, 10), {});
  };
  // Missed by n looks of 0.1 s each: unseen for n times 0.1 s.
  EXPECT_EQ(tracks_with_missed(5).size(), 1u);
  EXPECT_EQ(tracks_with_missed(6).size(), 2u);
  // Looks that are as far apart as the longest gap still bridge a single miss.
  std::vector<Detection> sparse;
  for (const int look : {0, 1, 3, 4}) sparse.push_back(seen_at(look, 100, 100));
  EXPECT_EQ(track_people(sparse, even_looks(5, 2), {}).size(), 1u);
  EXPECT_EQ(track_people(sparse, even_looks(5, 1), {.least_seen = 1}).size(), 2u);
  EXPECT_EQ(track_people(sparse, even_looks(5, 2), {.longest_gap_s = 0}).size(), 2u);
}

TEST(PersonTracks, OfSomebodyWhoComesBackLaterAreTwoTheLongerFirst) {
  std::vector<Detection> seen;
  for (int look = 0; look < 40; ++look) {
    if (look < 10 || look >= 24) seen.push_back(seen_at(look, 100, 100));
  }
  const std::vector<PersonTrack> tracks = track_people(seen, even_looks(40, 8), {});
  ASSERT_EQ(tracks.size(), 2u);
  EXPECT_EQ(tracks[0].boxes.front().look, 24);
  EXPECT_EQ(tracks[0].boxes.back().look, 39);
  EXPECT_EQ(tracks[1].boxes.front().look, 0);
  EXPECT_EQ(tracks[1].boxes.back().look, 9);
}

TEST(PersonTracks, PassOverWhatIsSeenInASingleLook) {
  std::vector<Detection> seen;
  for (int look = 0; look < 16; ++look) {
    seen.push_back(seen_at(look, 100, 100));
    if (look % 5 == 2) seen.push_back(seen_at(look, 300 + 60 * (look / 5), 100));
  }
  const std::vector<PersonTrack> tracks = track_people(seen, even_looks(16, 8), {});
  ASSERT_EQ(tracks.size(), 1u);
  EXPECT_EQ(sightings(tracks[0]), 16);
  EXPECT_EQ(track_people(seen, even_looks(16, 8), {.least_seen = 1}).size(), 4u);
}

TEST(PersonTracks, HoldNobodyWhoOverlapsTooLittle) {
  // A box of 40 px that jumps by 20 overlaps itself by a third; by 22, by 18 / 62 = 0.29.
  const auto count_after_jump = [](double px, double least_overlap) {
    return track_people({seen_at(0, 100, 100), seen_at(1, 100 + px, 100)}, even_looks(2, 8), {.least_overlap = least_overlap, .least_seen = 1}).size();
  };
  EXPECT_EQ(count_after_jump(20, 0.3), 1u);
  EXPECT_EQ(count_after_jump(22, 0.3), 2u);
  EXPECT_EQ(count_after_jump(22, 0.25), 1u);
  // Where one box is expected and two are there, only pairs that overlap enough count: not the larger sum of poor ones.
  const std::vector<PersonTrack> tracks = track_people({seen_at(0, 100, 100), seen_at(0, 124, 100), seen_at(1, 112, 100)}, even_looks(2, 8), {});
  ASSERT_EQ(tracks.size(), 1u);
}

TEST(PersonTracks, PassOverBoxesWithoutAnArea) {
  std::vector<Detection> seen;
  for (int look = 0; look < 8; ++look) {
    seen.push_back(seen_at(look, 100, 100, {0, 50}));
    seen.push_back(seen_at(look, 0, 100, {20, 0}));
    seen.push_back(seen_at(look, 0, 100, {-20, 30}));
  }
  EXPECT_TRUE(track_people(seen, even_looks(8, 8), {.least_overlap = 0, .least_seen = 1}).empty());
}

TEST(PersonTracks, RefuseWhatNoDetectorMaySay) {
  const std::vector<double> looks_s = even_looks(4, 8);
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {nan, infinity, -infinity}) {
    for (float Detection::* field : {&Detection::x0, &Detection::y0, &Detection::x1, &Detection::y1, &Detection::score}) {
      Detection detection = seen_at(1, 50, 60);
      detection.*field = bad;
      const std::string line = test::expect_error(ErrorKind::numerical, [&] { track_people({detection}, looks_s, {}); });
      EXPECT_NE(line.find("look 1"), std::string::npos) << line;
    }
  }
  for (const int look : {-1, 4}) test::expect_error(ErrorKind::bug, [&] { track_people({seen_at(look, 50, 60)}, looks_s, {}); });
  test::expect_error(ErrorKind::bug, [&] { track_people({}, {0.0, 0.2, 0.1}, {}); });
  test::expect_error(ErrorKind::bug, [&] { track_people({}, {0.0, std::nan("")}, {}); });
}

TEST(PersonTracks, OfFiftyPeopleAreFifty) {
  // A crowd in rows of ten, all walking, some to the left and some to the right, each missed now and then.
  std::vector<Detection> seen;
  const int looks = 24;
  for (int look = 0; look < looks; ++look) {
    for (int person = 0; person < 50; ++person) {
      const int row = person / 10;
      if ((look * 7 + person) % 11 == 5) continue;
      const double speed = row % 2 == 0 ? 4 : -4;
      seen.push_back(seen_at(look, 200 + 60 * (person % 10) + speed * look, 60 + 110 * row));
    }
  }
  const std::vector<PersonTrack> tracks = track_people(seen, even_looks(looks, 12), {});
  ASSERT_EQ(tracks.size(), 50u);
  for (const PersonTrack& track : tracks) {
    const TrackBox& begin = track.boxes.front();
    const double speed = middle(track.boxes.back()) > middle(begin) ? 4 : -4;
    for (const TrackBox& box : track.boxes) {
      EXPECT_NEAR(middle(box) - middle(begin), speed * (box.look - begin.look), 0.01);
      EXPECT_FLOAT_EQ(box.y0, begin.y0);
    }
  }
}

TEST(PersonTracks, OfTooManyAreTheSurest) {
  std::vector<Detection> seen;
  for (int look = 0; look < 3; ++look) {
    for (int person = 0; person < 300; ++person) seen.push_back(seen_at(look, 50.0 * person, 100, {}, 0.3f + 0.002f * static_cast<float>(person)));
  }
  const std::vector<PersonTrack> tracks = track_people(seen, even_looks(3, 8), {});
  ASSERT_EQ(tracks.size(), kMostPeople);
  for (const PersonTrack& track : tracks) EXPECT_GE(track.score, 0.3f + 0.002f * 200 - 1e-6f);
}

TEST(PersonTracks, OfRandomScenesHoldEachDetectionOnceAndHaveNoHoles) {
  std::mt19937 random(11);
  std::uniform_real_distribution<float> place(0, 300), size(5, 90), chance(0, 1);
  for (int round = 0; round < 300; ++round) {
    const int looks = static_cast<int>(random() % 30);
    std::vector<double> looks_s;
    double time = 5;
    for (int look = 0; look < looks; ++look) looks_s.push_back(time += (random() % 5) * 0.07);
    std::vector<Detection> seen;
    std::multiset<std::tuple<int, float, float, float, float>> given;
    for (int look = 0; look < looks; ++look) {
      for (int count = static_cast<int>(random() % 7); count > 0; --count) {
        const float x = place(random), y = place(random);
        seen.push_back({look, x, y, x + size(random), y + size(random), chance(random), 0});
        given.insert({look, seen.back().x0, seen.back().y0, seen.back().x1, seen.back().y1});
      }
    }
    const TrackSettings settings{.least_overlap = 0.3 * (random() % 3), .longest_gap_s = 0.2 * (random() % 4), .least_seen = static_cast<int>(1 + random() % 3)};
    size_t used = 0;
    for (const PersonTrack& track : track_people(seen, looks_s, settings)) {
      ASSERT_FALSE(track.boxes.empty());
      EXPECT_GE(sightings(track), settings.least_seen);
      EXPECT_TRUE(track.boxes.front().seen && track.boxes.back().seen);
      EXPECT_TRUE(track.score >= 0 && track.score <= 1);
      for (size_t at = 0; at < track.boxes.size(); ++at) {
        const TrackBox& box = track.boxes[at];
        ASSERT_EQ(box.look, track.boxes[0].look + static_cast<int>(at));
        if (!box.seen) continue;
        const auto found = given.find({box.look, box.x0, box.y0, box.x1, box.y1});
        ASSERT_NE(found, given.end()) << "round " << round << ": a detection in two tracks, or none";
        given.erase(found);
        ++used;
      }
    }
    if (settings.least_seen == 1) {
      EXPECT_EQ(used, seen.size());
    }
  }
}

}  // namespace
}  // namespace dreamrunner
