#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "media/video_reader.h"

/// What the program and the decoder in a process of its own (`isolated_video.h`) say to each other. The program sends one
/// request. The decoder answers with messages: `hello`, then `info`, then pictures or nothing, then `end`; a `refusal`
/// instead of any of the last three ends the answer, and `working` may come between any two.
///
/// A message is its kind and the size of its body, 32 bits each, and the body. Numbers are as the processor has them: both
/// ends are on one machine, and of one build (`kWireVersion`).
///
/// The decoder has read a stranger's file and may have been taken over by it. So everything that comes from it is checked
/// against what was asked for, before memory is taken for it, and in the one class that the program reads it with.
namespace dreamrunner::wire {

/// Rises with every change of what is sent.
inline constexpr uint32_t kWireVersion = 1;

/// What the decoder is asked to do.
enum class Task : uint32_t {
  check = 1,  ///< Say hello and nothing else: can it be started and locked down?
  probe = 2,  ///< Describe the file and count its frames (`probe_video`).
  read = 3,   ///< Send the pictures that `options` name.
};

struct Request {
  Task task = Task::read;
  VideoReadOptions options;
  int64_t memory_bytes = 0;  ///< Of address space.
  int64_t processor_s = 0;
};

/// The first message: the decoder runs, has locked itself down, and has not yet looked at the file.
struct Hello {
  bool filtered = false;  ///< Whether a filter of system calls is in place.
  std::string why_not;    ///< Why there is none.
};

/// What reading a message calls for: fills all of `size` bytes or throws.
using Source = std::function<void(uint8_t* bytes, size_t size)>;
/// Takes all of the bytes or throws.
using Sink = std::function<void(std::string_view bytes)>;

// The decoder's side.

Request read_request(const Source& source);

class ReplyWriter {
 public:
  explicit ReplyWriter(Sink sink) : sink_(std::move(sink)) {}
  void hello(const Hello& hello);
  void working();
  /// Leaves out what of the metadata goes beyond the room that a message has for it.
  void info(const VideoInfo& info);
  void picture(const Picture& picture, double time_s);
  void end();
  void refusal(std::string_view why);

 private:
  void send(uint32_t kind, std::string_view head, std::string_view rest = {});
  Sink sink_;
};

// The program's side.

void write_request(const Sink& sink, const Request& request);

/// Reads the decoder's answer, believing nothing. Every function throws Error(input_file), without a file's name, for a
/// refusal (with its words, made safe to print) and for an answer that does not fit the request.
class ReplyReader {
 public:
  /// The options of the request bound what is accepted.
  ReplyReader(Source source, VideoReadOptions options) : source_(std::move(source)), options_(std::move(options)) {}

  Hello read_hello();
  VideoInfo read_info();
  /// The next picture; false for the end. Both are as `VideoReader::next` promises: within the window, none more than was
  /// asked for, sides up to `largest_side`, all of one size, times that never fall.
  bool read_picture(Picture& picture, double& time_s);

 private:
  struct Head {
    uint32_t kind;
    uint32_t size;
  };
  /// The head of the next message that is neither `working` nor `refusal`.
  Head next_message();
  std::string read_body(uint32_t size, uint32_t most);

  Source source_;
  VideoReadOptions options_;
  int64_t pictures_ = 0;
  int width_ = 0;
  int height_ = 0;
  double last_time_s_ = 0;
};

}  // namespace dreamrunner::wire
