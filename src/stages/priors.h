#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "story/plan_types.h"

/// What passes through the door (stages.h) about priors: how one is learnt, and where one acts.
namespace dreamrunner {

/// What a prior teaches the model: how something moves, or what somebody looks like.
enum class PriorKind { motion, subject };

/// "motion" or "subject".
const char* prior_kind_name(PriorKind kind);

/// How a prior is learnt. The defaults are the paper's, with the authors' code where the paper is silent (docs/priors.md).
struct PriorRecipe {
  int steps = 300;
  int rank = 32;
  double learning_rate = 5e-4;
  double weight_decay = 1e-4;
  double dropout = 0.0;                  ///< Of the LoRA's output; the authors' code has 0.1.
  std::string blocks = "auto";           ///< "auto" (even for motion, odd for subject; from 0), "all", "even", "odd", "first-half", "second-half".
  std::string linears = "all";           ///< "all" six of a block, or "paper": queries, keys, values and the last of the feed-forward.
  std::optional<int> num_frames;         ///< Pictures of a training video; empty: as many as the model's films have.
  std::string prompts = "per-video";     ///< "per-video", or "single": one text for all.
  std::string loss_frames = "first";     ///< Subject: which latent frame counts: "first" (paper), "random" (code) or "all".
  bool debias = true;                    ///< Motion: adds the appearance-debiased loss.
  double debias_beta = 1.0;
  bool spatial_loras = true;             ///< Motion: a LoRA for each video's looks, thrown away afterwards.
  double spatial_skip = 0.2;             ///< Motion: how often a step leaves the video's LoRA out.
  double flip = 0.0;                     ///< How often a video or picture is mirrored.
  bool mask_background = false;          ///< Subject: the loss counts only where the picture is opaque (or not white).
  std::string pixel_range = "symmetric"; ///< "symmetric" -1..1 as the autoencoder expects, or "official": 0..1 as the authors' code.
  int accumulate = 1;                    ///< Losses whose gradients are added up before a step.
  std::string recompute = "auto";        ///< "auto" (where memory is short), "on" or "off".
  int checkpoint_every = 50;             ///< Steps between saved states.
};

/// A video or a picture that a prior is learnt from, and what it shows.
struct PriorExample {
  std::filesystem::path file;
  std::string caption;
  std::optional<double> start_s;  ///< Of a video's part.
  std::optional<double> end_s;
  std::optional<Box> crop;        ///< In the frame; empty: all of it.
};

struct LearnRequest {
  PriorKind kind = PriorKind::motion;
  std::string name;               ///< The motion ("cartwheeling") or the character's token ("[v1]"); goes into the file.
  std::filesystem::path model;
  std::vector<PriorExample> examples;
  PriorRecipe recipe;
  int64_t seed = 0;
  std::string device = "auto";
  std::string dtype = "auto";
  std::filesystem::path output;   ///< The LoRA, as diffusers loads it.
  std::filesystem::path work;     ///< A folder for the training state; learning goes on from what it holds.
  std::filesystem::path cache;    ///< A folder for latents and text embeddings by content, shared by all that is learnt.
  std::string base;               ///< Fingerprint of the model, for the file.
  std::vector<std::pair<std::string, std::string>> facts;  ///< More for the file: hashes of the data and the like.
  std::string label;              ///< For progress, such as "motion cartwheeling".
  int sample_every = 0;           ///< Steps between clips made with what is learnt so far; 0: none.
  std::string sample_prompt;      ///< What they show; empty: the first example's caption.
  std::filesystem::path samples;  ///< The folder they go to, as step-000100.mp4.
};

struct LearnResult {
  int steps = 0;                  ///< All that the prior has had.
  int resumed_from = 0;           ///< The step the training state was at; 0 where it began anew.
  double first_loss = 0;          ///< Mean of the first and of the last tenth of this run's steps.
  double last_loss = 0;
  double seconds = 0;
  int64_t peak_bytes = 0;         ///< What training was estimated to take.
};

/// A LoRA and where in a scene it acts: the latent tokens of these regions, and the tokens of their own texts.
struct BoundPrior {
  std::filesystem::path file;
  double weight = 1.0;
  std::vector<RegionPlace> places;
  bool everywhere = false;  ///< In all of the scene, whatever `places` says.
};

}  // namespace dreamrunner
