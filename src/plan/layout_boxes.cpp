#include "plan/layout_boxes.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "base/error.h"
#include "plan/english_words.h"

namespace dreamrunner {
namespace {

// All lengths are hundredths of the frame, so that boxes are short numbers that add up.
constexpr int kFrame = 100;
constexpr int kMargin = 2;
constexpr int kLeastSide = 21;     ///< The paper's rule is 20; above it no rounding can fall short.
constexpr int kNarrow = 24;        ///< What a body is pressed to before somebody has to give up walking.
constexpr int kGap = 6;            ///< Beside somebody who stands still, where there is room.
constexpr int kWalkingRoom = 14;   ///< Kept for somebody who walks, where lanes are tight.
constexpr int kLongestStep = 11;   ///< From one key frame to the next.
constexpr size_t kMostMembers = 12;

/// Width, height and bottom edge of a body.
struct Figure {
  int width;
  int height;
  int bottom;
};

/// As large as bodies are in the world that the playset learnt, which suits a picture of two or three for other models too.
Figure figure_of(Body body, Posture posture) {
  switch (body) {
    case Body::person:
      switch (posture) {
        case Posture::upright: return {34, 88, 94};
        case Posture::wide: return {40, 88, 94};
        case Posture::tall: return {38, 94, 96};
        case Posture::low: return {34, 70, 94};
        case Posture::flat: return {54, 48, 94};
        case Posture::afloat: return {54, 42, 76};
        case Posture::aloft: return {44, 60, 74};
      }
      break;
    case Body::small_animal:
      switch (posture) {
        case Posture::tall: return {40, 60, 95};
        case Posture::flat: return {44, 34, 94};
        case Posture::afloat: return {44, 36, 74};
        case Posture::aloft: return {42, 42, 72};
        default: return {40, 48, 94};
      }
    case Body::large_animal:
      switch (posture) {
        case Posture::tall: return {52, 78, 95};
        case Posture::flat: return {56, 46, 94};
        case Posture::afloat: return {54, 46, 78};
        case Posture::aloft: return {52, 52, 68};
        default: return {52, 66, 94};
      }
    case Body::swimmer:
      switch (posture) {
        case Posture::tall: return {46, 52, 72};
        case Posture::low: case Posture::flat: return {48, 36, 88};
        default: return {48, 36, 70};
      }
    case Body::flyer:
      switch (posture) {
        case Posture::low: case Posture::flat: case Posture::tall: return {40, 44, 94};
        default: return {42, 40, 56};
      }
  }
  return {34, 88, 94};
}

/// A stretch of key frames in which a member does one act (or nothing).
struct Stretch {
  std::optional<size_t> act;
  int first = 0;
  int count = 0;
  Figure figure{};
  int steps = 0;  ///< Wanted way from first to last key frame, to the right if positive.
};

/// A member on the way to its track.
struct Lane {
  std::vector<Stretch> stretches;
  int width = 0;      ///< Of the widest figure.
  int room = 0;       ///< Wanted besides: for walking, or a gap.
  int left = 0;       ///< Of the lane.
  bool walks = false;
  int lean = 0;       ///< Ends its way at the lane's left (-1) or right (1) end instead of in the middle.
};

/// Parts `total` key frames among `weights.size()` stretches: evenly, what is left over to those that weigh more.
std::vector<int> parted(int total, const std::vector<bool>& heavy) {
  const int n = static_cast<int>(heavy.size());
  std::vector<int> counts(heavy.size(), total / n);
  int rest = total % n;
  for (const bool first : {true, false}) {
    for (size_t i = 0; i < heavy.size() && rest > 0; ++i) {
      if (heavy[i] != first) continue;
      ++counts[i];
      --rest;
    }
  }
  return counts;
}

const Relation* relation_between(const Narration& narration, size_t a, size_t b) {
  for (const Relation& relation : narration.relations) {
    const bool overlaps = relation.kind == RelationKind::behind || relation.kind == RelationKind::in_front_of;
    if (overlaps && ((relation.who == a && relation.other == b) || (relation.who == b && relation.other == a))) return &relation;
  }
  return nullptr;
}

bool stands_behind(const Narration& narration, size_t who) {
  return std::any_of(narration.relations.begin(), narration.relations.end(), [&](const Relation& relation) {
    return (relation.kind == RelationKind::behind && relation.who == who) || (relation.kind == RelationKind::in_front_of && relation.other == who);
  });
}

bool wants_side(const Narration& narration, size_t who, RelationKind side) {
  return std::any_of(narration.relations.begin(), narration.relations.end(),
                     [&](const Relation& relation) { return relation.kind == side && relation.who == who; });
}

class Layout {
 public:
  Layout(const Narration& narration, const StoryScene& scene, int key_frames, bool goes_right, const std::string& where)
      : narration_(narration), scene_(scene), key_frames_(key_frames), goes_right_(goes_right), order_(lane_order(narration)) {
    const auto plan = schedule(narration, scene, key_frames, where);
    lanes_.resize(narration.cast.size());
    for (size_t who = 0; who < lanes_.size(); ++who) lanes_[who] = lane_of(who, plan[who]);
  }

