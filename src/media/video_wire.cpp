#include "media/video_wire.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "media/video_window.h"

namespace dreamrunner::wire {
namespace {

enum Kind : uint32_t { kHello = 1, kWorking = 2, kInfo = 3, kPicture = 4, kEnd = 5, kRefusal = 6 };

constexpr uint32_t kMostHello_bytes = 1 << 10;
constexpr uint32_t kMostInfo_bytes = 64 << 10;
constexpr uint32_t kMostRefusal_bytes = 1 << 10;
constexpr uint32_t kMostRequest_bytes = 64 << 20;
/// A picture's body: its time, width and height, then the pixels.
constexpr uint32_t kPictureHead_bytes = sizeof(double) + 2 * sizeof(uint32_t);
/// Of the metadata, so that the rest of an `info` has room as well.
constexpr size_t kMostMetadata_bytes = 48 << 10;
constexpr size_t kMostName_bytes = 200;

[[noreturn]] void nonsense(const std::string& what) { throw Error(ErrorKind::input_file, "the decoder's answer makes no sense: " + what); }

/// Text of the decoder's that a person will read: one line of plain letters.
std::string safe_words(std::string text) {
  std::replace_if(text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

class Writer {
 public:
  template <class T>
  void number(T value) {
    static_assert(std::is_arithmetic_v<T>);
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    bytes_.append(bytes, sizeof value);
  }
  void text(std::string_view value) {
    number(static_cast<uint32_t>(value.size()));
    bytes_.append(value);
  }
  std::string_view bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

/// Takes values off the front of a body; what is not there is nonsense.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  template <class T>
  T number() {
    static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>);
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::string text() { return std::string(take(number<uint32_t>())); }
  std::string name() { return safe_words(text()); }
  void finish() const {
    if (!bytes_.empty()) nonsense(fmt::format("{} bytes too many", bytes_.size()));
  }

 private:
  std::string_view take(size_t size) {
    if (size > bytes_.size()) nonsense(fmt::format("{} bytes where {} are needed", bytes_.size(), size));
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  std::string_view bytes_;
};

std::pair<uint32_t, uint32_t> read_head(const Source& source) {
  std::array<uint8_t, 8> bytes;
  source(bytes.data(), bytes.size());
  uint32_t kind, size;
  std::memcpy(&kind, bytes.data(), sizeof kind);
  std::memcpy(&size, bytes.data() + sizeof kind, sizeof size);
  return {kind, size};
}

}  // namespace

void write_request(const Sink& sink, const Request& request) {
  Writer body;
  const VideoReadOptions& options = request.options;
  body.number(static_cast<uint32_t>(request.task));
  body.number(request.memory_bytes);
  body.number(request.processor_s);
  body.number(int32_t{options.largest_side});
  body.number(options.most_frames);
  body.number(options.start_s);
  body.number(options.end_s);
  body.number(int32_t{options.every});
  body.number(static_cast<uint32_t>(options.only.size()));
  for (const int64_t number : options.only) body.number(number);
  if (body.bytes().size() > kMostRequest_bytes) throw Error(ErrorKind::usage, fmt::format("frames of a video: {} numbers", options.only.size()));
  Writer head;
  head.number(kWireVersion);
  head.number(static_cast<uint32_t>(body.bytes().size()));
  sink(head.bytes());
  sink(body.bytes());
}

Request read_request(const Source& source) {
  const auto [version, size] = read_head(source);
  if (version != kWireVersion) nonsense(fmt::format("version {} of the request, {} expected", version, kWireVersion));
  if (size > kMostRequest_bytes) nonsense(fmt::format("a request of {} bytes", size));
  std::string bytes(size, '\0');
  source(reinterpret_cast<uint8_t*>(bytes.data()), size);
  Reader body(bytes);
  Request request;
  VideoReadOptions& options = request.options;
  request.task = static_cast<Task>(body.number<uint32_t>());
  request.memory_bytes = body.number<int64_t>();
  request.processor_s = body.number<int64_t>();
  options.largest_side = body.number<int32_t>();
  options.most_frames = body.number<int64_t>();
  options.start_s = body.number<double>();
  options.end_s = body.number<double>();
  options.every = body.number<int32_t>();
  for (auto numbers = body.number<uint32_t>(); numbers > 0; --numbers) options.only.push_back(body.number<int64_t>());
  body.finish();
  return request;
}

void ReplyWriter::send(uint32_t kind, std::string_view head, std::string_view rest) {
  Writer message;
  message.number(kind);
  message.number(static_cast<uint32_t>(head.size() + rest.size()));
  sink_(std::string(message.bytes()).append(head));
  if (!rest.empty()) sink_(rest);
}

void ReplyWriter::hello(const Hello& hello) {
  Writer body;
  body.number(kWireVersion);
  body.number(uint8_t{hello.filtered});
  body.text(std::string_view(hello.why_not).substr(0, kMostName_bytes));
  send(kHello, body.bytes());
}

void ReplyWriter::working() { send(kWorking, {}); }

void ReplyWriter::info(const VideoInfo& info) {
  Writer body;
  for (const std::string* name : {&info.container, &info.codec, &info.pixel_format, &info.range, &info.matrix, &info.primaries, &info.transfer}) {
    body.text(std::string_view(*name).substr(0, kMostName_bytes));
  }
  for (const int value : {info.width, info.height, info.rate.num, info.rate.den, info.rotation}) body.number(int32_t{value});
  body.number(uint8_t{info.mirrored});
  body.number(info.frames);
  size_t room = kMostMetadata_bytes;
  std::map<std::string_view, std::string_view> kept;
  for (const auto& [key, value] : info.metadata) {
    const size_t size = 2 * sizeof(uint32_t) + key.size() + value.size();
    if (size > room) continue;
    room -= size;
    kept.emplace(key, value);
  }
  body.number(static_cast<uint32_t>(kept.size()));
  for (const auto& [key, value] : kept) {
    body.text(key);
    body.text(value);
  }
  send(kInfo, body.bytes());
}

void ReplyWriter::picture(const Picture& picture, double time_s) {
  Writer head;
  head.number(time_s);
  head.number(static_cast<uint32_t>(picture.width));
  head.number(static_cast<uint32_t>(picture.height));
  send(kPicture, head.bytes(), {reinterpret_cast<const char*>(picture.rgb.data()), picture.rgb.size()});
}

void ReplyWriter::end() { send(kEnd, {}); }

void ReplyWriter::refusal(std::string_view why) { send(kRefusal, why.substr(0, kMostRefusal_bytes)); }

std::string ReplyReader::read_body(uint32_t size, uint32_t most) {
  if (size > most) nonsense(fmt::format("a message of {} bytes, up to {} expected", size, most));
  std::string body(size, '\0');
  if (size > 0) source_(reinterpret_cast<uint8_t*>(body.data()), size);
  return body;
}

ReplyReader::Head ReplyReader::next_message() {
  for (;;) {
    const auto [kind, size] = read_head(source_);
    if (kind == kWorking) {
      read_body(size, 0);
      continue;
    }
    if (kind == kRefusal) {
      const std::string why = safe_words(read_body(size, kMostRefusal_bytes));
      throw Error(ErrorKind::input_file, why.empty() ? "cannot be decoded" : why);
    }
    return {kind, size};
  }
}

Hello ReplyReader::read_hello() {
  const auto [kind, size] = next_message();
  if (kind != kHello) nonsense(fmt::format("message {} before its hello", kind));
  const std::string bytes = read_body(size, kMostHello_bytes);
  Reader body(bytes);
  const auto version = body.number<uint32_t>();
  if (version != kWireVersion) nonsense(fmt::format("version {}, {} expected", version, kWireVersion));
  Hello hello;
  hello.filtered = body.number<uint8_t>() != 0;
  hello.why_not = body.name();
  body.finish();
  return hello;
}

VideoInfo ReplyReader::read_info() {
  const auto [kind, size] = next_message();
  if (kind != kInfo) nonsense(fmt::format("message {} where it describes the file", kind));
  const std::string bytes = read_body(size, kMostInfo_bytes);
  Reader body(bytes);
  VideoInfo info;
  for (std::string* name : {&info.container, &info.codec, &info.pixel_format, &info.range, &info.matrix, &info.primaries, &info.transfer}) {
    *name = body.name();
  }
  for (int* value : {&info.width, &info.height, &info.rate.num, &info.rate.den, &info.rotation}) *value = body.number<int32_t>();
  info.mirrored = body.number<uint8_t>() != 0;
  info.frames = body.number<int64_t>();
  const auto bounded = [](int64_t value, int64_t most) { return value >= 0 && value <= most; };
  if (!bounded(info.width, options_.largest_side) || !bounded(info.height, options_.largest_side)) {
    nonsense(fmt::format("pictures of {} x {}", info.width, info.height));
  }
  if (info.rate.num < 0 || info.rate.den <= 0) nonsense(fmt::format("a rate of {} / {}", info.rate.num, info.rate.den));
  if (!bounded(info.rotation, 270) || info.rotation % 90 != 0) nonsense(fmt::format("a turn of {} degrees", info.rotation));
  if (info.frames < 0) nonsense(fmt::format("{} frames", info.frames));
  // The number of entries is not believed: each takes eight bytes or more of a body whose size is bounded.
  for (auto entries = body.number<uint32_t>(); entries > 0; --entries) {
    std::string key = body.text();
    info.metadata.emplace(std::move(key), body.text());
  }
  body.finish();
  width_ = info.width;
  height_ = info.height;
  return info;
}

bool ReplyReader::read_picture(Picture& picture, double& time_s) {
  const auto [kind, size] = next_message();
  if (kind == kEnd) {
    read_body(size, 0);
    return false;
  }
  if (kind != kPicture || size < kPictureHead_bytes) nonsense(fmt::format("message {} of {} bytes among the pictures", kind, size));
  const std::string bytes = read_body(kPictureHead_bytes, kPictureHead_bytes);
  Reader head(bytes);
  const auto time = head.number<double>();
  const auto width = head.number<uint32_t>(), height = head.number<uint32_t>();
  const auto side = static_cast<uint32_t>(std::max(options_.largest_side, 0));
  const bool first = pictures_ == 0;
  if (width < 1 || height < 1 || width > side || height > side) nonsense(fmt::format("a picture of {} x {}", width, height));
  if (!first && (width != static_cast<uint32_t>(width_) || height != static_cast<uint32_t>(height_))) {
    nonsense(fmt::format("a picture of {} x {} after one of {} x {}", width, height, width_, height_));
  }
  const uint64_t pixels_bytes = uint64_t{3} * width * height;
  if (pixels_bytes != size - kPictureHead_bytes) {
    nonsense(fmt::format("{} bytes for a picture of {} x {}", size - kPictureHead_bytes, width, height));
  }
  // Written so that NaN fails.
  if (!(time >= options_.start_s - kMostWindowSlack_s && time < options_.end_s && (first || time >= last_time_s_))) nonsense(fmt::format("a picture at {} s", time));
  const int64_t most = options_.only.empty() ? options_.most_frames : std::min(options_.most_frames, static_cast<int64_t>(options_.only.size()));
  if (pictures_ >= most) nonsense(fmt::format("more than {} pictures", most));

  width_ = static_cast<int>(width);
  height_ = static_cast<int>(height);
  picture.width = width_;
  picture.height = height_;
  picture.rgb.resize(pixels_bytes);
  source_(picture.rgb.data(), picture.rgb.size());
  last_time_s_ = time;
  time_s = time;
  ++pictures_;
  return true;
}

}  // namespace dreamrunner::wire
