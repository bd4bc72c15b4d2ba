#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/safetensors_index.h"
#include "oracle.h"
#include "targets.h"
#include "text/bpe_model.h"
#include "text/spiece_model.h"
#include "text/unigram_tokenizer.h"

namespace dreamrunner::fuzz {

void json(std::string_view bytes) {
  Json value;
  try {
    value = parse_json(bytes, "fuzz");
  } catch (const Error& error) {
    require_refusal(error, ErrorKind::input_file);
    return;
  }
  const std::string text = value.dump();
  require(parse_json(text, "written").dump() == text, "JSON that is written and read is the same JSON");
}

void safetensors(std::string_view bytes) {
  SafetensorsIndex index;
  try {
    index = parse_safetensors(std::as_bytes(std::span(bytes)), "fuzz");
  } catch (const Error& error) {
    require_refusal(error, ErrorKind::input_file);
    return;
  }
  uint64_t end = 0;
  for (const TensorEntry& tensor : index.tensors) {
    uint64_t size = static_cast<uint64_t>(element_size(tensor.type));
    for (const int64_t side : tensor.shape) size *= static_cast<uint64_t>(side);
    require(size == tensor.size, "a tensor's size is its shape's");
    require(tensor.offset >= end && tensor.size <= bytes.size() && tensor.offset <= bytes.size() - tensor.size,
            "a tensor lies in the file");
    end = tensor.offset + tensor.size;
  }
  // A header of our own for the same tensors must be one that we read.
  std::vector<TensorEntry> tensors = index.tensors;
  std::string file = make_safetensors_header(tensors, index.metadata);
  if (!tensors.empty()) file.resize(tensors.back().offset + tensors.back().size);
  const SafetensorsIndex again = parse_safetensors(std::as_bytes(std::span(file)), "written");
  require(again.tensors.size() == index.tensors.size() && again.metadata == index.metadata, "a header that is written and read");
  for (size_t i = 0; i < tensors.size(); ++i) {
    require(again.tensors[i].name == tensors[i].name && again.tensors[i].shape == tensors[i].shape &&
                again.tensors[i].offset == tensors[i].offset,
            "a tensor that is written and read");
  }
}

/// vocab.json, merges.txt and a word, with a zero byte between them.
void bpe_model(std::string_view bytes) {
  const auto part = [&] {
    const size_t end = std::min(bytes.find('\0'), bytes.size());
    const std::string_view text = bytes.substr(0, end);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
    return text;
  };
  const std::string_view vocabulary = part(), merges = part(), word = bytes;
  try {
    const BpeModel model = BpeModel::from_texts(vocabulary, merges, "<|endoftext|>", "fuzz");
    const std::vector<int64_t> ids = model.word_ids(word);
    require(ids.size() <= word.size() && ids.empty() == word.empty(), "a token is a byte of the word or more");
    for (const int64_t id : ids) require(id >= 0 && id < model.size(), "an id lies in the vocabulary");
  } catch (const Error& error) {
    require_refusal(error, ErrorKind::input_file);
  }
}

/// The bytes are a model; its end is a text for it, so that both can be chosen.
void spiece_model(std::string_view bytes) {
  try {
    const UnigramTokenizer tokenizer(parse_spiece_model(bytes, "fuzz"));
    for (const std::string_view text :
         {std::string_view("a fox is walking"), std::string_view("[v1] \xE2\x80\x9C\xC3\xA9\xEF\xBC\xA1 \xFF\t"),
          bytes.substr(bytes.size() - std::min<size_t>(bytes.size(), 48))}) {
      for (const int64_t id : tokenizer.encode(text)) require(id >= 0 && id < tokenizer.size(), "an id lies in the vocabulary");
    }
  } catch (const Error& error) {
    require_refusal(error, ErrorKind::input_file);
  }
}

}  // namespace dreamrunner::fuzz