  std::vector<Track> tracks() {
    share_width();
    place_lanes();
    std::vector<Track> tracks;
    for (size_t who = 0; who < lanes_.size(); ++who) tracks.push_back(track_of(who));
    return tracks;
  }

 private:
  size_t rank(size_t who) const { return static_cast<size_t>(std::find(order_.begin(), order_.end(), who) - order_.begin()); }

  Lane lane_of(size_t who, const std::vector<std::optional<size_t>>& acts) const {
    Lane lane;
    const Body body = body_of(narration_.cast[who].character.name);
    for (int frame = 0; frame < key_frames_; ++frame) {
      const auto act = acts[static_cast<size_t>(frame)];
      if (!lane.stretches.empty() && lane.stretches.back().act == act) {
        ++lane.stretches.back().count;
        continue;
      }
      const Posture posture = act ? posture_of(scene_.motions[narration_.acts[*act].motion]) : Posture::upright;
      lane.stretches.push_back({act, frame, 1, figure_of(body, posture)});
    }
    int at = 0;
    int least = 0;
    int most = 0;
    for (Stretch& stretch : lane.stretches) {
      lane.width = std::max(lane.width, stretch.figure.width);
      if (stretch.act && is_locomotion(scene_.motions[narration_.acts[*stretch.act].motion])) {
        stretch.steps = heading(who, narration_.acts[*stretch.act], lane) * kLongestStep * (stretch.count - 1);
      }
      at += stretch.steps;
      least = std::min(least, at);
      most = std::max(most, at);
    }
    lane.walks = most > least;
    lane.room = lane.walks ? most - least : kGap;
    return lane;
  }

  /// -1 or 1. Who goes towards somebody also ends near them.
  int heading(size_t who, const Act& act, Lane& lane) const {
    const int side = rank(act.other) < rank(who) ? -1 : 1;
    switch (act.heading) {
      case Heading::left: return -1;
      case Heading::right: return 1;
      case Heading::towards: return lane.lean = side;
      case Heading::away: return -side;
      case Heading::open: break;
    }
    // Who follows goes where the other is.
    for (const Relation& relation : narration_.relations) {
      if (relation.kind == RelationKind::following && relation.who == who) return rank(relation.other) < rank(who) ? -1 : 1;
      if (relation.kind == RelationKind::following && relation.other == who) return rank(relation.who) < rank(who) ? 1 : -1;
    }
    return goes_right_ ? 1 : -1;
  }

  int overlap(size_t left, size_t right) const {
    if (!relation_between(narration_, left, right)) return 0;
    return std::min(lanes_[left].width, lanes_[right].width) / 2;
  }

  int total(bool with_room) const {
    int sum = 0;
    for (size_t i = 0; i < order_.size(); ++i) {
      sum += lanes_[order_[i]].width + (with_room ? lanes_[order_[i]].room : 0);
      if (i > 0) sum -= overlap(order_[i - 1], order_[i]);
    }
    return sum;
  }

  /// Makes widths and rooms fit the frame: first walkers get shorter ways, then bodies are pressed, then there is no room.
  void share_width() {
    constexpr int kUsable = kFrame - 2 * kMargin;
    int walkers = 0;
    for (const Lane& lane : lanes_) walkers += lane.walks ? 1 : 0;
    const int reserved = std::min(walkers * kWalkingRoom, kUsable / 2);
    if (total(false) + reserved > kUsable) {
      const double scale = static_cast<double>(kUsable - reserved) / total(false);
      for (Lane& lane : lanes_) lane.width = std::clamp(static_cast<int>(lane.width * scale), std::min(lane.width, kNarrow), lane.width);
    }
    if (total(false) > kUsable) {
      // Too many to stand side by side: lanes of the least width, which `place_lanes` lets overlap.
      for (Lane& lane : lanes_) lane.width = kLeastSide;
    }
    const int free = std::max(0, kUsable - total(false));
    int wanted = 0;
    for (const Lane& lane : lanes_) wanted += lane.room;
    if (wanted > free) {
      for (Lane& lane : lanes_) lane.room = lane.room * free / wanted;
    }
  }

