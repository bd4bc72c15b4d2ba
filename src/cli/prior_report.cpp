#include "cli/prior_report.h"

#include <fmt/format.h>

#include "cli/terminal_text.h"

namespace dreamrunner {

std::string prior_line(const PriorOutcome& prior) {
  const bool of_motion = prior.id.first == PriorKind::motion;
  const std::string what = fmt::format("{} {}:", of_motion ? "motion" : "character", prior.id.second);
  switch (prior.source) {
    case PriorSource::own_file: return fmt::format("{} your own file, {}", what, prior.file.string());
    case PriorSource::reused: return fmt::format("{} reused, learnt before", what);
    case PriorSource::learnt: break;
  }
  std::string line = fmt::format("{} learnt from {} {} in {}, {} steps", what, prior.examples, of_motion ? "clips" : "pictures", format_duration(prior.seconds), prior.learning.steps);
  if (prior.learning.resumed_from > 0) line += fmt::format(" ({} of them in an earlier run)", prior.learning.resumed_from);
  return line;
}

Json priors_json(const std::vector<PriorOutcome>& priors) {
  Json list = Json::array();
  for (const PriorOutcome& prior : priors) {
    Json one = {{"kind", prior_kind_name(prior.id.first)}, {"id", prior.id.second}, {"name", prior.name}, {"source", prior_source_name(prior.source)},
                {"file", prior.file.string()},             {"hash", prior.hash},    {"examples", prior.examples}, {"seconds", prior.seconds}};
    if (prior.source == PriorSource::learnt) {
      one["steps"] = prior.learning.steps;
      one["resumed_from"] = prior.learning.resumed_from;
      one["first_loss"] = prior.learning.first_loss;
      one["last_loss"] = prior.learning.last_loss;
      one["peak_bytes"] = prior.learning.peak_bytes;
    }
    list.push_back(one);
  }
  return list;
}

}  // namespace dreamrunner
