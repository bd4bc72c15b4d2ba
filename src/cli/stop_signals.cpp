#include "cli/stop_signals.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <string>

#include <fmt/format.h>

namespace dreamrunner {
namespace {

// What a signal handler may touch: a number and a pipe. A thread at the pipe's other end does the rest.
std::atomic<int> received{0};
std::atomic<int> pipe_writer{-1};
static_assert(std::atomic<int>::is_always_lock_free);

constexpr char kSignal = 's';
constexpr char kQuit = 'q';

extern "C" void on_stop_signal(int number) {
  const int saved = errno;
  received.store(number);
  // The next one is the kernel's to handle: it ends the process, whatever state we are in.
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  [[maybe_unused]] const ssize_t ignored = ::write(pipe_writer.load(), &kSignal, 1);
  errno = saved;
}

void catch_signal(int number) {
  struct sigaction old {};
  // Started with the signal ignored (nohup, a background job of a script): it stays ignored.
  if (::sigaction(number, nullptr, &old) == 0 && old.sa_handler == SIG_IGN) return;
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  ::sigaction(number, &action, nullptr);
}

void say(const std::string& text) { [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, text.data(), text.size()); }

int pipe_reader = -1;

}  // namespace

StopSignals::StopSignals(std::string way_on) : way_on_(std::move(way_on)) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Error(ErrorKind::storage, "no pipe for signals: too many files are open");
  pipe_reader = ends[0];
  pipe_writer.store(ends[1]);
  watcher_ = std::thread([this] { watch(); });
  catch_signal(SIGINT);
  catch_signal(SIGTERM);
}

StopSignals::~StopSignals() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  [[maybe_unused]] const ssize_t ignored = ::write(pipe_writer.load(), &kQuit, 1);
  watcher_.join();
  ::close(pipe_writer.exchange(-1));
  ::close(pipe_reader);
}

ErrorKind StopSignals::stop_kind() { return received.load() == SIGTERM ? ErrorKind::terminated : ErrorKind::interrupted; }

void StopSignals::watch() {
  char what = kQuit;
  while (::read(pipe_reader, &what, 1) < 0 && errno == EINTR) {
  }
  if (what != kSignal) return;
  say("\nstopping; once more ends it at once\n");
  source_.request_stop();

  pollfd end{pipe_reader, POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&end, 1, kPatience_s * 1000);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) {
    say(fmt::format("error: stopped; {}\n", way_on_));
    ::_exit(exit_code(stop_kind()));
  }
}

}  // namespace dreamrunner
