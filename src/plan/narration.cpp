#include "plan/narration.h"

#include <algorithm>
#include <optional>
#include <set>

#include "plan/english_words.h"
#include "plan/narration_cast.h"
#include "story/priors.h"
#include "text/plain_text.h"

namespace dreamrunner {
namespace {

/// Follows one narration from front to back.
class NarrationReader {
 public:
  NarrationReader(const std::vector<CastMember>& cast, const StoryScene& scene)
      : scene_(scene), words_(words_of(scene.narration)), mentions_(mentions_of(words_, cast)) {
    result_.cast = cast;
    for (const std::string& motion : scene.motions) phrases_.push_back(words_of(motion));
  }

  Narration read() {
    read_acts();
    give_unnamed_motions();
    let_companions_join();
    read_headings();
    read_relations();
    return std::move(result_);
  }

 private:
  /// A motion's verb in the narration.
  struct Verb {
    size_t word;
    size_t motion;
    std::vector<size_t> who;
  };

  void read_acts() {
    bool later = false;
    int last_phase = 0;
    for (size_t i = 0; i < words_.size(); ++i) {
      later = later || says_later(i);
      const auto motion = motion_at(i);
      if (!motion) continue;
      const std::vector<size_t> who = subject_of(i);
      if (who.empty()) continue;
      verbs_.push_back({i, *motion, who});
      int phase = later ? last_phase + 1 : 0;
      for (const size_t member : who) phase = std::max(phase, next_phase(member, *motion));
      if (result_.acts.empty()) phase = 0;
      for (const size_t member : who) add_act(member, *motion, phase);
      last_phase = std::max(last_phase, phase);
      later = false;
    }
  }

  /// True if what follows happens when something else is over. "Next to" is a place, and "running after the witch" a way;
  /// "after the witch waves" is a time.
  bool says_later(size_t i) const {
    const std::string& low = words_[i].low;
    if (low == "next") return !is_phrase(i, {"next", "to"});
    if (low == "after") return mention_at(i + 1) == nullptr || verb_behind(mention_at(i + 1));
    return among(low, {"then", "afterwards", "finally", "later", "eventually"});
  }

  /// True if those whom `mention` names do something in their clause.
  bool verb_behind(const Mention* mention) const {
    const Mention* const end = mentions_.data() + mentions_.size();
    while (mention + 1 < end && mention[1].joined) ++mention;
    for (size_t i = mention->end; i < words_.size() && !words_[i - 1].comma && !words_[i - 1].stop; ++i) {
      const std::string& low = words_[i].low;
      const bool motion = std::any_of(phrases_.begin(), phrases_.end(), [&](const std::vector<Word>& phrase) {
        return !phrase.empty() && verb_stem(phrase.front().low) == verb_stem(low);
      });
      if (motion || is_verb_form(low) || (is_auxiliary(low) && low != "to")) return true;
      if (is_preposition(low) || among(low, {"and", "but", "or", "while"})) return false;
    }
    return false;
  }

  /// The motion whose verb is word `i`; of several the one with the most further words right behind.
  std::optional<size_t> motion_at(size_t i) const {
    const std::string stem = verb_stem(words_[i].low);
    std::optional<size_t> best;
    size_t most = 0;
    for (size_t motion = 0; motion < phrases_.size(); ++motion) {
      const auto& phrase = phrases_[motion];
      if (phrase.empty() || verb_stem(phrase.front().low) != stem) continue;
      size_t same = 1;
      while (same < phrase.size() && i + same < words_.size() && phrase[same].low == words_[i + same].low) ++same;
      if (same > most) {
        most = same;
        best = motion;
      }
    }
    return best;
  }

  int next_phase(size_t member, size_t motion) const {
    int phase = 0;
    for (const Act& act : result_.acts) {
      if (act.who == member && act.motion != motion) phase = std::max(phase, act.phase + 1);
    }
    return phase;
  }

  bool does(size_t member, size_t motion) const {
    return std::any_of(result_.acts.begin(), result_.acts.end(), [&](const Act& act) { return act.who == member && act.motion == motion; });
  }

