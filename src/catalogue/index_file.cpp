#include "catalogue/index_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/descriptor.h"
#include "base/error.h"
#include "catalogue/index_bytes.h"
#include "catalogue/index_crc32c.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

/// Pages as IndexFile reads them.
constexpr uint32_t kPageBytes = 32768;
constexpr std::string_view kMagic = "DRUNPAGE";
constexpr size_t kKindSize = 8;
constexpr size_t kFooterSize = 40;

}  // namespace

IndexFileWriter::IndexFileWriter(fs::path path, IndexFileKind kind) : path_(std::move(path)), kind_(kind.name), version_(kind.version) {
  kind_.resize(kKindSize, ' ');
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd_ < 0) throw storage_error(path_, "cannot be written");
  page_.reserve(kPageBytes);
}

IndexFileWriter::~IndexFileWriter() {
  if (fd_ >= 0) ::close(fd_);
}

void IndexFileWriter::write(std::string_view bytes) {
  position_ += bytes.size();
  while (!bytes.empty()) {
    const size_t n = std::min(bytes.size(), kPageBytes - page_.size());
    page_.append(bytes.substr(0, n));
    bytes.remove_prefix(n);
    if (page_.size() == kPageBytes) flush();
  }
}

void IndexFileWriter::flush() {
  append_raw(checksums_, crc32c(page_.data(), page_.size()));
  write_all(fd_, page_, path_);
  page_.clear();
}

void IndexFileWriter::finish() {
  if (!page_.empty()) flush();
  std::string footer(kMagic);
  footer += kind_;
  append_raw(footer, version_);
  append_raw(footer, kPageBytes);
  append_raw(footer, position_);
  append_raw(footer, crc32c(checksums_.data(), checksums_.size()));
  append_raw(footer, crc32c(footer.data(), footer.size()));
  write_all(fd_, checksums_ + footer, path_);
  if (::fsync(fd_) != 0) throw storage_error(path_, "cannot be synchronised");
  if (::close(std::exchange(fd_, -1)) != 0) throw storage_error(path_, "cannot be written");
}

IndexFile::IndexFile(const fs::path& path, IndexFileKind kind) : name_(path.string()), file_(std::make_unique<MappedFile>(path)) {
  const std::span<const uint8_t> all(reinterpret_cast<const uint8_t*>(file_->bytes().data()), file_->bytes().size());
  if (all.size() < kFooterSize) fail(fmt::format("{} bytes, at least {} expected", all.size(), kFooterSize));
  const std::span<const uint8_t> footer = all.last(kFooterSize);
  std::string letters(kind.name);
  letters.resize(kKindSize, ' ');
  if (std::memcmp(footer.data(), kMagic.data(), kMagic.size()) != 0) fail("it does not end as a file of a catalogue does");
  if (load_raw<uint32_t>(&footer[36]) != crc32c(footer.data(), 36)) fail("its footer is damaged");
  if (std::memcmp(&footer[8], letters.data(), kKindSize) != 0) fail(fmt::format("it holds something else than {}", kind.name));
  if (const auto version = load_raw<uint32_t>(&footer[16]); version != kind.version) {
    fail(fmt::format("version {} of its format, {} expected", version, kind.version));
  }
  const auto size = load_raw<uint64_t>(&footer[24]);
  if (load_raw<uint32_t>(&footer[20]) != kPageSize || size > all.size()) fail("its footer is damaged");
  const uint64_t pages = (size + kPageSize - 1) / kPageSize;
  if (size + pages * sizeof(uint32_t) + kFooterSize != all.size()) {
    fail(fmt::format("{} bytes, {} expected", all.size(), size + pages * sizeof(uint32_t) + kFooterSize));
  }
  content_ = all.first(size);
  checksums_ = all.data() + size;
  if (load_raw<uint32_t>(&footer[32]) != crc32c(checksums_, pages * sizeof(uint32_t))) fail("its checksums are damaged");
  checked_ = std::make_unique<std::atomic<uint8_t>[]>(pages);
}

IndexFile::IndexFile(std::string name, std::span<const uint8_t> content) : name_(std::move(name)), content_(content) {}

void IndexFile::check(uint64_t page) const {
  const uint64_t begin = page * kPageSize;
  const uint64_t size = std::min<uint64_t>(kPageSize, content_.size() - begin);
  if (crc32c(&content_[begin], size) != load_raw<uint32_t>(checksums_ + page * sizeof(uint32_t))) {
    fail(fmt::format("bytes {} to {} are damaged", begin, begin + size));
  }
  checked_[page].store(1, std::memory_order_relaxed);
}

void IndexFile::fail(std::string_view what) const {
  throw Error(ErrorKind::input_file, fmt::format("{}: {}", name_, what), kMakeCatalogueAnew);
}

IndexSpool::IndexSpool(const fs::path& folder) : folder_(folder) {
  std::string pattern = (folder / ".spool-XXXXXX").string();
  fd_ = ::mkostemp(pattern.data(), O_CLOEXEC);
  if (fd_ < 0) throw storage_error(folder, "no temporary file can be made here");
  ::unlink(pattern.c_str());
}

IndexSpool::~IndexSpool() {
  if (fd_ >= 0) ::close(fd_);
}

void IndexSpool::append(std::string_view bytes) {
  write_all(fd_, bytes, folder_);
  size_ += bytes.size();
}

size_t IndexSpool::read(uint64_t offset, std::span<uint8_t> into) const {
  size_t done = 0;
  while (done < into.size()) {
    const ssize_t n = ::pread(fd_, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw storage_error(folder_, "a temporary file cannot be read");
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  return done;
}

std::string index_footer(const std::filesystem::path& path) {
  const MappedFile mapped(path);
  const auto bytes = mapped.bytes().last(std::min(mapped.bytes().size(), kFooterSize));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace dreamrunner
