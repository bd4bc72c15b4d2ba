#include "catalogue/bm25_builder.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/error.h"
#include "catalogue/bm25_accumulator.h"
#include "catalogue/bm25_blocks.h"
#include "catalogue/bm25_layout.h"
#include "catalogue/index_bytes.h"

namespace dreamrunner {
namespace {

/// Memory for reading all runs at once, shared among them.
constexpr size_t kReadBytes = 16 << 20;

/// Reads one run of the spool, word after word.
class RunReader {
 public:
  RunReader(const IndexSpool& spool, uint64_t begin, uint64_t end, size_t buffer) : spool_(spool), next_(begin), end_(end), buffer_(buffer) {}

  /// Steps to the next word; false at the end of the run.
  bool next_word() {
    if (at_ == filled_ && next_ == end_) return false;
    word_.clear();
    for (uint64_t left = varint(); left > 0; --left) word_.push_back(static_cast<char>(byte()));
    rows_ = varint();
    return true;
  }
  const std::string& word() const { return word_; }
  uint64_t rows() const { return rows_; }

  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const uint8_t next = byte();
      value |= static_cast<uint64_t>(next & 0x7F) << shift;
      if (next < 0x80) return value;
    }
  }

 private:
  uint8_t byte() {
    if (at_ == filled_) {
      filled_ = spool_.read(next_, std::span(buffer_).first(static_cast<size_t>(std::min<uint64_t>(buffer_.size(), end_ - next_))));
      next_ += filled_;
      at_ = 0;
      if (filled_ == 0) throw Error(ErrorKind::storage, "a temporary file ends too early");
    }
    return buffer_[at_++];
  }

  const IndexSpool& spool_;
  uint64_t next_;
  uint64_t end_;
  std::vector<uint8_t> buffer_;
  size_t at_ = 0;
  size_t filled_ = 0;
  std::string word_;
  uint64_t rows_ = 0;
};

/// Packs the postings of one word after the other, and writes the dictionary to a spool on the way.
class WordWriter {
 public:
  WordWriter(IndexFileWriter& file, IndexSpool& dictionary, const std::vector<uint32_t>& lengths) : file_(file), dictionary_(dictionary), lengths_(lengths) {}

  void begin(std::string_view word, uint64_t rows) {
    word_ = word;
    rows_ = rows;
    begin_ = file_.position();
    previous_ = -1;
    pending_ = 0;
    total_ = block_ = {};
    entries_.clear();
  }

  void add(uint32_t row, uint32_t times) {
    steps_[pending_] = static_cast<uint32_t>(row - previous_ - 1);
    counts_[pending_] = times - 1;
    block_.add(times, lengths_[row]);
    previous_ = row;
    if (++pending_ == kBlockRows) end_full_block();
  }

  void end() {
    if (pending_ > 0) end_short_block();
    const uint64_t size = file_.position() - begin_;
    if (rows_ > kBlockRows) file_.write(entries_);
    append_to_dictionary(size);
    postings_ += rows_;
  }

  uint64_t words() const { return words_; }
  uint64_t postings() const { return postings_; }
  const std::vector<uint64_t>& groups() const { return groups_; }
  void flush() {
    dictionary_.append(piece_);
    piece_.clear();
  }

 private:
  void end_full_block() {
    const int step_bits = bits_of(steps_.data());
    const int count_bits = bits_of(counts_.data());
    packed_.clear();
    packed_.push_back(static_cast<char>(step_bits));
    packed_.push_back(static_cast<char>(count_bits));
    pack_block(steps_.data(), step_bits, packed_);
    pack_block(counts_.data(), count_bits, packed_);
    end_block();
  }

  void end_short_block() {
    packed_.clear();
    for (size_t i = 0; i < pending_; ++i) {
      append_varint(packed_, uint64_t{steps_[i]} << 1 | (counts_[i] > 0 ? 1 : 0));
      if (counts_[i] > 0) append_varint(packed_, counts_[i] - 1);
    }
    end_block();
  }

  void end_block() {
    file_.write(packed_);
    const uint64_t end = file_.position() - begin_;
    if (end > std::numeric_limits<uint32_t>::max()) throw Error(ErrorKind::memory, "an index of more than 4 GB for one word cannot be made");
    append_raw(entries_, BlockEntry{static_cast<uint32_t>(previous_), static_cast<uint32_t>(end), block_});
    total_.add(block_);
    block_ = {};
    pending_ = 0;
  }

  void append_to_dictionary(uint64_t size) {
    size_t shared = 0;
    if (words_ % kGroupWords == 0) {
      groups_.push_back(dictionary_.size() + piece_.size());
      append_varint(piece_, begin_);
    } else {
      while (shared < std::min(word_.size(), last_word_.size()) && word_[shared] == last_word_[shared]) ++shared;
    }
    append_varint(piece_, shared);
    append_varint(piece_, word_.size() - shared);
    piece_ += std::string_view(word_).substr(shared);
    append_varint(piece_, rows_);
    append_varint(piece_, size);
    append_raw(piece_, total_);
    last_word_ = word_;
    ++words_;
    if (piece_.size() >= (1 << 16)) flush();
  }