  bool does_nothing(size_t member) const {
    return std::none_of(result_.acts.begin(), result_.acts.end(), [&](const Act& act) { return act.who == member; });
  }

  void add_act(size_t member, size_t motion, int phase) {
    if (!does(member, motion)) result_.acts.push_back({member, motion, phase});
  }

  /// Who does what the verb at word `i` says.
  std::vector<size_t> subject_of(size_t i) const {
    const auto [first, last] = sentence_of(words_, i);
    const Mention* after = nullptr;
    for (size_t m = mentions_.size(); m-- > 0;) {
      const Mention& mention = mentions_[m];
      if (mention.begin < first || mention.begin >= last) continue;
      if (mention.begin > i) {
        after = &mention;
        continue;
      }
      // "... and the cat is jumping": whoever stands right before the verb does it.
      const bool comma = words_[mention.end - 1].comma;
      if (leads_to(mention.end, i) && !comma) return mention.object ? mention.who : with_joined(m);
      if (!mention.object) return with_joined(m);
    }
    // "Walking through the forest, the witch ..."
    if (after) return with_joined(static_cast<size_t>(after - mentions_.data()));
    for (size_t m = mentions_.size(); m-- > 0;) {
      if (mentions_[m].begin < first && !mentions_[m].object) return with_joined(m);
    }
    return result_.cast.empty() ? std::vector<size_t>{} : std::vector<size_t>{0};
  }

  /// True if nothing but auxiliaries and adverbs stands between.
  bool leads_to(size_t begin, size_t end) const {
    for (size_t i = begin; i < end; ++i) {
      if (!is_auxiliary(words_[i].low) && !is_adverb(words_[i].low)) return false;
    }
    return true;
  }

  /// The members of mention `m` and of those that "and" joins to it, on either side.
  std::vector<size_t> with_joined(size_t m) const {
    size_t first = m;
    size_t last = m;
    while (first > 0 && mentions_[first].joined) --first;
    while (last + 1 < mentions_.size() && mentions_[last + 1].joined) ++last;
    std::vector<size_t> who;
    for (size_t i = first; i <= last; ++i) {
      for (const size_t member : mentions_[i].who) {
        if (std::find(who.begin(), who.end(), member) == who.end()) who.push_back(member);
      }
    }
    return who;
  }

  void give_unnamed_motions() {
    for (size_t motion = 0; motion < scene_.motions.size(); ++motion) {
      const bool taken = std::any_of(result_.acts.begin(), result_.acts.end(), [&](const Act& act) {
        return normal_phrase(scene_.motions[act.motion]) == normal_phrase(scene_.motions[motion]);
      });
      if (taken || result_.cast.empty()) continue;
      size_t member = 0;
      while (member < result_.cast.size() && !does_nothing(member)) ++member;
      if (member == result_.cast.size()) member = 0;
      add_act(member, motion, next_phase(member, motion));
    }
  }

  /// "The witch is walking with her cat": the cat walks too, unless it has something else to do.
  void let_companions_join() {
    for (const Mention& mention : mentions_) {
      if (!mention.with || !mention.object) continue;
      for (const size_t member : mention.who) {
        if (!does_nothing(member)) continue;
        const std::vector<size_t> leaders = clause_subject(mention.begin);
        if (leaders.empty() || leaders.front() == member) continue;
        const std::vector<Act> acts = result_.acts;
        for (const Act& act : acts) {
          if (act.who == leaders.front()) result_.acts.push_back({member, act.motion, act.phase});
        }
      }
    }
  }

  /// The nearest subject before word `i` in its sentence, else the first mention behind it.
  std::vector<size_t> clause_subject(size_t i) const {
    const auto [first, last] = sentence_of(words_, i);
    for (size_t m = mentions_.size(); m-- > 0;) {
      const Mention& mention = mentions_[m];
      if (mention.begin >= first && mention.end <= i && !mention.object) return with_joined(m);
    }
    for (size_t m = 0; m < mentions_.size(); ++m) {
      if (mentions_[m].begin > i && mentions_[m].begin < last && !mentions_[m].object) return with_joined(m);
    }
    return {};
  }