  void place_lanes() {
    const int sum = total(true);
    const int n = static_cast<int>(order_.size());
    if (sum > kFrame) {
      for (int i = 0; i < n; ++i) {
        Lane& lane = lanes_[order_[static_cast<size_t>(i)]];
        lane.room = 0;
        lane.left = (kFrame - lane.width) * i / std::max(1, n - 1);
      }
      return;
    }
    int at = (kFrame - sum) / 2;
    for (size_t i = 0; i < order_.size(); ++i) {
      Lane& lane = lanes_[order_[i]];
      if (i > 0) at -= overlap(order_[i - 1], order_[i]);
      lane.left = at;
      at += lane.width + lane.room;
    }
    move_to_sides(sum);
  }

  /// Those that the narration puts on the left go to the left edge, with everybody who stands left of them; and so on.
  void move_to_sides(int sum) {
    const int outward = (kFrame - sum) / 2 - kMargin;
    if (outward <= 0) return;
    size_t left_end = 0;
    size_t right_begin = order_.size();
    for (size_t i = 0; i < order_.size(); ++i) {
      if (wants_side(narration_, order_[i], RelationKind::on_the_left)) left_end = i + 1;
    }
    for (size_t i = order_.size(); i-- > left_end;) {
      if (wants_side(narration_, order_[i], RelationKind::on_the_right)) right_begin = i;
    }
    for (size_t i = 0; i < order_.size(); ++i) {
      if (i < left_end) lanes_[order_[i]].left -= outward;
      if (i >= right_begin) lanes_[order_[i]].left += outward;
    }
  }

  Track track_of(size_t who) const {
    const Lane& lane = lanes_[who];
    int at = 0;
    int least = 0;
    int most = 0;
    for (const Stretch& stretch : lane.stretches) {
      at += stretch.steps;
      least = std::min(least, at);
      most = std::max(most, at);
    }
    // The lane's room may be shorter than the way that was wanted.
    const double scale = most > least ? std::min(1.0, static_cast<double>(lane.room) / (most - least)) : 0;
    const double way = (most - least) * scale;
    const double spare = lane.room - way;
    const double begin = lane.left + (lane.lean < 0 ? 0 : lane.lean > 0 ? spare : spare / 2) - least * scale;
    Track track;
    double centre = begin + lane.width / 2.0;
    for (const Stretch& stretch : lane.stretches) {
      const double length = stretch.steps * scale;
      const bool moves = std::abs(length) >= 2;
      for (int i = 0; i < stretch.count; ++i) {
        const double x = stretch.count > 1 ? centre + length * i / (stretch.count - 1) : centre;
        Placement placement;
        if (stretch.act) placement.motion = narration_.acts[*stretch.act].motion;
        placement.travel = !moves ? 0 : length < 0 ? -1 : 1;
        placement.box = box_of(stretch.figure, std::min(stretch.figure.width, lane.width), x, stands_behind(narration_, who));
        track.push_back(placement);
      }
      centre += length;
    }
    return track;
  }

  static Box box_of(const Figure& figure, int width, double centre, bool behind) {
    // Farther off is a little higher.
    const int bottom = figure.bottom - (behind ? 6 : 0);
    const int top = std::max(1, bottom - figure.height);
    const int left = std::clamp(static_cast<int>(std::lround(centre - width / 2.0)), 0, kFrame - width);
    const auto part = [](int hundredths) { return hundredths / 100.0; };
    return {part(left), part(top), part(left + width), part(bottom)};
  }

