#include "cli/command.h"

/// The table of subcommands. Each has a file of its own.
int main(int argc, char** argv) {
  using namespace dreamrunner;
  constexpr const char* kFilms = "Films";
  constexpr const char* kClips = "Clips to learn motions from";
  constexpr const char* kLook = "What is there";
  constexpr const char* kParts = "For porting and debugging";
  const std::vector<Command> commands = {
      {"new", kFilms, "a film folder from a topic, a story or a template", attach_new},
      {"plan", kFilms, "plan a film's scenes, check the plan, draw it", attach_plan},
      {"make", kFilms, "make a film, or what is stale or missing of it", attach_make},
      {"retrieve", kFilms, "find the clips that a film's motions are learnt from", attach_retrieve},
      {"learn", kFilms, "learn how a motion goes and what a character looks like", attach_learn},
      {"generate", kFilms, "make one scene of a film", attach_generate},
      {"clips", kClips, "a catalogue of captioned video: add, search, show, remove, stats", attach_clips},
      {"inspect", kLook, "what is in a film, plan, model, weight, video or picture file", attach_inspect},
      {"doctor", kLook, "what this machine has, lacks, and how to get it", attach_doctor},
      {"forward", kParts, "run one part of a model on tensors from a file", attach_forward},
  };
  return run_program(commands, argc, argv);
}
