#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "plan/lint_rules.h"
#include "text/t5_tokenizer.h"

namespace dreamrunner::lint {
namespace {

void check_text(Run& run, const Place& place, const std::string& text) {
  const T5Tokenizer& tokenizer = *run.options.tokenizer;
  if (const std::vector<std::string> words = tokenizer.unknown_words(text); !words.empty()) {
    run.add("unknown-words", place, text, fmt::format("the model cannot spell \"{}\" in \"{}\"", fmt::join(words, "\", \""), cut(text)),
            "use other words");
  }
  if (run.options.max_text_tokens < 1) return;
  if (const TokenizedText tokens = tokenizer.encode(text, run.options.max_text_tokens); tokens.cut) {
    run.add("caption-cut", place, text,
            fmt::format("{} tokens, of which the model reads {}: the end is lost", tokens.length, run.options.max_text_tokens),
            "say it shorter");
  }
}

}  // namespace

void check_texts(Run& run, int index) {
  if (!run.options.tokenizer) return;
  const Scene& scene = run.plan.scenes[static_cast<size_t>(index)];
  check_text(run, {index, -1, -1, "background"}, scene.background);
  std::set<std::string_view> asked;
  for (size_t f = 0; f < scene.key_frames.size(); ++f) {
    const auto& regions = scene.key_frames[f].regions;
    for (size_t r = 0; r < regions.size(); ++r) {
      if (asked.insert(regions[r].caption).second)
        check_text(run, {index, static_cast<int>(f), static_cast<int>(r), "caption"}, regions[r].caption);
    }
  }
}

}  // namespace dreamrunner::lint