  /// The words from `i` on are `phrase`.
  bool is_phrase(size_t i, const std::vector<std::string_view>& phrase) const {
    for (const std::string_view word : phrase) {
      if (i >= words_.size() || words_[i].low != word) return false;
      ++i;
    }
    return true;
  }

  /// The mention that begins at `i`, adjectives aside; null if none does.
  const Mention* mention_at(size_t i) const {
    for (const Mention& mention : mentions_) {
      if (mention.begin < i || mention.begin > i + 3) continue;
      for (size_t between = i; between < mention.begin; ++between) {
        if (is_preposition(words_[between].low) || words_[between].low == "and" || words_[between].stop) return nullptr;
      }
      return &mention;
    }
    return nullptr;
  }

  /// The member that it names, the first of several.
  std::optional<size_t> member_at(size_t i) const {
    const Mention* mention = mention_at(i);
    return mention == nullptr || mention->who.empty() ? std::nullopt : std::optional(mention->who.front());
  }

  void read_headings() {
    for (size_t i = 0; i < words_.size(); ++i) {
      for (const auto& [phrase, heading] : kHeadings) {
        size_t behind = i;
        bool same = true;
        for (const Word& word : words_of(phrase)) same = same && behind < words_.size() && words_[behind++].low == word.low;
        if (!same || (behind < words_.size() && words_[behind].low == "of" && !words_[behind - 1].stop)) continue;
        head(i, heading, 0);
        i = behind - 1;
        break;
      }
      if (i >= words_.size()) break;
      const std::string& low = words_[i].low;
      // Who dances next to somebody or close to them goes nowhere.
      const bool beside = low == "to" && i > 0 && among(words_[i - 1].low, {"next", "close"});
      const bool towards = among(low, {"towards", "toward", "to"}) && !beside;
      const bool away = low == "from" && i > 0 && words_[i - 1].low == "away";
      if (!towards && !away) continue;
      if (is_phrase(i + 1, {"each", "other"})) meet(i, towards ? Heading::towards : Heading::away);
      else if (const auto other = member_at(i + 1)) head(i, towards ? Heading::towards : Heading::away, *other);
    }
  }

  /// The verb that word `i` belongs to: the nearest before it in the sentence.
  const Verb* verb_before(size_t i) const {
    const auto [first, last] = sentence_of(words_, i);
    const Verb* nearest = nullptr;
    for (const Verb& verb : verbs_) {
      if (verb.word >= first && verb.word < i && (!nearest || verb.word > nearest->word)) nearest = &verb;
    }
    return nearest;
  }

  void head(size_t i, Heading heading, size_t other) {
    const Verb* verb = verb_before(i);
    if (!verb) return;
    for (Act& act : result_.acts) {
      const bool does_it = std::find(verb->who.begin(), verb->who.end(), act.who) != verb->who.end();
      const bool itself = (heading == Heading::towards || heading == Heading::away) && act.who == other;
      if (act.motion != verb->motion || !does_it || itself) continue;
      act.heading = heading;
      act.other = other;
    }
  }

  void meet(size_t i, Heading heading) {
    const Verb* verb = verb_before(i);
    if (!verb || verb->who.size() < 2) return;
    for (Act& act : result_.acts) {
      const auto at = std::find(verb->who.begin(), verb->who.end(), act.who);
      if (act.motion != verb->motion || at == verb->who.end()) continue;
      act.heading = heading;
      act.other = at == verb->who.begin() ? verb->who[1] : verb->who[0];
    }
  }