  const Narration& narration_;
  const StoryScene& scene_;
  int key_frames_;
  bool goes_right_;
  std::vector<size_t> order_;
  std::vector<Lane> lanes_;
};

}  // namespace

std::vector<std::vector<std::optional<size_t>>> schedule(const Narration& narration, const StoryScene& scene, int key_frames,
                                                         const std::string& where) {
  const auto walks = [&](size_t act) { return is_locomotion(scene.motions[narration.acts[act].motion]); };
  int phases = 0;
  for (const Act& act : narration.acts) phases = std::max(phases, act.phase + 1);
  std::vector<bool> heavy(static_cast<size_t>(std::max(1, phases)));
  for (size_t act = 0; act < narration.acts.size(); ++act) {
    if (walks(act)) heavy[static_cast<size_t>(narration.acts[act].phase)] = true;
  }
  const bool together = phases <= 1 || 2 * phases <= key_frames;
  std::vector<std::vector<std::optional<size_t>>> plan;
  for (size_t who = 0; who < narration.cast.size(); ++who) {
    std::vector<size_t> own;
    for (size_t act = 0; act < narration.acts.size(); ++act) {
      if (narration.acts[act].who == who) own.push_back(act);
    }
    std::stable_sort(own.begin(), own.end(), [&](size_t a, size_t b) { return narration.acts[a].phase < narration.acts[b].phase; });
    std::vector<std::optional<size_t>> frames(static_cast<size_t>(key_frames));
    if (together) {
      const std::vector<int> counts = parted(key_frames, heavy);
      int begin = 0;
      for (size_t phase = 0; phase < counts.size(); ++phase) {
        for (const size_t act : own) {
          if (narration.acts[act].phase == static_cast<int>(phase)) std::fill(frames.begin() + begin, frames.end(), act);
        }
        begin += counts[phase];
      }
    } else if (!own.empty()) {
      if (own.size() > 1 && 2 * own.size() > static_cast<size_t>(key_frames)) {
        throw Error(ErrorKind::plan_refused,
                    fmt::format("{}: {} does {} things in a row, {} key frames have room for {}", where, narration.cast[who].character.name,
                                own.size(), key_frames, std::max(1, key_frames / 2)),
                    "give the scene fewer motions, or more key frames (planner.key_frames in film.toml)");
      }
      std::vector<bool> own_heavy;
      for (const size_t act : own) own_heavy.push_back(walks(act));
      const std::vector<int> counts = parted(key_frames, own_heavy);
      int begin = 0;
      for (size_t i = 0; i < own.size(); ++i) {
        std::fill(frames.begin() + begin, frames.begin() + begin + counts[i], own[i]);
        begin += counts[i];
      }
    }
    plan.push_back(std::move(frames));
  }
  return plan;
}

std::vector<size_t> lane_order(const Narration& narration) {
  std::vector<size_t> order(narration.cast.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto place = [&](size_t who, size_t other, bool behind) {
    order.erase(std::find(order.begin(), order.end(), who));
    const auto at = std::find(order.begin(), order.end(), other);
    order.insert(at + (behind ? 1 : 0), who);
  };
  for (const Relation& relation : narration.relations) {
    const auto at = [&](size_t who) { return std::find(order.begin(), order.end(), who) - order.begin(); };
    switch (relation.kind) {
      case RelationKind::left_of: place(relation.who, relation.other, false); break;
      case RelationKind::right_of: place(relation.who, relation.other, true); break;
      case RelationKind::beside:
      case RelationKind::behind:
      case RelationKind::in_front_of:
      case RelationKind::following:
        if (std::abs(at(relation.who) - at(relation.other)) != 1) place(relation.who, relation.other, at(relation.who) > at(relation.other));
        break;
      case RelationKind::on_the_left:
        order.erase(std::find(order.begin(), order.end(), relation.who));
        order.insert(order.begin(), relation.who);
        break;
      case RelationKind::on_the_right:
        order.erase(std::find(order.begin(), order.end(), relation.who));
        order.push_back(relation.who);
        break;
    }
  }
  return order;
}

std::vector<size_t> drawing_order(const Narration& narration) {
  std::vector<size_t> order(narration.cast.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_partition(order.begin(), order.end(), [&](size_t who) { return stands_behind(narration, who); });
  return order;
}

std::vector<Track> lay_out(const Narration& narration, const StoryScene& scene, int key_frames, bool goes_right, const std::string& where) {
  if (narration.cast.size() > kMostMembers) {
    throw Error(ErrorKind::plan_refused,
                fmt::format("{}: {} characters, the built-in planner places at most {}", where, narration.cast.size(), kMostMembers));
  }
  if (narration.cast.empty()) return {};
  return Layout(narration, scene, key_frames, goes_right, where).tracks();
}

}  // namespace dreamrunner
