#include "catalogue/bm25_accumulator.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "catalogue/index_bytes.h"

namespace dreamrunner {
namespace {

constexpr uint32_t kFirstChunk = 16;
constexpr uint32_t kLargestChunk = 8192;
constexpr uint32_t kLink = sizeof(uint32_t);  ///< Each chunk begins with where the next one is.
/// Most bytes of one posting: two varints of 33 and 32 bits.
constexpr size_t kPostingBytes = 10;
constexpr size_t kFirstTable = 1 << 12;
constexpr size_t kSpoolPiece = 1 << 20;

uint32_t next_size(uint32_t size) { return std::min(size * 2, kLargestChunk); }

/// Eight bytes at a time, multiplied and folded; good enough for a table, no defence against chosen words (whose only harm
/// is a slow import).
uint32_t hash_of(std::string_view word) {
  constexpr uint64_t kOdd = 0x9E3779B97F4A7C15;
  uint64_t state = word.size() * kOdd;
  const char* at = word.data();
  size_t size = word.size();
  for (; size >= 8; size -= 8, at += 8) {
    uint64_t part;
    std::memcpy(&part, at, 8);
    state = (state ^ part) * kOdd;
    state ^= state >> 29;
  }
  uint64_t rest = 0;
  std::memcpy(&rest, at, size);
  state = (state ^ rest) * kOdd;
  return static_cast<uint32_t>((state ^ (state >> 32)) * kOdd >> 32);
}

}  // namespace

Bm25Accumulator::Bm25Accumulator(size_t arena_bytes)
    : arena_(new uint8_t[std::clamp<size_t>(arena_bytes, 64 << 10, size_t{1} << 31)]),
      arena_size_(std::clamp<size_t>(arena_bytes, 64 << 10, size_t{1} << 31)),
      slots_(kFirstTable) {}

bool Bm25Accumulator::is_full_for(size_t words, size_t bytes) const {
  // The worst: every word is new, or needs a chunk of the largest size. Words that come often share theirs, so that at most
  // one chunk for every chunk's worth of postings is taken, and one for each distinct word.
  const size_t postings = words * kPostingBytes;
  const size_t chunks = words * (kFirstChunk + kPostingBytes) + std::min(words, words_.size()) * size_t{kLargestChunk};
  const size_t cautious = bytes + postings + chunks;
  // A long row must fit an empty arena: then what is really taken is far less than the worst, and `take` guards the rest.
  return used_ + std::min(cautious, arena_size_ / 2) > arena_size_;
}

uint32_t Bm25Accumulator::take(size_t bytes) {
  if (bytes > arena_size_ - used_) {
    // A row that is larger than the arena: the arena grows for it.
    const size_t size = arena_size_ * 2 + bytes;
    if (size > UINT32_MAX) throw Error(ErrorKind::memory, "a caption is too long for the index");
    std::unique_ptr<uint8_t[]> larger(new uint8_t[size]);
    std::memcpy(larger.get(), arena_.get(), used_);
    arena_ = std::move(larger);
    arena_size_ = size;
  }
  const auto at = static_cast<uint32_t>(used_);
  used_ += bytes;
  return at;
}

void Bm25Accumulator::put(Word& word, uint8_t byte) {
  if (word.at == word.chunk_end) {
    const uint32_t link = word.chunk_end - word.chunk_size;
    word.chunk_size = next_size(word.chunk_size);
    const uint32_t chunk = take(word.chunk_size);
    std::memcpy(&arena_[link], &chunk, kLink);
    word.at = chunk + kLink;
    word.chunk_end = chunk + word.chunk_size;
  }
  arena_[word.at++] = byte;
}

void Bm25Accumulator::write_pending(Word& word) {
  const auto put_varint = [&](uint64_t value) {
    for (; value >= 0x80; value >>= 7) put(word, static_cast<uint8_t>(value | 0x80));
    put(word, static_cast<uint8_t>(value));
  };
  put_varint(uint64_t{word.row - word.last_written} << 1 | (word.times > 1 ? 1 : 0));
  if (word.times > 1) put_varint(word.times - 2);
  word.last_written = word.row;
  ++word.rows;
}

Bm25Accumulator::Word& Bm25Accumulator::new_word(std::string_view text, uint32_t row) {
  Word word{};
  word.text_size = static_cast<uint32_t>(text.size());
  word.text = take(text.size());
  std::memcpy(&arena_[word.text], text.data(), text.size());
  word.head = take(kFirstChunk);
  word.at = word.head + kLink;
  word.chunk_end = word.head + kFirstChunk;
  word.chunk_size = kFirstChunk;
  word.row = row;
  word.times = 0;
  words_.push_back(word);
  return words_.back();
}

void Bm25Accumulator::grow_table() {
  std::vector<Slot> larger(slots_.size() * 2);
  for (const Slot& slot : slots_) {
    if (slot.word == 0) continue;
    size_t at = slot.hash & (larger.size() - 1);
    while (larger[at].word != 0) at = (at + 1) & (larger.size() - 1);
    larger[at] = slot;
  }
  slots_ = std::move(larger);
}

void Bm25Accumulator::add(std::span<const std::string_view> words, uint32_t row) {
  // A rare word is in no cache: its slot, its record and its last chunk are three waits for memory. Asked for beforehand, those
  // of all words of a row are waited for together.
  hashes_.clear();
  for (const std::string_view text : words) {
    hashes_.push_back(hash_of(text));
    __builtin_prefetch(&slots_[hashes_.back() & (slots_.size() - 1)]);
  }
  for (const uint32_t hash : hashes_) {
    const uint32_t word = slots_[hash & (slots_.size() - 1)].word;
    if (word != 0) __builtin_prefetch(&words_[word - 1]);
  }
  for (const uint32_t hash : hashes_) {
    const uint32_t word = slots_[hash & (slots_.size() - 1)].word;
    if (word == 0) continue;
    __builtin_prefetch(&arena_[words_[word - 1].text]);
    __builtin_prefetch(&arena_[words_[word - 1].at]);
  }
  for (size_t i = 0; i < words.size(); ++i) add_word(words[i], hashes_[i], row);
}

void Bm25Accumulator::add_word(std::string_view text, uint32_t hash, uint32_t row) {
  size_t at = hash & (slots_.size() - 1);
  while (slots_[at].word != 0 && (slots_[at].hash != hash || text_of(words_[slots_[at].word - 1]) != text)) at = (at + 1) & (slots_.size() - 1);
  if (slots_[at].word == 0) {
    Word& word = new_word(text, row);
    word.times = 1;
    slots_[at] = {hash, static_cast<uint32_t>(words_.size())};
    if (words_.size() * 2 > slots_.size()) grow_table();
    return;
  }
  Word& word = words_[slots_[at].word - 1];
  if (word.row == row) {
    ++word.times;
    return;
  }
  write_pending(word);
  word.row = row;
  word.times = 1;
}

void Bm25Accumulator::spool(IndexSpool& spool) {
  for (Word& word : words_) write_pending(word);
  std::vector<uint32_t> order(words_.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return text_of(words_[a]) < text_of(words_[b]); });
  std::string out;
  for (const uint32_t i : order) {
    const Word& word = words_[i];
    append_varint(out, word.text_size);
    out += text_of(word);
    append_varint(out, word.rows);
    uint32_t chunk = word.head;
    for (uint32_t size = kFirstChunk;; size = next_size(size)) {
      const bool last = chunk + size == word.chunk_end;
      const uint32_t end = last ? word.at : chunk + size;
      out.append(reinterpret_cast<const char*>(&arena_[chunk + kLink]), end - chunk - kLink);
      if (last) break;
      std::memcpy(&chunk, &arena_[chunk], kLink);
    }
    if (out.size() >= kSpoolPiece) {
      spool.append(out);
      out.clear();
    }
  }
  spool.append(out);
  used_ = 0;
  words_.clear();
  slots_.assign(kFirstTable, {});
}

}  // namespace dreamrunner