  IndexFileWriter& file_;
  IndexSpool& dictionary_;
  const std::vector<uint32_t>& lengths_;
  std::string word_, last_word_;
  uint64_t rows_ = 0;
  uint64_t begin_ = 0;
  int64_t previous_ = -1;
  std::array<uint32_t, kBlockRows> steps_{}, counts_{};
  size_t pending_ = 0;
  Impact block_, total_;
  std::string packed_, entries_, piece_;
  std::vector<uint64_t> groups_;
  uint64_t words_ = 0;
  uint64_t postings_ = 0;
};

void copy_spool(const IndexSpool& spool, IndexFileWriter& file) {
  std::vector<uint8_t> piece(1 << 16);
  for (uint64_t at = 0; at < spool.size();) {
    const size_t n = spool.read(at, piece);
    if (n == 0) throw Error(ErrorKind::storage, "a temporary file ends too early");
    file.write(std::span(piece).first(n));
    at += n;
  }
}

template <typename Number>
void write_lengths(const std::vector<uint32_t>& lengths, IndexFileWriter& file) {
  std::string piece;
  for (const uint32_t length : lengths) {
    append_raw(piece, static_cast<Number>(length));
    if (piece.size() >= (1 << 16)) {
      file.write(piece);
      piece.clear();
    }
  }
  file.write(piece);
}

}  // namespace

Bm25Builder::Bm25Builder(std::filesystem::path path, AnalyzerKind analyzer, size_t memory_bytes)
    : path_(std::move(path)), analyzer_(analyzer), spool_(path_.parent_path().empty() ? "." : path_.parent_path()),
      accumulator_(std::make_unique<Bm25Accumulator>(memory_bytes)) {}

Bm25Builder::~Bm25Builder() = default;

void Bm25Builder::spool_run() {
  if (accumulator_->empty()) return;
  runs_.push_back(spool_.size());
  accumulator_->spool(spool_);
}

void Bm25Builder::add(std::string_view caption) {
  if (lengths_.size() >= std::numeric_limits<uint32_t>::max() - 1) throw Error(ErrorKind::memory, "an index of more than 4 billion rows cannot be made");
  if (accumulator_->is_full_for(caption.size() / 2 + 1, caption.size())) spool_run();
  const auto row = static_cast<uint32_t>(lengths_.size());
  words_.clear();
  analyzer_.each_word(caption, [&](std::string_view word) { words_.push_back(word); });
  accumulator_->add(words_, row);
  lengths_.push_back(static_cast<uint32_t>(words_.size()));
}

void Bm25Builder::finish() {
  spool_run();
  accumulator_.reset();
  IndexFileWriter file(path_, kBm25FileKind);
  IndexSpool dictionary(path_.parent_path().empty() ? "." : path_.parent_path());
  WordWriter writer(file, dictionary, lengths_);

  std::vector<RunReader> runs;
  const size_t buffer = std::clamp<size_t>(kReadBytes / (runs_.size() + 1), 4096, size_t{1} << 18);
  for (size_t i = 0; i < runs_.size(); ++i) runs.emplace_back(spool_, runs_[i], i + 1 < runs_.size() ? runs_[i + 1] : spool_.size(), buffer);
  std::vector<RunReader*> open;  // In the order of their rows.
  for (RunReader& run : runs) {
    if (run.next_word()) open.push_back(&run);
  }
  std::string word;
  std::vector<RunReader*> holders;
  while (!open.empty()) {
    word = (*std::min_element(open.begin(), open.end(), [](const RunReader* a, const RunReader* b) { return a->word() < b->word(); }))->word();
    holders.clear();
    uint64_t rows = 0;
    for (RunReader* run : open) {
      if (run->word() != word) continue;
      holders.push_back(run);
      rows += run->rows();
    }
    writer.begin(word, rows);
    for (RunReader* run : holders) {
      uint64_t row = 0;
      for (uint64_t left = run->rows(); left > 0; --left) {
        const uint64_t code = run->varint();
        row += code >> 1;
        writer.add(static_cast<uint32_t>(row), (code & 1) != 0 ? static_cast<uint32_t>(run->varint()) + 2 : 1);
      }
    }
    writer.end();
    std::erase_if(open, [&](RunReader* run) { return std::find(holders.begin(), holders.end(), run) != holders.end() && !run->next_word(); });
  }
  writer.flush();

  Bm25Trailer trailer{};
  trailer.rows = lengths_.size();
  for (const uint32_t length : lengths_) {
    trailer.words += length;
    trailer.longest = std::max(trailer.longest, length);
  }
  trailer.distinct_words = writer.words();
  trailer.postings = writer.postings();
  trailer.analyzer = static_cast<uint32_t>(analyzer_.kind());
  trailer.dictionary_offset = file.position();
  trailer.dictionary_size = dictionary.size();
  copy_spool(dictionary, file);
  trailer.groups_offset = file.position();
  for (const uint64_t group : writer.groups()) file.write(std::string_view(reinterpret_cast<const char*>(&group), sizeof group));
  trailer.lengths_offset = file.position();
  if (trailer.longest <= 0xFF) {
    trailer.length_width = 1;
    write_lengths<uint8_t>(lengths_, file);
  } else if (trailer.longest <= 0xFFFF) {
    trailer.length_width = 2;
    write_lengths<uint16_t>(lengths_, file);
  } else {
    trailer.length_width = 4;
    write_lengths<uint32_t>(lengths_, file);
  }
  file.write(std::string_view(reinterpret_cast<const char*>(&trailer), sizeof trailer));
  file.finish();
}

}  // namespace dreamrunner
