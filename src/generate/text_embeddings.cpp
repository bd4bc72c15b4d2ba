#include "generate/text_embeddings.h"

#include <set>

#include <ATen/ATen.h>
#include <ATen/DeviceAccelerator.h>

#include <fmt/format.h>

#include "base/error.h"
#include "tensor/finite.h"
#include "tensor/out_of_memory.h"

namespace dreamrunner {

namespace {

std::map<std::string, at::Tensor> encode_each(const ModelFolder& model, const std::set<std::string>& texts, int64_t text_length, Placement placement,
                                              RunContext& run) {
  run.report().begin("encoding captions", static_cast<int64_t>(texts.size()));
  const T5Tokenizer tokenizer = model.open_tokenizer();
  const TextEncoder encoder = model.open_text_encoder(placement);
  if (tokenizer.size() > encoder.config().vocab_size) {
    throw Error(ErrorKind::input_file, fmt::format("{}: the tokenizer has {} pieces, the text encoder reads {}", model.path().string(),
                                                   tokenizer.size(), encoder.config().vocab_size),
                "tokenizer and text encoder are of different models");
  }
  std::map<std::string, at::Tensor> embeddings;
  for (const std::string& text : texts) {
    run.check();
    const TokenizedText tokens = tokenizer.encode(text, text_length);
    if (tokens.cut) run.report().note(fmt::format("cut to {} of its {} tokens: \"{}\"", text_length, tokens.length, text));
    const at::Tensor ids = at::tensor(tokenizer.padded(tokens.ids, text_length), at::kLong).unsqueeze(0);
    const at::Tensor embedding = encoder.forward(ids.to(placement.device)).squeeze(0);
    require_finite(embedding, "encoding captions", fmt::format("embedding of \"{}\"", text));
    embeddings[text] = embedding;
    run.report().advance(static_cast<int64_t>(embeddings.size()));
  }
  run.report().end();
  return embeddings;
}

}  // namespace

TextEmbeddings TextEmbeddings::encode(const ModelFolder& model, const std::vector<std::string>& texts, int64_t text_length, Placement placement,
                                      RunContext& run) {
  TextEmbeddings embeddings;
  const std::set<std::string> distinct(texts.begin(), texts.end());
  if (distinct.empty()) return embeddings;
  try {
    embeddings.by_text_ = encode_each(model, distinct, text_length, placement, run);
    return embeddings;
  } catch (const c10::Error& error) {
    if (!is_out_of_gpu_memory(error)) throw;
  }
  // CogVideoX's encoder has twice the parameters of its transformer, and is needed once a film.
  run.report().end();
  run.report().note("the text encoder is too large for the GPU: captions are encoded on the processor, which takes longer");
  at::getDeviceAllocator(placement.device.type())->emptyCache();
  embeddings.by_text_ = encode_each(model, distinct, text_length, {.device = at::kCPU, .dtype = placement.dtype}, run);
  for (auto& [text, embedding] : embeddings.by_text_) embedding = embedding.to(placement.device);
  return embeddings;
}

at::Tensor TextEmbeddings::stack(const std::vector<std::string>& texts) const {
  std::vector<at::Tensor> rows;
  for (const std::string& text : texts) {
    const auto found = by_text_.find(text);
    if (found == by_text_.end()) throw Error(ErrorKind::bug, fmt::format("text was not encoded: \"{}\"", text));
    rows.push_back(found->second);
  }
  return at::stack(rows);
}

}  // namespace dreamrunner