  void read_relations() {
    struct Phrase {
      std::vector<std::string_view> words;
      RelationKind kind;
    };
    static const std::vector<Phrase> kPhrases{
        {{"to", "the", "left", "of"}, RelationKind::left_of},    {{"on", "the", "left", "of"}, RelationKind::left_of},
        {{"left", "of"}, RelationKind::left_of},                 {{"to", "the", "right", "of"}, RelationKind::right_of},
        {{"on", "the", "right", "of"}, RelationKind::right_of},  {{"right", "of"}, RelationKind::right_of},
        {{"in", "front", "of"}, RelationKind::in_front_of},      {{"behind"}, RelationKind::behind},
        {{"next", "to"}, RelationKind::beside},                  {{"beside"}, RelationKind::beside},
        {{"alongside"}, RelationKind::beside},                   {{"near"}, RelationKind::beside},
        {{"close", "to"}, RelationKind::beside},                 {{"by"}, RelationKind::beside},
        {{"following"}, RelationKind::following},                {{"follows"}, RelationKind::following},
        {{"chasing"}, RelationKind::following},                  {{"chases"}, RelationKind::following},
        {{"on", "the", "left"}, RelationKind::on_the_left},      {{"on", "the", "right"}, RelationKind::on_the_right}};
    for (size_t i = 0; i < words_.size(); ++i) {
      const auto phrase = std::find_if(kPhrases.begin(), kPhrases.end(), [&](const Phrase& one) { return is_phrase(i, one.words); });
      if (phrase == kPhrases.end()) continue;
      const size_t behind = i + phrase->words.size();
      const bool of_frame = phrase->kind == RelationKind::on_the_left || phrase->kind == RelationKind::on_the_right;
      const auto other = of_frame ? std::nullopt : member_at(behind);
      if (of_frame || other) add_relation(phrase->kind, i, other);
      i = behind - 1;
    }
  }

  void add_relation(RelationKind kind, size_t i, std::optional<size_t> other) {
    // "with the cat behind her" speaks of the cat, though it is an object.
    std::vector<size_t> who;
    for (const Mention& mention : mentions_) {
      const bool right_before = mention.end <= i && mention.end + 2 >= i && leads_to(mention.end, i);
      if (right_before && !words_[mention.end - 1].comma && !words_[mention.end - 1].stop) who = mention.who;
    }
    // "On the left the cat is sitting": a new thought, whose subject follows.
    const bool opens = i == 0 || words_[i - 1].stop || words_[i - 1].comma || words_[i - 1].low == "and" || words_[i - 1].low == "while";
    if (who.empty() && opens && !other) {
      if (const auto next = member_at(i + 3)) who = {*next};
    }
    if (who.empty()) who = clause_subject(i);
    if (who.empty() && other) who = member_behind(i, *other);
    for (const size_t member : who) {
      if (!other || member != *other) result_.relations.push_back({kind, member, other.value_or(member)});
    }
  }

  /// "Behind the witch, a cat is sitting": the first one behind word `i` that is not `other`.
  std::vector<size_t> member_behind(size_t i, size_t other) const {
    const auto [first, last] = sentence_of(words_, i);
    for (const Mention& mention : mentions_) {
      if (mention.begin > i && mention.begin < last && !mention.who.empty() && mention.who.front() != other) return {mention.who.front()};
    }
    return {};
  }

  static constexpr std::pair<std::string_view, Heading> kHeadings[] = {
      {"from left to right", Heading::right}, {"from right to left", Heading::left}, {"to the left", Heading::left},
      {"to the right", Heading::right},       {"leftwards", Heading::left},          {"rightwards", Heading::right},
      {"leftward", Heading::left},            {"rightward", Heading::right}};

  const StoryScene& scene_;
  std::vector<Word> words_;
  std::vector<Mention> mentions_;
  std::vector<std::vector<Word>> phrases_;  ///< The scene's motions.
  std::vector<Verb> verbs_;
  Narration result_;
};

}  // namespace

Narration read_narration(const StoryCast& story_cast, size_t index) {
  const StoryScene& scene = story_cast.story().scenes.at(index);
  const std::vector<CastMember> cast = story_cast.of_scene(index);
  Narration narration = NarrationReader(cast, scene).read();
  // Of subjects that nobody introduced, those count who do something: "The sun is setting" is weather.
  std::vector<CastMember> busy;
  for (size_t i = 0; i < cast.size(); ++i) {
    const bool acts = std::any_of(narration.acts.begin(), narration.acts.end(), [&](const Act& act) { return act.who == i; });
    if (cast[i].given || acts) busy.push_back(cast[i]);
  }
  return busy.size() == cast.size() ? narration : NarrationReader(busy, scene).read();
}

}  // namespace dreamrunner
